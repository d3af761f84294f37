// What hrfexec answers when a child cannot be started: the errno for each code of a RekindleError.
import { EAGAIN, EEXIST, EINVAL, EIO, ENOENT, ENOEXEC, ENOMEM, EPERM } from '../../abi/errors.ts';
import type { ErrorCode } from '../errors.ts';

const ERRNOS: Partial<Readonly<Record<ErrorCode, number>>> = {
  MODULE_NOT_FOUND: ENOENT,
  MODULE_PATH_REFUSED: EPERM,
  MODULE_TOO_LARGE: ENOEXEC,
  MODULE_MALFORMED: ENOEXEC,
  MODULE_UNSUPPORTED: ENOEXEC,
  MODULE_OVER_QUOTA: ENOMEM,
  IMPORT_UNRESOLVED: ENOEXEC,
  IMPORTS_INVALID: ENOEXEC,
  NAME_INVALID: EINVAL,
  NAME_RUNNING: EEXIST,
  NAME_REGISTERED: EINVAL,
  PROCESS_LIMIT: EAGAIN,
  WORKER_UNAVAILABLE: EAGAIN,
  PROCESS_BUSY: EAGAIN,
  BANK_FULL: ENOMEM,
  BLOCK_LIMIT: ENOMEM,
  PERMISSION_DENIED: EPERM,
  PLACEMENT_UNSUITED: EAGAIN,
};

export function execErrno(code: ErrorCode): number {
  return ERRNOS[code] ?? EIO;
}
