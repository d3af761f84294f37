// The row `restart.loop`: a guest in an endless loop is found, and its process runs again. The time limit itself is not counted; the end of
// the worker, which nothing else can get out of the loop, is.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Process, Site } from '#runtime/index.js';
import { clockModule, timeUs } from '../clock-guest.ts';
import { terminateLooping } from '../floor/worker-floor.ts';
import { expectError } from '../ground.ts';
import { openTirelessSite } from '../marking-site.ts';
import { nowUs } from '../marks.ts';
import type { SelfTimed } from '../measure.ts';
import { ownTimes } from '../own-times.ts';
import { compileFile } from '../plain-guest.ts';
import { type PlainWorker, PlainWorkers } from '../plain-worker.ts';
import type { Row } from '../row.ts';

/** Times as long as the bare end of a looping worker. */
const TARGET = 1.5;
const WARM_WORKERS = 2;
const GUEST = 'clock.wasm';
const LIMIT_MS = 20;
/** Time for the loop to be well under way. */
const SETTLE_MS = 5;
/** Plain workers that start one after another while the pool of the site warms one up, which has more to load. */
const STARTS_TO_WARM_UP = 3;

/** As long as the pool needs, however busy the machine is. */
async function letPoolWarmUp(workers: PlainWorkers): Promise<void> {
  for (let started = 0; started < STARTS_TO_WARM_UP; started += 1) {
    const worker = workers.start();
    await worker.echo();
    await workers.end(worker);
  }
}

function killed(site: Site, workers: PlainWorkers, process: Process): SelfTimed {
  return ownTimes('akill to entry', async () => {
    await letPoolWarmUp(workers);
    const looping = expectError(process.call('spin'), 'PROCESS_RESTARTED');
    await sleep(SETTLE_MS);
    const foundUs = nowUs();
    await site.akill(process.pid);
    await looping;
    await process.ready();
    return timeUs(await process.call('enteredNs')) - foundUs;
  });
}

function timedOut(site: Site, workers: PlainWorkers, process: Process): SelfTimed {
  let foundUs = 0;
  site.on('fault', ({ process: failed }) => {
    if (failed === process) foundUs = nowUs();
  });
  return ownTimes('limit passed to entry', async () => {
    await letPoolWarmUp(workers);
    await expectError(process.call('spin', [], { limitMs: LIMIT_MS }), 'GUEST_FAULT');
    await process.ready();
    return timeUs(await process.call('enteredNs')) - foundUs;
  });
}

async function startLooping(workers: PlainWorkers, module: WebAssembly.Module): Promise<PlainWorker> {
  const looping = workers.start();
  await looping.start(module, { keepCopy: false });
  await looping.callForever('spin');
  await sleep(SETTLE_MS);
  return looping;
}

/** What one would do without us, and had made ready for it: another worker, already started, and the module kept. */
function plainRestart(workers: PlainWorkers, module: WebAssembly.Module): SelfTimed {
  return ownTimes('another warm plain worker', async () => {
    const next = workers.start();
    await next.echo();
    const looping = await startLooping(workers, module);
    const foundUs = nowUs();
    await workers.end(looping);
    await next.start(module, { keepCopy: false });
    const runningUs = timeUs(await next.call('enteredNs'));
    await workers.end(next);
    return runningUs - foundUs;
  });
}

export const restartLoop: Row = {
  id: 'restart.loop',
  title: 'an endless loop in a worker is found, to the process at its entry point again',
  share: 12,
  run: async ({ modules, measure }) => {
    const module = compileFile(modules.add(GUEST, clockModule()));
    await using site = await openTirelessSite(modules, { warmWorkers: WARM_WORKERS });
    await using workers = new PlainWorkers();
    const floors = [terminateLooping(workers, module, 'spin')];
    const peers = [plainRestart(workers, module)];
    const targets = [{ than: 'floor', atMost: TARGET }] as const;
    const [first, second] = await Promise.all([
      site.arun(GUEST, { group: 0 }),
      site.arun(GUEST, { group: 1 }),
    ]);
    return await measure([
      { name: 'akill', ours: killed(site, workers, first), floors, peers, targets },
      { name: 'time limit', ours: timedOut(site, workers, second), floors, targets },
    ]);
  },
};
