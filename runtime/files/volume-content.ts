// What is done to the content of files of one volume: it is stored, made longer and shorter, and given room. Extents never move, and none
// is given back while another run might store to it. Every byte that a length speaks of is in its place before the length is.
import { BANK_PAGE_SIZE, MAX_FILE_BYTES, MAX_FILE_EXTENTS, MAX_GROWTH_BYTES } from '../limits.ts';
import type { Extent } from '../memory/extents.ts';
import { EFBIG, EINVAL, ENOSPC, FileError } from '../wasi/errno.ts';
import type { VolumeBooks } from './volume-books.ts';
import {
  bytesOf,
  endOf,
  type FileExtent,
  type FileLayout,
  firstGap,
  neededFor,
  pieceAt,
  withExtent,
} from './volume-layout.ts';
import { EXTENT_RECORD_BYTES, VOLUME_RECORD_BYTES } from './volume-record.ts';
import type { VolumeNode } from './volume-tree.ts';

const ZEROS = new Uint8Array(16 * BANK_PAGE_SIZE);
/** A file that grows gets this part of what it has in advance, so that it need not be written down for every page. */
const GROWTH_SHARE = 1 / 4;

type RegularNode = VolumeNode & { readonly kind: 'regular' };

/** A layout with the extents that were taken for it. */
export interface GrownLayout {
  readonly layout: FileLayout;
  readonly taken: readonly FileExtent[];
}

/** Every method throws FileError. */
export class VolumeContent {
  readonly #books: VolumeBooks;

  constructor(books: VolumeBooks) {
    this.#books = books;
  }

  /** Throws EINVAL for what is no regular file. */
  node(inode: number): RegularNode {
    const node = this.#books.node(inode);
    if (node.kind === 'regular') return node;
    throw new FileError(EINVAL);
  }

