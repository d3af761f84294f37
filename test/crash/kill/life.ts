// One bank and the programs that have it open one after another, each killed at a random moment. Nothing of it is left afterwards, but for
// the bank of one that has failed.
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from '#test/support/kept-site.js';
import { inTime } from '#test/support/scenario.js';
import { Account } from './account.js';
import type { Line, Orders } from './facts.js';
import { LoadProcess } from './load-process.js';
import { Random } from './random.js';

const MEMORY_DIRECTORY = '/dev/shm';
/** Longest time under load before a kill. */
const MAX_LOAD_MS = 300;
/** Most steps done under load before a kill that is timed by them. */
const MAX_LOAD_STEPS = 300;
/** Longest time from such a step to the kill. */
const MAX_STEP_MS = 2;
/** What a bank may consist of when nobody has it open. */
const BANK_FILES = 'content,ledger,lock,superblock';

export interface LifeOptions {
  readonly backend: 'mapped' | 'copied';
  /** `memory`: on tmpfs where there is one. `disk`: in the temporary directory, with every commit on the medium. */
  readonly medium: 'memory' | 'disk';
  readonly threadGroups: number;
  readonly kills: number;
  readonly seed: number;
  readonly stableStorage: string;
}

export interface LifeResult {
  readonly kills: number;
  readonly acknowledged: number;
  /** Steps that were under way when the program was killed. */
  readonly undecided: number;
  /** Kills before the program had told what it had found. */
  readonly killedInOpening: number;
  /** Null when all was as it has to be. */
  readonly failure: string | null;
}

/** Kills the program so many times; then has it end everything in order. Stops at the first thing that is wrong. */
export async function live(options: LifeOptions): Promise<LifeResult> {
  const life = new Life(options);
  try {
    await life.run();
  } catch (error) {
    life.account.failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  return life.end();
}

class Life {
  readonly account = new Account();
  readonly #options: LifeOptions;
  readonly #random: Random;
  readonly #directory: string;
  readonly #pids: number[] = [];
  #said = '';
  #kills = 0;
  #killedInOpening = 0;
  #openingMs = 0;

  constructor(options: LifeOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    const inMemory = options.medium === 'memory' && existsSync(MEMORY_DIRECTORY);
    this.#directory = mkdtempSync(join(inMemory ? MEMORY_DIRECTORY : tmpdir(), 'rekindle-kill-'));
  }

  async run(): Promise<void> {
    let next = this.#start();
    try {
      while (this.#kills < this.#options.kills && this.account.failures.length === 0) {
        const current = next;
        await using _killed = current;
        const opened = this.#begin(current, 'load');
        // Started ahead: loading the program takes longer than opening the bank.
        next = this.#start();
        await this.#killAtRandom(current, opened);
      }
      if (this.account.failures.length === 0) await this.#empty(next);
    } finally {
      await next[Symbol.asyncDispose]();
    }
  }

  end(): LifeResult {
    const { failures, acknowledged, undecided } = this.account;
    const left = this.#pids.filter(isAlive);
    if (left.length > 0) failures.push(`processes are left: ${left.join()}`);
    if (failures.length === 0) rmSync(this.#directory, { recursive: true });
    return {
      kills: this.#kills,
      killedInOpening: this.#killedInOpening,
      acknowledged,
      undecided,
      failure: failures.length === 0 ? null : this.#describe(),
    };
  }

  #start(): LoadProcess {
    const started = new LoadProcess();
    this.#pids.push(started.pid);
    return started;
  }

  #begin(child: LoadProcess, work: Orders['work']): Milestones {
    const { backend, medium, threadGroups, stableStorage } = this.#options;
    const bank = join(this.#directory, 'bank');
    const sync = medium === 'disk' ? 'commit' : 'auto';
    const milestones = new Milestones();
    const seed = this.#random.seed();
    const take = (line: Line): void => {
      this.account.take(line);
      milestones.take(line);
    };
    const orders = { work, bank, backend, sync, threadGroups, stableStorage, seed } as const;
    child.begin(orders, take, () => milestones.giveUp());
    return milestones;
  }

  async #killAtRandom(child: LoadProcess, milestones: Milestones): Promise<void> {
    const foundBefore = this.account.found;
    await inTime('the opening of the bank', milestones.reached('opening'));
    await this.#randomMoment(milestones);
    await child.kill();
    this.#expectEnd(child, 'SIGKILL');
    this.#kills += 1;
    if (this.account.found === foundBefore) this.#killedInOpening += 1;
  }

  /** In the opening or shortly after it; some time under load; or at some step, however slow the machine is. */
  async #randomMoment(milestones: Milestones): Promise<void> {
    const random = this.#random;
    const openedMs = performance.now();
    const kind = random.weighted([
      [3, 'opening'],
      [3, 'time'],
      [4, 'step'],
    ]);
    if (kind === 'opening') {
      await sleep(random.fraction() * Math.max(this.#openingMs, 1) * 1.2);
      return;
    }
    await inTime('what was found in the bank', milestones.reached('found'));
    this.#openingMs = performance.now() - openedMs;
    if (kind === 'time') {
      await sleep(random.fraction() * MAX_LOAD_MS);
      return;
    }
    await inTime('steps of the load', milestones.reached('done', random.integer(1, MAX_LOAD_STEPS)));
    await sleep(random.fraction() * MAX_STEP_MS);
  }

  async #empty(child: LoadProcess): Promise<void> {
    this.#begin(child, 'empty');
    await child.ended();
    this.#expectEnd(child, 0);
    if (!this.account.emptied) this.account.failures.push('the program has ended before its work was done');
    const files = readdirSync(join(this.#directory, 'bank')).sort().join();
    if (files !== BANK_FILES) this.account.failures.push(`the bank consists of ${files}`);
  }

  #expectEnd({ end, said }: LoadProcess, expected: string | number): void {
    this.#said = said;
    if (end !== expected) this.account.failures.push(`the program has ended by itself: ${end}`);
  }

  #describe(): string {
    const { backend, medium, seed, kills } = this.#options;
    return [
      `${backend}, ${medium}, seed ${seed} of ${kills} kills, after ${this.#kills} kills; the bank is kept: ${this.#directory}`,
      ...this.account.failures,
      'what was told last:',
      ...this.account.lastLines.map((line) => `  ${line.slice(0, 1500)}`),
      `on standard error: ${this.#said}`,
    ].join('\n');
  }
}

interface Wait {
  readonly kind: Line['kind'];
  readonly count: number;
  readonly resolve: () => void;
}

/** How far a program has come: which lines it has told, and how often. */
class Milestones {
  readonly #counts = new Map<Line['kind'], number>();
  #waiting: Wait | null = null;
  #hasGivenUp = false;

  take({ kind }: Line): void {
    this.#counts.set(kind, this.#count(kind) + 1);
    const waiting = this.#waiting;
    if (waiting !== null && this.#isReached(waiting.kind, waiting.count)) waiting.resolve();
  }

  /** It has ended: what has not been reached never will. */
  giveUp(): void {
    this.#hasGivenUp = true;
    this.#waiting?.resolve();
  }

  /** Resolves when it is, or never will be. One wait at a time. */
  reached(kind: Line['kind'], count = 1): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isReached(kind, count)) resolve();
      else this.#waiting = { kind, count, resolve };
    });
  }

  #isReached(kind: Line['kind'], count: number): boolean {
    return this.#hasGivenUp || this.#count(kind) >= count || this.#count('wrong') > 0;
  }

  #count(kind: Line['kind']): number {
    return this.#counts.get(kind) ?? 0;
  }
}
