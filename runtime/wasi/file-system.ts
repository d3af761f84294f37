// What this room asks of a file system that is mounted for a guest. Every operation on names takes one component of a path and never
// follows a symbolic link: where a path leads is decided in path-walk.ts alone, so that no file system can let a guest out of its mount.

/** What a name leads to. Only directories and regular files can be opened. */
export type FileType = 'directory' | 'regular' | 'symlink' | 'character-device' | 'block-device' | 'other';

/** Times are in nanoseconds since 1970-01-01 UTC. */
export interface FileStat {
  readonly device: bigint;
  /** Tells files of one device apart; not given to another file while anybody has this one open. */
  readonly inode: bigint;
  readonly type: FileType;
  readonly links: bigint;
  readonly sizeBytes: bigint;
  readonly accessedNs: bigint;
  readonly modifiedNs: bigint;
  /** Of the last change of anything about it. */
  readonly changedNs: bigint;
}

/** Null: as it is. */
export interface NewTimes {
  readonly accessedNs: bigint | null;
  readonly modifiedNs: bigint | null;
}

export interface DirectoryEntry {
  /** One component, in UTF-8; neither `.` nor `..`. */
  readonly name: Uint8Array;
  readonly inode: bigint;
  readonly type: FileType;
}

export interface OpenOptions {
  readonly read: boolean;
  readonly write: boolean;
  /** Make the file where there is none. */
  readonly create: boolean;
  /** With `create`: EEXIST where there is anything. */
  readonly exclusive: boolean;
  /** Empty it; only with `write`. */
  readonly truncate: boolean;
}

/**
 * Every method throws FileError with what POSIX says, EROFS for a change in a read-only mount, and ESTALE when what it stands for is
 * gone and cannot be told any more. Whoever has opened one closes it.
 */
export interface OpenNode {
  stat(): FileStat;
  setTimes(times: NewTimes): void;
  /** On the medium when it returns, as far as the file system has one. `data`: what is needed to read the content back. */
  sync(what: 'data' | 'all'): void;
  /** What `FileSystem.reopen` takes to open the same again, in another thread or after the host has died; at most 8 KiB. */
  bookmark(): string;
  /** Once. */
  close(): void;
}

/** Names are one component: not empty, no `/`, no NUL, neither `.` nor `..`. */
export interface OpenDirectory extends OpenNode {
  readonly kind: 'directory';
  /** Of what the name itself leads to. ENOENT. */
  lookup(name: string): FileStat;
  /** ENOENT; ENOTDIR for anything but a directory, a symbolic link included. */
  openDirectory(name: string): OpenDirectory;
  /** The directory itself, once more. */
  openAgain(): OpenDirectory;
  /** ELOOP for a symbolic link, EISDIR for a directory, ENOTSUP for what is neither that nor a regular file. */
  openFile(name: string, options: OpenOptions): OpenFile;
  /** Every entry as it is now, in an order that stays the same for those that stay. */
  list(): readonly DirectoryEntry[];
  makeDirectory(name: string): void;
  /** ENOTDIR, ENOTEMPTY. */
  removeDirectory(name: string): void;
  /** Of anything but a directory, for which it is EISDIR. */
  unlink(name: string): void;
  /** Replaces what is there, as POSIX says. EXDEV where `target` belongs to another file system. */
  rename(name: string, target: OpenDirectory, targetName: string): void;
  /** Another name for the same file; a symbolic link is linked itself. EPERM for a directory, EXDEV as above. */
  link(name: string, target: OpenDirectory, targetName: string): void;
  symlink(content: string, name: string): void;
  /** EINVAL for anything but a symbolic link. */
  readlink(name: string): string;
  setTimesOf(name: string, times: NewTimes): void;
}

/** Positions and sizes are whole numbers from 0 to 2^53 - 1; EFBIG beyond what the file system can hold. */
export interface OpenFile extends OpenNode {
  readonly kind: 'file';
  /** Fills `into` as far as the file goes; how much that was. 0 at the end and beyond. */
  read(into: Uint8Array, position: number): number;
  /** All of it, or what there was room for: 0 is never returned for something; ENOSPC. Zeros fill what was skipped. */
  write(bytes: Uint8Array, position: number): number;
  /** At the end, wherever that is by then. Where the write ended. */
  append(bytes: Uint8Array): { readonly writtenBytes: number; readonly endBytes: number };
  setSize(sizeBytes: number): void;
  /** There is room for so much from then on; the file is as long at least. ENOSPC. */
  allocate(position: number, sizeBytes: number): void;
}

/** What lies behind one mount, for one guest in one thread. Dispose it after everything it has opened. */
export interface FileSystem extends Disposable {
  /** What is in it belongs to the executing image: it goes back with the guest. */
  readonly rewinds: boolean;
  /** What a run has opened is taken back when the run is over, by whoever serves the file system. */
  readonly endsWithRun: boolean;
  openRoot(): OpenDirectory;
  /**
   * `read` and `write`: of a file, what it had been opened for. ESTALE when it is not there any more, or another is in its place.
   */
  reopen(
    bookmark: string,
    access: { readonly read: boolean; readonly write: boolean },
  ): OpenDirectory | OpenFile;
  /**
   * Its content, where it rewinds; else null. As long as nothing changes, the same array is given again.
   */
  capture(): Uint8Array | null;
  /** Closes what is open and not in `held`: calls that were cut off in the middle have left it behind. Does nothing where that ends by itself. */
  closeAllBut(held: ReadonlySet<OpenNode>): void;
  /** Null: as it was at first. What was opened before is closed by its owner before, and opened again by its bookmark after. */
  restore(captured: Uint8Array | null): void;
  /** The run is over. Where what it has opened ended with it, that can only be closed any more, which does nothing. */
  runIsOver(): void;
}
