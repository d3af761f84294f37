// All memories of one instance, as one: images and page sets cover them together, and persistent blocks appear in the one that pointers
// of the guest lead into. It decides nothing about a single memory, which is its backend's business.
import { invariant } from '../invariant.ts';
import type { BlockMapping, GuestMemory, MemoryImage, PageRun, PageSet } from './guest-memory.ts';
import { beginAlike, pagesOfMemory, type StoredMemory, storedBytesOf } from './memory-places.ts';
import { runsBetween, shiftRuns, unionRuns } from './page-runs.ts';

/** What making an image would take: what it would hold of each memory, and the pages of the image that have to be written. */
export interface InstanceSurvey {
  readonly memories: readonly StoredMemory[];
  /** Of all memories together. */
  readonly storedBytes: number;
  readonly dirty: PageSet;
}

const NO_BLOCKS: readonly BlockMapping[] = [];

export class InstanceMemories implements Disposable {
  readonly #memories: readonly GuestMemory[];
  /** Where pointers lead and blocks appear; null when the instance has no memory. */
  readonly linear: GuestMemory | null;
  /** What the base image stores; empty before the first. */
  #base: readonly StoredMemory[] = [];

  /** Takes the memories over. `linear` is an index, or null without any. */
  constructor(memories: readonly GuestMemory[], linear: number | null) {
    this.#memories = memories;
    this.linear = linear === null ? null : (memories[linear] ?? null);
    invariant(
      (this.linear === null) === (memories.length === 0),
      'an instance with memories has a linear one',
    );
  }

  /** Whether every memory has the size it has in the image. */
  fit(images: readonly StoredMemory[]): boolean {
    return this.#memories.every(
      ({ memory }, index) => memory.buffer.byteLength === images[index]?.memoryBytes,
    );
  }

  /** Puts all memories back, with exactly `blocks` mapped in the linear one. They must fit. Afterwards the images are the base. */
  restore(images: readonly MemoryImage[], blocks: readonly BlockMapping[]): void {
    this.#base = [];
    this.#memories.forEach((memory, index) => {
      memory.restore(imageAt(images, index), memory === this.linear ? blocks : NO_BLOCKS);
    });
    this.#base = images;
  }

  /** Only the linear memory has blocks. */
  exchange(): void {
    this.linear?.exchange();
  }

  survey(): InstanceSurvey {
    const surveys = this.#memories.map((memory) => memory.survey());
    const memories = surveys.map(({ storedBytes }, index) => ({
      memoryBytes: this.#memories[index]?.memory.buffer.byteLength ?? 0,
      storedBytes,
    }));
    const storedBytes = storedBytesOf(memories);
    const [only] = surveys;
    if (only !== undefined && surveys.length === 1) return { memories, storedBytes, dirty: only.dirty };
    const isUnknown = surveys.every((survey) => survey.dirty === 'all');
    if (isUnknown || !beginAlike(memories, this.#base)) return { memories, storedBytes, dirty: 'all' };
    let dirty: readonly PageRun[] = [];
    let startBytes = 0;
    surveys.forEach(({ dirty: own, storedBytes: ownBytes }, index) => {
      // All of a small memory does not make a large one beside it dirty. What it stored before is part of it: places may hold that still.
      const wholeBytes = Math.max(ownBytes, imageAt(this.#base, index).storedBytes);
      const pages = own === 'all' ? runsBetween(0, wholeBytes) : own;
      dirty = unionRuns(dirty, shiftRuns(pages, startBytes));
      startBytes += ownBytes;
    });
    return { memories, storedBytes, dirty };
  }

  /** Writes the given pages of the image to `targetOffset` in the bank; `memories` is what a survey has just found. */
  write(targetOffset: number, memories: readonly StoredMemory[], pages: PageSet): void {
    let startBytes = 0;
    this.#memories.forEach((memory, index) => {
      const stored = imageAt(memories, index);
      memory.write(targetOffset + startBytes, stored.storedBytes, pagesOfMemory(pages, startBytes, stored));
      startBytes += stored.storedBytes;
    });
  }

  /** Says that the images hold what the memories hold now. */
  rebase(images: readonly MemoryImage[]): void {
    this.#base = [];
    this.#memories.forEach((memory, index) => {
      memory.rebase(imageAt(images, index));
    });
    this.#base = images;
  }

  /** The present contents, in the order of the module: views, good until a memory grows. */
  contents(): readonly Uint8Array[] {
    return this.#memories.map(({ memory }) => new Uint8Array(memory.buffer));
  }

  [Symbol.dispose](): void {
    for (const memory of this.#memories) memory[Symbol.dispose]();
  }
}

function imageAt<T extends StoredMemory>(images: readonly T[], index: number): T {
  const image = images[index];
  invariant(image !== undefined, 'an image has every memory of its module');
  return image;
}
