// What the tests of bug classes share: modules made by hand, whose every instruction is known, beside the probe; every way to place,
// back and restore a guest; and a crash that is waited for until the guest is back.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import type { ArunOptions, Process } from '#runtime/index.js';
import { ProbeCalls } from '#test/support/probe-calls.js';
import { openProbeSite, refusal } from '#test/support/probe-site.js';
import { BACKENDS, PLACEMENTS, until } from '#test/support/scenario.js';
import { assemble, ins, type ModuleSource } from '#test/support/wasm-assembler.js';
import { ZOO } from '#test/unit/image/state-zoo.js';

const BEYOND_THE_TABLE = 100;
/** What hr_restarted of restarted-command adds to its cause before it notes it. */
export const NOTED_RESTART = 100;
/** First value of the shadow stack pointer of shadow-stack. */
export const STACK_TOP = 65536;

const VOID = 0;
const RETURNS_I32 = 1;
const TAKES_I32 = 2;
const types: ModuleSource['types'] = [
  [[], []],
  [[], ['i32']],
  [['i32'], []],
];
const note = { module: 'host', name: 'note', kind: 'function', type: TAKES_I32 } as const;
const hrCheckpoint = { module: 'hr', name: 'hrCheckpoint', kind: 'function', type: RETURNS_I32 } as const;
const hrExitHdl = { module: 'hr', name: 'hrExitHdl', kind: 'function', type: RETURNS_I32 } as const;
const UNREACHABLE = [0x00];

/** A command that checkpoints, fails, and ends cleanly when it is entered by hr_restarted. */
const RESTARTED_COMMAND: ModuleSource = {
  types,
  imports: [note, hrCheckpoint, hrExitHdl],
  functions: [
    { type: VOID, code: [...ins.i32Const(1), ...ins.call(0), ...ins.call(1), ...ins.drop, ...UNREACHABLE] },
    {
      type: TAKES_I32,
      code: [
        ...ins.i32Const(NOTED_RESTART),
        ...ins.localGet(0),
        ...ins.i32Add,
        ...ins.call(0),
        ...ins.call(2),
        ...ins.drop,
      ],
    },
  ],
  exports: { _start: ['function', 3], hr_restarted: ['function', 4] },
};

const FRAME_BYTES = 16;
/** A reactor that moves its shadow stack pointer down, checkpoints there, and fails. */
const SHADOW_STACK: ModuleSource = {
  types,
  imports: [hrCheckpoint],
  memories: [{ initial: 2 }],
  globals: [{ type: 'i32', mutable: true, initializer: ins.i32Const(STACK_TOP) }],
  functions: [
    {
      type: VOID,
      code: [
        ...ins.globalGet(0),
        ...ins.i32Const(-FRAME_BYTES),
        ...ins.i32Add,
        ...ins.globalSet(0),
        ...ins.call(0),
        ...ins.drop,
        ...UNREACHABLE,
      ],
    },
    { type: RETURNS_I32, code: ins.globalGet(0) },
  ],
  exports: {
    checkpointAndTrap: ['function', 1],
    stackPointer: ['function', 2],
    __stack_pointer: ['global', 0],
  },
};

let storage = '';

beforeAll(() => {
  storage = mkdtempSync(join(tmpdir(), 'rekindle-classes-'));
  const modules = { zoo: ZOO, 'restarted-command': RESTARTED_COMMAND, 'shadow-stack': SHADOW_STACK };
  for (const [name, source] of Object.entries(modules))
    writeFileSync(join(storage, `${name}.wasm`), assemble(source));
});

afterAll(() => rmSync(storage, { recursive: true, force: true }));

/** For describe.each. */
export const WAYS = BACKENDS.flatMap((backend) =>
  PLACEMENTS.flatMap((placement) =>
    (['in-place', 'fresh'] as const).map((restore) => ({ backend, placement, restore })),
  ),
);

export type Way = (typeof WAYS)[number];

/** Waits until the process, which fails in this call, is back. */
export async function crash(process: Process, exportName = 'trap', ...args: number[]): Promise<void> {
  const { pid } = process;
  expect((await refusal(process.call(exportName, args))).code).toBe('GUEST_FAULT');
  await until('it is back', () => process.pid !== pid && process.state === 'ready');
}

/** A site with a probe. */
export async function openProbe({ backend, placement, restore }: Way) {
  const opened = await openProbeSite({ backend });
  const calls = new ProbeCalls(await opened.probe({ placement, restore }));
  return { opened, site: opened.site, calls };
}

/** A site with a process of a module made by hand, started. */
export async function openModule(
  { backend, placement, restore }: Way,
  path: string,
  imports: NonNullable<ArunOptions['imports']> = {},
) {
  const opened = await openProbeSite({ backend, stableStorage: storage });
  const process = await opened.site.arun(path, { placement, restore, imports });
  return { opened, process };
}

/** A site with a module that has every kind of state, initialised; `starts` counts how often its start function has run. */
export async function openZoo(way: Way) {
  let starts = 0;
  const started = () => {
    starts += 1;
    return undefined;
  };
  const { opened, process } = await openModule(way, 'zoo.wasm', { host: { started } });
  await opened.ready(process);
  const fail = () => crash(process, 'callEntry', BEYOND_THE_TABLE);
  return { process, fail, starts: () => starts };
}
