// The comparison of checkpoints in small: what it plans for the room there is, and that its cases do what they say.
import { describe, expect, it } from 'vitest';
import { openSite, RekindleError } from '#runtime/index.js';
import { ModuleDirectory } from '../../../bench/ground.js';
import { type Case, reportRows } from '../../../bench/report.js';
import { checkpointCost, planFor } from '../../../bench/scenarios/checkpoint-cost.js';

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

async function mappedWorks(stableStorage: string): Promise<boolean> {
  try {
    await (await openSite({ stableStorage, backend: 'mapped' })).shutdown();
    return true;
  } catch (error) {
    if (error instanceof RekindleError && error.code === 'BACKEND_UNAVAILABLE') return false;
    throw error;
  }
}

describe('the comparison of checkpoints', () => {
  it('makes one generation after another in guests of both sizes, with both banks', async () => {
    using modules = new ModuleDirectory();
    const seen: Case[] = [];
    const rows = await checkpointCost([1, 2], 1).run({
      modules,
      measure: async (cases) => {
        seen.push(...cases);
        for (const each of cases) {
          for (let turn = 0; turn < 6; turn += 1) {
            await each.prepare?.();
            await each.run();
          }
        }
        return reportRows(
          cases,
          cases.map(() => [1]),
        );
      },
    });
    if (!(await mappedWorks(modules.path))) return expect(rows).toEqual([]);
    const names = ['checkpoint.memory', 'checkpoint.directory', 'whole.copy', 'floor.write'];
    expect(rows.map(({ guest, name }) => `${guest}: ${name}`)).toEqual(
      [1, 2].flatMap((sizeMib) => names.map((name) => `${sizeMib} MiB, 16 dirty: ${name}`)),
    );
    expect(seen.filter(({ series }) => series !== undefined)).toHaveLength(4);
  });
});
