// Calls within calls: a host function of an inline process that calls back into this or another process, asks the site for something,
// fails, or meets a time limit further out. Only inline processes can nest: a guest in a thread has a stack of its own.
import { describe, expect, it } from 'vitest';
import { type ArunOptions, type HostFunction, type Process, RekindleError } from '#runtime/index.js';
import { openProbeSite, type ProbeSite, refusal } from '#test/support/probe-site.js';
import { inTime, until } from '#test/support/scenario.js';

const FAILED = -99;

/** A site with a caller whose embedder's answers are given by `answer`, which can be set late. */
async function open(options: ArunOptions = {}) {
  const opened = await openProbeSite();
  let answer: HostFunction = (question) => question;
  const imports = {
    'probe-embedder': { answer: (...args: (number | bigint)[]) => answer(...args), report: () => undefined },
  };
  const startCaller = async (more: ArunOptions = {}) => {
    const process = await opened.site.arun('probe-caller.wasm', {
      placement: 'inline',
      group: 1,
      imports,
      ...options,
      ...more,
    });
    await opened.ready(process);
    return process;
  };
  return {
    opened,
    site: opened.site,
    caller: await startCaller(),
    startCaller,
    onAnswer: (body: HostFunction) => {
      answer = body;
    },
  };
}

/** The code of the RekindleError that `body` throws; FAILED as a number for the guest. */
function codeOf(body: () => unknown, seen: string[]): number {
  try {
    body();
    return 0;
  } catch (error) {
    if (!(error instanceof RekindleError)) throw error;
    seen.push(error.code);
    return FAILED;
  }
}

async function back(opened: ProbeSite, process: Process, pid: number): Promise<void> {
  await until('it is back', () => process.pid !== pid);
  await opened.ready(process);
}

describe('nested calls', () => {
  it('a host function calls back into the same process: PROCESS_BUSY, and the outer call goes on', async () => {
    const { caller, onAnswer, opened } = await open();
    const seen: string[] = [];
    onAnswer(() => codeOf(() => caller.callSync('count'), seen));
    expect(await caller.call('ask', [1])).toBe(FAILED);
    expect(seen).toEqual(['PROCESS_BUSY']);
    expect([caller.callSync('count'), opened.events('fault')]).toEqual([1, []]);
  });

  it('a checkpoint from within a host function is PROCESS_BUSY', async () => {
    const { caller, onAnswer } = await open();
    const refused: Promise<RekindleError>[] = [];
    onAnswer(() => {
      refused.push(refusal(caller.checkpoint()));
      return 0;
    });
    expect(await caller.call('ask', [1])).toBe(0);
    expect((await Promise.all(refused)).map(({ code }) => code)).toEqual(['PROCESS_BUSY']);
    expect(caller.generation).toBe(0);
  });

  it('a host function calls other processes, several deep', async () => {
    const { caller, startCaller, onAnswer } = await open();
    const callers = [
      caller,
      await startCaller(),
      await startCaller({ group: 2 }),
      await startCaller({ group: 3 }),
    ];
    onAnswer((question) => {
      const depth = Number(question);
      return callers[depth + 1] === undefined
        ? 100
        : Number(callers[depth + 1]?.callSync('ask', [depth + 1])) + 1;
    });
    expect(await caller.call('ask', [0])).toBe(103);
    expect(callers.map((process) => process.callSync('count'))).toEqual([1, 1, 1, 1]);
  });

  it('the inner process fails, of another group: the outer call goes on', async () => {
    const { caller, onAnswer, opened } = await open();
    const inner = await opened.probe({ placement: 'inline', group: 2 });
    const { pid } = inner;
    const seen: string[] = [];
    onAnswer(() => codeOf(() => inner.callSync('trap'), seen));
    expect(await caller.call('ask', [1])).toBe(FAILED);
    expect(seen).toEqual(['GUEST_FAULT']);
    await back(opened, inner, pid);
    expect([inner.callSync('bump'), caller.callSync('count')]).toEqual([1, 1]);
  });

  it('the inner process fails, of the same group: the outer call is unwound and both come back', async () => {
    const { caller, onAnswer, opened } = await open();
    const inner = await opened.probe({ placement: 'inline', group: 1 });
    const pids = [caller.pid, inner.pid];
    const seen: string[] = [];
    onAnswer(() => codeOf(() => inner.callSync('trap'), seen));
    const error = await refusal(caller.call('ask', [1]));
    expect([error.code, error.culprit]).toEqual(['PROCESS_RESTARTED', caller.name]);
    expect(seen).toEqual(['GUEST_FAULT']);
    await back(opened, caller, pids[0] ?? 0);
    await back(opened, inner, pids[1] ?? 0);
    expect([inner.callSync('bump'), caller.callSync('count')]).toEqual([1, 0]);
    expect(opened.events('restarted')).toHaveLength(1);
  });

  it('a host function that does not catch what the inner call threw has failed itself', async () => {
    const { caller, onAnswer, opened } = await open();
    const inner = await opened.probe({ placement: 'inline', group: 2 });
    const { pid } = caller;
    onAnswer(() => Number(inner.callSync('trap')));
    const error = await refusal(caller.call('ask', [1]));
    expect([error.code, error.culprit]).toEqual(['GUEST_FAULT', caller.name]);
    expect(opened.events('fault').map(({ fault }) => fault.kind)).toEqual(['trap', 'host-error']);
    await back(opened, caller, pid);
    expect(caller.callSync('count')).toBe(0);
  });

  it.each(['text', {}, null, true, Symbol('s')])(
    'a host function that returns %s has failed',
    async (value) => {
      const { caller, onAnswer, opened } = await open();
      const { pid } = caller;
      onAnswer(() => value as never);
      const error = await refusal(caller.call('ask', [1]));
      expect(error.code).toBe('GUEST_FAULT');
      expect(error.message).toContain('probe-embedder.answer');
      await back(opened, caller, pid);
    },
  );

  const endings: readonly [
    what: string,
    end: (opened: ProbeSite, caller: Process) => Promise<unknown>,
    code: string,
  ][] = [
    ['kills its own group', ({ site }) => site.killGroup(1), 'PROCESS_ENDED'],
    ['kills its own process', ({ site }, { pid }) => site.akill(pid), 'PROCESS_RESTARTED'],
    ['restarts the site', ({ site }) => site.restart(), 'PROCESS_RESTARTED'],
    ['shuts the site down', ({ site }) => site.shutdown(), 'SITE_CLOSED'],
  ];
  it.each(endings)('a host function %s: the guest does not get on', async (_what, end, code) => {
    const { caller, onAnswer, opened } = await open();
    const { pid } = caller;
    const ended: Promise<unknown>[] = [];
    onAnswer(() => {
      ended.push(end(opened, caller));
      return 0;
    });
    const error = await refusal(caller.call('askForEver'));
    expect([error.code, error.culprit]).toEqual([code, caller.name]);
    await inTime('what was asked for is done', Promise.all(ended));
    expect(ended).toHaveLength(1);
    if (code !== 'PROCESS_RESTARTED') return;
    await back(opened, caller, pid);
    expect(caller.callSync('count')).toBe(0);
  });

  it('a host function starts a process, which can be called once the call is over', async () => {
    const { caller, onAnswer, opened, site } = await open();
    const started: Promise<Process>[] = [];
    onAnswer(() => {
      started.push(site.arun('probe.wasm', { placement: 'inline', group: 1 }));
      return 0;
    });
    await caller.call('ask', [1]);
    const [process] = await Promise.all(started);
    if (process === undefined) throw new Error('nothing was started');
    await opened.ready(process);
    expect(process.callSync('bump')).toBe(1);
  });
});

