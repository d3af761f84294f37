// What a number of a guest's descriptor table stands for: a standard stream, an open file or an open directory. Data and the open node
// behind it; it must never be shared by two numbers.
import type { CapturedNode, StreamName } from './captured-descriptors.ts';
import { EBADF, EISDIR, ENOTCAPABLE, ENOTDIR, ESPIPE, ESTALE, FileError } from './errno.ts';
import type { DirectoryEntry, OpenDirectory, OpenFile } from './file-system.ts';
import { FD_READ, FD_WRITE } from './rights.ts';

/** Flags of a descriptor, as preview 1 numbers them. */
export const FLAG_APPEND = 1 << 0;
export const FLAG_DSYNC = 1 << 1;
export const FLAG_NONBLOCK = 1 << 2;
export const FLAG_RSYNC = 1 << 3;
export const FLAG_SYNC = 1 << 4;
export const KNOWN_FLAGS = FLAG_APPEND | FLAG_DSYNC | FLAG_NONBLOCK | FLAG_RSYNC | FLAG_SYNC;

interface Common {
  /** Tells one opening from another under the same number. */
  readonly serial: number;
  /** Rights of the descriptor itself, and those it can pass on; see rights.ts. */
  rights: number;
  inheriting: number;
  flags: number;
}

export interface StreamDescriptor extends Common {
  readonly kind: 'stream';
  readonly stream: StreamName;
  /** Of `stdin`: bytes taken by this run. */
  position: number;
}

/** Where an open node came from. */
interface Mounted {
  /** Index of the mount. */
  readonly mount: number;
}

export interface FileDescriptor extends Common, Mounted {
  readonly kind: 'file';
  readonly node: OpenFile;
  /** What the node was opened for. */
  readonly access: { readonly read: boolean; readonly write: boolean };
  position: number;
}

export interface DirectoryDescriptor extends Common, Mounted {
  readonly kind: 'directory';
  readonly node: OpenDirectory;
  /** What the guest calls it, when it was there from the start. */
  readonly preopenName: string | null;
  /** As it was when reading began, so that a cookie means the same until it begins anew; null when it is not held, or not any more. */
  listing: readonly DirectoryEntry[] | null;
}

/** What the descriptor led to before a restore is gone: the number is taken, and nothing but closing it works. */
export interface StaleDescriptor extends Common, Mounted {
  readonly kind: 'stale';
  /** What it is captured as, again and again: it may come back. */
  readonly captured: CapturedNode;
}

export type Descriptor = StreamDescriptor | FileDescriptor | DirectoryDescriptor | StaleDescriptor;

/** Throws FileError: EBADF for what every descriptor without reading or writing answers, else ENOTCAPABLE. */
export function requireRights(descriptor: Descriptor, rights: number): void {
  const missing = rights & ~descriptor.rights;
  if (missing === 0) return;
  throw new FileError((missing & (FD_READ | FD_WRITE)) === 0 ? ENOTCAPABLE : EBADF);
}

/** A file; what else it is decides what is wrong with it. */
export function requireFile(descriptor: Descriptor, rights: number): FileDescriptor {
  if (descriptor.kind === 'stream') throw new FileError(ESPIPE);
  if (descriptor.kind === 'directory') throw new FileError((rights & FD_READ) === 0 ? EBADF : EISDIR);
  if (descriptor.kind === 'stale') throw new FileError(ESTALE);
  requireRights(descriptor, rights);
  return descriptor;
}

export function requireDirectory(descriptor: Descriptor, rights: number): DirectoryDescriptor {
  if (descriptor.kind === 'stale') throw new FileError(ESTALE);
  if (descriptor.kind !== 'directory') throw new FileError(ENOTDIR);
  requireRights(descriptor, rights);
  return descriptor;
}
