// Hands numbered cases to a few processes in chunks, counts what came of them, and finds the very case that brought a process down. The same
// seed makes the same cases, whoever runs them.
import type { CaseOutcome, ChunkOrder } from './case-messages.js';
import { OutcomeSum } from './case-service.js';
import { type CaseProgram, CaseWorker } from './case-worker.js';

export interface CaseRunOptions {
  readonly program: CaseProgram;
  readonly seed: number;
  readonly cases: number;
  readonly chunkCases: number;
  readonly workers: number;
  /** After so many cases a process is replaced by a new one: what an engine gathers over hours would slow it down. */
  readonly workerCases: number;
  /** After so many something is wrong with all of it. */
  readonly maxFailures: number;
  /** Told of every failure, and after every chunk of what there is so far. */
  readonly onFailure: (failure: string) => void;
  readonly onChunk: (executions: number) => void;
}

/** Ends when all cases have been run, or there have been too many failures. */
export async function runCases(options: CaseRunOptions): Promise<CaseOutcome> {
  return new CaseRun(options).finish();
}

class CaseRun {
  readonly #options: CaseRunOptions;
  readonly #sum = new OutcomeSum();
  #executions = 0;
  #failures = 0;
  #next = 0;

  constructor(options: CaseRunOptions) {
    this.#options = options;
  }

  async finish(): Promise<CaseOutcome> {
    const { cases, chunkCases, workers } = this.#options;
    const needed = Math.min(workers, Math.ceil(cases / chunkCases));
    await Promise.all(Array.from({ length: needed }, () => this.#work()));
    return this.#sum.outcome();
  }

  /** One process after another, each until it fails. */
  async #work(): Promise<void> {
    let isLeft = true;
    while (isLeft) {
      await using worker = await CaseWorker.start(this.#options.program);
      isLeft = await this.#feed(worker);
    }
  }

  /** False when there is nothing left to do. */
  async #feed(worker: CaseWorker): Promise<boolean> {
    let begun = 0;
    while (begun < this.#options.workerCases) {
      const order = this.#take();
      if (order === null) return false;
      begun += order.to - order.from;
      const outcome = await worker.run(order);
      if (typeof outcome === 'string') {
        await this.#findCulprit(order, outcome);
        return this.#isLeft();
      }
      this.#count(outcome);
    }
    return this.#isLeft();
  }

  #isLeft(): boolean {
    return this.#next < this.#options.cases && this.#failures < this.#options.maxFailures;
  }

  #take(): ChunkOrder | null {
    const { seed, cases, chunkCases } = this.#options;
    if (!this.#isLeft()) return null;
    const from = this.#next;
    this.#next = Math.min(cases, from + chunkCases);
    return { seed, from, to: this.#next };
  }

  /** Runs the cases of a chunk one by one, in a process of their own, until it fails again. */
  async #findCulprit({ seed, from, to }: ChunkOrder, how: string): Promise<void> {
    await using worker = await CaseWorker.start(this.#options.program);
    for (let number = from; number < to; number += 1) {
      const outcome = await worker.run({ seed, from: number, to: number + 1 });
      if (typeof outcome === 'string') {
        const failures = [`seed ${seed}, case ${number}: ${outcome}`];
        this.#count({ counts: { 'brought its host down': 1 }, executions: 1, failures });
        return;
      }
      this.#count(outcome);
    }
    const failures = [`seed ${seed}, cases ${from} to ${to - 1}: ${how}, but no case did alone`];
    this.#count({ counts: {}, executions: 0, failures });
  }

  #count(outcome: CaseOutcome): void {
    this.#sum.add(outcome);
    this.#executions += outcome.executions;
    this.#failures += outcome.failures.length;
    for (const failure of outcome.failures) this.#options.onFailure(failure);
    this.#options.onChunk(this.#executions);
  }
}

/** Those seen most often first. */
export function countLines(counts: Readonly<Record<string, number>>): string[] {
  return Object.entries(counts)
    .sort(([, first], [, second]) => second - first)
    .map(([label, count]) => `${String(count).padStart(9)}  ${label}`);
}
