// The row `restart.thread`: from the trap of a guest in a worker to the same guest at its entry point again. The guest tells both moments
// itself, by the clock of its own thread; nothing may be asked of it in between.
import type { Process, Site } from '#runtime/index.js';
import { warmRoundTrip } from '../floor/worker-floor.ts';
import { expectError, type ModuleDirectory } from '../ground.ts';
import { markingModule } from '../marking-guest.ts';
import {
  addMarkingGuest,
  crash,
  MARKING,
  MARKING_GUEST,
  openTirelessSite,
  requireNumber,
} from '../marking-site.ts';
import { nowUs } from '../marks.ts';
import type { SelfTimed, Timed } from '../measure.ts';
import { ownTimes } from '../own-times.ts';
import type { GuestTask } from '../peers/guest-task.ts';
import { NodeChild } from '../peers/node-child.ts';
import { compileFile } from '../plain-guest.ts';
import { PlainWorkers } from '../plain-worker.ts';
import { residentModule, touchArguments, touchedSum, WASM_PAGE_BYTES } from '../resident-guest.ts';
import type { Point, Row } from '../row.ts';

const MIB = 1024 * 1024;
const LARGE_GUEST = 'marking-1m.wasm';
const DIRTY_PAGES = 16;
/** Times as long as a round trip to a warm worker. */
const TARGET = 5;
const WARM_WORKERS = 1;

interface Variant {
  readonly name: string;
  readonly file: string;
  readonly checkpointed: boolean;
  /** Stored to before each trap. */
  readonly dirtyPages: number;
}

const VARIANTS: readonly Variant[] = [
  { name: '64 KiB, generation 0', file: MARKING_GUEST, checkpointed: false, dirtyPages: 0 },
  { name: '64 KiB, generation 1', file: MARKING_GUEST, checkpointed: true, dirtyPages: 0 },
  { name: '1 MiB, generation 1, 16 dirty', file: LARGE_GUEST, checkpointed: true, dirtyPages: DIRTY_PAGES },
];

async function start(site: Site, { file, checkpointed }: Variant, group: number): Promise<Process> {
  const process = await site.arun(file, { ...MARKING, group });
  if (checkpointed) await process.checkpoint();
  return process;
}

function trapToEntry(site: Site, process: Process, { name, dirtyPages }: Variant): SelfTimed {
  return ownTimes(`${name}, trap to entry`, async () => {
    if (dirtyPages > 0) await process.call('dirty', [dirtyPages, MIB / dirtyPages]);
    await crash(site, process);
    return requireNumber(await process.call('awayUs'));
  });
}

/** As the host sees it: from the failed call to the answer of the next. */
function failureToAnswer(process: Process): Timed {
  return {
    name: 'failed call to next answer',
    prepare: () => expectError(process.call('crash'), 'GUEST_FAULT'),
    run: async () => {
      await process.ready();
      await process.call('enteredUs');
    },
  };
}

/** What one would do without us, with the module kept: the main thread is told of the trap and has the guest started again. */
function plainPeers(workers: PlainWorkers, path: string): Record<'sameWorker' | 'newWorker', SelfTimed> {
  const module = compileFile(path);
  const kept = workers.start();
  const started = kept.start(module, { keepCopy: false });
  return {
    sameWorker: ownTimes('plain worker, new instance', async () => {
      await started;
      await kept.expectTrap('crash');
      await kept.start(module, { keepCopy: false });
      return requireNumber(await kept.call('awayUs'));
    }),
    newWorker: ownTimes('new plain worker', async () => {
      const failing = workers.start();
      await failing.start(module, { keepCopy: false });
      await failing.expectTrap('crash');
      const trappedUs = nowUs();
      await workers.end(failing);
      const next = workers.start();
      await next.start(module, { keepCopy: false });
      const enteredUs = requireNumber(await next.call('enteredUs'));
      await workers.end(next);
      return enteredUs - trappedUs;
    }),
  };
}

export const restartThread: Row = {
  id: 'restart.thread',
  title: 'a guest in a worker traps, to its entry point again, by its own clock',
  share: 12,
  run: async ({ modules, measure }) => {
    const path = addGuests(modules);
    await using site = await openTirelessSite(modules, { warmWorkers: WARM_WORKERS });
    await using workers = new PlainWorkers();
    const roundTrip = warmRoundTrip(workers);
    const { sameWorker, newWorker } = plainPeers(workers, path);
    await using child = await NodeChild.start(childTask(modules));
    const targets = [{ than: 'floor', atMost: TARGET }] as const;
    const points: Point[] = [];
    for (const [group, variant] of VARIANTS.entries()) {
      const ours = trapToEntry(site, await start(site, variant, group), variant);
      points.push({
        name: variant.name,
        ours,
        floors: [roundTrip],
        peers: group === 0 ? [sameWorker, newWorker, child.restarted] : [],
        targets,
      });
    }
    const [plainest] = VARIANTS;
    if (plainest === undefined) throw new Error('there are variants');
    const seen = failureToAnswer(await start(site, plainest, VARIANTS.length));
    points.push({ name: 'failed call to next answer', ours: seen, floors: [roundTrip], targets: [] });
    return await measure(points);
  },
};

function addGuests(modules: ModuleDirectory): string {
  modules.add(LARGE_GUEST, markingModule(MIB, true));
  return addMarkingGuest(modules);
}

/** What a guest of the same size in a Node process of its own is asked for. */
function childTask(modules: ModuleDirectory): GuestTask {
  return {
    path: modules.add('resident.wasm', residentModule(WASM_PAGE_BYTES)),
    exportName: 'touch',
    args: touchArguments(WASM_PAGE_BYTES, 1),
    answer: touchedSum(1),
  };
}
