// The code of import functions is shared by form, and what is kept of it is bounded, however many modules come and go.
import { describe, expect, it } from 'vitest';
import { ImportMakers } from '#runtime/process/import-makers.js';

const counts = (length: number, parameters: number) => Array.from({ length }, () => parameters);

describe('makers of import functions', () => {
  it('are the same for the same form, and others for another', () => {
    const makers = new ImportMakers();
    const maker = makers.maker([1, 2], false);
    expect(makers.maker([1, 2], false)).toBe(maker);
    for (const other of [makers.maker([2, 1], false), makers.maker([1, 2], true), makers.maker([12], false)])
      expect(other).not.toBe(maker);
  });

  it('are given up from the oldest on, when there are more imports than are kept', () => {
    const makers = new ImportMakers(10);
    const first = makers.maker(counts(4, 1), false);
    const second = makers.maker(counts(4, 2), false);
    expect(makers.importCount).toBe(8);
    makers.maker(counts(5, 3), false);
    expect(makers.importCount).toBe(9);
    expect(makers.maker(counts(4, 2), false)).toBe(second);
    expect(makers.maker(counts(4, 1), false)).not.toBe(first);
  });

  it('of more imports than are kept at all are made each time, and push nobody out', () => {
    const makers = new ImportMakers(10);
    const small = makers.maker([1], false);
    const large = makers.maker(counts(11, 1), false);
    expect(makers.maker(counts(11, 1), false)).not.toBe(large);
    expect(makers.importCount).toBe(1);
    expect(makers.maker([1], false)).toBe(small);
  });
});
