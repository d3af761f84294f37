// A controller with everything it works on, except guest code: real processes, table, images and bank, and placements that fail,
// end, and take their time when they are told to. It holds no expectations but that our bugs are noticed.

import { HotRestartController } from '#runtime/controller/controller.js';
import type { ControllerObserver } from '#runtime/controller/observer.js';
import { ProcessTable } from '#runtime/controller/process-table.js';
import { EMPTY_STATE, type Policy } from '#runtime/controller/state.js';
import { RekindleError } from '#runtime/errors.js';
import { ProcessImages } from '#runtime/image/process-image.js';
import { Bank } from '#runtime/memory/bank.js';
import { PersistentMemoryManager } from '#runtime/memory/persistent-memory-manager.js';
import { faultFromOutside } from '#runtime/process/fault.js';
import { HostedProcess } from '#runtime/process/hosted-process.js';
import type { ProcessKind } from '#runtime/process/identity.js';
import { type MaybePromise, type Placement, type StopReason, stopError } from '#runtime/process/placement.js';
import { sourceOf } from '#test/support/module-source.js';
import { NO_STDIO } from '#test/support/no-stdio.js';
import { assemble } from '#test/support/wasm-assembler.js';

const MiB = 1024 * 1024;
/** Of a generation; nothing is ever written there. */
const HEAD_BYTES = 4096;
const MEMORY_BYTES = 4096;
/** A command that may make checkpoints. */
const MODULE_SOURCE = sourceOf(
  assemble({
    types: [
      [[], []],
      [['i32'], []],
    ],
    functions: [
      { type: 0, code: [] },
      { type: 1, code: [] },
    ],
    exports: { _start: ['function', 0], hr_restarted: ['function', 1] },
  }),
);

/** A load or a stop that is under way; `fail` where it can. */
interface Pending {
  readonly done: () => void;
  readonly fail: ((error: Error) => void) | null;
}

/** Whether what a placement is told to do is done at once, or when the test says so. */
interface Pace {
  slow: boolean;
}

class ModelPlacement implements Placement {
  readonly kind = 'thread';
  readonly #processName: string;
  readonly #pace: Pace;
  readonly #pending: Pending[];
  #state: 'idle' | 'loading' | 'loaded' | 'running' = 'idle';
  /** It was launched while it was loading, and runs as soon as it is loaded. */
  #launched = false;
  #rejectLoad: (error: Error) => void = () => undefined;

  constructor(processName: string, pace: Pace, pending: Pending[]) {
    this.#processName = processName;
    this.#pace = pace;
    this.#pending = pending;
  }

  get running(): boolean {
    return this.#state === 'running';
  }

  load(): MaybePromise<void> {
    this.#require('idle');
    this.#launched = false;
    this.#state = 'loaded';
    if (!this.#pace.slow) return;
    this.#state = 'loading';
    return new Promise((resolve, reject) => {
      const settled = (state: 'idle' | 'loaded', settle: () => void) => () => {
        if (this.#rejectLoad !== reject) return;
        this.#rejectLoad = () => undefined;
        this.#state = state === 'loaded' && this.#launched ? 'running' : state;
        settle();
      };
      this.#rejectLoad = reject;
      this.#pending.push({
        done: settled('loaded', resolve),
        fail: (error) => settled('idle', () => reject(error))(),
      });
    });
  }

