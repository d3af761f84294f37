// The files of a bank in a directory of the file system: makes the directory or checks that it is this user's alone, and opens files
// that are nothing but plain files. It must never follow a symbolic link, nor touch a directory that took the place of its own.
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  type Stats,
  statfsSync,
  unlinkSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { RekindleError } from '../errors.ts';
import { invariant } from '../invariant.ts';
import { type Libc, loadLibc } from '../system/libc.ts';
import type { BankFile, BankFiles } from './bank-files.ts';
import { DirectoryFile } from './directory-file.ts';
import { attempt, attemptUnless } from './system-errors.ts';

const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
const WRITABLE_BY_OTHERS = 0o022;
const DIRECTORY_FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
// Not blocking: a FIFO opens at once. Node adds O_CLOEXEC, so that no child process keeps a file open, or its lock.
const FILE_FLAGS = constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
/** The kernel's own names for opened directories, which hold wherever the directory has gone. */
const DESCRIPTOR_LINKS = '/proc/self/fd';
const FILE_NAME = /^[a-z]+(\.[a-z]+)?$/;

/** `f_type` of the file systems that live in memory: tmpfs and ramfs. */
const MEMORY_FILE_SYSTEMS: readonly number[] = [0x01021994, 0x858458f6];

export interface DirectoryFilesOptions {
  /** False: `sync` does nothing, for a file system that there is nothing to outlive on. */
  readonly sync: boolean;
}

/**
 * Whether `path` lies on a file system that is gone with the next boot, so that there is no medium to write to. It need not exist yet,
 * its parent must. Throws BANK_UNAVAILABLE when the system does not say.
 */
export function isMemoryFileSystem(path: string): boolean {
  const whole = resolve(path);
  const parent = dirname(whole);
  const kind =
    attemptUnless(whole, 'be looked at', ['ENOENT'], () => statfsSync(whole).type) ??
    attempt(parent, 'be looked at', () => statfsSync(parent).type);
  // The type is a signed number on some platforms.
  return MEMORY_FILE_SYSTEMS.includes(kind >>> 0);
}

export class DirectoryFiles implements BankFiles {
  readonly path: string;
  readonly #fd: number;
  readonly #sync: boolean;
  /** Where files are reached. Invariant: on Linux it is this very directory, whatever lies at `path` by now. */
  readonly #root: string;
  readonly #libc: Libc | null;
  readonly #opened = new Set<DirectoryFile>();
  #isOpen = true;