describe('nested time limits', () => {
  const LIMIT_MS = 40;
  const LONG_MS = 20_000;

  it('the inner limit passes first: the outer call goes on', async () => {
    const { caller, onAnswer, opened } = await open();
    const inner = await opened.probe({ placement: 'inline', group: 2 });
    const seen: string[] = [];
    onAnswer(() => codeOf(() => inner.callSync('spin', [], { limitMs: LIMIT_MS }), seen));
    expect(await caller.call('ask', [1], { limitMs: LONG_MS })).toBe(FAILED);
    expect(seen).toEqual(['GUEST_FAULT']);
    expect(opened.events('fault').map(({ process, fault }) => [process.name, fault.kind])).toEqual([
      [inner.name, 'timeout'],
    ]);
    await opened.ready(inner);
    expect([inner.callSync('bump'), caller.callSync('count')]).toEqual([1, 1]);
  });

  it.each([undefined, LONG_MS])(
    'the outer limit passes in an inner call with limit %s: both are cut off, and come back',
    async (limitMs) => {
      const { caller, onAnswer, opened } = await open();
      const inner = await opened.probe({ placement: 'inline', group: 2 });
      const pids = [caller.pid, inner.pid];
      onAnswer(() => Number(inner.callSync('spin', [], limitMs === undefined ? {} : { limitMs })));
      const error = await refusal(caller.call('ask', [1], { limitMs: LIMIT_MS }));
      expect([error.code, error.culprit]).toEqual(['GUEST_FAULT', caller.name]);
      await back(opened, caller, pids[0] ?? 0);
      await back(opened, inner, pids[1] ?? 0);
      expect([inner.callSync('bump'), caller.callSync('count')]).toEqual([1, 0]);
      expect(opened.events('fault').map(({ fault }) => fault.kind)).toEqual(['timeout', 'timeout']);
    },
  );

  it('the limit of a guest that is busy with host calls ends it at one', async () => {
    const { caller, onAnswer, opened } = await open();
    const { pid } = caller;
    onAnswer(() => 0);
    const error = await refusal(caller.call('askForEver', [], { limitMs: LIMIT_MS }));
    expect(error.message).toMatch(/timeout in askForEver/);
    await back(opened, caller, pid);
    expect(await caller.call('ask', [7])).toBe(0);
  });

  it('the books balance after calls were cut off in the middle of host work', async () => {
    const opened = await openProbeSite();
    const process = await opened.probe({ placement: 'inline', group: 1 });
    const before = opened.site.report();
    for (let round = 0; round < 10; round += 1) {
      const { pid } = process;
      const error = await refusal(process.call('allocateAndFreeForEver', [], { limitMs: 5 + round }));
      expect(error.code).toBe('GUEST_FAULT');
      await back(opened, process, pid);
    }
    opened.site.pmm.free('CHURN');
    expect(opened.site.report().bank).toEqual(before.bank);
    expect(process.callSync('bump')).toBe(1);
  });
});
