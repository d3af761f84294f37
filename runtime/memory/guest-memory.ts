// What a memory backend does for one instance: make bank content appear in linear memory, put linear memory back to an image,
// and find what must be written to make a new image. Implementations never decide when any of this happens.
import type { Extent } from './extents.ts';

/** A run of 4 KiB pages, counted from the start of linear memory. */
export interface PageRun {
  readonly firstPage: number;
  readonly pageCount: number;
}

/** The pages to be written: known runs, in ascending order and not touching, or everything. */
export type PageSet = readonly PageRun[] | 'all';

/** The memory part of an executing image. */
export interface MemoryImage {
  /** Size of linear memory at capture, in bytes. */
  readonly memoryBytes: number;
  /** Where the first `storedBytes` bytes lie in the bank; all that follows reads as zero. */
  readonly offset: number;
  /** Whole bank pages, at most memoryBytes; may be 0. */
  readonly storedBytes: number;
}

/** A persistent block that appears in linear memory. */
export interface BlockMapping {
  readonly blockId: number;
  /** Guest address, a multiple of 4096. */
  readonly address: number;
  readonly extent: Extent;
}

/** What making an image would take. */
export interface MemorySurvey {
  /** Bytes that must be stored: whole bank pages up to the last one that does not read as zero. */
  readonly storedBytes: number;
  /** Pages that differ from the base image, or may. Pages of mapped blocks are never among them. */
  readonly dirty: PageSet;
}

/**
 * Owner of what the backend did to one linear memory. The base image is the one last given to `restore` or `rebase`.
 *
 * Invariant: pages under a mapped block are never captured and never restored; an image holds zeros for them.
 */
export interface GuestMemory extends Disposable {
  readonly memory: WebAssembly.Memory;
  /** The blocks that appear in linear memory now, by address. */
  readonly blocks: readonly BlockMapping[];
  /**
   * Puts linear memory back to `image`, with exactly `blocks` mapped. The memory must have the image's size
   * (grown by the caller if need be). Afterwards `image` is the base.
   */
  restore(image: MemoryImage, blocks: readonly BlockMapping[]): void;
  /** Makes a block appear; the range must lie inside linear memory and overlap no other block. */
  mapBlock(mapping: BlockMapping): void;
  /** Takes a block away; its range reads as zero from then on. */
  unmapBlock(address: number): void;
  /** Copied backend: publishes the guest's stores into blocks and takes in those of others. Mapped: nothing to do. */
  exchange(): void;
  survey(): MemorySurvey;
  /** Writes the given pages of linear memory to `targetOffset` in the bank, which stands for address 0. */
  write(targetOffset: number, storedBytes: number, pages: PageSet): void;
  /** Says that `image` holds what linear memory holds now. */
  rebase(image: MemoryImage): void;
}
