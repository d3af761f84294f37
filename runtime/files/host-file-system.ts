// A directory of the host as a guest sees it through a mount. It is confined by what is opened, never by comparing paths; where a system
// cannot do that, nothing is mounted.
import { statSync } from 'node:fs';
import { RekindleError } from '../errors.ts';
import type { FileCalls } from '../system/file-calls.ts';
import { ESTALE, FileError } from '../wasi/errno.ts';
import type { FileSystem, OpenDirectory, OpenFile } from '../wasi/file-system.ts';
import { HostDirectory } from './host-directory.ts';
import type { Closing, HostBookmark, HostMount } from './host-node.ts';

export interface HostFileSystemOptions {
  /** Absolute. */
  readonly path: string;
  readonly access: 'read-only' | 'read-write';
  /** Null: times are set to the microsecond, and space is never promised. */
  readonly calls: FileCalls | null;
  /** Throws when the guest's time is over; what takes long asks again and again. Not given: it never is. */
  readonly refuseWhenOver?: () => void;
}

/** Throws RekindleError MOUNT_UNAVAILABLE when there is no such directory, or none can be mounted on this system. */
export function requireHostDirectory(path: string): void {
  const refuse = (detail: string, cause?: unknown): never => {
    throw new RekindleError('MOUNT_UNAVAILABLE', path, detail, { cause });
  };
  if (process.platform !== 'linux') refuse('directories of the host can be mounted on Linux only');
  try {
    if (!statSync(path).isDirectory()) refuse('it is not a directory');
    statSync('/proc/self/fd');
  } catch (cause) {
    if (cause instanceof RekindleError) throw cause;
    refuse(cause instanceof Error ? cause.message : 'it cannot be looked at', cause);
  }
}

export class HostFileSystem implements FileSystem {
  readonly rewinds = false;
  readonly endsWithRun = false;
  readonly #path: string;
  readonly #mount: HostMount;
  /** Held from the first use on: what the guest sees stays this directory, whatever is put in its place. */
  #root: HostDirectory | null = null;

  /** Opens nothing yet. */
  constructor({ path, access, calls, refuseWhenOver = () => {} }: HostFileSystemOptions) {
    this.#path = path;
    this.#mount = { access, calls, open: new Set(), refuseWhenOver, rootPath: () => this.#heldRoot().path() };
  }

  openRoot(): OpenDirectory {
    return HostDirectory.openAt(this.#mount, this.#heldRoot().ownName);
  }

  reopen(
    bookmark: string,
    access: { readonly read: boolean; readonly write: boolean },
  ): OpenDirectory | OpenFile {
    const wanted = parse(bookmark);
    const node = this.#find(wanted.path.split('/'), access);
    const { device, inode } = node.stat();
    if (String(device) === wanted.device && String(inode) === wanted.inode) return node;
    node.close();
    throw new FileError(ESTALE);
  }

  closeAllBut(held: ReadonlySet<Closing>): void {
    for (const each of this.#mount.open) if (each !== this.#root && !held.has(each)) each.close();
  }

  /** What lies in the host's directory is the host's. */
  capture(): null {
    return null;
  }

  restore(): void {}

  runIsOver(): void {}

  [Symbol.dispose](): void {
    this.#root = null;
    this.closeAllBut(NOTHING);
  }

  #heldRoot(): HostDirectory {
    this.#root ??= HostDirectory.openAt(this.#mount, this.#path);
    return this.#root;
  }

  /** Each name is looked up in the directory before it: no link on the way is followed. */
  #find(
    names: readonly string[],
    access: { readonly read: boolean; readonly write: boolean },
  ): OpenDirectory | OpenFile {
    let node: OpenDirectory | OpenFile = this.openRoot();
    for (const name of names) {
      if (name === '') continue;
      const parent: OpenDirectory | OpenFile = node;
      try {
        if (parent.kind === 'file') throw new FileError(ESTALE);
        node = openNode(parent, name, access);
      } finally {
        parent.close();
      }
    }
    return node;
  }
}

function openNode(
  directory: OpenDirectory,
  name: string,
  { read, write }: { readonly read: boolean; readonly write: boolean },
): OpenDirectory | OpenFile {
  if (directory.lookup(name).type === 'directory') return directory.openDirectory(name);
  return directory.openFile(name, { read, write, create: false, exclusive: false, truncate: false });
}

const NOTHING: ReadonlySet<Closing> = new Set();

/** Empty, when what it was made of had gone already. */
function parse(bookmark: string): HostBookmark {
  try {
    const { path, device, inode } = JSON.parse(bookmark) as Partial<HostBookmark>;
    if (typeof path === 'string' && typeof device === 'string' && typeof inode === 'string')
      return { path, device, inode };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new FileError(ESTALE);
}
