// Where persistent blocks come to lie in linear memory: above everything the guest had, disjoint, used again when they are gone,
// refused at the quota. On a real bank with the copied backend, so that what is stored at an address can be looked up in the bank.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ImageBlock } from '#runtime/image/image-codec.js';
import { BANK_PAGE_SIZE as PAGE, WASM_PAGE_SIZE } from '#runtime/limits.js';
import { Bank } from '#runtime/memory/bank.js';
import type { Extent } from '#runtime/memory/extents.js';
import type { GuestMemory } from '#runtime/memory/guest-memory.js';
import { BlockArena, mappedBlocks } from '#runtime/process/block-arena.js';

const MiB = 1024 * 1024;
const PAGES_PER_WASM_PAGE = WASM_PAGE_SIZE / PAGE;

class ArenaFixture implements Disposable {
  readonly bank = Bank.create({ backend: 'copied', sizeBytes: MiB });
  readonly memory: GuestMemory;
  arena: BlockArena;

  /** One WebAssembly page is the guest's own. */
  constructor(maximumPages: number) {
    this.memory = this.bank.view.guestMemory(new WebAssembly.Memory({ initial: 1, maximum: maximumPages }));
    this.arena = new BlockArena(this.memory, []);
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.memory.memory.buffer);
  }

  extent(pages: number): Extent {
    const extent = this.bank.allocate(pages * PAGE);
    if (extent === null) throw new Error('the bank of the test is too small');
    return extent;
  }

  place(blockId: number, pages: number): number | null {
    return this.arena.place(blockId, this.extent(pages));
  }

  [Symbol.dispose](): void {
    this.memory[Symbol.dispose]();
    this.bank[Symbol.dispose]();
  }
}

function withArena(maximumPages: number, run: (fixture: ArenaFixture) => void): void {
  const fixture = new ArenaFixture(maximumPages);
  try {
    run(fixture);
  } finally {
    fixture[Symbol.dispose]();
  }
}

describe('placing', () => {
  test('grows memory and lies above all that the guest had', () => {
    withArena(4, (fixture) => {
      expect(fixture.place(1, 1)).toBe(WASM_PAGE_SIZE);
      expect(fixture.bytes.byteLength).toBe(2 * WASM_PAGE_SIZE);
    });
  });

  test('fills what was grown before growing again', () => {
    withArena(2, (fixture) => {
      const addresses = Array.from({ length: PAGES_PER_WASM_PAGE }, (_, index) =>
        fixture.place(index + 1, 1),
      );
      const expected = addresses.map((_, index) => WASM_PAGE_SIZE + index * PAGE);
      expect([...addresses].sort()).toEqual(expected.sort());
      expect(fixture.place(99, 1)).toBeNull();
    });
  });

  test('a block that is here already keeps its address', () => {
    withArena(4, (fixture) => {
      const extent = fixture.extent(2);
      const first = fixture.arena.place(1, extent);
      expect(fixture.arena.place(1, extent)).toBe(first);
      expect(fixture.memory.blocks).toHaveLength(1);
    });
  });

  test('takes the smallest range that is large enough', () => {
    withArena(2, (fixture) => {
      const [four, , eight] = [4, 1, 8, 3].map((pages, index) => fixture.place(index + 1, pages));
      fixture.arena.remove(3);
      fixture.arena.remove(1);
      expect([fixture.place(5, 3), fixture.place(6, 6)]).toEqual([four, eight]);
    });
  });

  test('grows only by what the free range at the end of memory lacks', () => {
    withArena(4, (fixture) => {
      fixture.place(1, PAGES_PER_WASM_PAGE - 3);
      expect(fixture.place(2, 6)).toBe(2 * WASM_PAGE_SIZE - 3 * PAGE);
      expect(fixture.bytes.byteLength).toBe(3 * WASM_PAGE_SIZE);
    });
  });

  test('never uses what the guest grew for itself', () => {
    withArena(4, (fixture) => {
      fixture.memory.memory.grow(1);
      expect(fixture.place(1, 1)).toBe(2 * WASM_PAGE_SIZE);
    });
  });

  test('what the guest stores in a block is in the bank, and what is in the bank is in the block', () => {
    withArena(4, (fixture) => {
      const extent = fixture.extent(1);
      fixture.bank.view.bytes(extent.offset, 4).set([1, 2, 3, 4]);
      const address = fixture.arena.place(1, extent) ?? 0;
      expect([...fixture.bytes.subarray(address, address + 4)]).toEqual([1, 2, 3, 4]);
      fixture.bytes[address + 1] = 9;
      fixture.memory.exchange();
      expect([...fixture.bank.view.bytes(extent.offset, 4)]).toEqual([1, 9, 3, 4]);
    });
  });
});

