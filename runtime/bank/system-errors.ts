// What the operating system's errors say about a bank, in one table. It must never turn an error of our own into one of the world:
// what is not the system's passes through as it is.
import { getSystemErrorMap } from 'node:util';
import { type ErrorCode, RekindleError } from '../errors.ts';

/** Every other one is BANK_UNAVAILABLE: that is the system's word about itself, not about the bank. */
const CODE_OF_SYSTEM_ERROR: ReadonlyMap<string, ErrorCode> = new Map([
  ['ENOSPC', 'BANK_FULL'],
  ['EDQUOT', 'BANK_FULL'],
  // What opening says where a directory, a symbolic link or a socket lies.
  ['EISDIR', 'BANK_FOREIGN'],
  ['ELOOP', 'BANK_FOREIGN'],
  ['ENXIO', 'BANK_FOREIGN'],
]);

const REASONS: ReadonlyMap<string, string> = new Map([
  ['EROFS', 'the file system is read-only'],
  ['EACCES', 'no permission'],
  ['EPERM', 'no permission'],
  ['EISDIR', 'a directory lies there, not a plain file'],
  ['ELOOP', 'a symbolic link lies there, not a plain file'],
  ['ENXIO', 'a socket lies there, not a plain file'],
]);

/** Of errors of calls that know a descriptor only: the path has yet to be named. */
const NAMELESS_CODES: readonly ErrorCode[] = ['SYSTEM_CALL_FAILED', 'BANK_FULL', 'BANK_UNAVAILABLE'];
/** A signal may cut a call off; more in a row than this is a failure. */
const MAX_INTERRUPTIONS = 16;

type SystemError = Error & { readonly code: string; readonly errno?: number };

function isSystemError(thrown: unknown): thrown is SystemError {
  return (
    thrown instanceof Error && 'syscall' in thrown && 'code' in thrown && typeof thrown.code === 'string'
  );
}

/** Runs one operation on `path`; an error of the system becomes a RekindleError that names the path and keeps the cause. */
export function attempt<T>(path: string, action: string, operation: () => T): T {
  try {
    return uninterrupted(operation);
  } catch (cause) {
    throw translated(path, action, cause);
  }
}

/** The same, where some errors are an answer: null for them. */
export function attemptUnless<T>(
  path: string,
  action: string,
  answers: readonly string[],
  operation: () => T,
): T | null {
  try {
    return uninterrupted(operation);
  } catch (cause) {
    if (isSystemError(cause) && answers.includes(cause.code)) return null;
    throw translated(path, action, cause);
  }
}

/** Node repeats most calls that a signal cut off, but not all. */
function uninterrupted<T>(operation: () => T): T {
  for (let interruptions = 0; ; interruptions += 1) {
    try {
      return operation();
    } catch (error) {
      if (!isSystemError(error) || error.code !== 'EINTR' || interruptions === MAX_INTERRUPTIONS) throw error;
    }
  }
}

function translated(path: string, action: string, thrown: unknown): unknown {
  if (thrown instanceof RekindleError) {
    if (!NAMELESS_CODES.includes(thrown.code)) return thrown;
    if (isSystemError(thrown.cause)) return translated(path, action, thrown.cause);
    return new RekindleError('BANK_UNAVAILABLE', path, `cannot ${action}: ${thrown.message}`, {
      cause: thrown,
    });
  }
  if (!isSystemError(thrown)) return thrown;
  const described = getSystemErrorMap().get(thrown.errno ?? 0)?.[1];
  const reason = REASONS.get(thrown.code) ?? described ?? 'refused';
  const code = CODE_OF_SYSTEM_ERROR.get(thrown.code) ?? 'BANK_UNAVAILABLE';
  return new RekindleError(code, path, `cannot ${action}: ${reason} (${thrown.code})`, { cause: thrown });
}
