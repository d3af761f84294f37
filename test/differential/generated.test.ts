// A sample of the differential run: some generated modules, always the same ones. `npm run differential` does thousands more.
import { expect, it } from 'vitest';
import { runDifferential } from './run.js';

const FIRST_SEED = 41_000;
const MODULES = 40;

it('generated modules run alike in all their worlds', async () => {
  const tally = await runDifferential({
    firstSeed: FIRST_SEED,
    modules: MODULES,
    threads: 1,
    progress: () => undefined,
  });
  expect(tally.failures).toEqual([]);
  expect(tally.modules).toBe(MODULES);
  expect(tally.agreed).toBeGreaterThan(MODULES / 3);
  expect(tally.inPlace).toBeGreaterThan(tally.agreed);
  expect(tally.exported).toBeGreaterThan(tally.agreed);
});
