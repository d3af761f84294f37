// The lock of an opened file, as the operating system keeps it: it belongs to the opening, not to the process or the path, and ends
// with it however the process ends. It must never wait, and never say of a lock that could not be asked for that it is held.
import { RekindleError } from '../errors.ts';
import { bindNative } from './native-library.ts';

// The same on every platform below. EAGAIN and EWOULDBLOCK are one number on both, and which of the names is told is chance.
const LOCK_EX = 2;
const LOCK_NB = 4;
const HELD_ERRNOS: readonly string[] = ['EWOULDBLOCK', 'EAGAIN'];
const PLATFORMS: readonly NodeJS.Platform[] = ['linux', 'darwin'];
/** A signal may cut the call off; more in a row than this is a failure. */
const MAX_INTERRUPTIONS = 16;

/** Null when the lock has been taken, else the name of the error. */
type Flock = (fd: number) => string | null;

let bound: Flock | null = null;

/**
 * Takes the lock of the file opened as `fd`; false when another opening of the file has it, in this process or any other. The lock is
 * given up when the last descriptor of this opening is closed. Taking it again is no error.
 *
 * @throws RekindleError BACKEND_UNAVAILABLE where there is no such lock; SYSTEM_CALL_FAILED (culprit `flock`, detail the errno name)
 * when the kernel or the file system refuses.
 */
export function tryLock(fd: number): boolean {
  bound ??= bindFlock();
  for (let interruptions = 0; ; interruptions += 1) {
    const errno = bound(fd);
    if (errno === null) return true;
    if (HELD_ERRNOS.includes(errno)) return false;
    if (errno !== 'EINTR' || interruptions === MAX_INTERRUPTIONS) {
      throw new RekindleError('SYSTEM_CALL_FAILED', 'flock', errno);
    }
  }
}

function bindFlock(): Flock {
  if (!PLATFORMS.includes(process.platform)) {
    throw new RekindleError('BACKEND_UNAVAILABLE', 'flock', `not available on ${process.platform}`);
  }
  const prototype = 'int flock(int fd, int operation)';
  return bindNative(prototype, ({ handle, lastErrno }) => {
    const flock: (fd: number, operation: number) => number = handle.func(prototype);
    return (fd) => (flock(fd, LOCK_EX | LOCK_NB) === 0 ? null : lastErrno());
  });
}
