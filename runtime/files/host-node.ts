// What an open file and an open directory of the host have in common: a descriptor of the host's, its stat, its times, and where it is to
// be found again. It must never go by a path of the host's but for what lies in a directory that is held open.
import {
  type BigIntStats,
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  futimesSync,
  readlinkSync,
} from 'node:fs';
import type { FileCalls } from '../system/file-calls.ts';
import { ENAMETOOLONG, EROFS, ESTALE, FileError } from '../wasi/errno.ts';
import type { FileStat, FileType, NewTimes, OpenNode } from '../wasi/file-system.ts';
import { onHost, requireNone } from './host-errors.ts';

/** One mounted directory, for the nodes that are open in it. */
export interface HostMount {
  readonly access: 'read-only' | 'read-write';
  readonly calls: FileCalls | null;
  /** Everything that is open in it: a call that is cut off by a watchdog runs no `finally`, and what it had open is closed later. */
  readonly open: Set<Closing>;
  /** Throws when the guest's time is over. To be said again and again by what may take long: a watchdog then finds nothing to cut off. */
  refuseWhenOver(): void;
  /** The path of the root as the kernel has it now. Throws FileError when the root cannot be opened. */
  rootPath(): string;
}

/** What is open, or reads a directory. */
export interface Closing {
  close(): void;
}

/** Where an open node is found again, and how it is told from another there. */
export interface HostBookmark {
  /** From the root, without a slash at either end; empty for the root. */
  readonly path: string;
  readonly device: string;
  readonly inode: string;
}

export abstract class HostNode implements OpenNode {
  protected readonly mount: HostMount;
  protected readonly fd: number;

  /** Takes over `fd`. */
  constructor(mount: HostMount, fd: number) {
    this.mount = mount;
    this.fd = fd;
    mount.open.add(this);
  }

  stat(): FileStat {
    return fileStat(onHost(() => fstatSync(this.fd, { bigint: true })));
  }

  setTimes(times: NewTimes): void {
    this.requireWritable();
    const { calls } = this.mount;
    if (calls !== null) requireNone(calls.setTimesOfOpen(this.fd, times.accessedNs, times.modifiedNs));
    else onHost(() => futimesSync(this.fd, ...secondsOf(times, this.stat())));
  }

  sync(what: 'data' | 'all'): void {
    onHost(() => (what === 'data' ? fdatasyncSync(this.fd) : fsyncSync(this.fd)));
  }

  bookmark(): string {
    const { device, inode, links } = this.stat();
    const root = this.mount.rootPath();
    const path = this.path();
    const prefix = root.endsWith('/') ? root : `${root}/`;
    const isInside = path === root || path.startsWith(prefix);
    if (links === 0n || !isInside) throw new FileError(ESTALE);
    const bookmark: HostBookmark = {
      path: path === root ? '' : path.slice(prefix.length),
      device: String(device),
      inode: String(inode),
    };
    return JSON.stringify(bookmark);
  }

  /** The path the kernel has for it now: to be told, never to be gone by. ESTALE when it is longer than any path. */
  path(): string {
    try {
      return onHost(() => readlinkSync(this.ownName));
    } catch (error) {
      if (error instanceof FileError && error.errno === ENAMETOOLONG) throw new FileError(ESTALE);
      throw error;
    }
  }

  /** A name of what is open: whoever goes by it arrives there, whatever has become of the names that led to it. */
  get ownName(): string {
    return `/proc/self/fd/${this.fd}`;
  }

  close(): void {
    // At most once, even for who was cut off in the middle: the number may be another's by then.
    if (this.mount.open.delete(this)) closeSync(this.fd);
  }

  protected requireWritable(): void {
    if (this.mount.access === 'read-only') throw new FileError(EROFS);
  }
}

export function fileStat(stats: BigIntStats): FileStat {
  return {
    device: stats.dev,
    inode: stats.ino,
    type: typeOf(stats),
    links: stats.nlink,
    sizeBytes: stats.size,
    accessedNs: stats.atimeNs,
    modifiedNs: stats.mtimeNs,
    changedNs: stats.ctimeNs,
  };
}

function typeOf(stats: BigIntStats): FileType {
  if (stats.isFile()) return 'regular';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isCharacterDevice()) return 'character-device';
  return stats.isBlockDevice() ? 'block-device' : 'other';
}

/** For Node's own calls, which take seconds as a number: to the microsecond, about. */
export function secondsOf(
  { accessedNs, modifiedNs }: NewTimes,
  now: FileStat,
): readonly [accessed: number, modified: number] {
  const seconds = (timeNs: bigint): number => Number(timeNs) / 1e9;
  return [seconds(accessedNs ?? now.accessedNs), seconds(modifiedNs ?? now.modifiedNs)];
}
