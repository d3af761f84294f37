// What the host's file system says, in the numbers a guest knows. An error that has no number there is EIO; what is no error of the system
// must pass.
import * as errnos from '../wasi/errno.ts';

const { EIO, ENFILE, ENOTSUP, FileError } = errnos;

const NUMBERS: ReadonlyMap<string, number> = new Map([
  ...Object.entries(errnos).flatMap(([name, value]) =>
    typeof value === 'number' ? [[name, value] as const] : [],
  ),
  // Of the host's process, not of the guest's table.
  ['EMFILE', ENFILE],
  ['EOPNOTSUPP', ENOTSUP],
]);

/** By the name the system gives an error. */
export function hostError(name: string): errnos.FileError {
  return new FileError(NUMBERS.get(name) ?? EIO);
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
