// The row `spawn`: another process of a module that is known, by `arun` and by a guest's hrfexec of a name that is registered. The times
// end with the child at its entry point, by its own clock.
import type { Process, Site } from '#runtime/index.js';
import { clockModule, timeUs } from '../clock-guest.ts';
import { expectAnswer, expectError, expectFaultSync, nextRestart } from '../ground.ts';
import { openTirelessSite } from '../marking-site.ts';
import { nowUs } from '../marks.ts';
import type { Clocked, SelfTimed } from '../measure.ts';
import { ownTimes } from '../own-times.ts';
import { compileFile, PlainGuest } from '../plain-guest.ts';
import { PlainWorkers } from '../plain-worker.ts';
import type { Point, Row } from '../row.ts';
import { spawningModule } from '../spawning-guest.ts';

type Placement = 'inline' | 'thread';

/** Times as long as the same without a site: the module sent to a warm worker, or not, and instantiated. */
const TARGET = 3;
const WARM_WORKERS = 2;
const GROUPS = {
  inline: { parent: 1, arun: 2, known: 5 },
  thread: { parent: 3, arun: 4, known: 6 },
} as const;
const CHILD_FILE = 'clock.wasm';

function parentFile(placement: Placement): string {
  return `spawning-${placement}.wasm`;
}

function childName(placement: Placement): string {
  return `child-${placement}`;
}

function byArun(site: Site, placement: Placement): SelfTimed {
  const group = GROUPS[placement].arun;
  return ownTimes(`arun, ${placement}`, async () => {
    const askedUs = nowUs();
    const child = await site.arun(CHILD_FILE, { group, placement });
    const runningUs = timeUs(await child.call('enteredNs'));
    await site.killGroup(group);
    return runningUs - askedUs;
  });
}

/** After each restart of the group its parent asks for the child again, as it must. */
async function byExec(site: Site, placement: Placement): Promise<SelfTimed> {
  const group = GROUPS[placement].parent;
  const parent = await site.arun(parentFile(placement), { group, placement });
  await parent.call('spawn');
  return ownTimes(`hrfexec, ${placement}`, async () => {
    await restartGroup(site, parent);
    const pid = await parent.call('spawn');
    const child = site.process(childName(placement));
    if (child === null) throw new Error(`there is no child: ${String(pid)}`);
    await child.ready();
    expectAnswer(child.pid, pid);
    return timeUs(await child.call('enteredNs')) - timeUs(await parent.call('askedNs'));
  });
}

async function restartGroup(site: Site, parent: Process): Promise<void> {
  if (parent.placement === 'inline') return expectFaultSync(parent, 'crash');
  const restarted = nextRestart(site);
  await expectError(parent.call('crash'), 'GUEST_FAULT');
  await restarted;
  await parent.ready();
}

async function points(site: Site, placement: Placement, floor: Clocked | SelfTimed): Promise<Point[]> {
  // As long as it is there, its module is known.
  await site.arun(CHILD_FILE, { group: GROUPS[placement].known, placement });
  const floors = [floor];
  const targets = [{ than: 'floor', atMost: TARGET }] as const;
  return [
    { name: `arun, ${placement}`, ours: byArun(site, placement), floors, targets },
    { name: `hrfexec, ${placement}`, ours: await byExec(site, placement), floors, targets },
  ];
}

export const spawn: Row = {
  id: 'spawn',
  title: 'a process of a known module is asked for, to the child at its entry point',
  share: 10,
  run: async ({ modules, measure }) => {
    const module = compileFile(modules.add(CHILD_FILE, clockModule()));
    for (const placement of ['inline', 'thread'] as const)
      modules.add(parentFile(placement), spawningModule(childName(placement), CHILD_FILE));
    await using site = await openTirelessSite(modules, { warmWorkers: WARM_WORKERS });
    await using workers = new PlainWorkers();
    const warm = workers.start();
    const inlineFloor: Clocked = {
      name: 'new instance in plain Node',
      run: () => {
        new PlainGuest(module);
      },
    };
    const threadFloor = ownTimes('postMessage of the module to a warm worker', async () => {
      const askedUs = nowUs();
      await warm.start(module, { keepCopy: false });
      return timeUs(await warm.call('enteredNs')) - askedUs;
    });
    return await measure([
      ...(await points(site, 'thread', threadFloor)),
      ...(await points(site, 'inline', inlineFloor)),
    ]);
  },
};
