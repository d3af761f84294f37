// An open file of a volume in a guest's thread. Bytes within its length go to the bank and come from it directly; what makes it longer,
// or fills a gap, is handed to the main thread. Its length and its extents are looked up for each access, as others may change them.
import { MAX_FILE_BYTES, MAX_VOLUME_PIECE_BYTES } from '../limits.ts';
import type { BankView } from '../memory/bank-view.ts';
import { EBADF, EFBIG, ENOSPC, FileError } from '../wasi/errno.ts';
import type { FileStat, NewTimes, OpenFile } from '../wasi/file-system.ts';
import { covers, type FileLayout, NO_EXTENTS, pieceAt } from './volume-layout.ts';
import type { VolumeLink } from './volume-link.ts';
import { VolumeSlot } from './volume-slot.ts';

export interface VolumeFileOptions {
  readonly link: VolumeLink;
  readonly view: BankView;
  readonly nowNs: () => bigint;
  readonly access: { readonly read: boolean; readonly write: boolean };
  readonly handle: number;
  readonly inode: number;
  readonly slotOffset: number;
}

export class VolumeFile implements OpenFile {
  readonly kind = 'file';
  readonly #options: VolumeFileOptions;
  readonly #slot: VolumeSlot;
  #layout: FileLayout = NO_EXTENTS;
  /** The count of layouts that `#layout` is known to be good for; null when it was never asked for. */
  #layouts: number | null = null;

  constructor(options: VolumeFileOptions) {
    this.#options = options;
    this.#slot = new VolumeSlot(options.view, options.slotOffset);
  }

  stat(): FileStat {
    const { link, inode } = this.#options;
    return link.ask({ kind: 'stat', inode }, 'stat').stat;
  }

  setTimes(times: NewTimes): void {
    const { link, inode } = this.#options;
    link.ask({ kind: 'set-times', inode, times }, 'done');
  }

  sync(): void {
    this.#options.link.ask({ kind: 'sync' }, 'done');
  }

  bookmark(): string {
    return this.#options.link.bookmarkOf(this.#options.inode);
  }

  close(): void {
    const { link, handle } = this.#options;
    link.close(handle);
  }

  read(into: Uint8Array, position: number): number {
    this.#require('read');
    const { view } = this.#options;
    const end = Math.min(this.#slot.sizeBytes, position + into.length);
    if (position >= end) return 0;
    const layout = this.#presentLayout();
    for (let at = position; at < end; ) {
      const { offset, sizeBytes } = pieceAt(layout, at, end);
      const start = at - position;
      if (offset === null) into.fill(0, start, start + sizeBytes);
      else into.set(view.bytes(offset, sizeBytes), start);
      at += sizeBytes;
    }
    return end - position;
  }

  write(bytes: Uint8Array, position: number): number {
    this.#require('write');
    const end = position + bytes.length;
    if (end <= this.#slot.sizeBytes) {
      const layout = this.#presentLayout();
      if (covers(layout, position, end)) return this.#overwrite(layout, bytes, position);
    }
    return this.#handOver(bytes, position).writtenBytes;
  }

  append(bytes: Uint8Array): { readonly writtenBytes: number; readonly endBytes: number } {
    this.#require('write');
    return this.#handOver(bytes, null);
  }

  setSize(sizeBytes: number): void {
    this.#require('write');
    const { link, handle } = this.#options;
    link.ask({ kind: 'set-size', handle, sizeBytes }, 'done');
  }

  allocate(position: number, sizeBytes: number): void {
    this.#require('write');
    if (position + sizeBytes > MAX_FILE_BYTES) throw new FileError(EFBIG);
    const { link, handle } = this.#options;
    link.ask({ kind: 'allocate', handle, position, sizeBytes }, 'done');
  }

  #require(right: 'read' | 'write'): void {
    if (!this.#options.access[right]) throw new FileError(EBADF);
  }

  /**
   * The count is read before the extents are asked for, so that a change in between is seen at the next access at the latest.
   *
   * Invariant: extents that were known for a file stay the file's, as long as this run has it open and has not made it shorter itself.
   */
  #presentLayout(): FileLayout {
    const { layouts } = this.#slot;
    if (layouts === this.#layouts) return this.#layout;
    const { link, handle } = this.#options;
    this.#layout = link.ask({ kind: 'layout', handle }, 'layout').layout;
    this.#layouts = layouts;
    return this.#layout;
  }

  #overwrite(layout: FileLayout, bytes: Uint8Array, position: number): number {
    const { view, nowNs } = this.#options;
    const end = position + bytes.length;
    for (let at = position; at < end; ) {
      const { offset, sizeBytes } = pieceAt(layout, at, end);
      if (offset === null) break;
      view.write(bytes.subarray(at - position, at - position + sizeBytes), offset);
      at += sizeBytes;
    }
    if (bytes.length > 0) this.#slot.modified(nowNs());
    return bytes.length;
  }

  /** Piece by piece; what there is no room for is left, unless that is all of it. */
  #handOver(
    bytes: Uint8Array,
    position: number | null,
  ): { readonly writtenBytes: number; readonly endBytes: number } {
    const { link, handle } = this.#options;
    let writtenBytes = 0;
    let endBytes = position ?? 0;
    do {
      const piece = bytes.slice(writtenBytes, writtenBytes + MAX_VOLUME_PIECE_BYTES);
      const at = position === null ? null : position + writtenBytes;
      try {
        const written = link.ask({ kind: 'write', handle, position: at, bytes: piece }, 'written');
        writtenBytes += written.writtenBytes;
        ({ endBytes } = written);
        if (written.writtenBytes < piece.length) break;
      } catch (error) {
        const isFull = error instanceof FileError && (error.errno === ENOSPC || error.errno === EFBIG);
        if (!isFull || writtenBytes === 0) throw error;
        break;
      }
    } while (writtenBytes < bytes.length);
    return { writtenBytes, endBytes };
  }
}
