// Open files and directories of an in-memory mount. They hold an inode, not a node: what it stands for is looked up in the tree at every
// call, and is gone when the tree has gone back to a time before it.
import { invariant } from '../invariant.ts';
import { MAX_FILE_NAME_BYTES, MAX_LISTED_ENTRIES } from '../limits.ts';
import {
  EEXIST,
  EINVAL,
  EISDIR,
  ELOOP,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
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
  OpenNode,
  OpenOptions,
} from '../wasi/file-system.ts';
import type { MemoryDirectoryNode, MemoryFileNode, MemoryNode, MemoryTree } from './memory-tree.ts';

/** What an open node needs of the file system: the tree as it is now. */
export interface MemoryMount {
  readonly tree: MemoryTree;
}

abstract class OpenMemoryNode implements OpenNode {
  protected readonly mount: MemoryMount;
  protected readonly inode: number;
  readonly #tree: MemoryTree;

  constructor(mount: MemoryMount, node: MemoryNode) {
    this.mount = mount;
    this.inode = node.inode;
    this.#tree = mount.tree;
    mount.tree.opened(node);
  }

  stat(): FileStat {
    return statOf(this.mount.tree.node(this.inode));
  }

  setTimes(times: NewTimes): void {
    setTimes(this.mount.tree, this.mount.tree.node(this.inode), times);
  }

  /** There is no medium. */
  sync(): void {}

  bookmark(): string {
    return String(this.inode);
  }

  close(): void {
    this.#tree.closed(this.inode);
  }
}

export class MemoryFile extends OpenMemoryNode implements OpenFile {
  readonly kind = 'file';

  read(into: Uint8Array, position: number): number {
    const { content, sizeBytes } = this.#node;
    const bytes = content.subarray(
      Math.min(position, sizeBytes),
      Math.min(position + into.byteLength, sizeBytes),
    );
    into.set(bytes);
    return bytes.byteLength;
  }

  write(bytes: Uint8Array, position: number): number {
    const node = this.#node;
    if (bytes.byteLength === 0) return 0;
    const end = position + bytes.byteLength;
    if (end > node.sizeBytes) this.mount.tree.setSize(node, end);
    this.mount.tree.touch(node, 'modified');
    node.content.set(bytes, position);
    return bytes.byteLength;
  }

