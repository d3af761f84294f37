// The extent allocator against a model that is nothing but a list of page flags.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BANK_PAGE_SIZE as PAGE } from '#runtime/limits.js';
import { type Extent, ExtentAllocator } from '#runtime/memory/extents.js';

const PAGES = 32;

/** First page of the lowest run of `pageCount` free pages, or -1. */
function lowestFit(taken: readonly boolean[], pageCount: number): number {
  for (let first = 0; first + pageCount <= taken.length; first += 1) {
    if (!taken.slice(first, first + pageCount).includes(true)) return first;
  }
  return -1;
}

describe('extent allocator', () => {
  test('agrees with a model over any sequence of allocations and frees', () => {
    const step = fc.record({
      allocate: fc.boolean(),
      sizeBytes: fc.integer({ min: 1, max: 9 * PAGE }),
      pick: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const allocator = new ExtentAllocator(PAGES * PAGE);
        const taken: boolean[] = new Array<boolean>(PAGES).fill(false);
        const held: Extent[] = [];
        for (const { allocate, sizeBytes, pick } of steps) {
          if (allocate) {
            const pageCount = Math.ceil(sizeBytes / PAGE);
            const expected = lowestFit(taken, pageCount);
            const extent = allocator.allocate(sizeBytes);
            expect(extent).toEqual(
              expected < 0 ? null : { offset: expected * PAGE, sizeBytes: pageCount * PAGE },
            );
            if (extent === null) continue;
            taken.fill(true, expected, expected + pageCount);
            held.push(extent);
          } else if (held.length > 0) {
            const [extent] = held.splice(pick % held.length, 1);
            if (extent === undefined) continue;
            allocator.free(extent);
            taken.fill(false, extent.offset / PAGE, (extent.offset + extent.sizeBytes) / PAGE);
          }
          expect(allocator.freeBytes).toBe(taken.filter((flag) => !flag).length * PAGE);
        }
      }),
    );
  });

  test('joins neighbours freed in any order into one hole', () => {
    for (const order of [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ]) {
      const allocator = new ExtentAllocator(3 * PAGE);
      const extents = [allocator.allocate(PAGE), allocator.allocate(PAGE), allocator.allocate(PAGE)];
      for (const index of order) {
        const extent = extents[index];
        if (extent) allocator.free(extent);
      }
      expect(allocator.allocate(3 * PAGE)).toEqual({ offset: 0, sizeBytes: 3 * PAGE });
    }
  });

  test('has room in sum and yet no hole that is large enough', () => {
    const allocator = new ExtentAllocator(3 * PAGE);
    const first = allocator.allocate(PAGE);
    allocator.allocate(PAGE);
    if (first !== null) allocator.free(first);
    expect(allocator.freeBytes).toBe(2 * PAGE);
    expect(allocator.allocate(2 * PAGE)).toBeNull();
  });

  test.each([
    ['twice', { offset: 0, sizeBytes: PAGE }, true],
    ['with another size', { offset: 0, sizeBytes: 2 * PAGE }, false],
    ['that was never allocated', { offset: PAGE, sizeBytes: PAGE }, false],
  ])('an extent freed %s is a violated invariant', (_how, extent, freedBefore) => {
    const allocator = new ExtentAllocator(4 * PAGE);
    const first = allocator.allocate(PAGE);
    if (freedBefore && first !== null) allocator.free(first);
    expect(() => allocator.free(extent)).toThrow('invariant violated');
  });

  test.each([0, -1, 0.5, Number.NaN])('an allocation of %s bytes is a violated invariant', (sizeBytes) => {
    expect(() => new ExtentAllocator(PAGE).allocate(sizeBytes)).toThrow('invariant violated');
  });
});
