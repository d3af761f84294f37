// Tells where an opened file really lies, after the fact: between resolving a path and opening it, a directory on the way may
// have been exchanged for a symbolic link. It only answers the question; it must never open or close anything.
import { type BigIntStats, existsSync, fstatSync, readlinkSync, realpathSync, statSync } from 'node:fs';

const LINUX_DESCRIPTOR_LINKS = '/proc/self/fd';

/** Directory in which the kernel shows each descriptor as a link to its file; null where there is none. */
export const DESCRIPTOR_LINKS: string | null = existsSync(LINUX_DESCRIPTOR_LINKS)
  ? LINUX_DESCRIPTOR_LINKS
  : null;

/**
 * Whether the file behind `descriptor` is the one at `realPath`, which has no symbolic link in it.
 *
 * With `descriptorLinks` the kernel itself answers, and nothing can come between. Without, the path is resolved again and the
 * file there compared with the opened one: an exchange is missed only if it is made and undone twice within these calls.
 * Throws what the file system throws.
 */
export function liesAt(descriptor: number, realPath: string, descriptorLinks: string | null): boolean {
  if (descriptorLinks !== null) return readlinkSync(`${descriptorLinks}/${descriptor}`) === realPath;
  const resolvesToItself = realpathSync.native(realPath) === realPath;
  return (
    resolvesToItself &&
    isSameFile(fstatSync(descriptor, { bigint: true }), statSync(realPath, { bigint: true }))
  );
}

function isSameFile(one: BigIntStats, other: BigIntStats): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}
