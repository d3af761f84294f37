// The numbers a guest sees when a call fails: KnError values of the Persistent Memory Manager, and the errno
// values of the Hot Restart Controller. Compiled by tsc and by asc alike, so it holds plain constants and nothing else.
// It must never be renumbered: guests are compiled against it.

// KnError: what pmm* calls return. Zero or negative (reference, sections 2 and 12 row 6).
export const K_OK = 0;
/** An argument is not acceptable: medium, name, key, size. */
export const K_EINVAL = -1;
/** A pointer leads outside the caller's linear memory. */
export const K_EFAULT = -2;
/** No space in the bank, no free block entry, or no room in the caller's linear memory. */
export const K_ENOMEM = -3;
/** The key or name is the system's, or the caller may not do this. */
export const K_EPRIV = -4;
/** No such block, or no block carries this key. */
export const K_EUNKNOWN = -5;
/** The system failed for a reason of its own. */
export const K_EFAIL = -6;

// errno: what hr* calls report. The numbering is that of WASI preview 1, so that a C guest's <errno.h> agrees.
export const E2BIG = 1;
export const EAGAIN = 6;
export const EEXIST = 20;
export const EFAULT = 21;
export const EINVAL = 28;
export const EIO = 29;
export const ENAMETOOLONG = 37;
export const ENOENT = 44;
export const ENOEXEC = 45;
export const ENOMEM = 48;
export const ENOTSUP = 58;
export const EPERM = 63;
export const ESRCH = 71;
