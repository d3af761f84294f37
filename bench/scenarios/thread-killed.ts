// A guest in a thread that is caught in an endless loop and killed: its worker has to be ended, and another takes its place. No time
// limit is waited for.
import { setTimeout as sleep } from 'node:timers/promises';
import { expectAnswer, expectError, openSites, type SiteOfBackend } from '../ground.ts';
import { compileFile } from '../plain-guest.ts';
import { type PlainWorker, PlainWorkers } from '../plain-worker.ts';
import type { Case } from '../report.ts';
import type { Scenario } from '../scenario.ts';

const GUEST = 'faulty.wasm';
const WARM_WORKERS = 2;
/** Time for the loop to begin and for another worker to warm up. */
const SETTLE_MS = 100;
const common = { subject: 'killed', guest: 'faulty, looping' } as const;

async function killed({ site, backend }: SiteOfBackend): Promise<Case> {
  const process = await site.arun(GUEST, { group: 1 });
  let looping: Promise<void> = Promise.resolve();
  return {
    ...common,
    name: 'restart.thread.killed',
    backend,
    role: 'measured',
    prepare: async () => {
      looping = expectError(process.call('endlessLoop'), 'PROCESS_RESTARTED');
      await sleep(SETTLE_MS);
    },
    run: async () => {
      await site.akill(process.pid);
      await looping;
      expectAnswer(await process.call('ping'), 1);
    },
  };
}

/** The looping worker is ended and what `next` makes takes its place; `warm` says that it was made beforehand. */
function replaced(
  workers: PlainWorkers,
  name: string,
  role: 'cold' | 'floor',
  options: { readonly nextSource: () => string | WebAssembly.Module; readonly warm: boolean },
): Case {
  let looping = workers.start();
  let next: PlainWorker | null = null;
  let source = options.nextSource();
  return {
    ...common,
    name,
    backend: null,
    role,
    prepare: async () => {
      await looping.start(source, { keepCopy: false });
      source = options.nextSource();
      looping.callForever('endlessLoop');
      if (options.warm) next = workers.start();
      await next?.echo();
      await sleep(SETTLE_MS);
    },
    run: async () => {
      await workers.end(looping);
      looping = next ?? workers.start();
      next = null;
      const started = looping.start(source, { keepCopy: false });
      expectAnswer(await looping.call('ping'), 1);
      await started;
    },
  };
}

export const threadKilled: Scenario = {
  name: 'thread.killed',
  share: 12,
  run: async ({ modules, measure }) => {
    const path = modules.addSample(GUEST);
    await using sites = await openSites(modules.path, WARM_WORKERS);
    await using workers = new PlainWorkers();
    const module = compileFile(path);
    return await measure([
      ...(await Promise.all(sites.all.map(killed))),
      replaced(workers, 'cold.thread.killed', 'cold', {
        nextSource: () => modules.addUnseen(path),
        warm: false,
      }),
      replaced(workers, 'floor.thread.killed', 'floor', { nextSource: () => module, warm: true }),
    ]);
  },
};
