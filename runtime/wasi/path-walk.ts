// Where a guest's path leads. Every step opens one component that is not a symbolic link, in a directory that is held open; `..` goes back
// to one that was passed, and what a link says is walked in the same way. So no path, however it is made and whoever changes the tree
// meanwhile, can lead above the directory it began in.
import { MAX_PATH_DEPTH, MAX_SYMLINKS } from '../limits.ts';
import { EINVAL, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, EPERM, FileError } from './errno.ts';
import type { OpenDirectory } from './file-system.ts';

const LOOKUP_FOLLOW = 1 << 0;

/** The end of a path. */
export interface Place {
  /** Open for as long as the visit lasts. */
  readonly directory: OpenDirectory;
  /** In `directory`; null when the path leads to `directory` itself. */
  readonly name: string | null;
  /** The path ends as only a directory's may. */
  readonly mustBeDirectory: boolean;
}

/** A path that has to end in a name: what is made, removed or renamed is an entry of a directory. */
export type NamedPlace = Place & { readonly name: string };

/** What the lookup flags of a call say of a symbolic link at the very end. */
export function lastOf(lookupFlags: number): 'follow' | 'keep' {
  return (lookupFlags & LOOKUP_FOLLOW) === 0 ? 'keep' : 'follow';
}

/**
 * Walks `path` from `base` and visits the place where it ends.
 *
 * @param last whether a symbolic link at the very end is followed.
 * @throws FileError ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG; EPERM for a path, or a link on the way, that is absolute or leads above `base`.
 */
export function walk<T>(
  base: OpenDirectory,
  path: string,
  last: 'follow' | 'keep',
  visit: (place: Place) => T,
): T {
  const passed: OpenDirectory[] = [];
  try {
    return visit(findPlace(base, path, last, passed));
  } finally {
    for (const directory of passed.reverse()) directory.close();
  }
}

/** The same, for a path that must end in a name. `whole`: what it is otherwise, when it leads to the directory it began in, or to another. */
export function walkToName<T>(
  base: OpenDirectory,
  path: string,
  whole: number,
  visit: (place: NamedPlace) => T,
): T {
  return walk(base, path, 'keep', ({ directory, name, mustBeDirectory }) => {
    if (name === null) throw new FileError(whole);
    return visit({ directory, name, mustBeDirectory });
  });
}

function findPlace(
  base: OpenDirectory,
  path: string,
  last: 'follow' | 'keep',
  passed: OpenDirectory[],
): Place {
  // What is left to walk, the next component last.
  const pending = componentsOf(path).reverse();
  let mustBeDirectory = path.endsWith('/');
  let links = 0;
  for (;;) {
    const directory = passed.at(-1) ?? base;
    const name = pending.pop();
    if (name === undefined) return { directory, name: null, mustBeDirectory: true };
    if (name === '.') continue;
    if (name === '..') {
      const left = passed.pop();
      if (left === undefined) throw new FileError(EPERM);
      left.close();
      continue;
    }
    const isLast = pending.length === 0;
    if (isLast && !(last === 'follow' && isLink(directory, name)))
      return { directory, name, mustBeDirectory };
    const link = isLast ? directory.readlink(name) : enterOrRead(directory, name, passed);
    if (link === null) continue;
    links += 1;
    if (links > MAX_SYMLINKS) throw new FileError(ELOOP);
    if (isLast && link.endsWith('/')) mustBeDirectory = true;
    pending.push(...componentsOf(link).reverse());
  }
}

/** The components, without those that say nothing. */
function componentsOf(path: string): string[] {
  if (path === '') throw new FileError(ENOENT);
  if (path.startsWith('/')) throw new FileError(EPERM);
  return path.split('/').filter((component) => component !== '');
}

function isLink(directory: OpenDirectory, name: string): boolean {
  try {
    return directory.lookup(name).type === 'symlink';
  } catch (error) {
    if (error instanceof FileError && error.errno === ENOENT) return false;
    throw error;
  }
}

/** Enters a directory and returns null, or returns what the symbolic link says that is in its place. */
function enterOrRead(directory: OpenDirectory, name: string, passed: OpenDirectory[]): string | null {
  if (passed.length === MAX_PATH_DEPTH) throw new FileError(ENAMETOOLONG);
  try {
    passed.push(directory.openDirectory(name));
    return null;
  } catch (error) {
    if (!(error instanceof FileError) || error.errno !== ENOTDIR) throw error;
  }
  try {
    return directory.readlink(name);
  } catch (error) {
    // Neither a directory nor a link.
    if (error instanceof FileError && error.errno === EINVAL) throw new FileError(ENOTDIR);
    throw error;
  }
}
