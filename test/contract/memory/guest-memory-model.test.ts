// Any sequence of stores, growth, blocks, captures and restores against a model of plain arrays. fast-check prints the seed of a
// sequence that fails, and shrinks it.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BANK_PAGE_SIZE as PAGE, WASM_PAGE_SIZE } from '#runtime/limits.js';
import type { Extent } from '#runtime/memory/extents.js';
import type { BlockMapping, GuestMemory, MemoryImage } from '#runtime/memory/guest-memory.js';
import { BACKENDS, type BackendCase, bankMappings, Fixture, firstDifference } from './backends.js';

const BLOCK_PAGES = [1, 2, 5] as const;

interface SavedImage {
  readonly image: MemoryImage;
  readonly content: Uint8Array;
  readonly blocks: readonly BlockMapping[];
}

/** A guest and its model side by side: `own` is what linear memory holds apart from blocks, with zeros under them. */
class Subject {
  readonly #fixture: Fixture;
  readonly #extents: readonly Extent[];
  readonly #blockContents: readonly Uint8Array[];
  readonly #maximumPages: number;
  readonly #images: SavedImage[] = [];
  #memory: GuestMemory;
  #own: Uint8Array;
  #blocks: BlockMapping[] = [];
  #base: MemoryImage | null = null;

  constructor(backendCase: BackendCase, initialPages: number) {
    this.#fixture = new Fixture(backendCase, 64 * 1024 * 1024);
    this.#maximumPages = initialPages + 3;
    this.#extents = BLOCK_PAGES.map((pageCount) => this.#fixture.allocate(pageCount * PAGE));
    this.#blockContents = BLOCK_PAGES.map((pageCount) => new Uint8Array(pageCount * PAGE));
    this.#memory = this.#fixture.guest(initialPages, this.#maximumPages).memory;
    this.#own = new Uint8Array(initialPages * WASM_PAGE_SIZE);
  }

  store(position: number, value: number, length: number): void {
    const start = Math.floor(position * this.#own.byteLength);
    const end = Math.min(start + length, this.#own.byteLength);
    this.#bytes().fill(value, start, end);
    for (let address = start; address < end; address += 1) {
      const mapping = this.#blocks.find((block) => isInside(block, address));
      if (mapping === undefined) this.#own[address] = value;
      else this.#contentOf(mapping)[address - mapping.address] = value;
    }
  }

  grow(): void {
    if (this.#own.byteLength >= this.#maximumPages * WASM_PAGE_SIZE) return;
    this.#memory.memory.grow(1);
    const grown = new Uint8Array(this.#own.byteLength + WASM_PAGE_SIZE);
    grown.set(this.#own);
    this.#own = grown;
  }

  mapBlock(blockId: number, position: number): void {
    const extent = this.#extents[blockId];
    if (extent === undefined) return;
    const address = Math.floor((position * this.#own.byteLength) / PAGE) * PAGE;
    const end = address + extent.sizeBytes;
    const isTaken = this.#blocks.some((block) => block.address < end && address < endOf(block));
    if (isTaken || end > this.#own.byteLength || this.#blocks.some((block) => block.blockId === blockId))
      return;
    const mapping = { blockId, address, extent };
    this.#memory.mapBlock(mapping);
    this.#blocks.push(mapping);
    this.#own.fill(0, address, end);
  }

  unmapBlock(pick: number): void {
    const [mapping] = this.#blocks.splice(pick % Math.max(1, this.#blocks.length), 1);
    if (mapping !== undefined) this.#memory.unmapBlock(mapping.address);
  }

  capture(): void {
    this.#base = this.#fixture.capture(this.#memory, this.#base);
    this.#images.push({ image: this.#base, content: this.#own.slice(), blocks: [...this.#blocks] });
    const stored = new Uint8Array(this.#base.memoryBytes);
    stored.set(this.#fixture.view.bytes(this.#base.offset, this.#base.storedBytes));
    expect(firstDifference(stored, this.#own)).toBe(-1);
  }

  /** In place where the image has the memory's size, else into a fresh memory. `keep`: of the image's blocks, those still there. */
  restore(pick: number, fresh: boolean, keep: number): void {
    const saved = this.#images[pick % Math.max(1, this.#images.length)];
    if (saved === undefined) return;
    const { image, content } = saved;
    const blocks = saved.blocks.filter((_, index) => ((keep >> index) & 1) === 1);
    if (fresh || image.memoryBytes !== this.#own.byteLength) {
      this.#memory[Symbol.dispose]();
      this.#memory = this.#fixture.guest(image.memoryBytes / WASM_PAGE_SIZE, this.#maximumPages).memory;
    }
    this.#memory.restore(image, blocks);
    this.#base = image;
    this.#own = content.slice();
    this.#blocks = blocks;
  }

  check(): void {
    this.#memory.exchange();
    const expected = this.#own.slice();
    for (const mapping of this.#blocks) expected.set(this.#contentOf(mapping), mapping.address);
    expect(firstDifference(this.#bytes(), expected)).toBe(-1);
    for (const [blockId, content] of this.#blockContents.entries()) {
      const offset = this.#extents[blockId]?.offset ?? 0;
      expect(firstDifference(this.#fixture.view.bytes(offset, content.byteLength), content)).toBe(-1);
    }
    expect(this.#memory.blocks).toEqual([...this.#blocks].sort((a, b) => a.address - b.address));
  }

  end(): void {
    this.#memory[Symbol.dispose]();
    this.#fixture[Symbol.dispose]();
  }

  #bytes(): Uint8Array {
    return new Uint8Array(this.#memory.memory.buffer);
  }

  #contentOf({ blockId }: BlockMapping): Uint8Array {
    const content = this.#blockContents[blockId];
    if (content === undefined) throw new Error(`no block ${blockId}`);
    return content;
  }
}

function endOf({ address, extent }: BlockMapping): number {
  return address + extent.sizeBytes;
}

function isInside(mapping: BlockMapping, address: number): boolean {
  return address >= mapping.address && address < endOf(mapping);
}

const position = fc.double({ min: 0, max: 0.999999, noNaN: true });
const value = fc.integer({ min: 0, max: 255 });
const length = fc.oneof(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 10 * PAGE }));
const anyStep: fc.Arbitrary<(subject: Subject) => void> = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(position, value, length).map((args) => (s: Subject) => s.store(...args)) },
  { weight: 1, arbitrary: fc.constant((s: Subject) => s.grow()) },
  { weight: 3, arbitrary: fc.tuple(fc.nat(2), position).map((args) => (s: Subject) => s.mapBlock(...args)) },
  { weight: 1, arbitrary: fc.nat(2).map((pick) => (s: Subject) => s.unmapBlock(pick)) },
  { weight: 2, arbitrary: fc.constant((s: Subject) => s.capture()) },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.nat(), fc.boolean(), fc.nat(7)).map((args) => (s: Subject) => s.restore(...args)),
  },
);

describe.each(BACKENDS)('guest memory against a model, $name', (backendCase) => {
  test.each([
    ['small', 1],
    ['growing past the whole-copy size', 3],
    ['large', 6],
  ])('%s', (_size, initialPages) => {
    const before = bankMappings();
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 40 }), (steps) => {
        const subject = new Subject(backendCase, initialPages);
        try {
          for (const step of steps) {
            step(subject);
            subject.check();
          }
        } finally {
          subject.end();
        }
      }),
      { numRuns: 60 },
    );
    expect(bankMappings()).toBe(before);
  });
});
