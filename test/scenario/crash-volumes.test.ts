// Crashes of a bank with volumes, in the reduced form: a sample of the points at which it can stop, and a few real kills. The whole is in
// the crash test (test/crash/main.ts). What it must show: what was answered is there, and what was under way is there whole or not at all.
import { expect, it } from 'vitest';
import { runVolumeEnumeration } from '#test/crash/volume/enumerate.js';
import { runVolumeKills } from '#test/crash/volume/kill.js';

const SEED = 1;
const CRASH_POINTS = 200;
const LIVES = 6;
/** Far more than it takes: a machine that is busy with others must not make it fail. */
const TIMEOUT_MS = 300_000;

it(
  'has a sound volume at every sampled crash point',
  async () => {
    const { cases, failures } = await runVolumeEnumeration({
      seed: SEED,
      cases: CRASH_POINTS,
      progress: () => undefined,
    });
    expect(failures).toEqual([]);
    expect(cases).toBeGreaterThanOrEqual(CRASH_POINTS);
  },
  TIMEOUT_MS,
);

it(
  'has a sound volume after every kill',
  async () => {
    const { cases, failures, details } = await runVolumeKills({
      seed: SEED,
      cases: LIVES,
      progress: () => undefined,
    });
    expect(failures).toEqual([]);
    expect(cases).toBe(LIVES);
    expect(details).not.toEqual(['0 steps done']);
  },
  TIMEOUT_MS,
);
