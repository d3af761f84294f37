// The executing images of one process: generation 0, which belongs to the process image, the current generation, and the place the
// next one is written to. The current generation is never written to: a checkpoint cut off anywhere leaves it whole.
import { invariant } from '../invariant.ts';
import type { BlockMapping, PageSet } from '../memory/guest-memory.ts';
import type { PersistentMemoryManager, SystemBlock } from '../memory/persistent-memory-manager.ts';
import type { ProcessImage } from './process-image.ts';

/** What is current: where its head lies, and the blocks that were mapped when it was made. */
export interface CurrentImage {
  readonly generation: number;
  readonly offset: number;
  readonly headBytes: number;
  readonly blocks: readonly BlockMapping[];
}

export type Reservation =
  | { readonly kind: 'reserved'; readonly offset: number; readonly stale: PageSet }
  | { readonly kind: 'refused'; readonly reason: 'bank-full' | 'block-limit' };

//  Two places take turns. Before a checkpoint:          after it:
//
//   place A: generation n    (current)                   place A: generation n      stale against B: changed(n + 1)
//   place B: generation n-1  stale against A: changed(n) place B: generation n + 1  (current)
interface Place {
  readonly block: SystemBlock;
  readonly memoryOffset: number;
  /** Pages in which it differs from the current generation; 'all' from the moment it is being written to. */
  stale: PageSet;
}

export class Generations implements Disposable {
  readonly #pmm: PersistentMemoryManager;
  readonly #blockName: string;
  readonly #generation0: CurrentImage;
  #current: CurrentImage;
  #currentPlace: Place | null = null;
  #otherPlace: Place | null = null;
  #pending: { readonly generation: number; readonly place: Place } | null = null;

  constructor(pmm: PersistentMemoryManager, processName: string, image: ProcessImage) {
    this.#pmm = pmm;
    this.#blockName = `__SYS:generation:${processName}`;
    this.#generation0 = { generation: 0, ...image.generation0, blocks: [] };
    this.#current = this.#generation0;
  }

  get current(): CurrentImage {
    return this.#current;
  }

  /** The system blocks that hold generations of this process. */
  blockIds(): readonly number[] {
    return [this.#currentPlace, this.#otherPlace].flatMap((place) =>
      place === null ? [] : [place.block.blockId],
    );
  }

  /** A place for generation `generation` with room for its head and memory. Undone by the next `reserve`, if not committed. */
  reserve(generation: number, memoryOffset: number, storedBytes: number): Reservation {
    invariant(generation === this.#current.generation + 1, 'generations follow each other');
    this.#pending = null;
    const sizeBytes = memoryOffset + storedBytes;
    const reusable = this.#otherPlace;
    if (
      reusable !== null &&
      reusable.memoryOffset === memoryOffset &&
      reusable.block.extent.sizeBytes >= sizeBytes
    ) {
      const { stale } = reusable;
      reusable.stale = 'all';
      this.#pending = { generation, place: reusable };
      return { kind: 'reserved', offset: reusable.block.extent.offset, stale };
    }
    this.#otherPlace = null;
    if (reusable !== null) this.#pmm.freeSystem(reusable.block);
    const allocated = this.#pmm.allocateSystem(this.#blockName, sizeBytes);
    if (allocated.kind === 'refused') return allocated;
    this.#otherPlace = { block: allocated.block, memoryOffset, stale: 'all' };
    this.#pending = { generation, place: this.#otherPlace };
    return { kind: 'reserved', offset: allocated.block.extent.offset, stale: 'all' };
  }

  /** The reserved place now holds the next generation: from here on it is the current one. */
  commit(generation: number, headBytes: number, changed: PageSet, blocks: readonly BlockMapping[]): void {
    const pending = this.#pending;
    invariant(pending?.generation === generation, 'what is committed was reserved');
    this.#pending = null;
    this.#otherPlace = this.#currentPlace;
    if (this.#otherPlace !== null) this.#otherPlace.stale = changed;
    this.#currentPlace = pending.place;
    this.#current = { generation, offset: pending.place.block.extent.offset, headBytes, blocks };
  }

  /** Forgets every generation but 0. No instance may still be mapped over the others. */
  resetToGeneration0(): void {
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    const places = [this.#currentPlace, this.#otherPlace];
    this.#currentPlace = null;
    this.#otherPlace = null;
    this.#pending = null;
    this.#current = this.#generation0;
    for (const place of places) if (place !== null) this.#pmm.freeSystem(place.block);
  }
}
