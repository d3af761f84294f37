// The row of checkpoints in small: what it plans for the room there is, and that its cases do what they say.
import { describe, expect, it } from 'vitest';
import { makeCheckpointRow, planFor } from '../../../bench/rows/checkpoint.js';
import { runInSmall } from './run-in-small.js';

const MIB = 1024 * 1024;
const SIZES_MIB = [1, 64, 1024];

describe('planFor', () => {
  it.each([
    ['all where there is plenty', 24 * 1024, [1, 64, 1024], 2],
    ['one generation less where there is less', 8 * 1024, [1, 64, 1024], 1],
    ['the small ones where there is little', 1024, [1, 64], 2],
    ['the least in any case', 0, [1], 1],
  ])('%s', (_, freeMib, sizesMib, maxGenerations) => {
    expect(planFor(SIZES_MIB, freeMib * MIB)).toMatchObject({ sizesMib, maxGenerations });
  });

  it('never asks for a larger bank than there can be', () => {
    const { bankSizeBytes, maxGenerations } = planFor([1800], Number.MAX_SAFE_INTEGER);
    expect(maxGenerations).toBe(1);
    expect(bankSizeBytes).toBeLessThanOrEqual(65535 * 65536);
  });
});

describe('the row', () => {
  it('makes one generation after another in guests of both sizes, with both banks', async () => {
    const points = await runInSmall(makeCheckpointRow([1, 2]), { turns: 6 });
    if (points === null) return;
    const banks = ['bank in memory', 'bank in a directory'];
    expect(points.map(({ name }) => name)).toEqual(
      [1, 2].flatMap((size) => banks.map((bank) => `${size} MiB, ${bank}`)),
    );
    expect(points.map(({ targets }) => targets.length)).toEqual([0, 0, 1, 1]);
  });
});
