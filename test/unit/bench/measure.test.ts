// The taking of turns, on a clock that only the cases themselves move: every figure here is exact.
import { describe, expect, it } from 'vitest';
import { type Clocked, measure, type Pace, type Timed } from '../../../bench/measure.js';

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

/** The samples in the order of the cases. */
async function measureAll(...given: Parameters<typeof measure>): Promise<readonly (readonly number[])[]> {
  return [...(await measure(...given)).values()];
}

/** A case that takes `runMs`, after `prepareMs` that must not count. */
function timed(world: World, name: string, runMs: number, prepareMs = 0): Clocked {
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
    const [samples] = await measureAll([timed(world, 'a', 2, 30)], PACE, instruments(world));
    expect(new Set(samples)).toEqual(new Set([2000]));
  });

  it('divides by the operations of a run', async () => {
    const world = makeWorld();
    const [samples] = await measureAll(
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
    const [samples] = await measureAll([later], PACE, instruments(world));
    expect(samples?.[0]).toBe(4000);
  });

  it('takes the word of a case that times itself, without the warm-up, and tells it how long a turn is', async () => {
    const world = makeWorld();
    const slices: number[] = [];
    const own: Timed = {
      name: 'own',
      slice: async (sliceMs) => {
        slices.push(sliceMs);
        world.nowMs += 100;
        return [world.nowMs, 7];
      },
    };
    const series = await measureAll([own, timed(world, 'b', 100)], PACE, instruments(world));
    expect(series).toEqual([
      [300, 7, 500, 7, 700, 7, 900, 7],
      [100_000, 100_000, 100_000, 100_000],
    ]);
    expect(new Set(slices)).toEqual(new Set([PACE.sliceMs]));
  });

  it('keeps no more of what a case says of itself than there may be', async () => {
    const world = makeWorld();
    const own: Timed = { name: 'own', slice: async () => [1, 2, 3, 4, 5] };
    const series = await measureAll([own], { ...PACE, maxSamples: 7 }, instruments(world));
    expect(series).toEqual([[1, 2, 3, 4, 5, 1, 2]]);
  });

  it('refuses a case that has nothing to say of itself', async () => {
    const own: Timed = { name: 'own', slice: async () => [] };
    await expect(measure([own], PACE, instruments(makeWorld()))).rejects.toThrow('own told no figure');
  });

  it('measures a case once that is there twice', async () => {
    const world = makeWorld();
    const once = timed(world, 'a', 2);
    const series = await measure([once, once], PACE, instruments(world));
    expect([...series.keys()]).toEqual([once]);
    expect(world.order).toHaveLength(PACE.budgetMs / 2);
  });

  it('lets the cases take turns, one slice each, after collecting garbage', async () => {
    const world = makeWorld();
    const turn = [...Array(5).fill('a'), 'b'];
    await measure([timed(world, 'a', 2), timed(world, 'b', 10)], PACE, instruments(world));
    const turns = world.order.length / turn.length;
    expect(turns).toBe(PACE.budgetMs / (2 * PACE.sliceMs));
    expect(world.order).toEqual(Array.from({ length: turns }, () => turn).flat());
    expect(world.collections).toBe(2 * turns);
  });

  it('gives each case its first turn, and then as much time as the others', async () => {
    const world = makeWorld();
    const cases = [timed(world, 'a', 10), timed(world, 'long', 100), timed(world, 'b', 10)];
    await measure(cases, PACE, instruments(world));
    expect(world.order.slice(0, 5)).toEqual(['a', 'long', 'b', 'a', 'b']);
    const warmUp = world.order.slice(0, 3 + 8);
    expect(warmUp.filter((name) => name === 'long')).toHaveLength(1);
    const timeOf = (name: string, runMs: number) =>
      runMs * world.order.filter((each) => each === name).length;
    expect(timeOf('a', 10)).toBe(timeOf('b', 10));
    expect(Math.abs(timeOf('a', 10) - timeOf('long', 100))).toBeLessThanOrEqual(100);
  });

  it('keeps to the budget by no more than one turn, and drops the warm-up', async () => {
    const world = makeWorld();
    const series = await measureAll([timed(world, 'a', 2), timed(world, 'b', 40)], PACE, instruments(world));
    expect(world.nowMs).toBeGreaterThanOrEqual(PACE.budgetMs);
    expect(world.nowMs).toBeLessThan(PACE.budgetMs + 40);
    // The warm-up is a fifth of the budget and what its last turn took longer: 210 ms.
    expect(series.map((samples) => samples.length)).toEqual([195, 10]);
  });

  it('takes at least one sample of each case, however short the budget', async () => {
    const world = makeWorld();
    const series = await measureAll(
      [timed(world, 'a', 5000), timed(world, 'b', 5000)],
      { ...PACE, budgetMs: 1 },
      instruments(world),
    );
    expect(series).toEqual([[5_000_000], [5_000_000]]);
  });

  it('ends before the budget when there are samples enough', async () => {
    const world = makeWorld();
    const series = await measureAll(
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
