// What it costs a restart that the bank lies in a directory: a group restart is written down before it is done. The same guest beside it on
// a bank in memory, both inline and restored to a checkpoint.
import { openSite, type Site } from '#runtime/index.js';
import { BankPlace } from '../bank-place.ts';
import { expectAnswer, expectFaultSync, NEVER_CLIMBS } from '../ground.ts';
import type { Clocked } from '../measure.ts';
import type { Row } from '../row.ts';

const GUEST = 'counter.wasm';
const INCREMENTS_BEFORE_CHECKPOINT = 3;
async function restarts(site: Site, name: string): Promise<Clocked> {
  const process = await site.arun(GUEST, { placement: 'inline' });
  for (let call = 0; call < INCREMENTS_BEFORE_CHECKPOINT; call += 1) process.callSync('increment');
  await process.checkpoint();
  return {
    name,
    run: () => {
      expectFaultSync(process, 'crash');
      expectAnswer(process.callSync('increment'), INCREMENTS_BEFORE_CHECKPOINT + 1);
    },
  };
}

export const restartDirectory: Row = {
  id: 'restart.directory',
  title: 'from the call that traps to the answer of the next, written down in a directory before it is done',
  share: 3,
  run: async ({ modules, measure }) => {
    const stableStorage = modules.path;
    modules.addSample(GUEST);
    using place = new BankPlace();
    await using memory = await openSite({ stableStorage, policy: NEVER_CLIMBS });
    await using directory = await openSite({
      stableStorage,
      policy: NEVER_CLIMBS,
      bank: place.pathOf('bank'),
    });
    return await measure([
      {
        name: 'counter',
        ours: await restarts(directory, 'bank in a directory'),
        peers: [await restarts(memory, 'bank in memory')],
        targets: [],
      },
    ]);
  },
};