  append(bytes: Uint8Array): { readonly writtenBytes: number; readonly endBytes: number } {
    const writtenBytes = this.write(bytes, this.#node.sizeBytes);
    return { writtenBytes, endBytes: this.#node.sizeBytes };
  }

  setSize(sizeBytes: number): void {
    this.mount.tree.setSize(this.#node, sizeBytes);
  }

  allocate(position: number, sizeBytes: number): void {
    const node = this.#node;
    if (position + sizeBytes > node.sizeBytes) this.mount.tree.setSize(node, position + sizeBytes);
  }

  get #node(): MemoryFileNode {
    const node = this.mount.tree.node(this.inode);
    invariant(node.kind === 'regular', 'an inode is never given to another file');
    return node;
  }
}

export class MemoryDirectory extends OpenMemoryNode implements OpenDirectory {
  readonly kind = 'directory';

  lookup(name: string): FileStat {
    return statOf(this.#entry(name));
  }

  openDirectory(name: string): OpenDirectory {
    const node = this.#entry(name);
    if (node.kind !== 'directory') throw new FileError(ENOTDIR);
    return new MemoryDirectory(this.mount, node);
  }

  openAgain(): OpenDirectory {
    return new MemoryDirectory(this.mount, this.#node);
  }

  openFile(name: string, { create, exclusive, truncate }: OpenOptions): OpenFile {
    const { tree } = this.mount;
    const found = this.#find(name);
    if (found !== null && create && exclusive) throw new FileError(EEXIST);
    if (found === null && !create) throw new FileError(ENOENT);
    if (found?.kind === 'directory') throw new FileError(EISDIR);
    if (found?.kind === 'symlink') throw new FileError(ELOOP);
    if (found === null)
      return new MemoryFile(
        this.mount,
        this.#enter(name, () => tree.make({ kind: 'regular', content: new Uint8Array(0), sizeBytes: 0 })),
      );
    if (truncate) tree.setSize(found, 0);
    return new MemoryFile(this.mount, found);
  }

  list(): readonly DirectoryEntry[] {
    const { entries } = this.#node;
    if (entries.size > MAX_LISTED_ENTRIES) throw new FileError(EOVERFLOW);
    const encoder = new TextEncoder();
    return [...entries].map(([name, inode]) => ({
      name: encoder.encode(name),
      inode: BigInt(inode),
      type: this.mount.tree.node(inode).kind,
    }));
  }

  makeDirectory(name: string): void {
    this.#requireFree(name);
    this.#enter(name, () => this.mount.tree.make({ kind: 'directory', entries: new Map() }));
  }

  removeDirectory(name: string): void {
    const node = this.#entry(name);
    if (node.kind !== 'directory') throw new FileError(ENOTDIR);
    if (node.entries.size > 0) throw new FileError(ENOTEMPTY);
    this.#leave(name, node);
  }

  unlink(name: string): void {
    const node = this.#entry(name);
    if (node.kind === 'directory') throw new FileError(EISDIR);
    this.#leave(name, node);
  }

  rename(name: string, target: OpenDirectory, targetName: string): void {
    const to = this.#sibling(target);
    const node = this.#entry(name);
    const replaced = to.#find(targetName);
    if (node === replaced) return;
    if (node.kind === 'directory' && this.#isBelow(to.inode, node)) throw new FileError(EINVAL);
    if (replaced !== null) {
      if (replaced.kind === 'directory' && node.kind !== 'directory') throw new FileError(EISDIR);
      if (replaced.kind !== 'directory' && node.kind === 'directory') throw new FileError(ENOTDIR);
      if (replaced.kind === 'directory' && replaced.entries.size > 0) throw new FileError(ENOTEMPTY);
    }
    // It has as many names as before: there is room for that in a full mount too.
    to.#put(targetName, node);
    if (replaced !== null) this.mount.tree.dropLink(replaced);
    this.#remove(name);
    this.mount.tree.touch(node, 'changed');
  }

  link(name: string, target: OpenDirectory, targetName: string): void {
    const to = this.#sibling(target);
    const node = this.#entry(name);
    if (node.kind === 'directory') throw new FileError(EPERM);
    to.#requireFree(targetName);
    to.#enter(targetName, () => node);
  }

  symlink(text: string, name: string): void {
    this.#requireFree(name);
    this.#enter(name, () => this.mount.tree.make({ kind: 'symlink', text }));
  }

  readlink(name: string): string {
    const node = this.#entry(name);
    if (node.kind !== 'symlink') throw new FileError(EINVAL);
    return node.text;
  }

  setTimesOf(name: string, times: NewTimes): void {
    setTimes(this.mount.tree, this.#entry(name), times);
  }

  get #node(): MemoryDirectoryNode {
    const node = this.mount.tree.node(this.inode);
    invariant(node.kind === 'directory', 'an inode is never given to another file');
    return node;
  }

  #find(name: string): MemoryNode | null {
    if (Buffer.byteLength(name) > MAX_FILE_NAME_BYTES) throw new FileError(ENAMETOOLONG);
    const inode = this.#node.entries.get(name);
    return inode === undefined ? null : this.mount.tree.node(inode);
  }

  #entry(name: string): MemoryNode {
    const node = this.#find(name);
    if (node === null) throw new FileError(ENOENT);
    return node;
  }

  #requireFree(name: string): void {
    if (this.#find(name) !== null) throw new FileError(EEXIST);
  }

  #enter(name: string, make: () => MemoryNode): MemoryNode {
    this.#requireLinked();
    const node = make();
    this.mount.tree.addLink(node);
    this.#put(name, node);
    return node;
  }

  #leave(name: string, node: MemoryNode): void {
    this.#remove(name);
    this.mount.tree.dropLink(node);
  }

  #put(name: string, node: MemoryNode): void {
    this.#requireLinked();
    this.mount.tree.touch(this.#node, 'modified');
    this.#node.entries.set(name, node.inode);
  }

  #remove(name: string): void {
    this.mount.tree.touch(this.#node, 'modified');
    this.#node.entries.delete(name);
  }

  /** A directory that has been removed takes nothing more in. */
  #requireLinked(): void {
    if (this.#node.links === 0) throw new FileError(ENOENT);
  }

  #sibling(other: OpenDirectory): MemoryDirectory {
    if (other instanceof MemoryDirectory && other.mount === this.mount) return other;
    throw new FileError(EXDEV);
  }

  /** Whether `inode` is `ancestor` or lies in it. Not by recursion: a guest nests as deep as its quota lets it. */
  #isBelow(inode: number, ancestor: MemoryDirectoryNode): boolean {
    const pending: MemoryNode[] = [ancestor];
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      if (node.inode === inode) return true;
      if (node.kind !== 'directory') continue;
      for (const each of node.entries.values()) pending.push(this.mount.tree.node(each));
    }
    return false;
  }
}

function statOf(node: MemoryNode): FileStat {
  return {
    device: 0n,
    inode: BigInt(node.inode),
    type: node.kind,
    links: BigInt(node.links),
    sizeBytes: BigInt(sizeOf(node)),
    accessedNs: node.accessedNs,
    modifiedNs: node.modifiedNs,
    changedNs: node.changedNs,
  };
}

function sizeOf(node: MemoryNode): number {
  if (node.kind === 'regular') return node.sizeBytes;
  return node.kind === 'symlink' ? Buffer.byteLength(node.text) : 0;
}

function setTimes(tree: MemoryTree, node: MemoryNode, { accessedNs, modifiedNs }: NewTimes): void {
  tree.touch(node, 'changed');
  node.accessedNs = accessedNs ?? node.accessedNs;
  node.modifiedNs = modifiedNs ?? node.modifiedNs;
}
