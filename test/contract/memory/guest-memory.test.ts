// What every guest memory owes its instance: images put back, blocks that persist and are shared, nothing left behind.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BANK_PAGE_SIZE as PAGE, WASM_PAGE_SIZE } from '#runtime/limits.js';
import type { BlockMapping, MemoryImage } from '#runtime/memory/guest-memory.js';
import { BACKENDS, bankMappings, Fixture, firstDifference } from './backends.js';

const MiB = 1024 * 1024;
/** Below and above the size up to which images are copied whole. */
const SIZES = [
  { size: 'small', pages: 2 },
  { size: 'large', pages: 24 },
] as const;

describe.each(BACKENDS)('guest memory, $name', (backendCase) => {
  let fixture: Fixture;
  beforeEach(() => {
    fixture = new Fixture(backendCase, 160 * MiB);
  });
  afterEach(() => {
    fixture[Symbol.dispose]();
  });

  function block(blockId: number, address: number, sizeBytes = PAGE): BlockMapping {
    return { blockId, address, extent: fixture.allocate(sizeBytes) };
  }

  describe.each(SIZES)('$size', ({ pages }) => {
    const memoryBytes = pages * WASM_PAGE_SIZE;

    test('an image restores what was stored and zeros the rest', () => {
      const { memory, bytes } = fixture.guest(pages);
      bytes().fill(7, 0, 3 * PAGE);
      const image = fixture.capture(memory, null);
      expect(image).toMatchObject({ memoryBytes, storedBytes: 3 * PAGE });
      const expected = bytes().slice();
      for (let round = 0; round < 3; round += 1) {
        bytes().fill(round + 1);
        memory.restore(image, []);
        expect(firstDifference(bytes(), expected)).toBe(-1);
      }
      memory[Symbol.dispose]();
    });

    test('an empty memory needs nothing stored', () => {
      const { memory, bytes } = fixture.guest(pages);
      const image = fixture.capture(memory, null);
      expect(image.storedBytes).toBe(0);
      bytes().fill(1);
      memory.restore(image, []);
      expect(firstDifference(bytes(), new Uint8Array(memoryBytes))).toBe(-1);
      memory[Symbol.dispose]();
    });

    test('any pages stored to, round after round, are put back', () => {
      const { memory, bytes } = fixture.guest(pages);
      bytes().fill(3, PAGE, 9 * PAGE);
      const image = fixture.capture(memory, null);
      const expected = bytes().slice();
      // The same few pages in most rounds, so that a restore may come to know them; another one now and then.
      for (let round = 0; round < 300; round += 1) {
        const stray = round % 7 === 0 ? ((round * 37) % (memoryBytes / PAGE)) * PAGE : 0;
        for (const address of [2 * PAGE, 5 * PAGE + 9, memoryBytes - 1, stray]) bytes()[address] = round + 1;
        memory.restore(image, []);
        expect(firstDifference(bytes(), expected)).toBe(-1);
      }
      memory[Symbol.dispose]();
    });

    test('goes back and forth between images', () => {
      const { memory, bytes } = fixture.guest(pages);
      const images: { image: MemoryImage; content: Uint8Array }[] = [];
      let base: MemoryImage | null = null;
      for (let generation = 1; generation <= 3; generation += 1) {
        bytes().fill(generation, generation * PAGE, 4 * generation * PAGE);
        base = fixture.capture(memory, base);
        images.push({ image: base, content: bytes().slice() });
      }
      for (const index of [0, 2, 1, 1, 0]) {
        const { image, content } = images[index] ?? { image: base, content: bytes() };
        if (image === null) throw new Error('three images were made');
        bytes().fill(0xee, 2 * PAGE, 20 * PAGE);
        memory.restore(image, []);
        expect(firstDifference(bytes(), content)).toBe(-1);
      }
      memory[Symbol.dispose]();
    });

    test('restores into a fresh memory, and two instances of one image are apart', () => {
      const first = fixture.guest(pages);
      first.bytes().fill(5, PAGE, 6 * PAGE);
      const image = fixture.capture(first.memory, null);
      const second = fixture.guest(pages);
      second.memory.restore(image, []);
      expect(firstDifference(second.bytes(), first.bytes())).toBe(-1);
      second.bytes()[PAGE] = 99;
      expect(first.bytes()[PAGE]).toBe(5);
      expect(fixture.view.bytes(image.offset + PAGE, 1)[0]).toBe(5);
      first.memory[Symbol.dispose]();
      second.memory[Symbol.dispose]();
    });

    test('memory grown after the image is surveyed, and belongs to the next image', () => {
      const { memory, bytes } = fixture.guest(pages, pages + 1);
      bytes()[0] = 1;
      const first = fixture.capture(memory, null);
      memory.memory.grow(1);
      bytes()[memoryBytes + PAGE] = 2;
      const second = fixture.capture(memory, first);
      expect(second).toMatchObject({
        memoryBytes: memoryBytes + WASM_PAGE_SIZE,
        storedBytes: memoryBytes + 2 * PAGE,
      });
      bytes().fill(9);
      memory.restore(second, []);
      expect([bytes()[0], bytes()[1], bytes()[memoryBytes + PAGE]]).toEqual([1, 0, 2]);
      expect(() => memory.restore(first, [])).toThrow('linear memory has the size of the image');
      memory[Symbol.dispose]();
    });

    test('a block appears with the bank`s content and leaves zeros behind', () => {
      const { memory, bytes } = fixture.guest(pages);
      const mapping = block(1, 3 * PAGE, 2 * PAGE);
      fixture.view.bytes(mapping.extent.offset, 2 * PAGE).fill(42);
      bytes().fill(1);
      memory.mapBlock(mapping);
      expect(memory.blocks).toEqual([mapping]);
      expect([...[3, 4, 5].map((page) => bytes()[page * PAGE - 1]), bytes()[5 * PAGE]]).toEqual([
        1, 42, 42, 1,
      ]);
      memory.unmapBlock(mapping.address);
      expect(memory.blocks).toEqual([]);
      expect(
        bytes()
          .subarray(3 * PAGE, 5 * PAGE)
          .every((value) => value === 0),
      ).toBe(true);
      memory[Symbol.dispose]();
    });

    test('stores into a block reach the bank and outlive a restore', () => {
      const { memory, bytes } = fixture.guest(pages);
      const image = fixture.capture(memory, null);
      const mapping = block(1, 2 * PAGE);
      memory.mapBlock(mapping);
      bytes()[2 * PAGE] = 11;
      memory.exchange();
      expect(fixture.view.bytes(mapping.extent.offset, 1)[0]).toBe(11);
      bytes()[2 * PAGE + 1] = 12;
      memory.restore(image, [mapping]);
      expect([...bytes().subarray(2 * PAGE, 2 * PAGE + 2)]).toEqual([11, 12]);
      memory.restore(image, []);
      expect(bytes()[2 * PAGE]).toBe(0);
      expect([...fixture.view.bytes(mapping.extent.offset, 2)]).toEqual([11, 12]);
      memory[Symbol.dispose]();
    });

    test.each(['unmapping', 'disposing'])('stores made just before %s are not lost', (how) => {
      const { memory, bytes } = fixture.guest(pages);
      const mapping = block(1, 0);
      memory.mapBlock(mapping);
      bytes()[5] = 77;
      if (how === 'unmapping') memory.unmapBlock(0);
      memory[Symbol.dispose]();
      expect(fixture.view.bytes(mapping.extent.offset, 6)[5]).toBe(77);
    });

    test('two guests share a block: different bytes of one page are both kept', () => {
      const guests = [fixture.guest(pages), fixture.guest(pages)];
      const mapping = block(1, PAGE);
      for (const [index, { memory, bytes }] of guests.entries()) {
        memory.mapBlock({ ...mapping, address: (index + 1) * PAGE });
        bytes()[(index + 1) * PAGE + index] = index + 1;
      }
      for (let round = 0; round < 2; round += 1) for (const { memory } of guests) memory.exchange();
      for (const [index, { bytes }] of guests.entries()) {
        const start = (index + 1) * PAGE;
        expect([...bytes().subarray(start, start + 3)]).toEqual([1, 2, 0]);
      }
      for (const { memory } of guests) memory[Symbol.dispose]();
    });

    test('a block changed back and forth between exchanges overwrites nothing of another guest', () => {
      const first = fixture.guest(pages);
      const second = fixture.guest(pages);
      const mapping = block(1, 0);
      first.memory.mapBlock(mapping);
      second.memory.mapBlock(mapping);
      first.bytes()[0] = 1;
      first.memory.exchange();
      second.memory.exchange();
      second.bytes()[1] = 2;
      second.memory.exchange();
      first.memory.exchange();
      expect([...first.bytes().subarray(0, 2)]).toEqual([1, 2]);
      first.memory[Symbol.dispose]();
      second.memory[Symbol.dispose]();
    });

    test('an image holds zeros under a block, whatever lay there before', () => {
      const { memory, bytes } = fixture.guest(pages);
      bytes().fill(3, 0, 8 * PAGE);
      const first = fixture.capture(memory, null);
      const mapping = block(1, 2 * PAGE, 2 * PAGE);
      fixture.view.bytes(mapping.extent.offset, 2 * PAGE).fill(0xbb);
      memory.mapBlock(mapping);
      const second = fixture.capture(memory, first);
      const stored = fixture.view.bytes(second.offset, second.storedBytes);
      expect([1, 2, 3, 4].map((page) => stored[page * PAGE])).toEqual([3, 0, 0, 3]);
      expect(memory.blocks).toEqual([mapping]);
      expect(bytes()[2 * PAGE]).toBe(0xbb);
      memory.unmapBlock(mapping.address);
      const third = fixture.capture(memory, second);
      memory.restore(first, []);
      expect(bytes()[2 * PAGE]).toBe(3);
      memory.restore(third, []);
      expect([1, 2, 3, 4].map((page) => bytes()[page * PAGE])).toEqual([3, 0, 0, 3]);
      memory[Symbol.dispose]();
    });

    test('pages where a block came and went count as changed', () => {
      const { memory, bytes } = fixture.guest(pages);
      bytes().fill(3, 0, 8 * PAGE);
      const first = fixture.capture(memory, null);
      memory.mapBlock(block(1, 2 * PAGE));
      memory.unmapBlock(2 * PAGE);
      const second = fixture.capture(memory, first);
      const fresh = fixture.guest(pages);
      fresh.memory.restore(second, []);
      expect(firstDifference(fresh.bytes(), bytes())).toBe(-1);
      memory.restore(first, []);
      expect(bytes()[2 * PAGE]).toBe(3);
      memory[Symbol.dispose]();
      fresh.memory[Symbol.dispose]();
    });

    test('a block moved, swapped for another, or kept: exactly the blocks asked for are there', () => {
      const { memory, bytes } = fixture.guest(pages);
      bytes().fill(1, 0, 2 * PAGE);
      const image = fixture.capture(memory, null);
      const [a, b] = [block(1, 4 * PAGE), block(2, 6 * PAGE)];
      fixture.view.bytes(a.extent.offset, PAGE).fill(0xaa);
      fixture.view.bytes(b.extent.offset, PAGE).fill(0xbb);
      const layouts: BlockMapping[][] = [[a], [a, b], [{ ...a, address: 6 * PAGE }], [b, a], [], [b]];
      for (const layout of layouts) {
        memory.restore(image, layout);
        const expected = new Uint8Array(memoryBytes);
        expected.fill(1, 0, 2 * PAGE);
        for (const { blockId, address } of layout)
          expected.fill(blockId === 1 ? 0xaa : 0xbb, address, address + PAGE);
        expect(firstDifference(bytes(), expected)).toBe(-1);
        expect(memory.blocks.map(({ address }) => address)).toEqual(
          layout.map(({ address }) => address).sort((x, y) => x - y),
        );
      }
      memory[Symbol.dispose]();
    });

    test('blocks stay while the memory grows', () => {
      const { memory, bytes } = fixture.guest(pages, pages + 2);
      memory.memory.grow(1);
      const mapping = block(1, memoryBytes);
      memory.mapBlock(mapping);
      memory.memory.grow(1);
      bytes()[memoryBytes] = 8;
      memory.exchange();
      expect(fixture.view.bytes(mapping.extent.offset, 1)[0]).toBe(8);
      memory[Symbol.dispose]();
    });

    test('a discarded memory shows nothing of the bank and maps nothing; disposing twice is once', () => {
      const before = bankMappings();
      const { memory, bytes } = fixture.guest(pages);
      bytes().fill(6);
      fixture.capture(memory, null);
      const mapping = block(1, 0);
      memory.mapBlock(mapping);
      fixture.view.bytes(mapping.extent.offset, 1)[0] = 66;
      memory[Symbol.dispose]();
      memory[Symbol.dispose]();
      expect(bankMappings()).toBe(before);
      fixture.view.bytes(mapping.extent.offset, 1)[0] = 67;
      expect(bytes()[0]).not.toBe(67);
      expect(() => memory.survey()).toThrow('a disposed guest memory is not used');
    });

    test.each([
      ['beside a page boundary', 1, PAGE],
      ['beyond the end', memoryBytes, PAGE],
      ['over the end', memoryBytes - PAGE, 2 * PAGE],
      ['over another block', 4 * PAGE, 2 * PAGE],
    ])('a block %s is a violated invariant', (_where, address, sizeBytes) => {
      const { memory } = fixture.guest(pages);
      memory.mapBlock(block(1, 5 * PAGE));
      const wrong = block(2, address, sizeBytes);
      expect(() => memory.mapBlock(wrong)).toThrow('invariant violated');
      expect(memory.blocks.length).toBe(1);
      expect(() => memory.unmapBlock(address)).toThrow('invariant violated');
      memory[Symbol.dispose]();
    });
  });

  test('memory that grew past the whole-copy size is captured whole', () => {
    const { memory, bytes } = fixture.guest(2, 24);
    bytes()[0] = 1;
    const first = fixture.capture(memory, null);
    memory.memory.grow(22);
    bytes()[20 * WASM_PAGE_SIZE] = 2;
    const second = fixture.capture(memory, first);
    bytes().fill(9);
    memory.restore(second, []);
    expect([bytes()[0], bytes()[1], bytes()[20 * WASM_PAGE_SIZE]]).toEqual([1, 0, 2]);
    memory[Symbol.dispose]();
  });

  test.each([
    ['many dirty pages', 320, 0.5],
    ['more dirty pages than are copied back', 320, 1],
    ['more resident pages than are scanned', 1200, 0.001],
  ])('%s', (_name, pages, dirtyShare) => {
    const { memory, bytes } = fixture.guest(pages);
    const content = bytes();
    for (let offset = 0; offset < content.byteLength; offset += PAGE)
      content[offset] = 1 + ((offset / PAGE) % 200);
    const expected = content.slice();
    const image = fixture.capture(memory, null);
    const mapping = block(1, 10 * PAGE);
    memory.restore(image, [mapping]);
    expected.fill(0, 10 * PAGE, 11 * PAGE);
    for (let round = 0; round < 3; round += 1) {
      content[10 * PAGE] = round + 1;
      expected[10 * PAGE] = round + 1;
      for (let offset = 11 * PAGE; offset < content.byteLength * dirtyShare; offset += PAGE)
        content[offset + 1] = 0xff;
      memory.restore(image, [mapping]);
      expect(firstDifference(content, expected)).toBe(-1);
    }
    memory[Symbol.dispose]();
  });
});
