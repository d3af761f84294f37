// What it costs a restart that the bank lies in a directory: a group restart is written down before it is done. The same guest beside it on
// a bank in memory, both inline and restored to a checkpoint.
import { openSite, type Site } from '#runtime/index.js';
import { BankPlace } from '../bank-place.ts';
import { expectAnswer, expectFaultSync } from '../ground.ts';
import type { Case } from '../report.ts';
import type { Scenario } from '../scenario.ts';

const GUEST = 'counter.wasm';
const INCREMENTS_BEFORE_CHECKPOINT = 3;
/** However often a group restarts, it never climbs the ladder, and never loses its checkpoint. */
const POLICY = {
  maxBadness: Number.POSITIVE_INFINITY,
  maxFutileFailures: Number.POSITIVE_INFINITY,
} as const;

async function restarts(site: Site, name: string): Promise<Case> {
  const process = await site.arun(GUEST, { placement: 'inline' });
  for (let call = 0; call < INCREMENTS_BEFORE_CHECKPOINT; call += 1) process.callSync('increment');
  await process.checkpoint();
  return {
    name,
    subject: 'restart, where the bank lies',
    guest: 'counter, checkpoint',
    backend: site.report().backend,
    role: 'measured',
    series: 'restart, where the bank lies',
    run: () => {
      expectFaultSync(process, 'crash');
      expectAnswer(process.callSync('increment'), INCREMENTS_BEFORE_CHECKPOINT + 1);
    },
  };
}

export const directoryRestart: Scenario = {
  name: 'directory-restart',
  share: 3,
  run: async ({ modules, measure }) => {
    const stableStorage = modules.path;
    modules.addSample(GUEST);
    using place = new BankPlace();
    await using memory = await openSite({ stableStorage, policy: POLICY });
    await using directory = await openSite({ stableStorage, policy: POLICY, bank: place.pathOf('bank') });
    return await measure([
      await restarts(memory, 'restore.memory'),
      await restarts(directory, 'restore.directory'),
    ]);
  },
};
