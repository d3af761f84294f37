// The content of an in-memory mount: directories, files and symbolic links by inode, with a bound on the whole. It belongs to one guest and
// goes back with it; it must never hold more than its quota, whatever the guest does.
import { MEMORY_NODE_BYTES } from '../limits.ts';
import { EFBIG, ENOSPC, ESTALE, FileError } from '../wasi/errno.ts';

interface CommonNode {
  readonly inode: number;
  /** Names that lead to it; of a directory 1, or 0 once it is removed. */
  links: number;
  accessedNs: bigint;
  modifiedNs: bigint;
  changedNs: bigint;
}

export interface MemoryDirectoryNode extends CommonNode {
  readonly kind: 'directory';
  /** Inodes by name, in the order in which they came. */
  readonly entries: Map<string, number>;
}

export interface MemoryFileNode extends CommonNode {
  readonly kind: 'regular';
  /** At least `sizeBytes` long; what is behind that is zero. */
  content: Uint8Array;
  sizeBytes: number;
}

export interface MemoryLinkNode extends CommonNode {
  readonly kind: 'symlink';
  readonly text: string;
}

export type MemoryNode = MemoryDirectoryNode | MemoryFileNode | MemoryLinkNode;

export const ROOT_INODE = 1;
const FIRST_CONTENT_BYTES = 256;

export class MemoryTree {
  readonly #quotaBytes: number;
  readonly #nowNs: () => bigint;
  readonly #nodes = new Map<number, MemoryNode>();
  readonly #openings = new Map<number, number>();
  #nextInode = ROOT_INODE;
  #usedBytes = 0;
  /**
   * Counts changes of what is captured.
   *
   * Invariant: it is counted before anything is changed. A watchdog may cut a change off anywhere, and what is half done is then seen to
   * be another tree than the one that was captured.
   */
  version = 0;

  /** An empty root. */
  constructor(quotaBytes: number, nowNs: () => bigint) {
    this.#quotaBytes = quotaBytes;
    this.#nowNs = nowNs;
    this.make({ kind: 'directory', entries: new Map() });
    this.node(ROOT_INODE).links = 1;
  }

  /** By inode, rising. */
  get nodes(): readonly MemoryNode[] {
    return [...this.#nodes.values()].sort((a, b) => a.inode - b.inode);
  }

  /** Throws FileError ESTALE. */
  node(inode: number): MemoryNode {
    const node = this.#nodes.get(inode);
    if (node === undefined) throw new FileError(ESTALE);
    return node;
  }

  /** A node that nothing leads to yet. Throws FileError ENOSPC. */
  make(
    what:
      | Pick<MemoryDirectoryNode, 'kind' | 'entries'>
      | Pick<MemoryFileNode, 'kind' | 'content' | 'sizeBytes'>
      | Pick<MemoryLinkNode, 'kind' | 'text'>,
  ): MemoryNode {
    this.#take(costOf({ ...what, links: 0 }));
    const nowNs = this.#nowNs();
    const inode = this.#nextInode;
    this.#nextInode += 1;
    const node: MemoryNode = {
      ...what,
      inode,
      links: 0,
      accessedNs: nowNs,
      modifiedNs: nowNs,
      changedNs: nowNs,
    };
    this.#nodes.set(inode, node);
    return node;
  }

  /** Everything, as it was captured: it was within the quota then. */
  replaceAll(nodes: readonly MemoryNode[]): void {
    this.#nodes.clear();
    this.#usedBytes = 0;
    for (const node of nodes) {
      this.#nodes.set(node.inode, node);
      this.#usedBytes += costOf(node);
      this.#nextInode = Math.max(this.#nextInode, node.inode + 1);
    }
  }

  /** To be said before a name is given to it. Throws FileError ENOSPC for a second name, or one more. */
  addLink(node: MemoryNode): void {
    if (node.links > 0) this.#take(MEMORY_NODE_BYTES);
    this.touch(node, 'changed');
    node.links += 1;
  }

  /** A name of it is gone; with the last one, and nobody who has it open, it is. */
  dropLink(node: MemoryNode): void {
    this.touch(node, 'changed');
    node.links -= 1;
    if (node.links > 0) this.#usedBytes -= MEMORY_NODE_BYTES;
    this.#dropUnused(node);
  }

  opened(node: MemoryNode): void {
    this.#openings.set(node.inode, (this.#openings.get(node.inode) ?? 0) + 1);
  }

  closed(inode: number): void {
    const openings = (this.#openings.get(inode) ?? 0) - 1;
    if (openings > 0) {
      this.#openings.set(inode, openings);
      return;
    }
    this.#openings.delete(inode);
    const node = this.#nodes.get(inode);
    if (node !== undefined) this.#dropUnused(node);
  }

  /** Nothing is open any more; what has no name stays, as it may be what the guest goes back to. */
  closeAll(): void {
    this.#openings.clear();
  }

  /** What had been open without a name, and has not been opened again since the guest went back. */
  dropAllUnused(): void {
    for (const node of this.#nodes.values()) this.#dropUnused(node);
  }

  /** Throws FileError EFBIG, ENOSPC. */
  setSize(node: MemoryFileNode, sizeBytes: number): void {
    const growthBytes = sizeBytes - node.sizeBytes;
    if (sizeBytes > this.#quotaBytes) throw new FileError(EFBIG);
    if (growthBytes > 0) this.#take(growthBytes);
    this.touch(node, 'modified');
    if (growthBytes < 0) this.#usedBytes += growthBytes;
    if (sizeBytes > node.content.byteLength) {
      const roomBytes = Math.max(sizeBytes, 2 * node.content.byteLength, FIRST_CONTENT_BYTES);
      const content = new Uint8Array(Math.min(roomBytes, this.#quotaBytes));
      content.set(node.content.subarray(0, node.sizeBytes));
      node.content = content;
    } else if (growthBytes < 0 && sizeBytes < node.content.byteLength / 4) {
      // What is not counted any more is not kept either.
      node.content = node.content.slice(0, sizeBytes);
    } else if (growthBytes < 0) node.content.fill(0, sizeBytes, node.sizeBytes);
    node.sizeBytes = sizeBytes;
  }

  /** To be said before it is done. */
  touch(node: MemoryNode, what: 'modified' | 'changed'): void {
    this.version += 1;
    const nowNs = this.#nowNs();
    node.changedNs = nowNs;
    if (what === 'modified') node.modifiedNs = nowNs;
  }

  #dropUnused(node: MemoryNode): void {
    if (node.links > 0 || this.#openings.has(node.inode)) return;
    this.version += 1;
    this.#nodes.delete(node.inode);
    this.#usedBytes -= costOf(node);
  }

  #take(sizeBytes: number): void {
    if (this.#usedBytes + sizeBytes > this.#quotaBytes) throw new FileError(ENOSPC);
    this.version += 1;
    this.#usedBytes += sizeBytes;
  }
}

/** What is reckoned with when the quota is. */
type Counted =
  | Pick<MemoryDirectoryNode, 'kind' | 'links'>
  | Pick<MemoryFileNode, 'kind' | 'links' | 'sizeBytes'>
  | Pick<MemoryLinkNode, 'kind' | 'links' | 'text'>;

/** Its first name is counted with it. */
function costOf(node: Counted): number {
  const names = MEMORY_NODE_BYTES * Math.max(1, node.links);
  if (node.kind === 'directory') return names;
  return names + (node.kind === 'regular' ? node.sizeBytes : Buffer.byteLength(node.text));
}
