// Which bytes of the bank are taken: a first-fit allocator over whole bank pages that joins free neighbours. It is bookkeeping
// only; it must never touch the bank's content.
import { invariant } from '../invariant.ts';
import { BANK_PAGE_SIZE } from '../limits.ts';

export interface Extent {
  /** Byte offset in the bank, a multiple of the bank page. */
  readonly offset: number;
  /** Whole bank pages, in bytes. */
  readonly sizeBytes: number;
}

/** Bytes rounded up to whole bank pages. */
export function wholePages(sizeBytes: number): number {
  return Math.ceil(sizeBytes / BANK_PAGE_SIZE) * BANK_PAGE_SIZE;
}

/**
 * First fit: the lowest hole that is large enough is cut from its low end.
 *
 * Invariant: `#holes` is ascending by offset and no two holes touch; holes and taken extents together cover the range exactly.
 */
export class ExtentAllocator {
  readonly sizeBytes: number;
  readonly #holes: Extent[];
  /** Size of every taken extent by its offset: tells a genuine extent from a foreign or already freed one. */
  readonly #taken = new Map<number, number>();
  #freeBytes: number;

  /** `sizeBytes`: whole bank pages, at least one. */
  constructor(sizeBytes: number) {
    invariant(sizeBytes > 0 && sizeBytes % BANK_PAGE_SIZE === 0, 'an allocator covers whole bank pages');
    this.sizeBytes = sizeBytes;
    this.#holes = [{ offset: 0, sizeBytes }];
    this.#freeBytes = sizeBytes;
  }

  /** An allocator of which exactly these extents are taken; they must not overlap. */
  static holding(sizeBytes: number, extents: readonly Extent[]): ExtentAllocator {
    const allocator = new ExtentAllocator(sizeBytes);
    const ascending = [...extents].sort((a, b) => a.offset - b.offset);
    allocator.#holes.length = 0;
    let end = 0;
    for (const extent of ascending) {
      invariant(extent.offset >= end, 'extents in use do not overlap');
      if (extent.offset > end) allocator.#holes.push({ offset: end, sizeBytes: extent.offset - end });
      allocator.#taken.set(extent.offset, extent.sizeBytes);
      allocator.#freeBytes -= extent.sizeBytes;
      end = extent.offset + extent.sizeBytes;
    }
    invariant(end <= sizeBytes, 'extents in use lie inside the range');
    if (end < sizeBytes) allocator.#holes.push({ offset: end, sizeBytes: sizeBytes - end });
    return allocator;
  }

  /** The ranges not taken, ascending. */
  holes(): readonly Extent[] {
    return [...this.#holes];
  }

  /** Bytes not taken; they need not lie together. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** Takes `sizeBytes` (a positive integer), rounded up to whole pages; null when no hole is large enough. */
  allocate(sizeBytes: number): Extent | null {
    invariant(Number.isSafeInteger(sizeBytes) && sizeBytes > 0, 'an extent has a positive size');
    const wantedBytes = wholePages(sizeBytes);
    const index = this.#holes.findIndex((hole) => hole.sizeBytes >= wantedBytes);
    const hole = this.#holes[index];
    if (hole === undefined) return null;
    const remainingBytes = hole.sizeBytes - wantedBytes;
    if (remainingBytes === 0) this.#holes.splice(index, 1);
    else this.#holes[index] = { offset: hole.offset + wantedBytes, sizeBytes: remainingBytes };
    this.#taken.set(hole.offset, wantedBytes);
    this.#freeBytes -= wantedBytes;
    return Object.freeze({ offset: hole.offset, sizeBytes: wantedBytes });
  }

  /** Takes exactly this extent; false when it does not lie wholly in a hole, or is no run of whole pages. */
  take(extent: Extent): boolean {
    const { offset, sizeBytes } = extent;
    const isWhole =
      Number.isSafeInteger(offset) &&
      Number.isSafeInteger(sizeBytes) &&
      sizeBytes > 0 &&
      wholePages(sizeBytes) === sizeBytes;
    if (!isWhole || offset % BANK_PAGE_SIZE !== 0) return false;
    const index = this.#firstHoleAfter(offset + 1) - 1;
    const hole = this.#holes[index];
    if (hole === undefined || hole.offset + hole.sizeBytes < offset + sizeBytes) return false;
    const before = { offset: hole.offset, sizeBytes: offset - hole.offset };
    const end = offset + sizeBytes;
    const after = { offset: end, sizeBytes: hole.offset + hole.sizeBytes - end };
    this.#holes.splice(index, 1, ...[before, after].filter((rest) => rest.sizeBytes > 0));
    this.#taken.set(offset, sizeBytes);
    this.#freeBytes -= sizeBytes;
    return true;
  }

  /** Parts an extent in two that are given back one by one; what is left of the first is `firstBytes`, whole pages. Returns the second. */
  split(extent: Extent, firstBytes: number): Extent {
    invariant(this.#taken.get(extent.offset) === extent.sizeBytes, 'only a taken extent is split');
    const isInside = firstBytes > 0 && firstBytes < extent.sizeBytes && wholePages(firstBytes) === firstBytes;
    invariant(isInside, 'an extent is split between two of its pages');
    const second = Object.freeze({
      offset: extent.offset + firstBytes,
      sizeBytes: extent.sizeBytes - firstBytes,
    });
    // In this order: cut off in between, it loses room and gives none to two owners.
    this.#taken.set(extent.offset, firstBytes);
    this.#taken.set(second.offset, second.sizeBytes);
    return second;
  }

  /** Gives back an extent that `allocate` returned and nobody has freed since. */
  free(extent: Extent): void {
    invariant(
      this.#taken.get(extent.offset) === extent.sizeBytes,
      'only a taken extent is freed, and only once',
    );
    this.#taken.delete(extent.offset);
    this.#freeBytes += extent.sizeBytes;

    const index = this.#firstHoleAfter(extent.offset);
    const before = this.#holes[index - 1];
    const after = this.#holes[index];
    const joinsBefore = before !== undefined && before.offset + before.sizeBytes === extent.offset;
    const joinsAfter = after !== undefined && extent.offset + extent.sizeBytes === after.offset;
    const start = joinsBefore ? before.offset : extent.offset;
    const end = joinsAfter ? after.offset + after.sizeBytes : extent.offset + extent.sizeBytes;
    this.#holes.splice(joinsBefore ? index - 1 : index, Number(joinsBefore) + Number(joinsAfter), {
      offset: start,
      sizeBytes: end - start,
    });
  }

  #firstHoleAfter(offset: number): number {
    let low = 0;
    let high = this.#holes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const hole = this.#holes[middle];
      if (hole !== undefined && hole.offset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
