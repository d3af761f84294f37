// A guest in a thread that traps, beside what one does today: end the worker and start another, or, at best, instantiate the module again
// in the worker there is.
import {
  expectAnswer,
  expectError,
  type ModuleDirectory,
  nextRestart,
  openSites,
  type SiteOfBackend,
} from '../ground.ts';
import { compileFile } from '../plain-guest.ts';
import { type PlainWorker, PlainWorkers } from '../plain-worker.ts';
import type { Case } from '../report.ts';
import type { Scenario } from '../scenario.ts';

const GUEST = 'counter.wasm';
const INCREMENTS_BEFORE_CHECKPOINT = 3;
const common = { subject: 'thread counter' } as const;

async function restarts({ site, backend }: SiteOfBackend): Promise<readonly Case[]> {
  const start = await site.arun(GUEST, { group: 1 });
  const checkpointed = await site.arun(GUEST, { group: 2 });
  for (let call = 0; call < INCREMENTS_BEFORE_CHECKPOINT; call += 1) await checkpointed.call('increment');
  await checkpointed.checkpoint();
  return [
    { process: start, guest: 'counter', answer: 1 },
    { process: checkpointed, guest: 'counter, checkpoint', answer: INCREMENTS_BEFORE_CHECKPOINT + 1 },
  ].map(({ process, guest, answer }) => ({
    ...common,
    name: 'restart.thread',
    guest,
    backend,
    role: 'measured',
    run: async () => {
      const restarted = nextRestart(site);
      await expectError(process.call('crash'), 'GUEST_FAULT');
      await restarted;
      expectAnswer(await process.call('increment'), answer);
    },
  }));
}

/** A start in a new worker; ending it is not counted. */
function coldStart(
  workers: PlainWorkers,
  name: string,
  role: 'cold' | 'measured',
  nextSource: () => string | WebAssembly.Module,
): Case {
  let source = nextSource();
  let worker: PlainWorker | null = null;
  return {
    ...common,
    name,
    guest: 'counter',
    backend: null,
    role,
    prepare: async () => {
      if (worker !== null) await workers.end(worker);
      source = nextSource();
    },
    run: async () => {
      worker = workers.start();
      const started = worker.start(source, { keepCopy: false });
      const answer = await worker.call('increment');
      await started;
      expectAnswer(answer, 1);
    },
  };
}

function references(modules: ModuleDirectory, path: string, workers: PlainWorkers): readonly Case[] {
  const module = compileFile(path);
  const worker = workers.start();
  const plain = { ...common, guest: 'counter', backend: null } as const;
  return [
    coldStart(workers, 'cold.thread', 'cold', () => modules.addUnseen(path)),
    coldStart(workers, 'cold.thread.compiled', 'measured', () => module),
    {
      ...plain,
      name: 'cold.thread.kept',
      role: 'kept',
      run: async () => {
        const started = worker.start(module, { keepCopy: false });
        const answer = await worker.call('increment');
        await started;
        expectAnswer(answer, 1);
      },
    },
    {
      ...plain,
      name: 'floor.thread',
      role: 'floor',
      // The case before has left a guest of which no copy was kept.
      prepare: () => worker.start(module, { keepCopy: true }),
      run: async () => {
        await worker.expectTrap('crash');
        await worker.call('increment');
      },
    },
  ];
}

export const threadCounter: Scenario = {
  name: 'thread.counter',
  share: 16,
  run: async ({ modules, measure }) => {
    const path = modules.addSample(GUEST);
    await using sites = await openSites(modules.path, 1);
    await using workers = new PlainWorkers();
    const cases = (await Promise.all(sites.all.map(restarts))).flat();
    return await measure([...cases, ...references(modules, path, workers)]);
  },
};
