// A file system as plain as can be, to hold volumes against: objects and arrays, and the rules of POSIX once more, written without
// looking at the volume's own. It has no limits but those on names.
import * as errno from '#runtime/wasi/errno.js';
import { FileError } from '#runtime/wasi/errno.js';

export interface ModelFile {
  readonly kind: 'regular';
  bytes: Uint8Array;
  links: number;
}

export interface ModelDirectory {
  readonly kind: 'directory';
  readonly names: Map<string, ModelNode>;
  /** Null: the root, or removed. */
  parent: ModelDirectory | null;
}

export interface ModelLink {
  readonly kind: 'symlink';
  readonly content: string;
  links: number;
}

export type ModelNode = ModelFile | ModelDirectory | ModelLink;

export class VolumeModel {
  readonly root: ModelDirectory = { kind: 'directory', names: new Map(), parent: null };

  directory(path: readonly string[]): ModelDirectory {
    let at: ModelDirectory = this.root;
    for (const name of path) {
      const next = at.names.get(name);
      if (next === undefined) throw new FileError(errno.ENOENT);
      if (next.kind !== 'directory') throw new FileError(errno.ENOTDIR);
      at = next;
    }
    return at;
  }

  open(at: ModelDirectory, name: string, exclusive: boolean, truncate: boolean): ModelFile {
    const found = at.names.get(name);
    if (found === undefined) {
      const made: ModelFile = { kind: 'regular', bytes: new Uint8Array(), links: 1 };
      at.names.set(name, made);
      return made;
    }
    if (exclusive) throw new FileError(errno.EEXIST);
    if (found.kind === 'directory') throw new FileError(errno.EISDIR);
    if (found.kind === 'symlink') throw new FileError(errno.ELOOP);
    if (truncate) found.bytes = new Uint8Array();
    return found;
  }

  make(at: ModelDirectory, name: string, content: string | null): void {
    if (at.names.has(name)) throw new FileError(errno.EEXIST);
    const made: ModelNode =
      content === null
        ? { kind: 'directory', names: new Map(), parent: at }
        : { kind: 'symlink', content, links: 1 };
    at.names.set(name, made);
  }

  removeDirectory(at: ModelDirectory, name: string): void {
    const found = this.#find(at, name);
    if (found.kind !== 'directory') throw new FileError(errno.ENOTDIR);
    if (found.names.size > 0) throw new FileError(errno.ENOTEMPTY);
    at.names.delete(name);
  }

  unlink(at: ModelDirectory, name: string): void {
    const found = this.#find(at, name);
    if (found.kind === 'directory') throw new FileError(errno.EISDIR);
    at.names.delete(name);
    found.links -= 1;
  }

  link(at: ModelDirectory, name: string, to: ModelDirectory, toName: string): void {
    const found = this.#find(at, name);
    if (found.kind === 'directory') throw new FileError(errno.EPERM);
    if (to.names.has(toName)) throw new FileError(errno.EEXIST);
    to.names.set(toName, found);
    found.links += 1;
  }

  rename(at: ModelDirectory, name: string, to: ModelDirectory, toName: string): void {
    const found = this.#find(at, name);
    const target = to.names.get(toName);
    if (target === found) return;
    if (found.kind === 'directory') {
      for (let above: ModelDirectory | null = to; above !== null; above = above.parent)
        if (above === found) throw new FileError(errno.EINVAL);
    }
    if (target !== undefined) {
      if (target.kind === 'directory' && found.kind !== 'directory') throw new FileError(errno.EISDIR);
      if (target.kind !== 'directory' && found.kind === 'directory') throw new FileError(errno.ENOTDIR);
      if (target.kind === 'directory' && target.names.size > 0) throw new FileError(errno.ENOTEMPTY);
      if (target.kind !== 'directory') target.links -= 1;
    }
    at.names.delete(name);
    to.names.set(toName, found);
    if (found.kind === 'directory') found.parent = to;
  }

  readlink(at: ModelDirectory, name: string): string {
    const found = this.#find(at, name);
    if (found.kind === 'symlink') return found.content;
    throw new FileError(errno.EINVAL);
  }

  #find(at: ModelDirectory, name: string): ModelNode {
    const found = at.names.get(name);
    if (found === undefined) throw new FileError(errno.ENOENT);
    return found;
  }
}

export function resized(bytes: Uint8Array, sizeBytes: number): Uint8Array {
  const next = new Uint8Array(sizeBytes);
  next.set(bytes.subarray(0, sizeBytes));
  return next;
}

export function written(bytes: Uint8Array, piece: Uint8Array, position: number): Uint8Array {
  if (piece.length === 0) return bytes;
  const next = resized(bytes, Math.max(bytes.length, position + piece.length));
  next.set(piece, position);
  return next;
}
