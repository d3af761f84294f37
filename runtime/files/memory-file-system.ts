// A file system in memory, for one guest: empty at first, and part of the executing image. What the guest writes after a checkpoint is gone
// when it goes back there, as its linear memory is.
import { RekindleError } from '../errors.ts';
import { ESTALE, FileError } from '../wasi/errno.ts';
import type { FileSystem, OpenDirectory, OpenFile } from '../wasi/file-system.ts';
import { decodeNodes, encodeNodes } from './memory-codec.ts';
import { MemoryDirectory, MemoryFile, type MemoryMount } from './memory-nodes.ts';
import { MemoryTree, ROOT_INODE } from './memory-tree.ts';

export class MemoryFileSystem implements FileSystem, MemoryMount {
  readonly rewinds = true;
  readonly endsWithRun = false;
  readonly #quotaBytes: number;
  readonly #nowNs: () => bigint;
  #tree: MemoryTree;
  /** What the tree was captured as, or made from, at which version of it. Null: as an empty one. */
  #known: { readonly captured: Uint8Array | null; readonly version: number };

  constructor(quotaBytes: number, nowNs: () => bigint) {
    this.#quotaBytes = quotaBytes;
    this.#nowNs = nowNs;
    this.#tree = new MemoryTree(quotaBytes, nowNs);
    this.#known = { captured: null, version: this.#tree.version };
  }

  get tree(): MemoryTree {
    return this.#tree;
  }

  openRoot(): OpenDirectory {
    return this.#open(ROOT_INODE) as OpenDirectory;
  }

  reopen(bookmark: string): OpenDirectory | OpenFile {
    return this.#open(Number(bookmark));
  }

  capture(): Uint8Array {
    const { captured, version } = this.#known;
    if (captured !== null && version === this.#tree.version) return captured;
    this.#tree.dropAllUnused();
    const encoded = encodeNodes(this.#tree.nodes);
    this.#known = { captured: encoded, version: this.#tree.version };
    return encoded;
  }

  /** None is held: the tree goes back, and everything is opened again. */
  closeAllBut(): void {
    this.#tree.closeAll();
  }

  restore(captured: Uint8Array | null): void {
    if (captured === this.#known.captured && this.#known.version === this.#tree.version) return;
    const tree = new MemoryTree(this.#quotaBytes, this.#nowNs);
    if (captured !== null) this.#fill(tree, captured);
    this.#tree = tree;
    this.#known = { captured, version: tree.version };
  }

  runIsOver(): void {}

  [Symbol.dispose](): void {}

  #fill(tree: MemoryTree, captured: Uint8Array): void {
    const nodes = decodeNodes(captured);
    if (nodes === null)
      throw new RekindleError('IMAGE_DAMAGED', 'in-memory mount', 'its content is not that of a file system');
    tree.replaceAll(nodes);
  }

  #open(inode: number): OpenDirectory | OpenFile {
    const node = this.#tree.node(inode);
    if (node.kind === 'directory') return new MemoryDirectory(this, node);
    if (node.kind === 'regular') return new MemoryFile(this, node);
    throw new FileError(ESTALE);
  }
}
