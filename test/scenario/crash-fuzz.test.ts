// Banks whose bytes something has damaged, two thousand of them: each opens with what is lost named and all else as it was, or is
// refused. The whole of it is in `npm run crashtest`; the seed is told when something fails.
import { expect, it } from 'vitest';
import { runFuzz } from '#test/crash/fuzz/run.js';

const CASES = 1000;
const LIMIT_MS = 300_000;
/** What has to have been met, or the cases are not what they are meant to be. */
const COMMON_OUTCOMES = [
  'opened, nothing lost',
  'opened, lost: generation',
  'opened, lost: ledger-copy',
  'opened, lost: process, process-image',
  'opened, lost: superblock-copy',
  'refused: BANK_DAMAGED',
];

it(
  'opens every damaged bank with the loss named, or refuses it',
  async () => {
    const seed = Date.now() % 2 ** 31;
    const { cases, failures, details } = await runFuzz({ seed, cases: CASES, progress: () => undefined });
    expect(failures).toEqual([]);
    expect(cases).toBe(CASES);
    const labels = details.map((line) => line.trim().replace(/^\d+ +/, ''));
    expect(labels).toEqual(expect.arrayContaining(COMMON_OUTCOMES));
  },
  LIMIT_MS,
);
