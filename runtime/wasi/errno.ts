// The error numbers of WASI preview 1 that this room answers with, and how one travels: as an exception inside the room, as a number
// out of it. Those the Hot Restart Controller reports too come from abi/errors.ts; no number may be written down twice.
export { EAGAIN, EEXIST, EFAULT, EINVAL, EIO, ENOENT, ENOMEM, ENOTSUP, EPERM } from '../../abi/errors.ts';

export const ESUCCESS = 0;
/** A read-only mount's is EROFS; this is the host's own refusal. */
export const EACCES = 2;
/** No such descriptor, or not one for this operation. */
export const EBADF = 8;
/** Somebody else is using the directory or file in a way that this would disturb. */
export const EBUSY = 10;
/** The host's quota for the user is used up. */
export const EDQUOT = 19;
/** Beyond the largest position a file can have. */
export const EFBIG = 22;
/** Not UTF-8. */
export const EILSEQ = 25;
export const EISDIR = 31;
/** Too many symbolic links on the way, or one where none may be. */
export const ELOOP = 32;
/** The descriptor table is full. */
export const EMFILE = 33;
/** The file has as many names as it can have. */
export const EMLINK = 34;
export const ENAMETOOLONG = 37;
/** The host has no descriptors left. */
export const ENFILE = 41;
export const ENOSPC = 51;
export const ENOSYS = 52;
export const ENOTDIR = 54;
export const ENOTEMPTY = 55;
export const ENOTSOCK = 57;
export const ENXIO = 60;
/** A value that does not fit in what the guest keeps it in. */
export const EOVERFLOW = 61;
export const EROFS = 69;
/** The descriptor is a stream: it has no position. */
export const ESPIPE = 70;
/** What the descriptor led to before a restore is not there any more. */
export const ESTALE = 72;
export const ETXTBSY = 74;
/** Between two mounts. */
export const EXDEV = 75;
/** The descriptor does not carry the right. */
export const ENOTCAPABLE = 76;

/** Why a file operation was not done. It never leaves this room and the file systems that serve it. */
export class FileError extends Error {
  readonly errno: number;

  constructor(errno: number) {
    super(`errno ${errno}`);
    this.errno = errno;
  }
}
