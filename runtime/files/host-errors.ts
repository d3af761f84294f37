// What the host's file system says, in the numbers a guest knows. An error that has no number there is EIO; what is no error of the system
// must pass.
import {
  EACCES,
  EAGAIN,
  EBADF,
  EBUSY,
  EDQUOT,
  EEXIST,
  EFBIG,
  EINVAL,
  EIO,
  EISDIR,
  ELOOP,
  EMLINK,
  ENAMETOOLONG,
  ENFILE,
  ENOENT,
  ENOMEM,
  ENOSPC,
  ENOTDIR,
  ENOTEMPTY,
  ENOTSUP,
  ENXIO,
  EPERM,
  EROFS,
  ESTALE,
  ETXTBSY,
  EXDEV,
  FileError,
} from '../wasi/errno.ts';

const ERRNOS: Readonly<Record<string, number>> = {
  EACCES,
  EAGAIN,
  EBADF,
  EBUSY,
  EDQUOT,
  EEXIST,
  EFBIG,
  EINVAL,
  EISDIR,
  ELOOP,
  // Of the host's process, not of the guest's table.
  EMFILE: ENFILE,
  EMLINK,
  ENAMETOOLONG,
  ENFILE,
  ENOENT,
  ENOMEM,
  ENOSPC,
  ENOTDIR,
  ENOTEMPTY,
  ENOTSUP,
  EOPNOTSUPP: ENOTSUP,
  ENXIO,
  EPERM,
  EROFS,
  ESTALE,
  ETXTBSY,
  EXDEV,
};

/** By the name the system gives an error. */
export function hostError(name: string): FileError {
  return new FileError(Object.hasOwn(ERRNOS, name) ? (ERRNOS[name] ?? EIO) : EIO);
}

/** Does something with the host's files. Throws FileError. */
export function onHost<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    const name = error instanceof Error && 'syscall' in error && 'code' in error ? error.code : null;
    if (typeof name !== 'string') throw error;
    throw hostError(name);
  }
}

/** The same of a native call, which gives the name back. */
export function requireNone(errnoName: string | null): void {
  if (errnoName !== null) throw hostError(errnoName);
}
