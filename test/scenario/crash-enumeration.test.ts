// The enumeration of crash points in its reduced form: a sample by a seed, with every kind of step in it. The whole is in the crash test
// (test/crash/main.ts). What it must show: nothing that was promised is lost by a crash, and nothing that was not is there.
import { expect, it } from 'vitest';
import { runEnumeration } from '#test/crash/enumeration/run.js';

const SEED = 1;
const CRASH_POINTS = 320;
/** Far more than it takes: a machine that is busy with others must not make it fail. */
const TIMEOUT_MS = 300_000;

it(
  'comes back from every sampled crash point with what was promised',
  async () => {
    const { cases, failures } = await runEnumeration({
      seed: SEED,
      cases: CRASH_POINTS,
      progress: () => undefined,
    });
    expect(failures).toEqual([]);
    expect(cases).toBeGreaterThanOrEqual(CRASH_POINTS);
  },
  TIMEOUT_MS,
);
