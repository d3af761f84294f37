// A reactor that uses the headers of abi/include as a program in C does, in every form they have. It must answer with what the library
// answers: a result, or a negative number where the library sets errno.
#include <hr/hr.h>
#include <stdint.h>
#include <stdio.h>

#define EXPORT(name) __attribute__((export_name(#name)))

static int orErrno(int result) {
  return result < 0 ? -errno : result;
}

static PmmName named(const char *name) {
  PmmName structure = {PMM_MEDIUM_RAM, ""};
  strcpy(structure.name, name);
  return structure;
}

static KnCap capability;

// Runs c-child by one of the six forms (l, le, lp, v, ve, vp) as the process CHILD_0 to CHILD_5.
EXPORT(spawn) int spawn(int form) {
  const char *const args[] = {"zero", "one two", "", NULL};
  char *const env[] = {(char *)"GIVEN=2", NULL};
  const char *path = "c-child.wasm";
  char text[] = "CHILD_0";
  PmmName name;
  AcParam param;
  text[6] = (char)('0' + form);
  name = named(text);
  memset(&param, 0, sizeof(param));
  param.acFlags = AFX_ANY_SPACE;
  memset(&capability, 0, sizeof(capability));
  errno = 0;
  switch (form) {
    case 0: return orErrno(hrfexecl(&name, path, &capability, &param, "zero", "one two", "", NULL));
    case 1: return orErrno(hrfexecle(&name, path, &capability, &param, "zero", "one two", "", NULL, env));
    case 2: return orErrno(hrfexeclp(&name, path, &capability, &param, "zero", "one two", "", NULL));
    case 3: return orErrno(hrfexecv(&name, path, &capability, &param, args));
    case 4: return orErrno(hrfexecve(&name, path, &capability, &param, args, env));
    default: return orErrno(hrfexecvp(&name, path, &capability, &param, args));
  }
}

// Whether the last spawn has filled in a capability.
EXPORT(hasCapability) int hasCapability(void) {
  const KnCap none = {{0}};
  return memcmp(&none, &capability, sizeof(none)) != 0;
}

// Looks for a module of `length` letters by PATH, without arguments of its own.
EXPORT(spawnLongPath) int spawnLongPath(int length) {
  char path[2 * HR_PATH_SIZE];
  PmmName name = named("LONG");
  memset(path, 'a', (size_t)length);
  path[length] = '\0';
  return orErrno(hrfexecvp(&name, path, NULL, NULL, NULL));
}

// Runs c-child with credentials of its own: only a trusted caller may.
EXPORT(spawnAs) int spawnAs(unsigned uid, unsigned gid) {
  cx_cred_t credentials = {uid, gid, 1, {gid}};
  AcParam param = {0, 0, NULL, NULL, NULL, NULL, NULL, &credentials};
  PmmName name = named("OTHER");
  return orErrno(hrfexecv(&name, "c-child.wasm", NULL, &param, NULL));
}

EXPORT(groupOf) int groupOf(int pid) {
  const int group = hrGetprocessGroup(pid);
  if (hrGetActorGroup(pid) != group) abort();
  return orErrno(group);
}

EXPORT(ownGroup) int ownGroup(void) {
  return groupOf(agetId());
}

EXPORT(killGroup) int killGroup(int group) {
  return orErrno(hrKillGroup(group));
}

// KnErrors of, in this order: no such block, another key, a size that is too large, the group's key given to pmmFreeAll, and success.
EXPORT(blockError) int blockError(int which) {
  const PmmDelKey key = "C-LIBRARY";
  PmmName name = named("C_BLOCK");
  VmAddr address;
  switch (which) {
    case 0: return pmmFree(&name);
    case 1:
      if (pmmAllocate(&address, &name, 1, key, sizeof(key)) != K_OK) abort();
      return pmmAllocate(&address, &name, 0, "ANOTHER", sizeof("ANOTHER"));
    case 2: return pmmAllocate(&address, &name, PMM_PAGE_SIZE + 1, key, sizeof(key));
    case 3: return pmmFreeAll(HR_GROUP_KEY, HR_GROUP_KEY_SIZE);
    default: return pmmFreeAll(key, sizeof(key));
  }
}

// Fills blocks and memory of the heap by turns, the first block before the heap was ever used; how many bytes are not what they were.
EXPORT(spoiltBytes) int spoiltBytes(int rounds) {
  enum { BLOCK_SIZE = 5000, HEAP_SIZE = 150000, MAX_ROUNDS = 20 };
  unsigned char *blocks[MAX_ROUNDS], *heap[MAX_ROUNDS];
  int round, spoilt = 0;
  size_t index;
  if (rounds > MAX_ROUNDS) abort();
  for (round = 0; round < rounds; round += 1) {
    PmmName name = named("HEAP_A");
    name.name[5] = (char)('A' + round);
    if (pmmAllocate((VmAddr *)&blocks[round], &name, BLOCK_SIZE, HR_GROUP_KEY, HR_GROUP_KEYSIZE) != K_OK) abort();
    memset(blocks[round], round, BLOCK_SIZE);
    heap[round] = malloc(HEAP_SIZE);
    if (heap[round] == NULL) abort();
    memset(heap[round], 100 + round, HEAP_SIZE);
  }
  for (round = 0; round < rounds; round += 1) {
    for (index = 0; index < BLOCK_SIZE; index += 1) spoilt += blocks[round][index] != round;
    for (index = 0; index < HEAP_SIZE; index += 1) spoilt += heap[round][index] != 100 + round;
  }
  return spoilt;
}

// Where the stack is, seen from an export.
EXPORT(stackAddress) int stackAddress(void) {
  volatile char here = 0;
  // By way of a number that the compiler does not follow.
  volatile uintptr_t address = (uintptr_t)&here;
  return (int)address;
}

// A hidden global, and a restart's cause.
static int restarts;
static int cause = -1;

// Makes a checkpoint below `depth` frames of a kilobyte each.
EXPORT(checkpointBelow) int checkpointBelow(int depth) {
  volatile char frame[1024];
  int result;
  frame[0] = (char)depth;
  result = depth == 0 ? orErrno(hrCheckpoint()) : checkpointBelow(depth - 1);
  return frame[0] == (char)depth ? result : -1;
}

void hr_restarted(int restartCause) {
  restarts += 1;
  cause = restartCause;
}

EXPORT(restartCount) int restartCount(void) {
  return restarts;
}

EXPORT(lastCause) int lastCause(void) {
  return cause;
}

static void sayGoodbye(void) {
  puts("goodbye");
}

// Ends by exit, with a handler of its own.
EXPORT(quit) void quit(int status, int cleanly) {
  atexit(sayGoodbye);
  if (cleanly) HR_EXIT_HDL();
  exit(status);
}

EXPORT(fail) void fail(void) {
  abort();
}
