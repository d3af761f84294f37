// The executing images of one process: generation 0, which belongs to the process image, the generations kept since, and the place the
// next one is written to. A generation that is kept is never written to: a checkpoint cut off anywhere leaves it whole.
import type { LedgerChange } from '../bank/ledger-records.ts';
import { invariant } from '../invariant.ts';
import type { Bank } from '../memory/bank.ts';
import type { PageSet } from '../memory/guest-memory.ts';
import { storedBytesOf } from '../memory/memory-places.ts';
import { unionPages } from '../memory/page-runs.ts';
import type { PersistentMemoryManager, SystemBlock } from '../memory/persistent-memory-manager.ts';
import { changeOfGenerations, GENERATIONS_RECORD_BYTES } from './generation-record.ts';
import { type ImageBlock, type ImageHead, imageMemoryOffset } from './image-codec.ts';
import { checksumByDifference, differingRuns } from './image-difference.ts';
import type { ProcessImage } from './process-image.ts';

/** What is current: where its head lies, and the blocks that were mapped when it was made. */
export interface CurrentImage {
  readonly generation: number;
  readonly offset: number;
  readonly headBytes: number;
  readonly blocks: readonly Omit<ImageBlock, 'sizeBytes'>[];
}

/** What has to be known of a generation beside its bytes. */
export interface GenerationFacts {
  readonly generation: number;
  readonly headBytes: number;
  readonly headChecksum: number;
  readonly storedBytes: number;
  readonly memoryChecksum: number;
  readonly blocks: readonly Omit<ImageBlock, 'sizeBytes'>[];
}

/** A generation that an earlier site has made, read and found sound. */
export interface FoundGeneration {
  readonly block: SystemBlock;
  readonly headBytes: number;
  readonly headChecksum: number;
  readonly head: ImageHead;
}

/** The spare place of an earlier site. */
export interface FoundSpare {
  readonly block: SystemBlock;
  readonly memoryOffset: number;
  readonly storedBytes: number;
}

/** What an earlier site has left. */
export interface FoundGenerations {
  /** The newest first. */
  readonly kept: readonly FoundGeneration[];
  readonly spare: FoundSpare | null;
}

/**
 * `stale`: the pages in which the reserved place differs from the current generation. What it held before is needed to reckon the
 * new checksum from the old one.
 */
export type Reservation =
  | {
      readonly kind: 'reserved';
      readonly offset: number;
      readonly stale: PageSet;
      readonly storedBytes: number;
      readonly memoryChecksum: number;
    }
  | { readonly kind: 'refused'; readonly reason: 'bank-full' | 'block-limit' };

export interface GenerationsOptions {
  readonly bank: Bank;
  readonly pmm: PersistentMemoryManager;
  readonly processName: string;
  readonly image: ProcessImage;
  /** How many are kept beside generation 0, the current one included; at least 1. */
  readonly maxKept: number;
}

//  Places take turns. With two generations kept, before a checkpoint:        after it:
//
//   place A: generation n    (current)                         place A: generation n     stale: changed(n + 1)
//   place B: generation n-1  stale: changed(n)                 place B: spare            stale: changed(n), changed(n + 1)
//   place C: spare           stale: changed(n-1), changed(n)   place C: generation n + 1 (current)
interface Place {
  readonly block: SystemBlock;
  readonly memoryOffset: number;
  /** Pages in which it differs from the current generation; 'all' from the moment it is being written to. */
  stale: PageSet;
  storedBytes: number;
  memoryChecksum: number;
}

interface KeptGeneration {
  readonly image: CurrentImage;
  readonly headChecksum: number;
  readonly place: Place;
}

const NOTHING_FOUND: FoundGenerations = Object.freeze({ kept: [], spare: null });

export class Generations implements Disposable {
  readonly #options: GenerationsOptions;
  readonly #generation0: CurrentImage;
  /** The newest first. */
  #kept: readonly KeptGeneration[] = [];
  #spare: Place | null = null;
  #pending: { readonly generation: number; readonly place: Place } | null = null;

