// An open directory of the host. A name in it is reached through the directory that is held open and is never followed when it is a
// symbolic link: `/proc/self/fd/N/name` is what other systems call openat.
import {
  constants,
  type Dir,
  fstatSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  opendirSync,
  openSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { invariant } from '../invariant.ts';
import { MAX_LISTED_ENTRIES } from '../limits.ts';
import {
  EEXIST,
  EILSEQ,
  EISDIR,
  ELOOP,
  ENOENT,
  ENOTDIR,
  ENOTSUP,
  EOVERFLOW,
  EPERM,
  EXDEV,
  FileError,
} from '../wasi/errno.ts';
import type {
  DirectoryEntry,
  FileStat,
  NewTimes,
  OpenDirectory,
  OpenFile,
  OpenOptions,
} from '../wasi/file-system.ts';
import { onHost, requireNone } from './host-errors.ts';
import { HostFile } from './host-file.ts';
import { fileStat, type HostMount, HostNode, secondsOf } from './host-node.ts';

/** Nothing that is opened may be followed, become the terminal of the host, or make it wait. */
const OPEN_SAFELY = constants.O_NOFOLLOW | constants.O_NOCTTY | constants.O_NONBLOCK;
/** Before the user's mask. */
const NEW_FILE_MODE = 0o666;
const NEW_DIRECTORY_MODE = 0o777;

const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class HostDirectory extends HostNode implements OpenDirectory {
  readonly kind = 'directory';

  /** A directory by a path that is the host's own word. Its links are followed. */
  static openAt(mount: HostMount, path: string): HostDirectory {
    const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NONBLOCK;
    return new HostDirectory(
      mount,
      onHost(() => openSync(path, flags)),
    );
  }

  lookup(name: string): FileStat {
    return fileStat(onHost(() => lstatSync(this.#pathOf(name), { bigint: true })));
  }

  openDirectory(name: string): OpenDirectory {
    this.mount.refuseWhenOver();
    const flags = constants.O_RDONLY | constants.O_DIRECTORY | OPEN_SAFELY;
    try {
      return new HostDirectory(
        this.mount,
        onHost(() => openSync(this.#pathOf(name), flags)),
      );
    } catch (error) {
      // Systems differ in what they say of a link.
      if (error instanceof FileError && error.errno === ELOOP) throw new FileError(ENOTDIR);
      throw error;
    }
  }

  openAgain(): OpenDirectory {
    return HostDirectory.openAt(this.mount, this.ownName);
  }

  openFile(name: string, options: OpenOptions): OpenFile {
    const { read, write, create, exclusive, truncate } = options;
    if (write || create) this.#requireWritableUnlessPresent(name, options);
    const isPresent = create && exclusive ? this.#requireNothing(name) : this.#requireFileOrNothing(name);
    if (!isPresent && !create) throw new FileError(ENOENT);
    const access = write ? (read ? constants.O_RDWR : constants.O_WRONLY) : constants.O_RDONLY;
    const making = create ? constants.O_CREAT | (exclusive ? constants.O_EXCL : 0) : 0;
    const fd = onHost(() => openSync(this.#pathOf(name), access | making | OPEN_SAFELY, NEW_FILE_MODE));
    const file = new HostFile(this.mount, fd);
    try {
      // Somebody may have put something else in its place since it was looked at.
      if (!onHost(() => fstatSync(fd)).isFile()) throw new FileError(ENOTSUP);
      if (truncate) onHost(() => ftruncateSync(fd, 0));
    } catch (error) {
      file.close();
      throw error;
    }
    return file;
  }

  list(): readonly DirectoryEntry[] {
    return onHost(() => {
      const entries: DirectoryEntry[] = [];
      using directory = this.#reading();
      for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
        this.mount.refuseWhenOver();
        if (entries.length === MAX_LISTED_ENTRIES) throw new FileError(EOVERFLOW);
        const found = this.#entry(entry.name as unknown as Buffer);
        if (found !== null) entries.push(found);
      }
      return entries;
    });
  }

  makeDirectory(name: string): void {
    this.requireWritable();
    onHost(() => mkdirSync(this.#pathOf(name), NEW_DIRECTORY_MODE));
  }

  removeDirectory(name: string): void {
    this.requireWritable();
    onHost(() => rmdirSync(this.#pathOf(name)));
  }

  unlink(name: string): void {
    this.requireWritable();
    onHost(() => unlinkSync(this.#pathOf(name)));
  }

  rename(name: string, target: OpenDirectory, targetName: string): void {
    const to = this.#sibling(target);
    this.requireWritable();
    onHost(() => renameSync(this.#pathOf(name), to.#pathOf(targetName)));
  }

  link(name: string, target: OpenDirectory, targetName: string): void {
    const to = this.#sibling(target);
    this.requireWritable();
    if (this.lookup(name).type === 'directory') throw new FileError(EPERM);
    onHost(() => linkSync(this.#pathOf(name), to.#pathOf(targetName)));
  }

  symlink(content: string, name: string): void {
    this.requireWritable();
    onHost(() => symlinkSync(content, this.#pathOf(name)));
  }

  readlink(name: string): string {
    const content = onHost(() => readlinkSync(this.#pathOf(name), { encoding: 'buffer' }));
    try {
      return strictDecoder.decode(content);
    } catch (error) {
      if (error instanceof TypeError) throw new FileError(EILSEQ);
      throw error;
    }
  }

  setTimesOf(name: string, times: NewTimes): void {
    this.requireWritable();
    const { calls } = this.mount;
    const path = this.#pathOf(name);
    if (calls !== null) requireNone(calls.setTimes(path, times.accessedNs, times.modifiedNs));
    else onHost(() => lutimesSync(path, ...secondsOf(times, this.lookup(name))));
  }

  #pathOf(name: string): string {
    invariant(
      name !== '' && name !== '.' && name !== '..' && !name.includes('/') && !name.includes('\0'),
      'a name is one component of a path',
    );
    return `${this.ownName}/${name}`;
  }

  #sibling(other: OpenDirectory): HostDirectory {
    if (other instanceof HostDirectory && other.mount === this.mount) return other;
    throw new FileError(EXDEV);
  }

  /** What is there already can be opened in a read-only mount, as long as it is only to be read. */
  #requireWritableUnlessPresent(name: string, { write, exclusive }: OpenOptions): void {
    if (this.mount.access === 'read-write') return;
    if (write || exclusive || !this.#requireFileOrNothing(name)) this.requireWritable();
  }

  #requireNothing(name: string): false {
    const stats = onHost(() => lstatSync(this.#pathOf(name), { throwIfNoEntry: false }));
    if (stats !== undefined) throw new FileError(EEXIST);
    return false;
  }

  /** Before it is opened: to open a device or a pipe does something already. */
  #requireFileOrNothing(name: string): boolean {
    let type: FileStat['type'];
    try {
      type = this.lookup(name).type;
    } catch (error) {
      if (error instanceof FileError && error.errno === ENOENT) return false;
      throw error;
    }
    if (type === 'regular') return true;
    throw new FileError(type === 'symlink' ? ELOOP : type === 'directory' ? EISDIR : ENOTSUP);
  }

  #reading(): Pick<Dir, 'readSync'> & Disposable {
    const { open } = this.mount;
    // Its types are those of names in text, whatever the encoding.
    const directory = opendirSync(this.ownName, { encoding: 'buffer' as BufferEncoding });
    const close = (): void => {
      open.delete(reading);
      directory.closeSync();
    };
    const reading = { readSync: () => directory.readSync(), close, [Symbol.dispose]: close };
    open.add(reading);
    return reading;
  }

  /** Null for one that has gone meanwhile. Names need not be UTF-8. */
  #entry(name: Buffer): DirectoryEntry | null {
    const path = Buffer.concat([Buffer.from(`${this.ownName}/`), name]);
    const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (stats === undefined) return null;
    const { inode, type } = fileStat(stats);
    return { name, inode, type };
  }
}
