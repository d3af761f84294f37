// The controller under any sequence of starts, checkpoints, failures, ends, kills and restarts, with stops and loads that take as long as
// they like: when all is quiet, what runs must be what the groups say, and when all is killed, nothing may be left.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Policy } from '#runtime/controller/state.js';
import type { HostedProcess } from '#runtime/process/hosted-process.js';
import { SHORT_LADDER } from './history.js';
import { ModelWorld } from './model-world.js';

const GROUPS = [1, 2];
const MAX_PROCESSES = 8;
/** The first one may have been useful: the run has made the generation. */
const FAILURES_TO_ROLL_BACK = SHORT_LADDER.maxBadness + 1;

interface Run {
  readonly world: ModelWorld;
  /** Answers of the controller's asynchronous calls: each must come. */
  readonly answers: Promise<void>[];
  /** How many reports there had been when a site restart was last asked for. */
  siteRestartAskedAt: number | null;
}

let bugs: unknown[] = [];

/** A step picks what it works on by a number, among what there is when its turn comes. */
type Step = readonly [name: string, pick: number];
type Body = (run: Run, pick: number) => void;

/** That the controller answers with an error is a bug: nobody asks for what it may refuse. */
function ask(run: Run, answer: Promise<void>): void {
  run.answers.push(answer.catch((error: unknown) => void bugs.push(error)));
}

function pickOf<T>(choices: readonly T[], pick: number): T | undefined {
  return choices[pick % Math.max(choices.length, 1)];
}

function running({ world }: Run): readonly HostedProcess[] {
  return world.processes.filter((process) => world.runs(process));
}

function withRunning(act: (world: ModelWorld, process: HostedProcess) => void): Body {
  return (run, pick) => {
    const process = pickOf(running(run), pick);
    if (process !== undefined) act(run.world, process);
  };
}

/** Not so what is left of an earlier group of that ID, which is still being freed. */
function isRegistered({ world }: Run, { identity }: HostedProcess): boolean {
  const members = world.controller.groups.get(identity.groupId ?? 0)?.members ?? [];
  return members.some(({ name }) => name === identity.name);
}

const STEPS: Readonly<Record<string, Body>> = {
  'start a direct process': ({ world }, pick) => {
    const group = pickOf(GROUPS, pick) ?? 1;
    const quarantined = world.controller.groups.get(group)?.phase === 'quarantined';
    if (!quarantined && world.processes.length < MAX_PROCESSES) world.start('direct', group);
  },
  'start an indirect process': withRunning((world, { identity }) => {
    if (world.processes.length < MAX_PROCESSES) world.start('indirect', identity.groupId ?? 1);
  }),
  'start an indirect process again': (run, pick) => {
    const groups = running(run).map(({ identity }) => identity.groupId);
    const waiting = run.world.processes.filter(
      (process) =>
        process.identity.kind === 'indirect' &&
        groups.includes(process.identity.groupId) &&
        isRegistered(run, process) &&
        (process.state === 'stopped' || process.state === 'ended'),
    );
    const process = pickOf(waiting, pick);
    if (process !== undefined) run.world.startAgain(process);
  },
  fail: withRunning((world, process) => world.fail(process)),
  checkpoint: withRunning((world, process) => void world.checkpoint(process)),
  'roll back': withRunning((world, process) => {
    if (process.generations.current.generation === 0) world.checkpoint(process);
    const { generation } = process.generations.current;
    for (let failure = 0; failure < FAILURES_TO_ROLL_BACK; failure += 1) {
      const again = world.runs(process) && process.generations.current.generation === generation;
      if (again) world.fail(process);
    }
  }),
  'exit cleanly': withRunning((world, process) => world.exit(process, true)),
  'exit prematurely': withRunning((world, process) => world.exit(process, false)),
  'kill a process': (run, pick) => {
    const { world } = run;
    const known = world.processes.filter(({ pid }) => world.table.withPid(pid) !== null);
    const process = pickOf(known, pick);
    if (process !== undefined) ask(run, world.controller.kill(process));
  },
  'kill a group': (run, pick) => {
    ask(run, run.world.controller.killGroup(pickOf(GROUPS, pick) ?? 1));
  },
  'restart the site': (run) => {
    run.siteRestartAskedAt = run.world.reports.length;
    ask(run, run.world.controller.restartSite());
  },
  'release a group': (run, pick) => {
    ask(run, run.world.controller.release(pickOf(GROUPS, pick) ?? 1));
  },
  'let one thing come to its end': ({ world }, pick) => world.settle(pick, false),
  'let one thing fail': ({ world }, pick) => world.settle(pick, true),
  'let time pass': ({ world }, pick) => {
    world.nowMs += pick;
  },
  'take one’s time, or not': ({ world }) => {
    world.pace.slow = !world.pace.slow;
  },
  'lose stable storage, or find it': ({ world }) => {
    world.storageIsGone = !world.storageIsGone;
  },
};

const anyStep: fc.Arbitrary<Step> = fc.tuple(fc.constantFrom(...Object.keys(STEPS)), fc.nat({ max: 700 }));
/** A busy beginning, so that short sequences already find something to work on. */
const BEGINNING: readonly Step[] = [
  ['start a direct process', 0],
  ['start an indirect process', 0],
  ['start a direct process', 0],
  ['start a direct process', 1],
];