  constructor(options: GenerationsOptions, found: FoundGenerations = NOTHING_FOUND) {
    this.#options = options;
    this.#generation0 = { generation: 0, ...options.image.generation0, blocks: [] };
    this.#kept = found.kept.map(({ block, headBytes, headChecksum, head }) => {
      const { generation, memories, memoryChecksum, blocks } = head;
      const storedBytes = storedBytesOf(memories);
      const memoryOffset = imageMemoryOffset(headBytes);
      return {
        image: { generation, offset: block.extent.offset, headBytes, blocks },
        headChecksum,
        place: { block, memoryOffset, stale: 'all', storedBytes, memoryChecksum },
      };
    });
    if (found.spare !== null) this.#spare = { ...found.spare, stale: 'all', memoryChecksum: 0 };
    this.#compareWithCurrent();
  }

  get current(): CurrentImage {
    return this.#kept[0]?.image ?? this.#generation0;
  }

  /** The generations there are, the newest first and 0 last. */
  get numbers(): readonly number[] {
    return [...this.#kept.map(({ image }) => image.generation), 0];
  }

  /** The system blocks that hold generations of this process. */
  blockIds(): readonly number[] {
    const places = [...this.#kept.map(({ place }) => place), this.#spare];
    return places.flatMap((place) => (place === null ? [] : [place.block.blockId]));
  }

  /** A place for generation `generation` with room for its head and memory. Undone by the next `reserve`, if not committed. */
  reserve(generation: number, memoryOffset: number, storedBytes: number): Reservation {
    invariant(generation === this.current.generation + 1, 'generations follow each other');
    this.#pending = null;
    if (!this.#options.bank.ledger.hasRoom(GENERATIONS_RECORD_BYTES))
      return { kind: 'refused', reason: 'bank-full' };
    const reusable = this.#spare;
    if (reusable !== null && isRoomy(reusable, memoryOffset, storedBytes))
      return this.#reserved(generation, reusable);
    this.#freeSpare();
    for (;;) {
      const allocated = this.#options.pmm.allocateSystem(this.#blockName(), memoryOffset + storedBytes);
      if (allocated.kind === 'allocated') {
        const { block } = allocated;
        this.#spare = { block, memoryOffset, stale: 'all', storedBytes: 0, memoryChecksum: 0 };
        return this.#reserved(generation, this.#spare);
      }
      // Rather one generation less to fall back to than no new one.
      if (this.#kept.length < 2) return allocated;
      this.#dropOldest();
      this.#freeSpare();
    }
  }

  /** The reserved place now holds the next generation: from here on it is the current one. */
  commit(made: GenerationFacts, changed: PageSet): void {
    const { generation, headBytes, headChecksum, storedBytes, memoryChecksum, blocks } = made;
    const pending = this.#pending;
    invariant(pending?.generation === generation, 'what is committed was reserved');
    const { place } = pending;
    const offset = place.block.extent.offset;
    const image: CurrentImage = { generation, offset, headBytes, blocks };
    const newest: KeptGeneration = { image, headChecksum, place };
    const kept = [newest, ...this.#kept].slice(0, this.#options.maxKept);
    // One at most, unless an earlier site has kept more.
    const [dropped = null, ...surplus] = this.#kept.slice(kept.length - 1).map((each) => each.place);
    this.#options.bank.commit([this.#change(kept, dropped)]);
    this.#pending = null;
    for (const { place: other } of this.#kept) other.stale = unionPages(other.stale, changed);
    place.stale = [];
    place.storedBytes = storedBytes;
    place.memoryChecksum = memoryChecksum;
    this.#spare = dropped;
    this.#kept = kept;
    for (const { block } of surplus) this.#options.pmm.freeSystem(block);
  }

  /** Goes back to the generation before the current one; false from generation 0. No guest code of the process may run. */
  rollBack(): boolean {
    const [poisoned, ...kept] = this.#kept;
    if (poisoned === undefined) return false;
    this.#options.bank.ledger.commit([this.#change(kept, null)]);
    this.#pending = null;
    this.#kept = kept;
    // What the others differ in was told in relation to the one that is gone.
    for (const { place } of kept) place.stale = 'all';
    this.#freeSpare();
    // Kept as the spare place, since an instance may still be mapped from it.
    this.#spare = { ...poisoned.place, stale: 'all' };
    return true;
  }

  /** Forgets every generation but 0. No instance may still be mapped over the others. */
  resetToGeneration0(): void {
    this[Symbol.dispose]();
  }

  /** Says what is kept, for a ledger that may have been cut off in the middle of it. */
  change(): LedgerChange {
    return this.#change(this.#kept, this.#spare);
  }

  [Symbol.dispose](): void {
    const places = this.#kept.map(({ place }) => place);
    this.#options.bank.ledger.commit([this.#change([], null)]);
    this.#pending = null;
    this.#kept = [];
    for (const place of places) this.#options.pmm.freeSystem(place.block);
    this.#freeSpare();
  }

  /** What an earlier site knew of the differences between its places died with it. */
  #compareWithCurrent(): void {
    const [current, ...older] = this.#kept.map(({ place }) => place);
    if (current === undefined) return;
    const known = this.#memoryOf(current);
    for (const place of [...older, this.#spare]) {
      if (place === null || place.storedBytes > current.storedBytes) continue;
      const memory = this.#memoryOf(place);
      const stale = differingRuns(memory, known.subarray(0, memory.byteLength));
      place.memoryChecksum = checksumByDifference(memory, stale, known, current.memoryChecksum);
      place.stale = stale;
    }
    current.stale = [];
  }

  #memoryOf({ block, memoryOffset, storedBytes }: Place): Uint8Array {
    return this.#options.bank.view.bytes(block.extent.offset + memoryOffset, storedBytes);
  }

  #reserved(generation: number, place: Place): Reservation {
    const { stale, storedBytes, memoryChecksum } = place;
    place.stale = 'all';
    this.#pending = { generation, place };
    return { kind: 'reserved', offset: place.block.extent.offset, stale, storedBytes, memoryChecksum };
  }

  /** Its place becomes the spare one; written down first, so that nobody looks for it where the next one is being written. */
  #dropOldest(): void {
    const oldest = this.#kept.at(-1);
    const kept = this.#kept.slice(0, -1);
    this.#options.bank.ledger.commit([this.#change(kept, null)]);
    this.#kept = kept;
    this.#spare = oldest?.place ?? null;
  }

  #freeSpare(): void {
    const spare = this.#spare;
    if (spare === null) return;
    this.#options.bank.ledger.commit([this.#change(this.#kept, null)]);
    this.#spare = null;
    this.#options.pmm.freeSystem(spare.block);
  }

  #change(kept: readonly KeptGeneration[], spare: Place | null): LedgerChange {
    return changeOfGenerations(this.#options.processName, {
      kept: kept.map(({ image: { generation, headBytes }, headChecksum, place }) => ({
        generation,
        headBytes,
        headChecksum,
        extent: place.block.extent,
      })),
      spare: spare === null ? null : { ...spare, extent: spare.block.extent },
    });
  }

  #blockName(): string {
    return `__SYS:generation:${this.#options.processName}`;
  }
}

/** What lies behind the new end would else be taken for content by a later, longer generation. */
function isRoomy(place: Place, memoryOffset: number, storedBytes: number): boolean {
  const { extent } = place.block;
  return (
    place.memoryOffset === memoryOffset &&
    extent.sizeBytes >= memoryOffset + storedBytes &&
    (place.stale === 'all' || place.storedBytes <= storedBytes)
  );
}
