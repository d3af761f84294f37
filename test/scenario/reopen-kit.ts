// What the tests of coming back share: a place with a stable storage and a bank, lives of a site that end in order or by SIGKILL, and
// what of a site must be the same afterwards. Nothing of a test runner is needed here: a life may be lived in a process of its own.
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Process, Site, SiteOptions } from '#runtime/index.js';
import { ROOT, runNode } from '#test/support/run-program.js';
import { inTime, SiteUnderTest, until } from '#test/support/scenario.js';
import { TEST_GUESTS } from '#test/support/test-guests.js';
import { assemble, ins, type ModuleSource } from '#test/support/wasm-assembler.js';
import { PLACES, TemporaryDirectory } from '#test/unit/bank/bank-fixture.js';

export const MEMBER = 'survivor.wasm';
export const MORTAL = 'mortal.wasm';
export const MORTAL_AFTER_CHECKPOINT = 'mortal-after-checkpoint.wasm';
const PROGRAM = join(ROOT, 'dist/test/scenario/reopen-program.js');
const MiB = 1024 * 1024;
/** Small: a bank is read and compared in these tests. */
export const BANK_BYTES = 16 * MiB;

/** Cut off in the middle of its guest, or between two calls. */
export const ENDS = ['shutdown', 'SIGKILL'] as const;
export type End = (typeof ENDS)[number];

/** What a command notes: that it was entered, and that it was restarted, with the cause added. */
export const ENTERED = 1;
export const RESTARTED = 100;

/** A command that is under way when its host dies: it says when, in `host.die`, and ends cleanly if it comes to that. */
function mortal(hasCheckpoint: boolean): ModuleSource {
  const [note, die, hrExitHdl, hrCheckpoint] = [0, 1, 2, 3];
  const [VOID, TAKES_I32, RETURNS_I32] = [0, 1, 2];
  return {
    types: [
      [[], []],
      [['i32'], []],
      [[], ['i32']],
    ],
    imports: [
      { module: 'host', name: 'note', kind: 'function', type: TAKES_I32 },
      { module: 'host', name: 'die', kind: 'function', type: VOID },
      { module: 'hr', name: 'hrExitHdl', kind: 'function', type: RETURNS_I32 },
      { module: 'hr', name: 'hrCheckpoint', kind: 'function', type: RETURNS_I32 },
    ],
    memories: [{ initial: 1 }],
    functions: [
      {
        type: VOID,
        code: [
          ...ins.i32Const(ENTERED),
          ...ins.call(note),
          ...(hasCheckpoint ? [...ins.call(hrCheckpoint), ...ins.drop] : []),
          ...ins.call(die),
          ...ins.call(hrExitHdl),
          ...ins.drop,
        ],
      },
      {
        type: TAKES_I32,
        code: [
          ...ins.i32Const(RESTARTED),
          ...ins.localGet(0),
          ...ins.i32Add,
          ...ins.call(note),
          ...ins.call(hrExitHdl),
          ...ins.drop,
        ],
      },
    ],
    exports: { _start: ['function', 4], hr_restarted: ['function', 5], memory: ['memory', 0] },
  };
}

/** A stable storage and a place for a bank; all of it goes with it. */
export class Ground implements Disposable {
  readonly storage: string;
  readonly bank: string;
  readonly #directory: TemporaryDirectory;

  private constructor(place: string | undefined) {
    this.#directory = new TemporaryDirectory(place);
    this.storage = this.#directory.at('storage');
    this.bank = this.#directory.at('bank');
  }

  /** With the modules of these tests in storage. */
  static async create(place: string | undefined = PLACES[0]): Promise<Ground> {
    const built = TEST_GUESTS;
    const ground = new Ground(place);
    mkdirSync(ground.storage);
    copyFileSync(join(built, MEMBER), join(ground.storage, MEMBER));
    writeFileSync(join(ground.storage, MORTAL), assemble(mortal(false)));
    writeFileSync(join(ground.storage, MORTAL_AFTER_CHECKPOINT), assemble(mortal(true)));
    return ground;
  }

  at(name: string): string {
    return this.#directory.at(name);
  }

  loseStorage(): void {
    rmSync(this.storage, { recursive: true, force: true });
  }

  options(more: Partial<SiteOptions> = {}): SiteOptions {
    const { limits, ...others } = more;
    return {
      stableStorage: this.storage,
      bank: this.bank,
      limits: { bankSizeBytes: BANK_BYTES, ...limits },
      ...others,
    };
  }

  open(more: Partial<SiteOptions> = {}): Promise<SiteUnderTest> {
    return this.openWith(this.options(more));
  }

  /** With these options and no others. */
  openWith(options: SiteOptions): Promise<SiteUnderTest> {
    return SiteUnderTest.open(options);
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }
}

/** What can be told of a life as JSON, and to its program. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };
export type Life = (site: Site, argument: Json) => Promise<Json>;

/** What the program is handed: all of it as JSON. */
export interface LifeRequest {
  readonly life: string;
  readonly argument: Json;
  readonly options: SiteOptions;
}

/** Lives a life on the ground's bank to this end; resolves with what it has told. */
export async function lived(
  ground: Ground,
  end: End,
  life: readonly [name: string, body: Life],
  argument: Json,
  more: Partial<SiteOptions> = {},
): Promise<Json> {
  if (end === 'SIGKILL') return died(ground, life[0], argument, more);
  await using fixture = await ground.open(more);
  return await inTime('a life', life[1](fixture.site, argument));
}

/** Lives a life in a process of its own, which kills itself with SIGKILL at its end; resolves with what it has told until then. */
export async function died(
  ground: Ground,
  life: string,
  argument: Json,
  more: Partial<SiteOptions> = {},
): Promise<Json> {
  const request: LifeRequest = { life, argument, options: ground.options(more) };
  const { exitCode, stdout, stderr } = await runNode([PROGRAM], { input: JSON.stringify(request) });
  assert.equal(stderr, '');
  assert.equal(exitCode, null, stdout);
  return JSON.parse(stdout) as Json;
}

/** What of a site is the same after it has come back: everything but pids, states of those that are on their way, and mappings. */
export function lasting(site: Site): Json {
  const { groups, blocks, processes } = site.report();
  return {
    processes: processes
      .filter(({ kind }) => kind !== 'plain')
      .map(({ uid, name, path, kind, group, placement, generation }) => {
        return { uid, name, path, kind, group, placement, generation };
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    groups: groups.map(({ group, phase, reason, badness, members }) => ({
      group,
      isQuarantined: phase === 'quarantined',
      reason,
      badness,
      members: members.map(({ name, status }) => ({ name, ended: status === 'ended' })),
    })),
    blocks: blocks.filter(({ system }) => !system).map(({ mappings: _, system: __, ...block }) => block),
  };
}

/** The process of that name. */
export function named(site: Site, name: string): Process {
  const process = site.process(name);
  assert.ok(process !== null, `no process ${name}`);
  return process;
}

/** A call whose result is a number. */
export async function number(
  process: Process,
  exportName: string,
  ...args: Parameters<Process['call']>[1] & object
): Promise<number> {
  const value = await inTime(`${exportName} of ${process.name}`, process.call(exportName, args));
  assert.ok(typeof value === 'number', `${exportName} returned ${String(value)}`);
  return value;
}

/** The member, when it may be called. */
export async function readyMember(site: Site, name: string): Promise<Process> {
  const process = named(site, name);
  await until(`${name} is ready, it is ${process.state}`, () => process.state === 'ready');
  return process;
}
