// Reading directories. A listing is taken when reading begins, so that the cookies of one reading belong together whatever happens in the
// directory meanwhile; it must never say what a directory lies in.
import { MAX_HELD_ENTRIES } from '../limits.ts';
import { answering, type FunctionContext } from './answer.ts';
import { type DirectoryDescriptor, requireDirectory } from './descriptors.ts';
import { EINVAL, FileError } from './errno.ts';
import type { DirectoryEntry } from './file-system.ts';
import { FILETYPE } from './filestat.ts';
import { FD_READDIR } from './rights.ts';

//  dirent, 24 bytes and the name, one after another without a gap; the last may be cut off where the buffer ends.
//
//   0                  8       16           20         24
//  +------------------+-------+------------+----------+----------
//  | cookie of what   | inode | bytes of   | filetype | name, UTF-8
//  | comes next       |       | the name   | and pad  |
//  +------------------+-------+------------+----------+----------
const DIRENT_SIZE = 24;

export function readdirFunctions(functions: FunctionContext) {
  const { table } = functions;
  /** Whose listings are held, the one that was taken first in front. */
  const held = new Set<DirectoryDescriptor>();
  const take = (directory: DirectoryDescriptor): readonly DirectoryEntry[] => {
    const listing = listingOf(directory);
    held.delete(directory);
    makeRoom(held, MAX_HELD_ENTRIES - listing.length);
    directory.listing = listing;
    held.add(directory);
    return listing;
  };
  return {
    fd_readdir: answering(
      functions,
      (guest, number: number, buffer: number, lengthBytes: number, cookie: bigint, used: number) => {
        const directory = requireDirectory(table.get(number), FD_READDIR);
        guest.check(used, 4);
        const into = guest.range(buffer, lengthBytes);
        const listing = cookie === 0n ? take(directory) : (directory.listing ?? take(directory));
        const first = Number(BigInt.asUintN(64, cookie));
        if (first > listing.length) throw new FileError(EINVAL);
        guest.writeU32(used, fill(into, listing, first));
      },
    ),
  };
}

/** Gives up listings until those that stay have so many entries or less. They are taken anew when their reading goes on. */
function makeRoom(held: Set<DirectoryDescriptor>, maxEntries: number): void {
  const lengthOf = ({ listing }: DirectoryDescriptor): number => listing?.length ?? 0;
  let entries = [...held].reduce((sum, directory) => sum + lengthOf(directory), 0);
  for (const directory of held) {
    if (directory.listing !== null && entries <= maxEntries) continue;
    entries -= lengthOf(directory);
    directory.listing = null;
    held.delete(directory);
  }
}

/** `..` leads nowhere from the root of a mount, and has the directory's own inode everywhere: what is above is not to be seen. */
function listingOf({ node }: DirectoryDescriptor): readonly DirectoryEntry[] {
  const { inode } = node.stat();
  const dots = ['.', '..'].map((name) => ({
    name: new TextEncoder().encode(name),
    inode,
    type: 'directory' as const,
  }));
  return [...dots, ...node.list()];
}

function fill(into: Uint8Array, listing: readonly DirectoryEntry[], first: number): number {
  let usedBytes = 0;
  for (let index = first; index < listing.length && usedBytes < into.byteLength; index += 1) {
    const entry = listing[index];
    if (entry === undefined) break;
    const record = encode(entry, index + 1).subarray(0, into.byteLength - usedBytes);
    into.set(record, usedBytes);
    usedBytes += record.byteLength;
  }
  return usedBytes;
}

function encode({ name, inode, type }: DirectoryEntry, nextCookie: number): Uint8Array {
  const record = new Uint8Array(DIRENT_SIZE + name.byteLength);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(nextCookie), true);
  view.setBigUint64(8, BigInt.asUintN(64, inode), true);
  view.setUint32(16, name.byteLength, true);
  view.setUint8(20, FILETYPE[type]);
  record.set(name, DIRENT_SIZE);
  return record;
}
