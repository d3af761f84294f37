// Decides which strings name a module file in stable storage: plain relative paths, '/'-separated, in exactly one spelling.
// It looks at the string only; it must never touch the file system, and never repair a path that it can refuse.
import { RekindleError } from '../errors.ts';
import { MAX_PATH_BYTES } from '../limits.ts';

/** Characters no path may hold, with the reason shown to the caller. */
const REFUSED_CHARACTERS: readonly (readonly [character: string, reason: string])[] = [
  ['\0', 'holds a NUL character'],
  ['\\', 'holds a backslash, which separates components on some systems'],
  [':', 'holds a colon, which names a drive or a stream on some systems and separates the entries of PATH'],
];

/**
 * Returns `path` unchanged when it names a file below a directory, whatever the operating system: relative, without empty,
 * `.` or `..` components, well-formed Unicode, at most MAX_PATH_BYTES long with its terminating NUL.
 *
 * Invariant: no two accepted strings differ only in spelling, so registered paths can be compared as strings.
 *
 * Throws MODULE_PATH_REFUSED for every other string.
 */
export function checkModulePath(path: string): string {
  const reason = refusalReason(path);
  if (reason !== null) throw new RekindleError('MODULE_PATH_REFUSED', path, `the path ${reason}`);
  return path;
}

/** Whether `checkModulePath` accepts it. */
export function isModulePath(path: string): boolean {
  return refusalReason(path) === null;
}

function refusalReason(path: string): string | null {
  if (path === '') return 'is empty';
  const utf8 = Buffer.from(path, 'utf8');
  if (utf8.byteLength + 1 > MAX_PATH_BYTES) return `is longer than ${MAX_PATH_BYTES - 1} bytes`;
  // An unpaired surrogate becomes a replacement character on its way to the file system: a second spelling of another name.
  if (utf8.toString('utf8') !== path) return 'is not well-formed Unicode';
  for (const [character, reason] of REFUSED_CHARACTERS) if (path.includes(character)) return reason;
  if (path.startsWith('/')) return 'is absolute';
  for (const component of path.split('/')) {
    if (component === '') return 'has an empty component';
    if (component === '.' || component === '..') return `has a component '${component}'`;
  }
  return null;
}
