// The row `restart.group`: a guest traps, and all of its group run again. Figures are for each process of the group, so that groups of
// different sizes can be held beside each other; no process may be left out of the count.
import type { Process, Site } from '#runtime/index.js';
import { warmRoundTrip } from '../floor/worker-floor.ts';
import { expectAnswer, expectFaultSync } from '../ground.ts';
import {
  addMarkingGuest,
  crash,
  MARKING,
  MARKING_GUEST,
  openTirelessSite,
  requireNumber,
} from '../marking-site.ts';
import { marks, nowUs } from '../marks.ts';
import type { SelfTimed, Timed } from '../measure.ts';
import { ownTimes } from '../own-times.ts';
import { compileFile, PlainGuest } from '../plain-guest.ts';
import { PlainWorkers } from '../plain-worker.ts';
import type { MeasuredPoint, Point, Row, RowContext } from '../row.ts';

type Placement = 'inline' | 'thread';

const SIZES = { inline: [1, 10, 100, 1000], thread: [1, 10, 100] } as const;
/** Of the time for a process that is alone in its group; what is more than 1 is the noise of two medians. */
const TARGET = 1.1;
/** All processes of a row are in one site: groups of every size. */
const LIMITS = { maxProcesses: 2000, maxWorkers: 128 } as const;

function pointName(placement: Placement, size: number): string {
  return size === 1 ? `${placement}, alone` : `${placement}, group of ${size}`;
}

async function startGroup(
  site: Site,
  placement: Placement,
  size: number,
  group: number,
): Promise<readonly Process[]> {
  const processes: Process[] = [];
  for (let member = 0; member < size; member += 1)
    processes.push(await site.arun(MARKING_GUEST, { ...MARKING, placement, group }));
  return processes;
}

/** From the trap to the return of the call that failed: by then every entry has been run. */
function inlineRestart(name: string, processes: readonly Process[], failing: Process): SelfTimed {
  return ownTimes(name, async () => {
    expectFaultSync(failing, 'crash');
    const backUs = nowUs();
    requireReady(processes);
    return (backUs - marks.marks.leftUs()) / processes.length;
  });
}

/** From the trap, by the clock of the guest's thread, to the last process being ready, as the main thread knows it. */
function threadRestart(name: string, site: Site, processes: readonly Process[], failing: Process): SelfTimed {
  return ownTimes(name, async () => {
    await crash(site, failing);
    await Promise.all(processes.map((process) => process.ready()));
    const backUs = nowUs();
    requireReady(processes);
    return (backUs - requireNumber(await failing.call('leftUs'))) / processes.length;
  });
}

function requireReady(processes: readonly Process[]): void {
  for (const { state } of processes) expectAnswer(state, 'ready');
}

async function groupPoints(site: Site, placement: Placement, floor: Timed): Promise<readonly Point[]> {
  const points: Point[] = [];
  for (const [group, size] of SIZES[placement].entries()) {
    const processes = await startGroup(site, placement, size, group);
    const failing = processes[0];
    if (failing === undefined) throw new Error('a group has members');
    const name = pointName(placement, size);
    const ours =
      placement === 'inline'
        ? inlineRestart(name, processes, failing)
        : threadRestart(name, site, processes, failing);
    points.push({
      name,
      ours,
      floors: [floor],
      targets: size === 1 ? [] : [{ than: 'point', name: pointName(placement, 1), atMost: TARGET }],
    });
  }
  return points;
}

async function runInline({ modules, measure }: RowContext, path: string): Promise<readonly MeasuredPoint[]> {
  const module = compileFile(path);
  await using site = await openTirelessSite(modules, { warmWorkers: 0, limits: LIMITS });
  const anew: Timed = {
    name: 'new instance in plain Node',
    run: () => {
      new PlainGuest(module);
    },
  };
  return await measure(await groupPoints(site, 'inline', anew), 0.5);
}

async function runThreads({ modules, measure }: RowContext): Promise<readonly MeasuredPoint[]> {
  await using site = await openTirelessSite(modules, { warmWorkers: 1, limits: LIMITS });
  await using workers = new PlainWorkers();
  return await measure(await groupPoints(site, 'thread', warmRoundTrip(workers)), 0.5);
}

export const restartGroup: Row = {
  id: 'restart.group',
  title: 'one of a group traps, to all of the group running again: for each process',
  share: 16,
  run: async (context) => {
    const path = addMarkingGuest(context.modules);
    return [...(await runInline(context, path)), ...(await runThreads(context))];
  },
};
