// Where the content of a file lies: extents of the bank by their position in the file. What no extent covers is a gap, and reads as
// zero. Pure; it never touches the bank.
import { invariant } from '../invariant.ts';
import { BANK_PAGE_SIZE } from '../limits.ts';
import type { Extent } from '../memory/extents.ts';

//   file    0            8192       16384                 32768
//           |  extent A  |   gap    |      extent B       |      gap, without an end
//   bank    |  offset A  |          |      offset B       |
//
/** An extent and the position in the file of its first byte: whole pages. */
export interface FileExtent extends Extent {
  readonly position: number;
}

/** Ascending by position; none overlaps another. */
export type FileLayout = readonly FileExtent[];

export const NO_EXTENTS: FileLayout = Object.freeze([]);

/** A range of a file that lies in one piece. */
export interface Piece {
  /** In the bank; null in a gap. */
  readonly offset: number | null;
  readonly sizeBytes: number;
}

/** The piece from `position` on, at most up to `end`, which is beyond it. */
export function pieceAt(layout: FileLayout, position: number, end: number): Piece {
  const index = firstEndingAfter(layout, position);
  const extent = layout[index];
  if (extent === undefined) return { offset: null, sizeBytes: end - position };
  if (extent.position > position)
    return { offset: null, sizeBytes: Math.min(end, extent.position) - position };
  const within = position - extent.position;
  return {
    offset: extent.offset + within,
    sizeBytes: Math.min(end - position, extent.sizeBytes - within),
  };
}

/** Whether some extent covers each byte from `start` to `end`. */
export function covers(layout: FileLayout, start: number, end: number): boolean {
  for (let at = start; at < end; ) {
    const { offset, sizeBytes } = pieceAt(layout, at, end);
    if (offset === null) return false;
    at += sizeBytes;
  }
  return true;
}

/** The first gap between `start` and `end`, in whole pages of the file; null when there is none. */
export function firstGap(
  layout: FileLayout,
  start: number,
  end: number,
): { readonly position: number; readonly sizeBytes: number } | null {
  const lastPage = Math.ceil(end / BANK_PAGE_SIZE) * BANK_PAGE_SIZE;
  for (let at = Math.floor(start / BANK_PAGE_SIZE) * BANK_PAGE_SIZE; at < lastPage; ) {
    const { offset, sizeBytes } = pieceAt(layout, at, lastPage);
    if (offset === null) return { position: at, sizeBytes };
    at += sizeBytes;
  }
  return null;
}

export function withExtent(layout: FileLayout, extent: FileExtent): FileLayout {
  const index = firstEndingAfter(layout, extent.position);
  const next = layout[index];
  invariant(
    next === undefined || next.position >= extent.position + extent.sizeBytes,
    'extents of a file do not overlap',
  );
  return Object.freeze([...layout.slice(0, index), Object.freeze(extent), ...layout.slice(index)]);
}

/** What of a layout a file of that length needs: the same object when that is all. */
export function neededFor(layout: FileLayout, sizeBytes: number): FileLayout {
  const end = Math.ceil(sizeBytes / BANK_PAGE_SIZE) * BANK_PAGE_SIZE;
  if (endOf(layout) <= end) return layout;
  return Object.freeze(
    layout
      .filter(({ position }) => position < end)
      .map((extent) =>
        Object.freeze({ ...extent, sizeBytes: Math.min(extent.sizeBytes, end - extent.position) }),
      ),
  );
}

/** Behind the last extent. */
export function endOf(layout: FileLayout): number {
  const last = layout.at(-1);
  return last === undefined ? 0 : last.position + last.sizeBytes;
}

export function bytesOf(layout: readonly Extent[]): number {
  return layout.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/** Index of the first extent that ends after `position`, or the number of extents. */
function firstEndingAfter(layout: FileLayout, position: number): number {
  let low = 0;
  let high = layout.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const extent = layout[middle];
    if (extent !== undefined && extent.position + extent.sizeBytes <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}
