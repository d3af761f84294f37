// What bad calls and exhausted limits get: a RekindleError with a stable code and a message that names the culprit, and a site that goes
// on unchanged while another process answers. Wrong keys and names are in reference-2 and reference-3, modules and options have files
// of their own.
import { describe, expect, it } from 'vitest';
import { EAGAIN } from '#abi/errors.js';
import type { ArunOptions, ErrorCode, SiteOptions } from '#runtime/index.js';
import { ProbeCalls } from '#test/support/probe-calls.js';
import { openProbeSite, type ProbeSite, refusal, unchanged } from '#test/support/probe-site.js';
import { inTime, PLACEMENTS, until } from '#test/support/scenario.js';

const MiB = 1024 * 1024;
const untyped = (value: unknown): never => value as never;

describe.each(PLACEMENTS)('bad input: %s', (placement) => {
  const how: ArunOptions = { placement };

  async function open(limits: SiteOptions['limits'] = {}) {
    const opened = await openProbeSite({ limits });
    const bystander = await opened.probe(how);
    return { opened, site: opened.site, bystander, calls: new ProbeCalls(bystander) };
  }

  const nobody = { 'probe-embedder': { answer: () => 0, report: () => undefined } };

  describe('limits', () => {
    it('a full bank refuses a new module by BANK_FULL; those it has go on', async () => {
      const { opened, site, bystander, calls } = await open({ bankSizeBytes: MiB });
      const { sizeBytes, usedBytes } = site.report().bank;
      await calls.allocate('FILL', sizeBytes - usedBytes);
      await unchanged(opened, bystander, async () => {
        const error = await refusal(site.arun('probe-caller.wasm', { ...how, imports: nobody }));
        expect([error.code, error.culprit]).toEqual(['BANK_FULL', 'probe-caller.wasm']);
      });
      await opened.probe(how);
    });

    it('a full bank refuses a checkpoint by BANK_FULL; the generation before stays current', async () => {
      const { opened, site, bystander, calls } = await open({ bankSizeBytes: MiB });
      const { sizeBytes, usedBytes } = site.report().bank;
      await calls.allocate('FILL', sizeBytes - usedBytes);
      await unchanged(opened, bystander, async () => {
        const error = await refusal(bystander.checkpoint());
        expect([error.code, error.culprit]).toEqual(['BANK_FULL', bystander.name]);
        expect(await calls.call('hrCheckpoint')).toBeLessThan(0);
      });
      expect(bystander.generation).toBe(0);
    });

    it('no block entry left: BLOCK_LIMIT, for a module and for a checkpoint', async () => {
      const { opened, site, bystander, calls } = await open({ maxBlocks: 8 });
      for (let index = site.report().bank.blocks; index < 8; index += 1) await calls.allocate(`B${index}`, 8);
      await unchanged(opened, bystander, async () => {
        const modules = await refusal(site.arun('probe-caller.wasm', { ...how, imports: nobody }));
        expect([modules.code, modules.culprit]).toEqual(['BLOCK_LIMIT', 'probe-caller.wasm']);
        const checkpoint = await refusal(bystander.checkpoint());
        expect([checkpoint.code, checkpoint.culprit]).toEqual(['BLOCK_LIMIT', bystander.name]);
      });
    });

    it('too many processes: PROCESS_LIMIT, until one has ended', async () => {
      const { opened, site, bystander } = await open({ maxProcesses: 2 });
      const plain = await opened.probe({ ...how, restartable: false });
      await unchanged(opened, bystander, async () => {
        const error = await refusal(site.arun('probe.wasm', how));
        expect([error.code, error.culprit]).toEqual(['PROCESS_LIMIT', 'probe.wasm']);
      });
      await site.akill(plain.pid);
      await opened.probe(how);
    });

    it('a process that is still being loaded counts', async () => {
      const { site, opened } = await open({ maxProcesses: 3 });
      const asked = await Promise.allSettled(Array.from({ length: 5 }, () => site.arun('probe.wasm', how)));
      const refused = asked.flatMap((each) => (each.status === 'rejected' ? [each.reason.code] : []));
      expect(refused).toEqual(['PROCESS_LIMIT', 'PROCESS_LIMIT', 'PROCESS_LIMIT']);
      expect(opened.site.aps()).toHaveLength(3);
    });
  });

  describe('calls', () => {
    const bad: readonly [exportName: string, args: unknown, code: ErrorCode][] = [
      ['absent', [], 'EXPORT_MISSING'],
      ['', [], 'EXPORT_MISSING'],
      ['memory', [], 'EXPORT_MISSING'],
      ['constructor', [], 'EXPORT_MISSING'],
      ['__proto__', [], 'EXPORT_MISSING'],
      ['__hr_memory', [], 'EXPORT_MISSING'],
      [untyped(undefined), [], 'EXPORT_MISSING'],
      ['peek', [], 'ARGUMENT_INVALID'],
      ['peek', [1, 2], 'ARGUMENT_INVALID'],
      ['peek', [1.5], 'ARGUMENT_INVALID'],
      ['peek', [Number.NaN], 'ARGUMENT_INVALID'],
      ['peek', [2 ** 32], 'ARGUMENT_INVALID'],
      ['peek', [1n], 'ARGUMENT_INVALID'],
      ['peek', [undefined], 'ARGUMENT_INVALID'],
      ['peek', [null], 'ARGUMENT_INVALID'],
      ['peek', [{}], 'ARGUMENT_INVALID'],
      ['peek', [[5]], 'ARGUMENT_INVALID'],
      ['peek', [() => 5], 'ARGUMENT_INVALID'],
      ['peek', [Float64Array.of(1)], 'ARGUMENT_INVALID'],
      ['peek', [new DataView(new ArrayBuffer(8))], 'ARGUMENT_INVALID'],
      ['peek', 'text', 'ARGUMENT_INVALID'],
      ['peek', 5, 'ARGUMENT_INVALID'],
      ['peek', null, 'ARGUMENT_INVALID'],
    ];

    it('a missing export or wrong arguments never reach the guest, and name process and export', async () => {
      const { opened, bystander } = await open();
      await unchanged(opened, bystander, async () => {
        for (const [exportName, args, code] of bad) {
          const error = await refusal(() => bystander.call(exportName, untyped(args)));
          expect([exportName, args, error.code]).toEqual([exportName, args, code]);
          expect(error.culprit).toContain(bystander.name);
        }
      });
    });

    it('results that cannot be read as asked', async () => {
      const { opened, bystander } = await open();
      await unchanged(opened, bystander, async () => {
        const noPointer = await refusal(bystander.call('random', [], { returns: 'string' }));
        expect(noPointer.code).toBe('ARGUMENT_INVALID');
      });
    });

    it('strings for a guest without the exports for them', async () => {
      const { opened, site, bystander } = await open();
      const bare = await site.arun('probe-command.wasm', {
        ...how,
        group: 9,
        args: ['C', 'spin'],
        entryLimitMs: 60_000,
        placement: 'thread',
      });
      expect((await refusal(bare.call('_start', ['text']))).code).toBe('ARGUMENT_INVALID');
      await site.killGroup(9);
      expect(await bystander.call('bump')).toBe(1);
      expect(opened.events('restarted')).toEqual([]);
    });

    it('an unknown pid is PROCESS_UNKNOWN', async () => {
      const { opened, site, bystander } = await open();
      await unchanged(opened, bystander, async () => {
        for (const pid of [0, -1, 999_999, Number.NaN, untyped('1'), untyped(undefined)]) {
          const error = await refusal(site.akill(pid));
          expect([error.code, error.culprit]).toEqual(['PROCESS_UNKNOWN', `pid ${String(pid)}`]);
        }
        expect(site.process('nobody')).toBeNull();
      });
    });

    it('a checkpoint of a plain process is CHECKPOINT_REFUSED', async () => {
      const { opened, bystander } = await open();
      const plain = await opened.probe({ ...how, restartable: false });
      await unchanged(opened, bystander, async () => {
        const error = await refusal(plain.checkpoint());
        expect([error.code, error.culprit]).toEqual(['CHECKPOINT_REFUSED', plain.name]);
      });
    });

    it('an ended process is PROCESS_ENDED, whatever is asked of it', async () => {
      const { opened, bystander, site } = await open();
      const ended = await opened.probe({ ...how, group: 4 });
      await site.killGroup(4);
      await unchanged(opened, bystander, async () => {
        for (const asked of [
          () => ended.call('bump'),
          () => ended.checkpoint(),
          () => ended.call('absent'),
        ]) {
          const error = await refusal(asked);
          expect([error.code, error.culprit]).toEqual(['PROCESS_ENDED', ended.name]);
        }
      });
    });

    it('a closed site is SITE_CLOSED, whatever is asked of it; shutting down twice is once', async () => {
      const { site, bystander } = await open();
      await Promise.all([site.shutdown(), site.shutdown()]);
      await site.shutdown();
      const asked: readonly (() => Promise<unknown>)[] = [
        () => site.arun('probe.wasm'),
        () => site.akill(1),
        () => site.killGroup(0),
        () => site.restart(),
        () => site.releaseGroup(0),
      ];
      for (const each of asked) expect((await refusal(each)).code).toBe('SITE_CLOSED');
      expect(['SITE_CLOSED', 'PROCESS_ENDED']).toContain((await refusal(bystander.call('bump'))).code);
    });
  });
});

