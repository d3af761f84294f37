// kill -9 for real: a program with ten groups under load is killed at random moments, and whatever it had acknowledged is there when the
// bank is opened again; of eight that want the bank of a dead owner exactly one gets it. `npm run crashtest` does it a thousand times.
import { randomInt } from 'node:crypto';
import { expect, it } from 'vitest';
import { runRaces } from '#test/crash/kill/race.js';
import { Random } from '#test/crash/kill/random.js';
import { runKills } from '#test/crash/kill/run.js';

const KILLS = 10;
const ROUNDS = 8;
const MAX_SEED = 2 ** 32;
/** Most of it is starting programs; a loaded machine takes many times as long as an idle one. */
const TIMEOUT_MS = 240_000;

it(`${KILLS} kills under load lose nothing that was acknowledged`, { timeout: TIMEOUT_MS }, async () => {
  const seed = randomInt(MAX_SEED);
  console.log(`kills: seed ${seed}`);
  const { cases, failures } = await runKills({ seed, cases: KILLS, progress: () => undefined });
  expect(failures.join('\n\n')).toBe('');
  expect(cases).toBe(KILLS);
});

it(`${ROUNDS} times, one of eight gets the bank of an owner that is killed`, {
  timeout: TIMEOUT_MS,
}, async () => {
  const seed = randomInt(MAX_SEED);
  console.log(`races: seed ${seed}`);
  const { rounds, failures } = await runRaces(ROUNDS, new Random(seed));
  expect(failures.join('\n\n')).toBe('');
  expect(rounds).toBe(ROUNDS);
});
