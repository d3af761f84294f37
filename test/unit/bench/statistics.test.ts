// Quantiles and summaries of the benchmark, against their definition.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quantile, summarize } from '../../../bench/statistics.js';

const samples = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 300 });

describe('quantile', () => {
  it.each([
    [[7], 0.5, 7],
    [[7], 0.99, 7],
    [[1, 2], 0.5, 1],
    [[1, 2, 3], 0.5, 2],
    [[1, 2, 3, 4], 0.5, 2],
    [[1, 2, 3, 4], 0.51, 3],
    [[1, 2, 3, 4], 1, 4],
    [Array.from({ length: 100 }, (_, index) => index + 1), 0.99, 99],
    [Array.from({ length: 101 }, (_, index) => index + 1), 0.99, 100],
  ])('of %j at %d is %d', (ascending, share, expected) => {
    expect(quantile(ascending, share)).toBe(expected);
  });

  it('is the least sample that the share of all does not exceed', () => {
    fc.assert(
      fc.property(samples, fc.double({ min: 0.001, max: 1, noNaN: true }), (unordered, share) => {
        const ascending = [...unordered].sort((a, b) => a - b);
        const result = quantile(ascending, share);
        const needed = share * ascending.length;
        expect(ascending).toContain(result);
        expect(ascending.filter((sample) => sample <= result).length).toBeGreaterThanOrEqual(needed);
        expect(ascending.filter((sample) => sample < result).length).toBeLessThan(needed);
      }),
    );
  });

  it.each([0, -0.5, 1.01, Number.NaN])('refuses the share %d', (share) => {
    expect(() => quantile([1, 2], share)).toThrow(RangeError);
  });
});

describe('summarize', () => {
  it('does not depend on the order and leaves the samples as they are', () => {
    const given = [5, 1, 100, 3, 2];
    expect(summarize(given)).toEqual({ count: 5, p50: 3, p99: 100 });
    expect(given).toEqual([5, 1, 100, 3, 2]);
  });

  it('has nothing to say of no samples', () => {
    expect(() => summarize([])).toThrow(RangeError);
  });
});