describe('bad input of threads', () => {
  const how: ArunOptions = { placement: 'thread' };

  it('callSync needs an inline process: PLACEMENT_UNSUITED', async () => {
    const opened = await openProbeSite();
    const process = await opened.probe(how);
    const error = await refusal(() => process.callSync('bump'));
    expect([error.code, error.culprit]).toEqual(['PLACEMENT_UNSUITED', process.name]);
    expect(await process.call('bump')).toBe(1);
  });

  it('no worker left: WORKER_UNAVAILABLE, or EAGAIN to a guest', async () => {
    const opened = await openProbeSite({ limits: { maxWorkers: 1 } });
    const process = await opened.probe(how);
    await unchanged(opened, process, async () => {
      expect((await refusal(opened.site.arun('probe.wasm', how))).code).toBe('WORKER_UNAVAILABLE');
      expect(await new ProbeCalls(process).spawn('CHILD', 'probe.wasm')).toBe(-EAGAIN);
    });
    await opened.probe({ placement: 'inline' });
  });

  it('too many waiting calls: CALL_QUEUE_FULL to the one more, and nothing to the others', async () => {
    const opened = await openProbeSite({ limits: { maxQueuedCalls: 3 } });
    const process = await opened.probe(how);
    const waiting = [process.call('work', [1_000_000]), process.call('bump'), process.call('bump')];
    const error = await refusal(process.call('bump'));
    expect([error.code, error.culprit]).toEqual(['CALL_QUEUE_FULL', process.name]);
    expect((await Promise.all(waiting)).slice(1)).toEqual([1, 2]);
    expect(await process.call('bump')).toBe(3);
  });

  it('a call to a process being restarted is PROCESS_RESTARTING', async () => {
    const opened = await openProbeSite();
    const process = await opened.probe({ ...how, group: 1 });
    // One alone is launched with its load, and takes calls at once; two wait for each other.
    await opened.probe({ ...how, group: 1 });
    await refusal(process.call('trap'));
    expect(process.state).toBe('restarting');
    const error = await refusal(process.call('bump'));
    expect([error.code, error.culprit]).toEqual(['PROCESS_RESTARTING', process.name]);
    expect((await refusal(process.checkpoint())).code).toBe('PROCESS_RESTARTING');
    await opened.ready(process);
    expect(await process.call('bump')).toBe(1);
  });

  const CALLERS = 40;
  type Interruption = readonly [
    what: string,
    first: string,
    options: { limitMs?: number },
    interrupt: (opened: ProbeSite, pid: number) => unknown,
    codes: readonly [first: ErrorCode, rest: ErrorCode],
    back: boolean,
  ];
  const nothing = () => undefined;
  const interruptions: readonly Interruption[] = [
    ['a trap in the first', 'trap', {}, nothing, ['GUEST_FAULT', 'PROCESS_RESTARTED'], true],
    [
      'a time limit of the first',
      'spin',
      { limitMs: 50 },
      nothing,
      ['GUEST_FAULT', 'PROCESS_RESTARTED'],
      true,
    ],
    ['a premature exit in the first', 'quit0', {}, nothing, ['GUEST_FAULT', 'PROCESS_RESTARTED'], true],
    ['a clean exit in the first', 'quitCleanly0', {}, nothing, ['PROCESS_ENDED', 'PROCESS_ENDED'], false],
    [
      'akill',
      'spin',
      {},
      ({ site }, pid) => site.akill(pid),
      ['PROCESS_RESTARTED', 'PROCESS_RESTARTED'],
      true,
    ],
    [
      'a site restart',
      'spin',
      {},
      ({ site }) => site.restart(),
      ['PROCESS_RESTARTED', 'PROCESS_RESTARTED'],
      true,
    ],
    ['killGroup', 'spin', {}, ({ site }) => site.killGroup(1), ['PROCESS_ENDED', 'PROCESS_ENDED'], false],
    ['shutdown', 'spin', {}, ({ site }) => site.shutdown(), ['SITE_CLOSED', 'SITE_CLOSED'], false],
  ];

  it.each(interruptions)('%s: every call in flight ends with one clear error', async (...row) => {
    const [, first, options, interrupt, [firstCode, restCode], back] = row;
    const opened = await openProbeSite();
    const process = await opened.probe({ ...how, group: 1 });
    const { pid } = process;
    const endsWithStatus = first.endsWith('0');
    const firstCall = process.call(
      endsWithStatus ? first.slice(0, -1) : first,
      endsWithStatus ? [0] : [],
      options,
    );
    const others = Array.from({ length: CALLERS }, (_, index) =>
      index % 4 === 3 ? process.checkpoint() : process.call('bump'),
    );
    const settled = Promise.allSettled([firstCall, ...others]);
    await interrupt(opened, pid);
    const results = await inTime('every call has ended', settled);
    const codes = results.map((each) => (each.status === 'rejected' ? each.reason.code : 'fulfilled'));
    expect(codes).toEqual([firstCode, ...Array.from({ length: CALLERS }, () => restCode)]);
    for (const each of results)
      if (each.status === 'rejected') expect(each.reason.message).toContain(process.name);
    if (!back) return;
    await until('it is back', () => process.pid !== pid && process.state === 'ready');
    expect([await process.call('bump'), process.generation]).toEqual([1, 0]);
  });
});
