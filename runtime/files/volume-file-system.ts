// A volume as a guest's thread sees it: what is read, and what is overwritten, is the bank's own bytes; whatever changes names, lengths
// or extents is asked of the main thread. It must never store beyond the length of a file, nor remember one.
import type { BankView } from '../memory/bank-view.ts';
import { ENOENT, EROFS, EXDEV, FileError } from '../wasi/errno.ts';
import type {
  DirectoryEntry,
  FileStat,
  FileSystem,
  NewTimes,
  OpenDirectory,
  OpenFile,
  OpenOptions,
} from '../wasi/file-system.ts';
import { VolumeFile } from './volume-file.ts';
import { VolumeLink } from './volume-link.ts';
import type { NamedPlace, VolumeCall } from './volume-protocol.ts';
import { ROOT_INODE } from './volume-tree.ts';

export interface VolumeFileSystemOptions {
  /** Name of the volume. */
  readonly volume: string;
  readonly access: 'read-only' | 'read-write';
  readonly view: BankView;
  readonly call: VolumeCall;
  /** Nanoseconds since 1970, for the times of files that are overwritten. */
  readonly nowNs: () => bigint;
}

export class VolumeFileSystem implements FileSystem {
  readonly rewinds = false;
  readonly endsWithRun = true;
  readonly #options: VolumeFileSystemOptions;
  /** Of the present run; null until it uses the volume. */
  #link: VolumeLink | null = null;

  /** Mounts nothing yet. */
  constructor(options: VolumeFileSystemOptions) {
    this.#options = options;
  }

  openRoot(): OpenDirectory {
    return this.#directory(ROOT_INODE);
  }

  reopen(
    bookmark: string,
    access: { readonly read: boolean; readonly write: boolean },
  ): OpenDirectory | OpenFile {
    const link = this.#mounted();
    const inode = link.inodeOf(bookmark);
    const { type } = link.ask({ kind: 'stat', inode }, 'stat').stat;
    if (type === 'directory') return this.#directory(inode);
    if (access.write && this.#options.access === 'read-only') throw new FileError(EROFS);
    return this.#file(link.ask({ kind: 'open-inode', inode }, 'opened'), access);
  }

  /** A volume is not part of any image: it is what stays. */
  capture(): null {
    return null;
  }

  /** The main thread has the books of what a run has open, and takes all of it back when the run is over. */
  closeAllBut(): void {}

  restore(): void {}

  runIsOver(): void {
    this.#link?.runIsOver();
    this.#link = null;
  }

  [Symbol.dispose](): void {
    this.runIsOver();
  }

  /** The volume is made if there is none of that name. Throws FileError EINVAL for what is no name, ENOSPC, ENFILE. */
  #mounted(): VolumeLink {
    const { call, volume, access } = this.#options;
    this.#link ??= new VolumeLink(call, volume, access);
    return this.#link;
  }

  #directory(inode: number): VolumeDirectory {
    return new VolumeDirectory(this.#mounted(), inode, {
      directory: (child) => this.#directory(child),
      file: (opened, access) => this.#file(opened, access),
    });
  }

  #file(opened: OpenedReply, access: FileAccess): VolumeFile {
    const { view, nowNs } = this.#options;
    return new VolumeFile({ link: this.#mounted(), view, nowNs, access, ...opened });
  }
}

interface FileAccess {
  readonly read: boolean;
  readonly write: boolean;
}

interface OpenedReply {
  readonly handle: number;
  readonly inode: number;
  readonly slotOffset: number;
}

interface Openers {
  readonly directory: (inode: number) => VolumeDirectory;
  readonly file: (opened: OpenedReply, access: FileAccess) => VolumeFile;
}

/** Nothing is held for it: the number of a directory that has been removed is not used again. */
class VolumeDirectory implements OpenDirectory {
  readonly kind = 'directory';
  readonly #link: VolumeLink;
  readonly #inode: number;
  readonly #openers: Openers;

  constructor(link: VolumeLink, inode: number, openers: Openers) {
    this.#link = link;
    this.#inode = inode;
    this.#openers = openers;
  }

  stat(): FileStat {
    return this.#link.ask({ kind: 'stat', inode: this.#inode }, 'stat').stat;
  }

  setTimes(times: NewTimes): void {
    this.#link.ask({ kind: 'set-times', inode: this.#inode, times }, 'done');
  }

  sync(): void {
    this.#link.ask({ kind: 'sync' }, 'done');
  }

  bookmark(): string {
    return this.#link.bookmarkOf(this.#inode);
  }

  close(): void {}

  lookup(name: string): FileStat {
    return this.#link.ask({ kind: 'lookup', ...this.#place(name) }, 'stat').stat;
  }

  openDirectory(name: string): OpenDirectory {
    const { inode } = this.#link.requireDirectory(this.lookup(name));
    return this.#openers.directory(Number(inode));
  }

  openAgain(): OpenDirectory {
    return this.#openers.directory(Number(this.stat().inode));
  }

  openFile(name: string, options: OpenOptions): OpenFile {
    const asked = this.#link.access === 'read-only' ? this.#withoutMaking(name, options) : options;
    const opened = this.#link.ask({ kind: 'open', ...this.#place(name), options: asked }, 'opened');
    return this.#openers.file(opened, options);
  }

  /** What is there already can be opened in a read-only mount, as long as it is only to be read. */
  #withoutMaking(name: string, options: OpenOptions): OpenOptions {
    const { create, exclusive, write } = options;
    if (!create || exclusive || write) return options;
    try {
      this.lookup(name);
      return { ...options, create: false };
    } catch (error) {
      if (error instanceof FileError && error.errno === ENOENT) return options;
      throw error;
    }
  }

  list(): readonly DirectoryEntry[] {
    const encoder = new TextEncoder();
    const { entries } = this.#link.ask({ kind: 'list', inode: this.#inode }, 'entries');
    return entries.map(([name, inode, type]) => ({ name: encoder.encode(name), inode: BigInt(inode), type }));
  }

  makeDirectory(name: string): void {
    this.#link.ask({ kind: 'make-directory', ...this.#place(name) }, 'done');
  }

  removeDirectory(name: string): void {
    this.#link.ask({ kind: 'remove-directory', ...this.#place(name) }, 'done');
  }

  unlink(name: string): void {
    this.#link.ask({ kind: 'unlink', ...this.#place(name) }, 'done');
  }

  rename(name: string, target: OpenDirectory, targetName: string): void {
    this.#link.ask(
      { kind: 'rename', ...this.#place(name), target: this.#placeIn(target, targetName) },
      'done',
    );
  }

  link(name: string, target: OpenDirectory, targetName: string): void {
    this.#link.ask({ kind: 'link', ...this.#place(name), target: this.#placeIn(target, targetName) }, 'done');
  }

  symlink(content: string, name: string): void {
    this.#link.ask({ kind: 'symlink', ...this.#place(name), content }, 'done');
  }

  readlink(name: string): string {
    return this.#link.ask({ kind: 'readlink', ...this.#place(name) }, 'text').text;
  }

  setTimesOf(name: string, times: NewTimes): void {
    this.#link.ask({ kind: 'set-times-of', ...this.#place(name), times }, 'done');
  }

  #place(name: string): NamedPlace {
    return { directory: this.#inode, name };
  }

  /** In a directory of the same volume, mounted here or elsewhere in the same guest. EXDEV. */
  #placeIn(target: OpenDirectory, name: string): NamedPlace {
    if (!(target instanceof VolumeDirectory) || target.#link.volume !== this.#link.volume)
      throw new FileError(EXDEV);
    return target.#place(name);
  }
}
