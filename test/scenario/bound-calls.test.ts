// Exported functions bound by the embedder: whatever `callSync` does, throws or refuses, a bound function does too, whether the call takes
// the short way into the guest or the long one. Each case warms the function first, so that the short way is what is tried.
import { describe, expect, it } from 'vitest';
import type { Argument, ArunOptions, HostFunction, Process, RekindleError } from '#runtime/index.js';
import { number, openProbeSite, type ProbeSite, refusal } from '#test/support/probe-site.js';

const GROUP = 4;
const LIMIT_MS = 200;
/** Rounds of `work` that no test waits for. */
const ENDLESS_ROUNDS = 2 ** 31 - 1;

describe.each(['mapped', 'copied'] as const)('a bound function, %s', (backend) => {
  async function open(options: Partial<ArunOptions> = {}): Promise<{ opened: ProbeSite; process: Process }> {
    const opened = await openProbeSite({ backend });
    const process = await opened.probe({ group: GROUP, placement: 'inline', ...options });
    return { opened, process };
  }

  function warm(process: Process): () => number {
    const bump = process.bind<[], number>('bump');
    for (let call = 1; call <= 3; call += 1) expect(bump()).toBe(call);
    return bump;
  }

  /** A guest that asks `answer`, and its function for that. */
  async function openCaller(opened: ProbeSite, answer: HostFunction) {
    const caller = await opened.site.arun('probe-caller.wasm', {
      placement: 'inline',
      group: GROUP + 1,
      imports: { 'probe-embedder': { answer: (...args) => answer(...args), report: () => undefined } },
    });
    await opened.ready(caller);
    return { caller, ask: caller.bind<[number], number>('ask') };
  }

  it('is one and the same for a name, and calls the same guest as the other ways', async () => {
    const { process } = await open();
    const bump = warm(process);
    expect(process.bind('bump')).toBe(bump);
    expect(process.callSync('bump')).toBe(4);
    expect(await process.call('bump')).toBe(5);
    expect(bump()).toBe(6);
  });

  it.each<[string, string, readonly unknown[]]>([
    ['too few arguments', 'poke', [1]],
    ['too many arguments', 'poke', [1, 2, 3]],
    ['one too many that is undefined', 'work', [1, undefined]],
    ['no integer', 'work', [0.5]],
    ['not a number', 'work', [Number.NaN]],
    ['an integer that is too large', 'work', [2 ** 32]],
    ['a bigint', 'work', [1n]],
    ['nothing', 'work', [null]],
    ['an object that could be a number', 'work', [{ valueOf: () => 1 }]],
  ])('refuses %s', async (_title, exportName, args) => {
    const { process } = await open();
    const bound = process.bind(exportName);
    const plain = exportName === 'work' ? [1] : [await number(process, 'place', new Uint8Array(8)), 2];
    for (let call = 0; call < 3; call += 1) bound(...plain);
    const refused = await refusal(() => bound(...(args as Argument[])));
    expect(refused.code).toBe('ARGUMENT_INVALID');
    expect(refused.culprit).toBe(`${process.name} ${exportName}`);
    expect(() => bound(...plain)).not.toThrow();
  });

  it('takes what callSync takes', async () => {
    const { process } = await open();
    const peek = process.bind<[number], number>('peek');
    const poke = process.bind<[number, number], undefined>('poke');
    const place = process.bind<[Uint8Array], number>('place');
    const address = place(Uint8Array.of(1, 2, 3, 4, 0, 0, 0, 0));
    for (const value of [5, -1, 2 ** 31 - 1, -(2 ** 31), 2 ** 32 - 1, -0]) {
      expect(poke(address, value)).toBe(undefined);
      expect(peek(address)).toBe(value | 0);
    }
    expect(process.bind('memoryBytes')()).toBe(await process.call('memoryBytes'));
  });

  it.each(['in-place', 'fresh'] as const)(
    'is told of a fault and leads to the guest restored %s',
    async (restore) => {
      const { opened, process } = await open(restore === 'fresh' ? { restore } : {});
      const bump = warm(process);
      await process.checkpoint();
      const work = process.bind('work');
      for (let call = 0; call < 3; call += 1) work(1);
      const poke = process.bind<[number, number], undefined>('poke');
      poke(await number(process, 'place', new Uint8Array(8)), 1);
      for (let restart = 1; restart <= 3; restart += 1) {
        expect(bump()).toBe(4);
        const refused = (await refusal(() => poke(-8, 1))) as RekindleError & { fault: object };
        expect(refused.code).toBe('GUEST_FAULT');
        expect(refused.fault).toMatchObject({ kind: 'trap', activity: 'poke' });
        expect(opened.events('restarted').length).toBe(restart);
      }
      expect(bump()).toBe(4);
      expect(process.callSync('bump')).toBe(5);
    },
  );

  it('leads to the new instance where a guest had grown', async () => {
    const { process } = await open();
    const bump = warm(process);
    process.bind('growPages')(1);
    await refusal(() => process.callSync('trap'));
    expect(bump()).toBe(1);
    expect(process.callSync('bump')).toBe(2);
    expect(bump()).toBe(3);
  });

  it('leads to the checkpoint after a restore', async () => {
    const { process } = await open();
    const bump = warm(process);
    await process.checkpoint();
    for (let request = 0; request < 3; request += 1) {
      expect(bump()).toBe(4);
      process.restoreSync();
    }
    expect(process.callSync('bump')).toBe(4);
  });

  it('says that the guest has ended, and refuses from then on', async () => {
    const { opened, process } = await open();
    const bump = warm(process);
    const quit = process.bind('quitCleanly');
    expect((await refusal(() => quit(0))).code).toBe('PROCESS_ENDED');
    expect((await refusal(() => bump())).code).toBe('PROCESS_ENDED');
    expect(process.state).toBe('ended');
    expect(opened.events('fault')).toEqual([]);
  });

  it('is refused while its guest is busy, and while its group is gone', async () => {
    const opened = await openProbeSite({ backend });
    const codes: string[] = [];
    let answer: HostFunction = () => 1;
    const { caller, ask } = await openCaller(opened, () => answer(1));
    for (let call = 0; call < 3; call += 1) ask(1);
    answer = () => {
      try {
        ask(1);
      } catch (error) {
        codes.push((error as RekindleError).code);
      }
      return 2;
    };
    expect(ask(1)).toBe(await caller.call('ask', [1]));
    expect(codes).toEqual(['PROCESS_BUSY', 'PROCESS_BUSY']);
    await opened.site.killGroup(GROUP + 1);
    expect((await refusal(() => ask(1))).code).toBe('PROCESS_ENDED');
  });

  it('is ended when its group is killed in the middle of it', async () => {
    const opened = await openProbeSite({ backend });
    let answer: HostFunction = () => 1;
    const { caller, ask } = await openCaller(opened, () => answer(1));
    for (let call = 0; call < 3; call += 1) ask(1);
    let killed: Promise<unknown> = Promise.resolve();
    answer = () => {
      killed = opened.site.killGroup(GROUP + 1);
      return 2;
    };
    expect((await refusal(() => ask(1))).code).toBe('PROCESS_ENDED');
    await killed;
    expect(caller.state).toBe('ended');
  });

  it('passes on what a host function throws, as a fault', async () => {
    const opened = await openProbeSite({ backend });
    let answer: HostFunction = () => 1;
    const { ask, caller } = await openCaller(opened, () => answer(1));
    for (let call = 0; call < 3; call += 1) ask(1);
    answer = () => {
      throw new Error('no answer');
    };
    const refused = (await refusal(() => ask(1))) as RekindleError & { fault: object };
    expect(refused.fault).toMatchObject({ kind: 'host-error', activity: 'ask' });
    answer = () => 1;
    expect(ask(1)).toBe(await caller.call('ask', [1]));
  });

  it('keeps to the limit of its process', async () => {
    const { process } = await open({ callLimitMs: LIMIT_MS });
    const work = process.bind<[number], number>('work');
    for (let call = 0; call < 3; call += 1) work(1);
    const refused = (await refusal(() => work(ENDLESS_ROUNDS))) as RekindleError & { fault: object };
    expect(refused.fault).toMatchObject({ kind: 'timeout' });
    expect(() => work(1)).not.toThrow();
  });

  it('is ended with the call further out whose limit passes', async () => {
    const { opened, process } = await open();
    const work = process.bind<[number], number>('work');
    const bump = warm(process);
    for (let call = 0; call < 3; call += 1) work(1);
    const { caller } = await openCaller(opened, () => work(ENDLESS_ROUNDS));
    const refused = (await refusal(caller.call('ask', [1], { limitMs: LIMIT_MS }))) as RekindleError & {
      fault: object;
    };
    expect(refused.fault).toMatchObject({ kind: 'timeout' });
    await opened.ready(process);
    await opened.ready(caller);
    expect(
      opened
        .events('restarted')
        .map(({ group }) => group)
        .sort(),
    ).toEqual([GROUP, GROUP + 1]);
    expect(bump()).toBe(1);
    expect(bump()).toBe(2);
  });

  it.each<[string, (process: Process) => void]>([
    ['a restore in place', (process) => process.restoreSync()],
    [
      'a restore in a fresh instance',
      (process) => {
        process.callSync('growPages', [1]);
        process.restoreSync();
      },
    ],
    ['a checkpoint', (process) => void process.checkpoint()],
  ])(
    'leads to a guest that is put back after the limit of a call further out cut off %s',
    async (_title, change) => {
      const { opened, process } = await open();
      const bump = warm(process);
      await process.checkpoint();
      const { caller } = await openCaller(opened, () => {
        for (;;) change(process);
      });
      const refused = (await refusal(caller.call('ask', [1], { limitMs: LIMIT_MS }))) as RekindleError & {
        fault: object;
      };
      expect(refused.fault).toMatchObject({ kind: 'timeout' });
      await opened.ready(process);
      expect([bump(), bump()]).toEqual([4, 5]);
      expect(await process.checkpoint()).toBe(process.generation);
      bump();
      process.restoreSync();
      expect(bump()).toBe(6);
    },
  );

  it('tells of a fault in a call that is cut off from further out while the fault is looked at', async () => {
    const { opened, process } = await open();
    const bump = warm(process);
    const poke = process.bind<[number, number], undefined>('poke');
    const address = await number(process, 'place', new Uint8Array(8));
    for (let call = 0; call < 3; call += 1) poke(address, 1);
    const { caller } = await openCaller(opened, () => {
      poke(-8, 1);
      return 1;
    });
    let reads = 0;
    Reflect.set(Error, 'prepareStackTrace', () => {
      reads += 1;
      while (reads === 1) bump.length;
      return '';
    });
    try {
      await refusal(caller.call('ask', [1], { limitMs: LIMIT_MS }));
    } finally {
      Reflect.deleteProperty(Error, 'prepareStackTrace');
    }
    await opened.ready(process);
    expect(bump()).toBe(1);
  });
});

it('is only had of an inline process, and of a function there is', async () => {
  const opened = await openProbeSite();
  const inline = await opened.probe({ placement: 'inline' });
  const thread = await opened.probe({ placement: 'thread' });
  expect((await refusal(() => inline.bind('nothing'))).code).toBe('EXPORT_MISSING');
  expect((await refusal(() => thread.bind('bump'))).code).toBe('PLACEMENT_UNSUITED');
});
