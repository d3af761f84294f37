// The Hot Restart Controller for guests in C and C++: the hrfexec family, groups, the exit handler and checkpoints. Calls that fail
// return -1 and set errno. It is the twin of abi/hr.ts, where layouts are drawn, and must never differ from it: a test compares the two.
#ifndef REKINDLE_HR_HR_H
#define REKINDLE_HR_HR_H

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "../pmm/chPmm.h"

#ifdef __cplusplus
extern "C" {
#endif

// A capability: opaque bytes, filled in by the host, others for every run of a process.
typedef struct {
  unsigned char opaque[16];
} KnCap;

#define CX_CRED_MAX_GROUPS 16

// User, group and further groups. Must equal the caller's own, unless the caller is trusted.
typedef struct {
  unsigned int cr_uid;
  unsigned int cr_gid;
  unsigned int cr_ngroups;
  unsigned int cr_groups[CX_CRED_MAX_GROUPS];
} cx_cred_t;

// How a process is run. acSite is ignored; the five paths must be null, or the call fails with ENOTSUP.
typedef struct {
  int acSite;
  int acFlags;
  char *acStdin;
  char *acStdout;
  char *acStderr;
  char *acCurdir;
  char *acRootdir;
  cx_cred_t *acCred;
} AcParam;

REKINDLE_STATIC_ASSERT(sizeof(KnCap) == 16, "KnCap is described in abi/hr.ts");
REKINDLE_STATIC_ASSERT(sizeof(cx_cred_t) == 76, "cx_cred_t is drawn in abi/hr.ts");
REKINDLE_STATIC_ASSERT(sizeof(AcParam) == 32, "AcParam is drawn in abi/hr.ts");

// Flags of AcParam. Those of the address space are accepted, without meaning here.
#define AFX_USER_SPACE 0x1
#define AFX_SUPERVISOR_SPACE 0x2
#define AFX_ANY_SPACE 0x4
// The child may call hrKillGroup. Only a trusted caller may pass it on.
#define AFX_TRUSTED 0x8

// Causes that hr_restarted is called with: the kind of fault that made the group restart, CAUSE_REQUEST when it was asked for.
#define CAUSE_REQUEST 0
#define CAUSE_TRAP 1
#define CAUSE_EXIT 2
#define CAUSE_TIMEOUT 3
#define CAUSE_MEMORY_LIMIT 4
#define CAUSE_KILLED 5
#define CAUSE_HOST_ERROR 6
#define CAUSE_WORKER_LOST 7

// For a guest to define, if it makes checkpoints: the host calls it in place of the entry point after a restart from one of them.
__attribute__((__export_name__("hr_restarted"))) void hr_restarted(int cause);

// The calls as the host provides them: a result, or a negated errno.

REKINDLE_IMPORT("hr", "hrfexec")
int __imported_hr_hrfexec(const PmmName *baseName, const char *path, KnCap *cactorcap, const AcParam *param,
                          const char *const *argv, const char *const *envp);

REKINDLE_IMPORT("hr", "hrGetprocessGroup")
int __imported_hr_hrGetprocessGroup(int pid);

REKINDLE_IMPORT("hr", "hrKillGroup")
int __imported_hr_hrKillGroup(int group);

REKINDLE_IMPORT("hr", "hrExitHdl")
int __imported_hr_hrExitHdl(void);

REKINDLE_IMPORT("hr", "hrCheckpoint")
int __imported_hr_hrCheckpoint(void);

// The pid of the caller; another one after every restart.
REKINDLE_IMPORT("hr", "agetId")
int agetId(void);

static inline int __hr_result(int result) {
  if (result >= 0) return result;
  errno = -result;
  return -1;
}

// argv and envp: null-terminated vectors of strings, constant or not. C takes neither form for the other, so here it is either.
#ifdef __cplusplus
typedef const char *const *HrStrings;
#define __HR_STRINGS(strings) (strings)
#else
typedef union {
  const char *const *ofConstant;
  char *const *ofVariable;
} HrStrings __attribute__((__transparent_union__));
#define __HR_STRINGS(strings) ((strings).ofConstant)
#endif

// Runs the module at `path` as a restartable process of the caller's restart group, named `baseName`: a first run loads it from stable
// storage, a later one starts it again from its image. `cactorcap` is filled in when given; without `param` defaults hold, without
// `argv` the only argument is the path, without `envp` the caller's environment is passed on. The pid of the child, or -1.
static inline int hrfexecve(const PmmName *baseName, const char *path, KnCap *cactorcap, const AcParam *param,
                            HrStrings argv, HrStrings envp) {
  return __hr_result(
      __imported_hr_hrfexec(baseName, path, cactorcap, param, __HR_STRINGS(argv), __HR_STRINGS(envp)));
}

// hrfexecve with the caller's environment.
static inline int hrfexecv(const PmmName *baseName, const char *path, KnCap *cactorcap, const AcParam *param,
                           HrStrings argv) {
  return __hr_result(__imported_hr_hrfexec(baseName, path, cactorcap, param, __HR_STRINGS(argv), NULL));
}

// Bytes of the longest path the host takes, terminating NUL included.
#define HR_PATH_SIZE 1024

// hrfexecv with a search: a `path` without '/' is looked for in each directory of PATH (caller's environment, ':' between directories,
// "bin" when there is none). ENOENT leads on to the next directory, any other error ends the search.
static inline int hrfexecvp(const PmmName *baseName, const char *path, KnCap *cactorcap, const AcParam *param,
                            HrStrings argv) {
  // As with execvp, argv[0] stays the name that was asked for, not the place where it was found.
  const char *const pathAlone[] = {path, NULL};
  const char *const *args = __HR_STRINGS(argv) == NULL ? pathAlone : __HR_STRINGS(argv);
  const char *directory = getenv("PATH");
  size_t pathLength;
  if (strchr(path, '/') != NULL) return __hr_result(__imported_hr_hrfexec(baseName, path, cactorcap, param, args, NULL));
  if (directory == NULL) directory = "bin";
  pathLength = strlen(path);
  for (;;) {
    char candidate[HR_PATH_SIZE];
    const size_t length = strcspn(directory, ":");
    // An empty entry is the current directory, as with execvp: the root of stable storage.
    const size_t prefixLength = length == 0 ? 0 : length + 1;
    int pid;
    if (pathLength >= HR_PATH_SIZE || prefixLength >= HR_PATH_SIZE - pathLength) {
      errno = ENAMETOOLONG;
      return -1;
    }
    memcpy(candidate, directory, length);
    candidate[length] = '/';
    memcpy(candidate + prefixLength, path, pathLength + 1);
    pid = __hr_result(__imported_hr_hrfexec(baseName, candidate, cactorcap, param, args, NULL));
    if (pid >= 0 || errno != ENOENT || directory[length] == '\0') return pid;
    directory += length + 1;
  }
}

// Makes `args` of an argument list: `first`, and all that follow up to a null pointer. They lie on the caller's stack.
#define __HR_LIST(args, list, last, first)                                                        \
  do {                                                                                            \
    size_t count = 0, index;                                                                      \
    const char *argument;                                                                         \
    va_start(list, last);                                                                         \
    for (argument = (first); argument != NULL; argument = va_arg(list, const char *)) count += 1; \
    va_end(list);                                                                                 \
    args = (const char **)__builtin_alloca((count + 1) * sizeof(char *));                         \
    args[0] = (first);                                                                            \
    va_start(list, last);                                                                         \
    for (index = 1; index <= count; index += 1) args[index] = va_arg(list, const char *);         \
  } while (0)

// hrfexecv with the arguments listed, and a null pointer after the last.
static inline int hrfexecl(const PmmName *baseName, const char *path, KnCap *cactorcap, const AcParam *param,
                           const char *arg0, ...) {
  va_list list;
  const char **args;
  __HR_LIST(args, list, arg0, arg0);
  va_end(list);
  return __hr_result(__imported_hr_hrfexec(baseName, path, cactorcap, param, args, NULL));
}

// hrfexecve with the arguments listed, a null pointer after the last, and the environment after that.
static inline int hrfexecle(const PmmName *baseName, const char *path, KnCap *cactorcap, const AcParam *param,
                            const char *arg0, ...) {
  va_list list;
  const char **args;
  const char *const *envp;
  __HR_LIST(args, list, arg0, arg0);
  envp = va_arg(list, const char *const *);
  va_end(list);
  return __hr_result(__imported_hr_hrfexec(baseName, path, cactorcap, param, args, envp));
}

// hrfexecvp with the arguments listed, and a null pointer after the last.
static inline int hrfexeclp(const PmmName *baseName, const char *path, KnCap *cactorcap, const AcParam *param,
                            const char *arg0, ...) {
  va_list list;
  const char **args;
  __HR_LIST(args, list, arg0, arg0);
  va_end(list);
  return hrfexecvp(baseName, path, cactorcap, param, args);
}

// The restart group of the process `pid`, or -1.
static inline int hrGetprocessGroup(int pid) {
  return __hr_result(__imported_hr_hrGetprocessGroup(pid));
}

// hrGetprocessGroup, as the original's manual has it.
static inline int hrGetActorGroup(int aid) {
  return hrGetprocessGroup(aid);
}

// Ends every process of a group for good: 0, or -1 (EPERM unless the caller is trusted). It does not return to a member of that group.
static inline int hrKillGroup(int groupId) {
  return __hr_result(__imported_hr_hrKillGroup(groupId));
}

// Call it immediately before a wanted exit: without it any exit, and returning from main, is taken for a failure. 0.
#define HR_EXIT_HDL() (__hr_result(__imported_hr_hrExitHdl()))

// Makes the present state the one that the process restarts from: the new generation, or -1.
static inline int hrCheckpoint(void) {
  return __hr_result(__imported_hr_hrCheckpoint());
}

#ifdef __cplusplus
}
#endif

#endif