describe('a quota that is used up', () => {
  test('refuses, and changes nothing', () => {
    withArena(2, (fixture) => {
      fixture.place(1, 1);
      const before = fixture.arena.ranges();
      expect(fixture.place(2, PAGES_PER_WASM_PAGE)).toBeNull();
      expect(fixture.arena.ranges()).toEqual(before);
      expect(fixture.bytes.byteLength).toBe(2 * WASM_PAGE_SIZE);
    });
  });

  test('still serves from what is free', () => {
    withArena(2, (fixture) => {
      fixture.place(1, 1);
      expect(fixture.place(2, PAGES_PER_WASM_PAGE - 1)).toBe(WASM_PAGE_SIZE + PAGE);
    });
  });

  test('holds a large block again once the small ones in its place are gone', () => {
    withArena(2, (fixture) => {
      for (let blockId = 1; blockId <= PAGES_PER_WASM_PAGE; blockId += 1) fixture.place(blockId, 1);
      for (let blockId = 1; blockId <= PAGES_PER_WASM_PAGE; blockId += 1) fixture.arena.remove(blockId);
      expect(fixture.place(99, PAGES_PER_WASM_PAGE)).toBe(WASM_PAGE_SIZE);
    });
  });
});

describe('removing', () => {
  test('makes the range read as zero, and leaves the block in the bank as it is', () => {
    withArena(4, (fixture) => {
      const extent = fixture.extent(1);
      const address = fixture.arena.place(1, extent) ?? 0;
      fixture.bytes.fill(7, address, address + PAGE);
      fixture.memory.exchange();
      fixture.arena.remove(1);
      expect(fixture.bytes.subarray(address, address + PAGE).every((byte) => byte === 0)).toBe(true);
      expect(fixture.bank.view.bytes(extent.offset, PAGE).every((byte) => byte === 7)).toBe(true);
    });
  });

  test('gives the range to the next block', () => {
    withArena(4, (fixture) => {
      const address = fixture.place(1, PAGES_PER_WASM_PAGE);
      fixture.arena.remove(1);
      expect(fixture.place(2, PAGES_PER_WASM_PAGE)).toBe(address);
      expect(fixture.bytes.byteLength).toBe(2 * WASM_PAGE_SIZE);
    });
  });

  test('what is not here does nothing', () => {
    withArena(4, (fixture) => {
      fixture.place(1, 1);
      const before = fixture.arena.ranges();
      fixture.arena.remove(2);
      expect(fixture.arena.ranges()).toEqual(before);
    });
  });
});

describe('the arena of an image', () => {
  test('goes on where it was: mapped blocks stay, free ranges are used', () => {
    withArena(4, (fixture) => {
      const first = fixture.place(1, 2);
      fixture.place(2, 3);
      fixture.arena.remove(2);
      const ranges = fixture.arena.ranges();
      fixture.arena = new BlockArena(fixture.memory, ranges);
      expect(fixture.arena.ranges()).toEqual(ranges);
      expect(fixture.arena.place(1, fixture.extent(2))).toBe(first);
      expect(fixture.place(3, 3)).toBe((first ?? 0) + 2 * PAGE);
    });
  });

  test('tells blocks from free ranges', () => {
    withArena(4, (fixture) => {
      const address = fixture.place(5, 2);
      expect(mappedBlocks(fixture.arena.ranges())).toEqual([{ blockId: 5, address, sizeBytes: 2 * PAGE }]);
    });
  });
});

describe('any sequence of placing and removing', () => {
  type Step = readonly [blockId: number, pages: number | null];
  const step: fc.Arbitrary<Step> = fc.tuple(
    fc.integer({ min: 1, max: 8 }),
    fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 2 * PAGES_PER_WASM_PAGE })),
  );

  function expectWhole(fixture: ArenaFixture): void {
    const ranges = fixture.arena.ranges();
    let address = WASM_PAGE_SIZE;
    for (const range of ranges) {
      expect(range.address).toBe(address);
      expect(range.sizeBytes % PAGE).toBe(0);
      address += range.sizeBytes;
    }
    expect(address).toBe(fixture.bytes.byteLength);
  }

  test('ranges follow one another without gap or overlap, from the end of the guest’s own memory to the end', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) =>
        withArena(8, (fixture) => {
          const placed = new Map<number, ImageBlock>();
          const extents = new Map<number, Extent>();
          for (const [blockId, pages] of steps) {
            if (pages === null) {
              fixture.arena.remove(blockId);
              placed.delete(blockId);
              const extent = extents.get(blockId);
              if (extent !== undefined) fixture.bank.free(extent);
              extents.delete(blockId);
            } else if (!extents.has(blockId)) {
              const extent = fixture.bank.allocate(pages * PAGE);
              if (extent === null) continue;
              const address = fixture.arena.place(blockId, extent);
              if (address === null) fixture.bank.free(extent);
              else {
                extents.set(blockId, extent);
                placed.set(blockId, { blockId, address, sizeBytes: extent.sizeBytes });
              }
            }
            const byAddress = [...placed.values()].sort((a, b) => a.address - b.address);
            expect(mappedBlocks(fixture.arena.ranges())).toEqual(byAddress);
            expectWhole(fixture);
          }
        }),
      ),
      { numRuns: 100 },
    );
  });
});