  /** `position` null: at the end. As much as there is room for, or ENOSPC; where that ended. */
  write(
    inode: number,
    position: number | null,
    bytes: Uint8Array,
  ): { readonly writtenBytes: number; readonly endBytes: number } {
    const slot = this.#books.slot(this.node(inode));
    const sizeBytes = slot.sizeBytes;
    const start = position ?? sizeBytes;
    if (bytes.length === 0) return { writtenBytes: 0, endBytes: start };
    if (start >= MAX_FILE_BYTES) throw new FileError(EFBIG);
    const wishedEnd = Math.min(start + bytes.length, MAX_FILE_BYTES);
    const end = this.#reserve(inode, start, wishedEnd);
    if (end === start) throw new FileError(ENOSPC);
    const { layout } = this.node(inode);
    this.#zero(layout, sizeBytes, start);
    this.store(layout, bytes.subarray(0, end - start), start);
    if (end > sizeBytes) slot.setSize(this.#owner(inode), end);
    slot.modified(this.#books.options.nowNs());
    return { writtenBytes: end - start, endBytes: end };
  }

  /** `mayFree`: nobody but who asks has the file open. */
  setSize(inode: number, sizeBytes: number, mayFree: boolean): void {
    if (sizeBytes > MAX_FILE_BYTES) throw new FileError(EFBIG);
    const node = this.node(inode);
    const slot = this.#books.slot(node);
    this.#zero(node.layout, slot.sizeBytes, sizeBytes);
    slot.setSize(this.#owner(inode), sizeBytes);
    slot.modified(this.#books.options.nowNs());
    if (mayFree) this.trim(inode);
  }

  /** Room for all of it, and no gaps, or ENOSPC. */
  allocate(inode: number, position: number, sizeBytes: number): void {
    const end = position + sizeBytes;
    if (end > MAX_FILE_BYTES) throw new FileError(EFBIG);
    const before = this.node(inode).layout;
    if (this.#reserve(inode, position, end) < end) {
      this.#giveUp(inode, before);
      throw new FileError(ENOSPC);
    }
    const node = this.node(inode);
    const slot = this.#books.slot(node);
    if (end <= slot.sizeBytes) return;
    this.#zero(node.layout, slot.sizeBytes, end);
    slot.setSize(this.#owner(inode), end);
    slot.modified(this.#books.options.nowNs());
  }

  /** Gives back what lies beyond the end. Nobody may be storing to it. */
  trim(inode: number): void {
    const node = this.node(inode);
    this.#giveUp(inode, neededFor(node.layout, this.#books.slot(node).sizeBytes));
  }

  /** Nobody has the file open any more: one without a name is gone, and one with a name gets as short as it can. */
  closed(inode: number): void {
    const { tree } = this.#books;
    const node = tree.node(inode);
    if (node?.kind !== 'regular') return;
    if (tree.placeCount(inode) > 0) return this.trim(inode);
    this.#books.commitRemoval([{ kind: 'node', inode, node: null }]);
    this.#free(node.layout);
  }

  /** A copy of all of it. */
  read(inode: number): Uint8Array {
    const node = this.node(inode);
    const bytes = new Uint8Array(this.#books.slot(node).sizeBytes);
    const { view } = this.#books.options.bank;
    for (let at = 0; at < bytes.length; ) {
      const { offset, sizeBytes } = pieceAt(node.layout, at, bytes.length);
      if (offset !== null) bytes.set(view.bytes(offset, sizeBytes), at);
      at += sizeBytes;
    }
    return bytes;
  }

  /** Stores bytes where a layout has room for them: nobody is told of them. */
  store(layout: FileLayout, bytes: Uint8Array, position: number): void {
    const { view } = this.#books.options.bank;
    const end = position + bytes.length;
    for (let at = position; at < end; ) {
      const { offset, sizeBytes } = pieceAt(layout, at, end);
      if (offset !== null) view.write(bytes.subarray(at - position, at - position + sizeBytes), offset);
      at += sizeBytes;
    }
  }

  /**
   * As much of a layout as there is room for, without gaps from `start` on; `takenBytes`: taken for the same change before. What was
   * taken for it belongs to the caller.
   */
  grow(layout: FileLayout, start: number, end: number, takenBytes = 0): GrownLayout {
    const taken: FileExtent[] = [];
    let grown = layout;
    for (let gap = firstGap(grown, start, end); gap !== null; gap = firstGap(grown, start, end)) {
      if (grown.length >= MAX_FILE_EXTENTS) break;
      const isAtEnd = gap.position >= endOf(grown);
      const extent = this.#take(gap.sizeBytes, isAtEnd ? advanceOf(grown) : 0, takenBytes + bytesOf(taken));
      if (extent === null) break;
      const placed = Object.freeze({ position: gap.position, ...extent });
      taken.push(placed);
      grown = withExtent(grown, placed);
    }
    return { layout: grown, taken };
  }

  /** Makes room, as far as there is some. Returns how far there are no gaps from `start` on, at most `end`. */
  #reserve(inode: number, start: number, end: number): number {
    const node = this.node(inode);
    if (firstGap(node.layout, start, end) === null) return end;
    this.#books.requireRoom(VOLUME_RECORD_BYTES + (node.layout.length + 1) * EXTENT_RECORD_BYTES);
    const { layout, taken } = this.grow(node.layout, start, end);
    if (taken.length > 0) {
      this.#books.commit([{ kind: 'node', inode, node: { ...node, layout } }], taken);
      this.#books.slot(node).layoutChanged();
    }
    const gap = firstGap(layout, start, end);
    return gap === null ? end : Math.max(start, gap.position);
  }

  /** An extent for a gap, or for the beginning of it; with something in advance, if that is to be had. */
  #take(neededBytes: number, advanceBytes: number, takenBytes: number): Extent | null {
    if (advanceBytes > neededBytes) {
      const roomy = this.#books.takeExtent(advanceBytes, takenBytes);
      if (roomy !== null) return roomy;
    }
    for (let sizeBytes = neededBytes; sizeBytes > 0; sizeBytes = halved(sizeBytes)) {
      const extent = this.#books.takeExtent(sizeBytes, takenBytes);
      if (extent !== null) return extent;
    }
    return null;
  }

  /** `kept`: the extents of the file, or the beginnings of some of them. */
  #giveUp(inode: number, kept: FileLayout): void {
    const node = this.node(inode);
    if (kept === node.layout) return;
    // The shorter length is on the medium before what it does not speak of is given away.
    this.#books.commit([{ kind: 'node', inode, node: { ...node, layout: kept } }]);
    this.#books.slot(node).layoutChanged();
    const { bank } = this.#books.options;
    const keptBytes = new Map(kept.map(({ offset, sizeBytes }) => [offset, sizeBytes]));
    for (const { offset, sizeBytes } of node.layout) {
      const stays = keptBytes.get(offset);
      if (stays === undefined) bank.free({ offset, sizeBytes });
      else if (stays < sizeBytes) bank.shorten({ offset, sizeBytes }, stays);
    }
  }

  #free(extents: readonly Extent[]): void {
    const { bank } = this.#books.options;
    for (const { offset, sizeBytes } of extents) bank.free({ offset, sizeBytes });
  }

  /** What earlier contents, or a death in the middle of a write, have left behind the end is not seen again. */
  #zero(layout: FileLayout, start: number, end: number): void {
    const { view } = this.#books.options.bank;
    const last = Math.min(end, endOf(layout));
    for (let at = start; at < last; ) {
      const piece = pieceAt(layout, at, last);
      const sizeBytes = piece.offset === null ? piece.sizeBytes : Math.min(piece.sizeBytes, ZEROS.length);
      if (piece.offset !== null) view.write(ZEROS.subarray(0, sizeBytes), piece.offset);
      at += sizeBytes;
    }
  }

  #owner(inode: number): { readonly volume: number; readonly inode: number } {
    return { volume: this.#books.number, inode };
  }
}

function advanceOf(layout: FileLayout): number {
  const sizeBytes = Math.min(bytesOf(layout) * GROWTH_SHARE, MAX_GROWTH_BYTES);
  return Math.floor(sizeBytes / BANK_PAGE_SIZE) * BANK_PAGE_SIZE;
}

/** In whole pages; 0 after the last. */
function halved(sizeBytes: number): number {
  return sizeBytes <= BANK_PAGE_SIZE ? 0 : Math.ceil(sizeBytes / 2 / BANK_PAGE_SIZE) * BANK_PAGE_SIZE;
}