  launch(): void {
    this.#require('loading', 'loaded');
    if (this.#state === 'loading') this.#launched = true;
    else this.#state = 'running';
  }

  stop(reason: StopReason): MaybePromise<void> {
    const busy = this.#state === 'running' || this.#state === 'loading';
    this.#state = 'idle';
    const rejectLoad = this.#rejectLoad;
    this.#rejectLoad = () => undefined;
    rejectLoad(stopError(this.#processName, reason));
    if (!busy || !this.#pace.slow) return;
    return new Promise((done) => this.#pending.push({ done, fail: null }));
  }

  dispose(reason: StopReason): MaybePromise<void> {
    return this.stop(reason);
  }

  call(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  aim(): void {
    throw new Error('not in this model');
  }

  callSync(): undefined {
    return undefined;
  }

  checkpoint(): number {
    return 1;
  }

  restore(): undefined {
    return undefined;
  }

  exportImage(): never {
    throw new Error('not in this model');
  }

  #require(...states: readonly string[]): void {
    if (!states.includes(this.#state))
      throw new Error(`${this.#processName} is ${this.#state}, not ${states}`);
  }
}

export class ModelWorld implements Disposable {
  readonly controller: HotRestartController;
  readonly table = new ProcessTable(64);
  /** Everything the controller reported, as `what group`. */
  readonly reports: string[] = [];
  readonly pace: Pace = { slow: false };
  nowMs = 0;
  storageIsGone = false;
  readonly #bank = Bank.create({ backend: 'copied', sizeBytes: 4 * MiB });
  readonly #pmm = new PersistentMemoryManager(this.#bank, { maxBlocks: 512 });
  readonly #images = new ProcessImages(this.#bank, this.#pmm);
  readonly #pending: Pending[] = [];
  readonly #placements = new Map<HostedProcess, ModelPlacement>();

  constructor(policy: Policy) {
    this.controller = new HotRestartController(
      {
        table: this.table,
        ledger: this.#bank.ledger,
        pmm: this.#pmm,
        images: this.#images,
        modules: {
          knownDigest: () => null,
          read: (path) => {
            if (this.storageIsGone) throw new RekindleError('MODULE_NOT_FOUND', path);
            return MODULE_SOURCE.read(path);
          },
        },
        policy,
        clock: { nowMs: () => this.nowMs },
        observer: this.#observer(),
      },
      EMPTY_STATE,
    );
  }

  get processes(): readonly HostedProcess[] {
    return [...this.table];
  }

  get blocksInUse(): number {
    return this.#pmm.usage().blocks + this.#bank.sizeBytes - this.#bank.freeBytes;
  }

  /** Whether guest code of the process could run now. */
  runs(process: HostedProcess): boolean {
    return this.#placements.get(process)?.running ?? false;
  }

  start(kind: Exclude<ProcessKind, 'plain'>, groupId: number): HostedProcess {
    const name = this.table.generateName('model.wasm');
    const process: HostedProcess = new HostedProcess({
      identity: {
        name,
        kind,
        path: 'model.wasm',
        groupId,
        args: ['model.wasm'],
        env: [],
        settings: {
          placement: 'thread',
          credentials: { uid: 0, gid: 0, groups: [], trusted: false },
          memoryQuotaBytes: MiB,
          cleanExit: 'handler',
          callLimitMs: null,
          entryLimitMs: null,
          restore: 'in-place',
          mounts: [],
          descriptors: 'restored',
          stdio: { stdin: 'empty', stdout: 'site', stderr: 'site' },
        },
      },
      image: this.#images.acquire('model.wasm', MODULE_SOURCE, {
        memoryQuotaBytes: MiB,
        globals: {},
        restartable: true,
      }),
      bank: this.#bank,
      pmm: this.#pmm,
      volumes: { release: () => undefined },
      maxGenerations: 2,
      past: null,
      program: { hostFunctions: [], importsUrl: null },
      stdio: NO_STDIO,
      globals: {},
      place: () => {
        const placement = new ModelPlacement(name, this.pace, this.#pending);
        this.#placements.set(process, placement);
        return placement;
      },
    });
    this.table.add(process);
    this.#atOnce(() => process.load(this.table.nextPid()));
    this.controller.admit(process);
    return process;
  }

  /** What hrfexec of a registered name does. */
  startAgain(process: HostedProcess): void {
    const anew = process.state === 'ended';
    process.willLoad();
    this.controller.readmit(process, process.load(this.table.nextPid(), anew) ?? null);
  }

  /** Makes the next generation of its present run; false when there is no room for it. */
  checkpoint(process: HostedProcess): boolean {
    const generation = process.generations.current.generation + 1;
    if (process.generations.reserve(generation, HEAD_BYTES, MEMORY_BYTES).kind === 'refused') return false;
    const made = { generation, headBytes: HEAD_BYTES, headChecksum: 0, blocks: [] };
    process.commitGeneration({ ...made, storedBytes: MEMORY_BYTES, memoryChecksum: 0 }, 'all');
    return true;
  }

  fail(process: HostedProcess): void {
    const where = { activity: null, generation: process.generations.current.generation };
    this.controller.faulted(process, faultFromOutside('worker-lost', 'model', where));
  }

  exit(process: HostedProcess, handlerInstalled: boolean): void {
    this.controller.exited(process, { status: 0, handlerInstalled, activity: 'entry' });
  }

  /** Lets the nth load or stop under way come to its end, modulo how many there are. */
  settle(nth: number, failing: boolean): void {
    if (this.#pending.length === 0) return;
    const [pending] = this.#pending.splice(nth % this.#pending.length, 1);
    if (failing && pending?.fail) pending.fail(new RekindleError('WORKER_UNAVAILABLE', 'model'));
    else pending?.done();
  }

  /** Lets everything come to its end; throws when that takes more steps than it could. */
  async settleAll(): Promise<void> {
    this.pace.slow = false;
    for (let round = 0; round < 1000; round += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#pending.length === 0) return;
      while (this.#pending.length > 0) this.settle(0, false);
    }
    throw new Error('the world does not come to rest');
  }

  [Symbol.dispose](): void {
    this.#bank[Symbol.dispose]();
  }

  #atOnce(load: () => MaybePromise<void>): void {
    const { slow } = this.pace;
    this.pace.slow = false;
    load();
    this.pace.slow = slow;
  }

  #observer(): ControllerObserver {
    const told = (text: string) => this.reports.push(text);
    return {
      started: (process) => told(`started ${process.identity.name}`),
      faulted: (process) => told(`faulted ${process.identity.name}`),
      restarted: ({ group, rung }) => told(`restarted ${group} ${rung}`),
      exited: (process) => told(`exited ${process.identity.name}`),
      rolledBack: (_group, process, from, to) => told(`rolled back ${process.identity.name} ${from} ${to}`),
      blocked: (group) => told(`blocked ${group}`),
      escalated: (group, rung) => told(`escalated ${group} ${rung}`),
      quarantined: (group) => told(`quarantined ${group}`),
      siteRestarted: () => told('site restarted'),
      output: () => undefined,
    };
  }
}
