// How what is known of a file is handed to a guest, and how the times it wants to set are read. Layouts of preview 1; nothing is decided
// about files here.
import type { WasiClock } from './context.ts';
import { EINVAL, FileError } from './errno.ts';
import type { FileStat, FileType, NewTimes } from './file-system.ts';
import type { GuestView } from './guest-view.ts';

export const FILETYPE: Readonly<Record<FileType, number>> = {
  other: 0,
  'block-device': 1,
  'character-device': 2,
  directory: 3,
  regular: 4,
  symlink: 7,
};

//  filestat, 64 bytes; times in nanoseconds.
//
//   0        8       16         24      32     40         48         56         64
//  +--------+-------+----------+-------+------+----------+----------+----------+
//  | device | inode | filetype | links | size | accessed | modified | changed  |
//  +--------+-------+----------+-------+------+----------+----------+----------+
//                    u8, padded
const FILESTAT_SIZE = 64;

/** What a stream answers beside its type. */
export const STREAM_STAT: Omit<FileStat, 'type'> = {
  device: 0n,
  inode: 0n,
  links: 1n,
  sizeBytes: 0n,
  accessedNs: 0n,
  modifiedNs: 0n,
  changedNs: 0n,
};

export function writeFilestat(guest: GuestView, pointer: number, stat: FileStat): void {
  guest.range(pointer, FILESTAT_SIZE).fill(0);
  const base = pointer >>> 0;
  guest.writeU64(base, BigInt.asUintN(64, stat.device));
  guest.writeU64(base + 8, BigInt.asUintN(64, stat.inode));
  guest.writeU8(base + 16, FILETYPE[stat.type]);
  guest.writeU64(base + 24, stat.links);
  guest.writeU64(base + 32, stat.sizeBytes);
  guest.writeU64(base + 40, BigInt.asUintN(64, stat.accessedNs));
  guest.writeU64(base + 48, BigInt.asUintN(64, stat.modifiedNs));
  guest.writeU64(base + 56, BigInt.asUintN(64, stat.changedNs));
}

const ACCESSED = 1 << 0;
const ACCESSED_NOW = 1 << 1;
const MODIFIED = 1 << 2;
const MODIFIED_NOW = 1 << 3;
const KNOWN_TIMES = ACCESSED | ACCESSED_NOW | MODIFIED | MODIFIED_NOW;

/** Throws FileError EINVAL for flags that contradict each other, or that nobody knows. */
export function timesFrom(flags: number, accessedNs: bigint, modifiedNs: bigint, clock: WasiClock): NewTimes {
  const both = (one: number, other: number): boolean => (flags & one) !== 0 && (flags & other) !== 0;
  if ((flags & ~KNOWN_TIMES) !== 0 || both(ACCESSED, ACCESSED_NOW) || both(MODIFIED, MODIFIED_NOW))
    throw new FileError(EINVAL);
  const nowNs = clock.realtimeNs();
  const choose = (given: number, now: number, givenNs: bigint): bigint | null => {
    if ((flags & given) !== 0) return BigInt.asUintN(64, givenNs);
    return (flags & now) === 0 ? null : nowNs;
  };
  return {
    accessedNs: choose(ACCESSED, ACCESSED_NOW, accessedNs),
    modifiedNs: choose(MODIFIED, MODIFIED_NOW, modifiedNs),
  };
}
