// The Hot Restart Controller's half of the contract between host and guest: import names, export names, structure layouts.
// Compiled by tsc and by asc alike, so it holds plain constants and nothing else. It must never change a layout in place.

/** Import module of the calls below. */
export const HR_MODULE = 'hr';

// hrfexec(baseName: *PmmName, path: *char, cactorcap: *KnCap out, param: *AcParam, argv: **char, envp: **char) -> pid, or -errno
// hrGetprocessGroup(pid: i32) -> group, or -errno
// hrKillGroup(group: i32) -> 0, or -errno
// hrExitHdl() -> 0
// hrCheckpoint() -> generation, or -errno
// agetId() -> pid of the caller
// (reference, section 3. path, argv and envp are NUL-terminated; argv and envp end with a null pointer. cactorcap, param,
//  argv and envp may be null: no capability wanted, defaults, only argv[0] = path, the caller's environment.)

// What a guest may export:
/** Entry point of a command. */
export const EXPORT_COMMAND_ENTRY = '_start';
/** Entry point of a reactor; what follows are calls by the host. */
export const EXPORT_REACTOR_ENTRY = '_initialize';
/** hr_restarted(cause: i32): called instead of the entry point after a restore from generation 1 or later. */
export const EXPORT_RESTARTED = 'hr_restarted';
/** The shadow stack pointer, a mutable i32 global: put back to its first value when a checkpoint was made inside a call. */
export const EXPORT_STACK_POINTER = '__stack_pointer';

// Causes handed to hr_restarted: the kind of fault that made the group restart, 0 when it was asked for.
export const CAUSE_REQUEST = 0;
export const CAUSE_TRAP = 1;
export const CAUSE_EXIT = 2;
export const CAUSE_TIMEOUT = 3;
export const CAUSE_MEMORY_LIMIT = 4;
export const CAUSE_KILLED = 5;
export const CAUSE_HOST_ERROR = 6;
export const CAUSE_WORKER_LOST = 7;

//  AcParam, 32 bytes, alignment 4 (reference, section 3.9).
//
//   0        4         8         12         16         20          24          28       32
//  +--------+---------+---------+----------+----------+-----------+-----------+--------+
//  | acSite | acFlags | acStdin | acStdout | acStderr | acCurdir  | acRootdir | acCred |
//  +--------+---------+---------+----------+----------+-----------+-----------+--------+
//  acSite is ignored. The five paths must be null: anything else is ENOTSUP.
export const AC_PARAM_FLAGS_OFFSET = 4;
export const AC_PARAM_FIRST_PATH_OFFSET = 8;
export const AC_PARAM_PATH_COUNT = 5;
export const AC_PARAM_CRED_OFFSET = 28;
export const AC_PARAM_SIZE = 32;
/** Address space flags of the original: accepted, without meaning here. */
export const AFX_USER_SPACE = 0x1;
export const AFX_SUPERVISOR_SPACE = 0x2;
export const AFX_ANY_SPACE = 0x4;
/** The child may call hrKillGroup. Only a trusted caller may pass it on. */
export const AFX_TRUSTED = 0x8;

//  cx_cred_t, 76 bytes, alignment 4. Must equal the caller's own, unless the caller is trusted.
//
//   0        4        8            12                          76
//  +--------+--------+------------+---------------------------+
//  | cr_uid | cr_gid | cr_ngroups | cr_groups[16]             |
//  +--------+--------+------------+---------------------------+
export const CX_CRED_UID_OFFSET = 0;
export const CX_CRED_GID_OFFSET = 4;
export const CX_CRED_NGROUPS_OFFSET = 8;
export const CX_CRED_GROUPS_OFFSET = 12;
export const CX_CRED_MAX_GROUPS = 16;
export const CX_CRED_SIZE = 76;

/** KnCap: 16 opaque bytes, new for every run of a process (reference, section 3.3). */
export const KN_CAP_SIZE = 16;
