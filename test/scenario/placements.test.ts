// Every kind of fault, in both placements and on both backends: it is the value it should be, and afterwards the process serves
// again from its image as another run under the same name. Nothing here waits for a time to pass.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ArunOptions, CallOptions, Fault, HostFunction, Process } from '#runtime/index.js';
import {
  failingEmbedder,
  faultOf,
  inTime,
  MATRIX,
  rejection,
  SiteUnderTest,
  until,
} from '#test/support/scenario.js';

const GROUP = 1;
/** Sixteen WebAssembly pages: soon used up. */
const SMALL_QUOTA_BYTES = 2 ** 20;
/** Long enough for a guest to begin its loop, short enough for a test. */
const LIMIT_MS = 40;
/** For calls that must not meet the limit of their process, however busy the machine is. */
const UNHURRIED: CallOptions = { limitMs: 10_000 };

interface FaultCase {
  readonly call: string;
  readonly args?: readonly number[];
  readonly fault: Partial<Fault>;
  /** Name of the guest function that failed; null where no guest frame can be known. */
  readonly function: string | null;
  readonly options?: ArunOptions;
  readonly limitMs?: number;
}

const trap = (message: string): Partial<Fault> => ({ kind: 'trap', message });

/** One row for every way `faulty.wasm` can fail. Messages are those of the engine. */
const FAULTS: readonly FaultCase[] = [
  { call: 'unreachable', fault: trap('unreachable'), function: 'trap' },
  { call: 'divideByZero', fault: trap('divide by zero'), function: 'divideByZero' },
  { call: 'integerOverflow', fault: trap('divide result unrepresentable'), function: 'integerOverflow' },
  {
    call: 'invalidConversion',
    fault: trap('float unrepresentable in integer range'),
    function: 'invalidConversion',
  },
  { call: 'outOfBounds', fault: trap('memory access out of bounds'), function: 'outOfBounds' },
  {
    call: 'indirectCallNull',
    fault: trap('null function or function signature mismatch'),
    function: 'indirectCallNull',
  },
  {
    call: 'indirectCallMismatch',
    fault: trap('null function or function signature mismatch'),
    function: 'indirectCallMismatch',
  },
  { call: 'stackOverflow', fault: trap('stack overflow'), function: 'depthBelow' },
  { call: 'abort', fault: { kind: 'trap' }, function: 'throwError' },
  {
    call: 'exhaustMemory',
    fault: { kind: 'memory-limit', message: 'the memory quota is used up' },
    function: 'exhaustMemory',
    options: { memoryQuotaBytes: SMALL_QUOTA_BYTES },
  },
  ...[0, 3].map((status) => ({
    call: 'exitWithoutHandler',
    args: [status],
    fault: {
      kind: 'exit' as const,
      message: expect.stringMatching(`^exit\\(${status}\\) without HR_EXIT_HDL`),
      exitStatus: status,
    },
    function: null,
  })),
  {
    call: 'endlessLoop',
    fault: { kind: 'timeout', message: 'the time limit passed' },
    function: null,
    limitMs: LIMIT_MS,
  },
  {
    call: 'endlessLoop',
    fault: { kind: 'timeout', message: 'the time limit passed' },
    function: null,
    options: { callLimitMs: LIMIT_MS },
  },
];

