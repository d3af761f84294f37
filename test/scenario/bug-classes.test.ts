// One test for each class of bug that others met in snapshot and restart systems, named after it. Everything is driven through a site,
// on both backends and placements, in place and with fresh instances. Those of captured state are in bug-classes-image.test.ts.
//
// Not here: a second site on one bank, and a mapped file truncated under a guest - a bank has no name and no file that another could
// open, until sites outlive their process; a restore that looks fast and pays in page faults - the benchmark measures to the end of the
// next call; a huge, malformed or 4 GiB module - bad-input-modules.test.ts. Descriptors are not rewound because there are none but the
// standard streams; other host-side state is.
import { describe, expect, it } from 'vitest';
import { ENOTSUP } from '#abi/errors.js';
import { CAUSE_TRAP } from '#abi/hr.js';
import {
  crash,
  NOTED_RESTART,
  openModule,
  openProbe,
  STACK_TOP,
  WAYS,
} from '#test/scenario/bug-classes-kit.js';
import { number, openProbeSite, refusal } from '#test/support/probe-site.js';
import { inTime, until } from '#test/support/scenario.js';

const PAGE_BYTES = 4096;

describe.each(WAYS)('bug classes: $backend, $placement, $restore', (way) => {
  const { placement, restore } = way;
  const how = { placement, restore };

  it('the random seed identical after each restore', async () => {
    const { calls } = await openProbe(way);
    const { process } = calls;
    const drawn = [await number(process, 'random')];
    await process.checkpoint();
    for (let restarts = 0; restarts < 3; restarts += 1) {
      drawn.push(await number(process, 'random'));
      await crash(process);
    }
    drawn.push(await number(process, 'random'));
    expect(new Set(drawn).size).toBe(drawn.length);
  });

  it('host-side handles not rewound', async () => {
    const { calls, site } = await openProbe(way);
    const mappings = () => site.pmstat().flatMap((row) => (row.system ? [] : [[row.name, row.mappings]]));
    const before = await calls.allocate('BEFORE', PAGE_BYTES);
    const freed = await calls.allocate('FREED', PAGE_BYTES);
    await calls.poke(before.address, 1);
    await calls.poke(freed.address, 2);
    await calls.process.checkpoint();
    const after = await calls.allocate('AFTER', PAGE_BYTES);
    await calls.poke(after.address, 3);
    await calls.poke(before.address, 4);
    expect(await calls.free('FREED')).toBe(0);
    await crash(calls.process);
    // What the image had mapped is mapped there again, with its present content; what came later is not.
    expect(mappings()).toEqual([
      ['BEFORE', 1],
      ['AFTER', 0],
    ]);
    expect([await calls.peek(before.address), await calls.peek(freed.address)]).toEqual([4, 0]);
    const again = await calls.allocate('AFTER', PAGE_BYTES);
    expect(await calls.peek(again.address)).toBe(3);
    expect(again.address).not.toBe(before.address);
  });

  it('in-flight calls of other callers when one guest is restored', async () => {
    const { calls, opened, site } = await openProbe(way);
    const [other, count] = [await opened.probe(how), 20];
    const before = calls.process.pid;
    // An inline call is over when it returns: only a guest in a thread can have calls under way here.
    const exportName = placement === 'thread' ? 'spin' : 'bump';
    const inFlight = Array.from({ length: count }, () => calls.process.call(exportName));
    const settled = Promise.allSettled(inFlight);
    await refusal(other.call('trap'));
    const results = await inTime('every call has ended', settled);
    const codes = results.map((result) => (result.status === 'rejected' ? result.reason.code : 'fulfilled'));
    expect(new Set(codes)).toEqual(new Set([placement === 'thread' ? 'PROCESS_RESTARTED' : 'fulfilled']));
    await until('it is back', () => calls.process.pid !== before && calls.process.state === 'ready');
    expect(await calls.call('bump')).toBe(1);
    expect(site.aps()).toHaveLength(2);
  });

  it('a checkpoint of an already broken state', async () => {
    const { calls } = await openProbe(way);
    const { process } = calls;
    const { pid } = process;
    const asked = [process.call('scribble'), process.call('trap'), process.checkpoint()];
    const [scribbled, trapped, checkpoint] = await inTime('all have ended', Promise.allSettled(asked));
    expect([scribbled?.status, trapped?.status]).toEqual(['fulfilled', 'rejected']);
    await until('it is back', () => process.pid !== pid && process.state === 'ready');
    // An inline guest is back before the checkpoint is asked for: that one is of a sound state.
    expect(process.generation).toBe(checkpoint?.status === 'fulfilled' ? 1 : 0);
    expect(await process.call('data', [], { returns: 'string' })).toBe('pristine.');
  });

  it('_start run twice over one memory: a command that has nothing else to be restarted by is refused', async () => {
    const { site, opened } = await openProbe(way);
    const command = await site.arun('probe-command.wasm', {
      ...how,
      group: 1,
      args: ['C', 'checkpoint', 'handler'],
    });
    expect(await command.exited).toEqual({ kind: 'exit', status: 0 });
    expect(opened.output(command.name)).toBe(`checkpoint -1 errno ${ENOTSUP}\n`);
  });

  it('_start run twice over one memory: a command with hr_restarted is entered by that', async () => {
    const noted: number[] = [];
    const { process } = await openModule(way, 'restarted-command.wasm', {
      host: {
        note: (value) => {
          noted.push(Number(value));
          return undefined;
        },
      },
    });
    expect(await inTime('the command has ended', process.exited)).toEqual({ kind: 'exit', status: 0 });
    expect(noted).toEqual([1, NOTED_RESTART + CAUSE_TRAP]);
  });

  it('a shadow stack that creeps with every restore', async () => {
    const { opened, process } = await openModule(way, 'shadow-stack.wasm');
    await opened.ready(process);
    for (let restarts = 1; restarts <= 10; restarts += 1) {
      await crash(process, 'checkpointAndTrap');
      expect([process.generation, await process.call('stackPointer')]).toEqual([restarts, STACK_TOP]);
    }
  });

  it('a restart window that never trips', async () => {
    const opened = await openProbeSite({
      backend: way.backend,
      policy: { maxBadness: 2, intervalMs: 3_600_000, rungs: { site: false, cold: false, quarantine: true } },
    });
    const process = await opened.probe(how);
    for (let restarts = 0; restarts < 2; restarts += 1) await crash(process);
    await refusal(process.call('trap'));
    await until('the group is in quarantine', () => opened.events('quarantined').length === 1);
    expect(opened.events('restarted')).toHaveLength(2);
  });
});
