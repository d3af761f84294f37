// The books of one volume: its tree, and how a change of it is made. What is changed is written down in the ledger before it counts, and
// counts whole or not at all, even if this code is cut off in the middle. It knows nothing of the rules of file systems.
import { RekindleError } from '../errors.ts';
import { invariant } from '../invariant.ts';
import { BANK_PAGE_SIZE } from '../limits.ts';
import type { Bank } from '../memory/bank.ts';
import type { Extent } from '../memory/extents.ts';
import { EIO, ENOSPC, ESTALE, FileError } from '../wasi/errno.ts';
import type { FileStat } from '../wasi/file-system.ts';
import { bytesOf } from './volume-layout.ts';
import { changeOfTree, type VolumeRecord } from './volume-record.ts';
import { SLOT_BYTES, VolumeSlot } from './volume-slot.ts';
import { type TreeChange, type VolumeNode, VolumeTree } from './volume-tree.ts';

/** Tells the devices of volumes from those of the host: these numbers are larger than any of its file systems has. */
const DEVICE_BASE = 1n << 62n;
/** Pages by which the table of a volume grows at most. */
const MAX_TABLE_PAGES = 64;

export interface VolumeBooksOptions {
  readonly bank: Bank;
  readonly quotaBytes: number;
  /** Of the present, since 1970. */
  readonly nowNs: () => bigint;
  /** Somebody has the file open, so that it outlives its last name. */
  readonly isOpen: (inode: number) => boolean;
}

export type NewNode =
  | { readonly kind: 'regular' }
  | { readonly kind: 'directory' }
  | { readonly kind: 'symlink'; readonly content: string };

export class VolumeBooks {
  readonly name: string;
  readonly number: number;
  readonly tree: VolumeTree;
  readonly options: VolumeBooksOptions;
  /** What has been begun and may not have been ended. */
  #underWay: readonly TreeChange[] | null = null;

  constructor({ name, number, table }: VolumeRecord, options: VolumeBooksOptions) {
    this.name = name;
    this.number = number;
    this.options = options;
    this.tree = new VolumeTree(table);
  }

  /** Throws ESTALE. */
  node(inode: number): VolumeNode {
    const node = this.tree.node(inode);
    if (node === null) throw new FileError(ESTALE);
    return node;
  }

  slotOffset({ slot }: VolumeNode): number {
    const offset = this.tree.slotOffset(slot);
    invariant(offset !== null, 'the slot of a file lies in the table of its volume');
    return offset;
  }

  slot(node: VolumeNode): VolumeSlot {
    return new VolumeSlot(this.options.bank.view, this.slotOffset(node));
  }

  /** Throws ESTALE. */
  stat(inode: number): FileStat {
    const node = this.node(inode);
    const slot = this.slot(node);
    const isDirectory = node.kind === 'directory';
    return {
      device: DEVICE_BASE + BigInt(this.number),
      inode: BigInt(inode),
      type: node.kind,
      // Of a directory: its name, its own `.`, and the `..` of each directory in it.
      links: BigInt(isDirectory ? 2 + this.tree.subdirectoryCount(inode) : this.tree.placeCount(inode)),
      sizeBytes: BigInt(node.kind === 'symlink' ? Buffer.byteLength(node.content) : slot.sizeBytes),
      ...slot.times,
    };
  }

  /** The content of the directory has changed, or anything about a file. */
  touch(inode: number, what: 'modified' | 'changed'): void {
    const node = this.tree.node(inode);
    if (node !== null) this.slot(node)[what](this.options.nowNs());
  }

  /**
   * All of it or nothing. `extents`: taken for these changes; given back if they are not made.
   *
   * @throws FileError EIO when what the changes speak of cannot be brought to the medium; nothing has changed then.
   */
  commit(changes: readonly TreeChange[], extents: readonly Extent[] = []): void {
    try {
      this.sync();
    } catch (error) {
      if (error instanceof FileError)
        for (const { offset, sizeBytes } of extents) this.options.bank.free({ offset, sizeBytes });
      throw error;
    }
    this.commitRemoval(changes);
  }

  /** What has been stored is on the medium when this returns. Throws FileError EIO. */
  sync(): void {
    try {
      this.options.bank.syncContent();
    } catch (error) {
      if (error instanceof RekindleError) throw new FileError(EIO);
      throw error;
    }
  }

  /** As `commit`, for changes that speak of nothing new in the content: they need not wait for it. */
  commitRemoval(changes: readonly TreeChange[]): void {
    this.#underWay = changes;
    this.options.bank.ledger.commit(changes.map((change) => changeOfTree(this, change)));
    this.tree.apply(changes);
    this.#underWay = null;
  }

  /** Ends a change that was cut off in the middle. */
  reconcile(): void {
    const changes = this.#underWay ?? [];
    this.options.bank.ledger.commit(changes.map((change) => changeOfTree(this, change)));
    this.tree.applyAgain(changes);
    this.#underWay = null;
  }

  /** The changes that make a new file with a slot, which holds its first times. To be committed together with a name. Throws ENOSPC. */
  newNode(content: NewNode): {
    readonly inode: number;
    readonly node: VolumeNode;
    readonly slotOffset: number;
    readonly changes: readonly TreeChange[];
    readonly extents: readonly Extent[];
  } {
    const { bank, nowNs } = this.options;
    const inode = this.tree.nextInode;
    const grown = this.tree.freeSlot === null ? this.#largerTable() : null;
    const slot = this.tree.freeSlot ?? bytesOf(this.tree.table) / SLOT_BYTES;
    const node: VolumeNode =
      content.kind === 'regular' ? { kind: 'regular', slot, layout: [] } : { ...content, slot };
    const slotOffset = grown?.extent.offset ?? this.slotOffset(node);
    new VolumeSlot(bank.view, slotOffset).begin({ volume: this.number, inode }, nowNs());
    const changes: TreeChange[] = [
      ...(grown === null ? [] : [{ kind: 'table' as const, table: grown.table }]),
      { kind: 'node', inode, node },
      { kind: 'next-inode', inode: inode + 1 },
    ];
    return { inode, node, slotOffset, changes, extents: grown === null ? [] : [grown.extent] };
  }

  /** Takes an extent of the bank within the quota; null when there is no room for it. `takenBytes`: that are not in the tree yet. */
  takeExtent(sizeBytes: number, takenBytes = 0): Extent | null {
    const { bank, quotaBytes } = this.options;
    return this.tree.usedBytes + takenBytes + sizeBytes > quotaBytes ? null : bank.allocate(sizeBytes);
  }

  /** Throws ENOSPC unless so much more may be written down. */
  requireRoom(recordBytes: number): void {
    if (!this.options.bank.ledger.hasRoom(recordBytes)) throw new FileError(ENOSPC);
  }

  #largerTable(): { readonly table: readonly Extent[]; readonly extent: Extent } {
    const { table } = this.tree;
    const pages = bytesOf(table) / BANK_PAGE_SIZE;
    const wishedBytes = Math.min(pages, MAX_TABLE_PAGES) * BANK_PAGE_SIZE;
    const extent = this.takeExtent(wishedBytes) ?? this.takeExtent(BANK_PAGE_SIZE);
    if (extent === null) throw new FileError(ENOSPC);
    return { table: Object.freeze([...table, extent]), extent };
  }
}