describe.each(MATRIX)('$backend, $placement', ({ backend, placement }) => {
  let fixture: SiteUnderTest;

  beforeAll(async () => {
    fixture = await SiteUnderTest.open({ backend });
  });

  afterAll(async () => {
    await fixture[Symbol.asyncDispose]();
  });

  /** Runs `body` on a fresh process in a group of its own, which is ended afterwards. */
  async function withProcess(
    path: string,
    options: ArunOptions,
    body: (process: Process) => Promise<void>,
  ): Promise<void> {
    const { site } = fixture;
    const process = await site.arun(path, { group: GROUP, placement, ...options });
    try {
      await body(process);
    } finally {
      await site.killGroup(GROUP);
    }
    expect(await inTime('the end of the process', process.exited)).toEqual({ kind: 'killed' });
    expect(site.process(process.name)).toBeNull();
    expect(fixture.log.mishaps).toEqual([]);
  }

  /** What must hold of every process that has been put back to generation `generation`, in which `pings` pings had been counted. */
  async function expectBack(process: Process, before: RunBefore, generation: number, pings: number) {
    await fixture.backSince(process, before.pid);
    expect(process.name).toBe(before.name);
    expect(process.pid).toBeGreaterThan(before.pid);
    expect(process.generation).toBe(generation);
    expect(await process.call('ping', [], UNHURRIED)).toBe(pings + 1);
  }

  const rowTitle = ({ call, args = [], options, limitMs }: FaultCase): string =>
    [
      `${call}(${args.join()})`,
      limitMs === undefined ? '' : 'limited by the call',
      JSON.stringify(options) ?? '',
    ]
      .filter((part) => part !== '')
      .join(', ');

  describe.each(['in-place', 'fresh'] as const)('restored %s', (restore) => {
    it.each(FAULTS.map((row) => [rowTitle(row), row] as const))('%s', async (_, row) => {
      await withProcess('faulty.wasm', { ...row.options, restore }, async (process) => {
        const limit = row.limitMs === undefined ? {} : { limitMs: row.limitMs };
        for (const generation of [0, 1]) {
          const keptPings = generation === 0 ? 0 : 2;
          if (generation === 1) {
            await process.call('ping', [], UNHURRIED);
            expect(await process.checkpoint()).toBe(1);
          }
          const before = runOf(process);
          const reported = fixture.log.faults.length;
          const fault = await faultOf(process.call(row.call, row.args ?? [], limit));
          expect(fault).toMatchObject({ exitStatus: null, ...row.fault, activity: row.call, generation });
          if (row.function !== null) expect(fault.frames.map(nameOfFrame)).toContain(row.function);
          expect(fixture.log.faults.slice(reported)).toEqual([{ name: process.name, fault }]);
          await expectBack(process, before, generation, keptPings);
        }
      });
    });
  });

  it('abort says what and where', async () => {
    await withProcess('faulty.wasm', {}, async (process) => {
      const { message } = await faultOf(process.call('abort'));
      expect(message).toMatch(/^abort: faulty: aborted on request at guests\/faulty\.ts:\d+:\d+$/);
    });
  });

  it('an exit with the handler is no fault', async () => {
    const process = await fixture.site.arun('faulty.wasm', { group: GROUP, placement });
    const error = await rejection(process.call('exitWithHandler', [5]));
    expect(error).toMatchObject({ code: 'PROCESS_ENDED', culprit: process.name });
    expect(await inTime('the end of the process', process.exited)).toEqual({ kind: 'exit', status: 5 });
  });

  it('akill of an idle process restarts it', async () => {
    await withProcess('faulty.wasm', {}, async (process) => {
      await process.call('ping');
      const before = runOf(process);
      const reported = fixture.log.faults.length;
      await fixture.site.akill(process.pid);
      await expectBack(process, before, 0, 0);
      expect(fixture.log.faults.slice(reported)).toMatchObject([
        {
          name: process.name,
          fault: { kind: 'killed', message: `${process.name} was killed`, activity: null },
        },
      ]);
    });
  });

  // Inline, a guest is busy only while the host is: the kill then strikes from within a host function.
  it('akill of a busy process ends its call with one clear error', async () => {
    const { site } = fixture;
    const killed: Promise<void>[] = [];
    const victims: Process[] = [];
    const fail: HostFunction = () => {
      for (const { pid } of victims) killed.push(site.akill(pid));
      return undefined;
    };
    const busy = placement === 'thread' ? 'endlessLoop' : 'callHost';
    const path = placement === 'thread' ? 'faulty.wasm' : 'faulty-host.wasm';
    await withProcess(path, { imports: { embedder: { fail } } }, async (process) => {
      await process.call('ping');
      const before = runOf(process);
      victims.push(process);
      const call = rejection(process.call(busy));
      if (placement === 'thread') killed.push(site.akill(process.pid));
      expect(await call).toMatchObject({ code: 'PROCESS_RESTARTED', culprit: process.name });
      await inTime('the kill', Promise.all(killed));
      expect(killed).toHaveLength(1);
      await expectBack(process, before, 0, 0);
    });
  });

  describe('a failing function of the embedder', () => {
    const ways: readonly (readonly [name: string, options: ArunOptions, message: string])[] = [
      ['given as a function', { imports: { embedder: { fail: throwing } } }, 'Error: failed on purpose'],
      [
        'of an import module',
        { importsUrl: failingEmbedder("throw new Error('failed on purpose')") },
        'Error: failed on purpose',
      ],
      ['that throws undefined', { importsUrl: failingEmbedder('throw undefined') }, 'undefined'],
    ];

    it.each(ways)('%s', async (_, options, message) => {
      await withProcess('faulty-host.wasm', options, async (process) => {
        await process.call('ping');
        const before = runOf(process);
        const fault = await faultOf(process.call('callHost'));
        expect(fault).toMatchObject({ kind: 'host-error', message, activity: 'callHost', exitStatus: null });
        await expectBack(process, before, 0, 0);
      });
    });
  });

  it('a fault at its start, again and again, ends in quarantine and harms nobody', async () => {
    const policy = { maxBadness: 2, maxSiteRestarts: 0 };
    await using own = await SiteUnderTest.open({ backend, policy });
    const bystander = await own.site.arun('faulty.wasm', { group: GROUP + 1, placement });
    const process = await own.site.arun('faulty.wasm', { group: GROUP, placement, args: ['at-start'] });
    await until('the group is quarantined', () =>
      own.log.mishaps.some((each) => each.startsWith('quarantine')),
    );
    expect(own.log.mishaps.map((each) => each.split(':')[0])).toEqual(['cold', 'quarantine']);
    expect(new Set(own.log.faults.map(({ fault }) => `${fault.kind}: ${fault.message}`))).toEqual(
      new Set(['trap: unreachable']),
    );
    await until('the process is stopped', () => process.state === 'stopped');
    expect(await rejection(process.call('ping'))).toMatchObject({ code: 'GROUP_QUARANTINED' });
    expect(await bystander.call('ping')).toBe(1);
  });
});

interface RunBefore {
  readonly pid: number;
  readonly name: string;
}

function runOf({ pid, name }: Process): RunBefore {
  return { pid, name };
}

function nameOfFrame({ functionName }: Fault['frames'][number]): string {
  return functionName?.split('/').at(-1) ?? '';
}

function throwing(): never {
  throw new Error('failed on purpose');
}
