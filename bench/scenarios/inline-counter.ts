// An inline guest of a hundred kilobytes that traps: restored to generation 0, where it is initialised again, and to a checkpoint, where
// it is not. The sample guest `counter` has a heap, globals, a table and a block of persistent memory.
import {
  expectAnswer,
  expectFaultSync,
  type ModuleDirectory,
  openSites,
  type SiteOfBackend,
} from '../ground.ts';
import { compileFile, expectTrap, PlainGuest } from '../plain-guest.ts';
import type { Case } from '../report.ts';
import type { Scenario } from '../scenario.ts';

const GUEST = 'counter.wasm';
const INCREMENTS_BEFORE_CHECKPOINT = 3;
const common = { subject: 'inline counter' } as const;

async function restores({ site, backend }: SiteOfBackend): Promise<readonly Case[]> {
  const start = await site.arun(GUEST, { group: 1, placement: 'inline' });
  const checkpointed = await site.arun(GUEST, { group: 2, placement: 'inline' });
  for (let call = 0; call < INCREMENTS_BEFORE_CHECKPOINT; call += 1) checkpointed.callSync('increment');
  await checkpointed.checkpoint();
  return [
    { process: start, guest: 'counter', answer: 1 },
    { process: checkpointed, guest: 'counter, checkpoint', answer: INCREMENTS_BEFORE_CHECKPOINT + 1 },
  ].map(({ process, guest, answer }) => ({
    ...common,
    name: 'restore.inline',
    guest,
    backend,
    role: 'measured',
    run: () => {
      expectFaultSync(process, 'crash');
      expectAnswer(process.callSync('increment'), answer);
    },
  }));
}

function references(modules: ModuleDirectory, path: string): readonly Case[] {
  const module = compileFile(path);
  let unseen = path;
  const kept = new PlainGuest(module);
  kept.keepCopy();
  const crash = kept.function('crash');
  const increment = kept.function('increment');
  const plain = { ...common, guest: 'counter', backend: null } as const;
  return [
    {
      ...plain,
      name: 'cold.inline',
      role: 'cold',
      prepare: () => {
        unseen = modules.addUnseen(path);
      },
      run: () => expectAnswer(new PlainGuest(compileFile(unseen)).function('increment')(), 1),
    },
    {
      ...plain,
      name: 'cold.inline.kept',
      role: 'kept',
      run: () => expectAnswer(new PlainGuest(module).function('increment')(), 1),
    },
    {
      ...plain,
      name: 'floor.inline',
      role: 'floor',
      run: () => {
        expectTrap(crash);
        kept.putBack();
        increment();
      },
    },
  ];
}

export const inlineCounter: Scenario = {
  name: 'inline.counter',
  share: 9,
  run: async ({ modules, measure }) => {
    const path = modules.addSample(GUEST);
    await using sites = await openSites(modules.path, 0);
    const cases = (await Promise.all(sites.all.map(restores))).flat();
    return await measure([...cases, ...references(modules, path)]);
  },
};
