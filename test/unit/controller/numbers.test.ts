// The two tables that turn the host's words into the ABI's numbers: kinds of fault into causes, and error codes into the errno of
// hrfexec. Guests are compiled against these numbers, so they are written out here and not computed.
import { describe, expect, test } from 'vitest';
import { causeOf } from '#runtime/controller/cause.js';
import { execErrno } from '#runtime/controller/exec-errno.js';
import { ERROR_CODES, type ErrorCode } from '#runtime/errors.js';
import type { FaultKind } from '#runtime/process/fault.js';

const CAUSES: Readonly<Record<FaultKind, number>> = {
  trap: 1,
  exit: 2,
  timeout: 3,
  'memory-limit': 4,
  killed: 5,
  'host-error': 6,
  'worker-lost': 7,
};

describe('causes handed to hr_restarted', () => {
  test.each(Object.entries(CAUSES) as [FaultKind, number][])('%s: %i', (kind, cause) => {
    expect(causeOf(kind)).toBe(cause);
  });
});

/** WASI's numbers: ENOENT 44, EPERM 63, ENOEXEC 45, ENOMEM 48, EINVAL 28, EEXIST 20, EAGAIN 6. */
const ERRNOS: Partial<Readonly<Record<ErrorCode, number>>> = {
  MODULE_NOT_FOUND: 44,
  MODULE_PATH_REFUSED: 63,
  MODULE_TOO_LARGE: 45,
  MODULE_MALFORMED: 45,
  MODULE_UNSUPPORTED: 45,
  MODULE_OVER_QUOTA: 48,
  IMPORT_UNRESOLVED: 45,
  IMPORTS_INVALID: 45,
  NAME_INVALID: 28,
  NAME_RUNNING: 20,
  NAME_REGISTERED: 28,
  PROCESS_LIMIT: 6,
  WORKER_UNAVAILABLE: 6,
  PROCESS_BUSY: 6,
  BANK_FULL: 48,
  BLOCK_LIMIT: 48,
  PERMISSION_DENIED: 63,
  PLACEMENT_UNSUITED: 6,
};
const EIO = 29;

describe('errno of hrfexec', () => {
  test.each(Object.keys(ERROR_CODES) as ErrorCode[])('%s', (code) => {
    expect(execErrno(code)).toBe(ERRNOS[code] ?? EIO);
  });
});
