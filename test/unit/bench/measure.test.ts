// The taking of turns, on a clock that only the cases themselves move: every figure here is exact.
import { describe, expect, it } from 'vitest';
import { measure, type Pace, type Timed } from '../../../bench/measure.js';

const PACE: Pace = { budgetMs: 1000, sliceMs: 10, maxSamples: 1000, turnLimitMs: 5000 };

interface World {
  nowMs: number;
  collections: number;
  readonly order: string[];
}

function makeWorld(): World {
  return { nowMs: 0, collections: 0, order: [] };
}

function instruments(world: World) {
  return {
    nowMs: () => world.nowMs,
    collectGarbage: () => {
      world.collections += 1;
    },
  };
}

/** A case that takes `runMs`, after `prepareMs` that must not count. */
function timed(world: World, name: string, runMs: number, prepareMs = 0): Timed {
  return {
    name,
    prepare: () => {
      world.nowMs += prepareMs;
    },
    run: () => {
      world.order.push(name);
      world.nowMs += runMs;
    },
  };
}

describe('measure', () => {
  it('takes the time of the run in microseconds, without the preparation', async () => {
    const world = makeWorld();
    const [samples] = await measure([timed(world, 'a', 2, 30)], PACE, instruments(world));
    expect(new Set(samples)).toEqual(new Set([2000]));
  });

  it('divides by the operations of a run', async () => {
    const world = makeWorld();
    const [samples] = await measure(
      [{ ...timed(world, 'a', 5), operations: 1000 }],
      PACE,
      instruments(world),
    );
    expect(samples?.[0]).toBe(5);
  });

  it('waits for a run that is asynchronous', async () => {
    const world = makeWorld();
    const later: Timed = {
      name: 'later',
      run: async () => {
        await Promise.resolve();
        world.nowMs += 4;
      },
    };
    const [samples] = await measure([later], PACE, instruments(world));
    expect(samples?.[0]).toBe(4000);
  });

  it('keeps what a case says of its parts behind its own samples, without the warm-up', async () => {
    const world = makeWorld();
    const split: Timed = {
      ...timed(world, 'split', 100),
      parts: ['first', 'second'],
      run: async () => {
        world.nowMs += 100;
        return [world.nowMs, 7];
      },
    };
    const series = await measure([split, timed(world, 'b', 100)], PACE, instruments(world));
    expect(series).toEqual([
      [100_000, 100_000, 100_000, 100_000],
      [300, 500, 700, 900],
      [7, 7, 7, 7],
      [100_000, 100_000, 100_000, 100_000],
    ]);
  });

  it.each([
    [[], ['one']],
    [[1, 2], ['one']],
    [[1], []],
  ])('refuses a case that tells %j of parts %j', async (times, parts) => {
    const split: Timed = { name: 'split', parts, run: async () => times };
    await expect(measure([split], PACE, instruments(makeWorld()))).rejects.toThrow('split told the times');
  });

  it('lets the cases take turns, one slice each, after collecting garbage', async () => {
    const world = makeWorld();
    const turn = [...Array(5).fill('a'), 'b'];
    await measure([timed(world, 'a', 2), timed(world, 'b', 40)], PACE, instruments(world));
    const turns = world.order.length / turn.length;
    expect(Number.isInteger(turns)).toBe(true);
    expect(world.order).toEqual(Array.from({ length: turns }, () => turn).flat());
    expect(world.collections).toBe(2 * turns);
  });

  it('keeps to the budget by no more than one turn of each case, and drops the warm-up', async () => {
    const world = makeWorld();
    const series = await measure([timed(world, 'a', 2), timed(world, 'b', 40)], PACE, instruments(world));
    expect(world.nowMs).toBeGreaterThanOrEqual(PACE.budgetMs);
    expect(world.nowMs).toBeLessThan(PACE.budgetMs + 50);
    // A fifth of the budget is four rounds of 50 ms.
    expect(series.map((samples) => samples.length)).toEqual([80, 16]);
  });

  it('takes at least one sample of each case, however short the budget', async () => {
    const world = makeWorld();
    const series = await measure(
      [timed(world, 'a', 5000), timed(world, 'b', 5000)],
      { ...PACE, budgetMs: 1 },
      instruments(world),
    );
    expect(series).toEqual([[5_000_000], [5_000_000]]);
  });

  it('ends before the budget when there are samples enough', async () => {
    const world = makeWorld();
    const series = await measure(
      [timed(world, 'a', 1), timed(world, 'b', 1)],
      { ...PACE, maxSamples: 7 },
      instruments(world),
    );
    expect(series.map((samples) => samples.length)).toEqual([7, 7]);
    expect(world.nowMs).toBeLessThan(PACE.budgetMs);
  });

  it('ends with the error of a case', async () => {
    const world = makeWorld();
    const failing: Timed = {
      name: 'failing',
      run: () => {
        throw new Error('wrong answer');
      },
    };
    await expect(measure([failing], PACE, instruments(world))).rejects.toThrow('wrong answer');
  });
});