beforeEach(() => {
  const queue = globalThis.queueMicrotask;
  // The controller throws its own bugs where nobody is on the stack; here somebody must see them.
  vi.stubGlobal('queueMicrotask', (task: () => void) => {
    queue(() => {
      try {
        task();
      } catch (error) {
        bugs.push(error);
      }
    });
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

/** Takes the steps, lets everything come to rest, and hands over what has become of it. */
async function perform(
  steps: readonly Step[],
  check: (run: Run) => Promise<void>,
  policy: Policy = SHORT_LADDER,
): Promise<void> {
  bugs = [];
  const run: Run = { world: new ModelWorld(policy), answers: [], siteRestartAskedAt: null };
  try {
    for (const [name, pick] of [...BEGINNING, ...steps]) {
      const body = STEPS[name];
      if (body === undefined) throw new Error(`there is no step '${name}'`);
      body(run, pick);
      // What was set in motion goes as far as it can by itself before the next step.
      for (let turn = 0; turn < 4; turn += 1) await Promise.resolve();
    }
    await run.world.settleAll();
    expect(bugs).toEqual([]);
    await check(run);
    expect(bugs).toEqual([]);
  } finally {
    run.world[Symbol.dispose]();
  }
}

/**
 * What runs is what the groups say, and no group is half restarted. A member that had ended before a cold start that failed has not
 * been loaded again: its group is to start it, but of it there was nothing to stop.
 */
function expectAgreement({ world }: Run): void {
  const statuses = new Map<string, string>();
  for (const { id, phase, members } of world.controller.groups.values()) {
    expect(phase).not.toBe('restarting');
    for (const { name, status } of members) {
      const neverReloaded = phase === 'quarantined' && world.table.get(name)?.state === 'ended';
      statuses.set(`${name} of ${id}`, neverReloaded && status === 'stopped' ? 'ended' : status);
    }
  }
  const running = world.processes.map((process) => {
    const { name, groupId } = process.identity;
    return [`${name} of ${groupId}`, world.runs(process) ? 'running' : process.state] as const;
  });
  expect(new Map(running)).toEqual(statuses);
}

async function expectAnswers({ answers }: Run): Promise<void> {
  const open = Symbol('open');
  const quiet = new Promise<typeof open>((resolve) => setImmediate(() => resolve(open)));
  expect(await Promise.race([Promise.all(answers), quiet])).not.toBe(open);
}

function expectSiteRestartReported({ world, siteRestartAskedAt }: Run): void {
  if (siteRestartAskedAt === null) return;
  expect(world.reports.slice(siteRestartAskedAt)).toContain('site restarted');
}

/** Who is rolled back goes to an older generation. */
function expectRollBacksGoBack({ world }: Run): void {
  for (const report of world.reports) {
    const [, from, to] = /^rolled back \S+ (\d+) (\d+)$/.exec(report) ?? [];
    if (from !== undefined) expect(Number(to)).toBeLessThan(Number(from));
  }
}

/** When every group is killed: no process, no name, no block. */
async function expectNothingLeft(run: Run): Promise<void> {
  const { world } = run;
  for (const group of GROUPS) ask(run, world.controller.killGroup(group));
  await world.settleAll();
  expect(world.processes.map(({ identity }) => identity.name)).toEqual([]);
  expect([...world.controller.groups.keys()]).toEqual([]);
  expect(world.blocksInUse).toBe(0);
}

/** Everything that must hold in the end of any history. */
async function expectOrder(run: Run): Promise<void> {
  expectAgreement(run);
  await expectAnswers(run);
  expectSiteRestartReported(run);
  expectRollBacksGoBack(run);
  await expectNothingLeft(run);
}

const SLOWLY = 'take one’s time, or not';
const FAIL_UNTIL_COLD = Array.from({ length: 5 }, (): Step => ['fail', 0]);

/** Orders of events that once came to a bad end. */
const HISTORIES: Readonly<Record<string, readonly Step[]>> = {
  'a second restart while the first one still stops an indirect member': [
    [SLOWLY, 0],
    ['restart the site', 0],
    ['restart the site', 0],
  ],
  'a second failure while the first one’s stops are under way': [
    [SLOWLY, 0],
    ['fail', 0],
    ['let one thing come to its end', 0],
    ['fail', 0],
  ],
  'a new group of the ID of one that is being freed fails': [
    [SLOWLY, 0],
    ['exit cleanly', 3],
    ['start a direct process', 1],
    ['fail', 3],
  ],
  'a group is killed while it is stopped for a restart': [
    [SLOWLY, 0],
    ['fail', 0],
    ['kill a group', 0],
    ['let one thing come to its end', 0],
  ],
  'a group is killed in the middle of its cold start, with a member that had ended': [
    ['start a direct process', 0],
    ['exit cleanly', 2],
    ...FAIL_UNTIL_COLD,
    ['kill a group', 0],
  ],
  'a group is killed before its cold start has freed what was there': [
    ...FAIL_UNTIL_COLD.slice(1),
    [SLOWLY, 0],
    ['fail', 0],
    ['kill a group', 0],
  ],
  'the site is restarted in the middle of a cold start': [
    ...FAIL_UNTIL_COLD.slice(1),
    [SLOWLY, 0],
    ['fail', 0],
    ['let one thing come to its end', 0],
    ['let one thing come to its end', 0],
    ['restart the site', 0],
    ['let one thing come to its end', 0],
  ],
  'a cold start finds no module, and the group is released when it is there again': [
    ['lose stable storage, or find it', 0],
    ...FAIL_UNTIL_COLD,
    ['lose stable storage, or find it', 0],
    ['release a group', 0],
  ],
  'a member cannot be loaded any more': [
    [SLOWLY, 0],
    ['fail', 0],
    ...Array.from({ length: 4 }, (): Step => ['let one thing come to its end', 0]),
    ['let one thing fail', 0],
    ['let one thing fail', 0],
  ],
  'a group is killed while a member of it is to be rolled back': [
    ['checkpoint', 1],
    ['fail', 1],
    ['fail', 1],
    [SLOWLY, 0],
    ['fail', 1],
    ['kill a group', 0],
  ],
  'the site is restarted while a process is to be rolled back, and again': [
    ['checkpoint', 1],
    ['fail', 1],
    ['fail', 1],
    [SLOWLY, 0],
    ['fail', 1],
    ['restart the site', 0],
    ['let one thing come to its end', 0],
    ['restart the site', 0],
  ],
  'an indirect process is rolled back, and started again': [
    ['checkpoint', 0],
    ['roll back', 0],
    ['start an indirect process again', 0],
    ['roll back', 0],
  ],
  'the last group of a site restart is killed': [
    [SLOWLY, 0],
    ['restart the site', 0],
    ['kill a group', 0],
    ['kill a group', 1],
  ],
};

test.each(Object.entries(HISTORIES))('%s', async (_title, steps) => {
  await perform(steps, expectOrder);
});

const SETTLE: Step = ['let one thing come to its end', 0];
/** Turns of the queue without any event. */
const TURNS = Array.from({ length: 6 }, (): Step => ['let time pass', 0]);

describe('a load that is cut short by another restart', () => {
  test('is no failure of its own', async () => {
    const steps: readonly Step[] = [
      ...[[SLOWLY, 0] as const, ['fail', 0] as const],
      ...[SETTLE, SETTLE, SETTLE, ...TURNS],
      ['restart the site', 0],
    ];
    await perform(steps, async ({ world }) => {
      expect(world.reports.filter((report) => report.startsWith('faulted'))).toHaveLength(1);
    });
  });

  test('is no failure of a cold start either', async () => {
    const steps: readonly Step[] = [
      ...FAIL_UNTIL_COLD.slice(1),
      ...[[SLOWLY, 0] as const, ['fail', 0] as const],
      ...[SETTLE, SETTLE, ...TURNS],
      ['restart the site', 0],
    ];
    await perform(steps, async ({ world }) => {
      expect(world.reports).toContain('escalated 1 cold');
      expect(world.reports).not.toContain('quarantined 1');
      expect(world.reports).toContain('restarted 1 site');
    });
  });
});

test('of a group with generations, the process that fails is rolled back alone, and nothing is climbed', async () => {
  const steps: readonly Step[] = [
    ...[0, 2, 3].flatMap((member): readonly Step[] => [
      ['checkpoint', member],
      ['checkpoint', member],
    ]),
    ...Array.from({ length: FAILURES_TO_ROLL_BACK }, (): Step => ['fail', 0]),
  ];
  await perform(steps, async ({ world }) => {
    const [failing, , mate, stranger] = world.processes;
    const told = world.reports.filter((report) => /^(rolled back|escalated)/.test(report));
    expect(told).toEqual([`rolled back ${failing?.identity.name} 2 1`]);
    expect(failing?.generations.numbers).toEqual([1, 0]);
    for (const process of [mate, stranger]) expect(process?.generations.numbers).toEqual([2, 1, 0]);
  });
});

test('a cold start that fails loads no further member: the group is quarantined', async () => {
  const steps: readonly Step[] = [
    ...FAIL_UNTIL_COLD.slice(1),
    ...[[SLOWLY, 0] as const, ['fail', 0] as const],
    ...[SETTLE, SETTLE, ...TURNS],
    ['let one thing fail', 0],
  ];
  await perform(steps, async (run) => {
    expect(run.world.reports.filter((report) => report === 'quarantined 1')).toHaveLength(1);
    expectAgreement(run);
  });
});

test('whatever happens, and however long it takes: all agree when it is quiet, and nothing is left in the end', async () => {
  const sequences = fc.array(anyStep, { maxLength: 50 });
  const policies = fc.constantFrom(SHORT_LADDER, { ...SHORT_LADDER, maxFutileFailures: 1 });
  const property = fc.asyncProperty(sequences, policies, (steps, policy) =>
    perform(steps, expectOrder, policy),
  );
  await fc.assert(property, { numRuns: 400 });
});