  /**
   * Opens the directory, which is made (mode 0700) when there is none.
   *
   * @throws RekindleError BANK_FOREIGN for what is not a directory of this user's alone; BANK_UNAVAILABLE when its parent is missing or
   * the system refuses.
   */
  static open(path: string, options: DirectoryFilesOptions): DirectoryFiles {
    const whole = resolve(path);
    makeDirectory(whole, options.sync);
    const fd = openDirectory(whole);
    try {
      requireOurDirectory(
        whole,
        attempt(whole, 'be looked at', () => fstatSync(fd)),
      );
      return new DirectoryFiles(whole, fd, options, bindLibc());
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  private constructor(path: string, fd: number, options: DirectoryFilesOptions, libc: Libc | null) {
    this.path = path;
    this.#fd = fd;
    this.#sync = options.sync;
    this.#libc = libc;
    this.#root = existsSync(DESCRIPTOR_LINKS) ? `${DESCRIPTOR_LINKS}/${fd}` : path;
  }

  list(): readonly string[] {
    invariant(this.#isOpen, 'the directory of a bank is not used once it is closed');
    return attempt(this.path, 'be listed', () => readdirSync(this.#root));
  }

  open(name: string): BankFile | null {
    const path = this.#pathOf(name);
    const fd = attemptUnless(path, 'be opened', ['ENOENT'], () => openSync(this.#reach(name), FILE_FLAGS));
    return fd === null ? null : this.#adopt(name, fd);
  }

  create(name: string): BankFile {
    this.remove(name);
    return this.#make(name, constants.O_EXCL);
  }

  openOrCreate(name: string): BankFile {
    return this.#make(name, 0);
  }

  rename(from: string, to: string): void {
    const files = [...this.#opened].filter((file) => file.name === from && file.isLinked());
    attempt(this.#pathOf(from), `be renamed to ${to}`, () => renameSync(this.#reach(from), this.#reach(to)));
    for (const file of files) file.renamed(to);
  }

  remove(name: string): void {
    attemptUnless(this.#pathOf(name), 'be removed', ['ENOENT'], () => unlinkSync(this.#reach(name)));
  }

  sync(): void {
    if (this.#sync) attempt(this.path, 'be brought to the medium', () => fsyncSync(this.#fd));
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    // The watchdog of an inline call may have cut off whoever had opened one.
    for (const file of [...this.#opened]) file[Symbol.dispose]();
    attempt(this.path, 'be closed', () => closeSync(this.#fd));
  }

  #make(name: string, flags: number): BankFile {
    const path = this.#pathOf(name);
    const allFlags = FILE_FLAGS | constants.O_CREAT | flags;
    return this.#adopt(
      name,
      attempt(path, 'be made', () => openSync(this.#reach(name), allFlags, FILE_MODE)),
    );
  }

  #adopt(name: string, fd: number): BankFile {
    const path = this.#pathOf(name);
    try {
      requireOurPlainFile(
        path,
        attempt(path, 'be looked at', () => fstatSync(fd)),
      );
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    const file = new DirectoryFile(
      {
        path: this.path,
        sync: this.#sync,
        libc: this.#libc,
        closed: (closed) => this.#opened.delete(closed),
      },
      name,
      fd,
    );
    this.#opened.add(file);
    return file;
  }

  #pathOf(name: string): string {
    return join(this.path, name);
  }

  #reach(name: string): string {
    invariant(this.#isOpen, 'the directory of a bank is not used once it is closed');
    invariant(FILE_NAME.test(name), 'a file of a bank is named by the bank');
    return join(this.#root, name);
  }
}

function makeDirectory(path: string, sync: boolean): void {
  const parent = dirname(path);
  if (attemptUnless(parent, 'be looked at', ['ENOENT', 'ENOTDIR'], () => lstatSync(parent)) === null) {
    throw new RekindleError('BANK_UNAVAILABLE', path, `cannot be made: there is no directory ${parent}`);
  }
  const made = attemptUnless(path, 'be made', ['EEXIST'], () => {
    mkdirSync(path, { mode: DIRECTORY_MODE });
    return true;
  });
  if (made === null || !sync) return;
  const fd = attempt(parent, 'be opened', () => openSync(parent, constants.O_RDONLY | constants.O_DIRECTORY));
  try {
    attempt(parent, 'be brought to the medium', () => fsyncSync(fd));
  } finally {
    closeSync(fd);
  }
}

function openDirectory(path: string): number {
  const fd = attemptUnless(path, 'be opened', ['ENOTDIR', 'ELOOP'], () => openSync(path, DIRECTORY_FLAGS));
  if (fd !== null) return fd;
  const isLink = attempt(path, 'be looked at', () => lstatSync(path)).isSymbolicLink();
  throw new RekindleError('BANK_FOREIGN', path, isLink ? 'a symbolic link' : 'not a directory');
}

function requireOurDirectory(path: string, status: Stats): void {
  requireOurs(path, status);
  if ((status.mode & WRITABLE_BY_OTHERS) === 0) return;
  throw new RekindleError('BANK_FOREIGN', path, 'its group or other users may write to it');
}

function requireOurPlainFile(path: string, status: Stats): void {
  if (!status.isFile()) throw new RekindleError('BANK_FOREIGN', path, 'not a plain file');
  requireOurs(path, status);
  // None: it has been removed since it was opened, which is for its user to find out.
  if (status.nlink <= 1) return;
  throw new RekindleError('BANK_FOREIGN', path, `the file has ${status.nlink} names`);
}

function requireOurs(path: string, { uid }: Stats): void {
  const ourUid = process.geteuid?.() ?? uid;
  if (uid !== ourUid) throw new RekindleError('BANK_FOREIGN', path, `owned by user ${uid}, not ${ourUid}`);
}

/** Null where the calls cannot be bound: files do without pages in advance there. */
function bindLibc(): Libc | null {
  try {
    return loadLibc();
  } catch (error) {
    if (error instanceof RekindleError && error.code === 'BACKEND_UNAVAILABLE') return null;
    throw error;
  }
}
