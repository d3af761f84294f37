// Fuzzes the bytes of banks: hands the cases to a few processes in chunks, counts what came of them, and finds the very case that
// brought a process down. The same seed makes the same cases.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChunkOrder } from './messages.js';
import { FuzzWorker } from './worker.js';

export interface FuzzOptions {
  readonly seed: number;
  /** Null: as many as there should be. */
  readonly cases: number | null;
  readonly progress: (line: string) => void;
}

export interface FuzzReport {
  readonly title: string;
  readonly cases: number;
  readonly failures: readonly string[];
  /** The kinds of outcome and how often each came. */
  readonly details: readonly string[];
}

const DEFAULT_CASES = 100_000;
const MAX_WORKERS = 4;
const CHUNK_CASES = 50;
const PROGRESS_CASES = 5000;
/** After so many something is wrong with all of it. */
const MAX_FAILURES = 50;

export async function runFuzz({ seed, cases, progress }: FuzzOptions): Promise<FuzzReport> {
  const place = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'rekindle-fuzz-'));
  try {
    const run = new Run(seed, cases ?? DEFAULT_CASES, place, progress);
    return await run.finish();
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

class Run {
  readonly #seed: number;
  readonly #cases: number;
  readonly #place: string;
  readonly #progress: (line: string) => void;
  readonly #counts = new Map<string, number>();
  readonly #failures: string[] = [];
  #next = 0;
  #done = 0;

  constructor(seed: number, cases: number, place: string, progress: (line: string) => void) {
    this.#seed = seed;
    this.#cases = cases;
    this.#place = place;
    this.#progress = progress;
  }

  async finish(): Promise<FuzzReport> {
    const chunks = Math.ceil(this.#cases / CHUNK_CASES);
    const workers = Math.min(MAX_WORKERS, availableParallelism(), chunks);
    await Promise.all(Array.from({ length: workers }, () => this.#work()));
    const details = [...this.#counts]
      .sort(([, first], [, second]) => second - first)
      .map(([label, count]) => `${String(count).padStart(7)}  ${label}`);
    return { title: `bank bytes, seed ${this.#seed}`, cases: this.#done, failures: this.#failures, details };
  }

  /** One process after another, each until it fails. */
  async #work(): Promise<void> {
    let isLeft = true;
    while (isLeft) {
      await using worker = await FuzzWorker.start(this.#place);
      isLeft = await this.#feed(worker);
    }
  }

  /** False when there is nothing left to do. */
  async #feed(worker: FuzzWorker): Promise<boolean> {
    for (let order = this.#take(); order !== null; order = this.#take()) {
      const result = await worker.run(order);
      if (typeof result === 'string') {
        await this.#findCulprit(order, result);
        return true;
      }
      this.#count(result.counts, result.failures);
    }
    return false;
  }

  #take(): ChunkOrder | null {
    if (this.#next >= this.#cases || this.#failures.length >= MAX_FAILURES) return null;
    const from = this.#next;
    this.#next = Math.min(this.#cases, from + CHUNK_CASES);
    return { seed: this.#seed, from, to: this.#next };
  }

  /** Runs the cases of a chunk one by one, in a process of their own, until it fails again. */
  async #findCulprit({ seed, from, to }: ChunkOrder, how: string): Promise<void> {
    await using worker = await FuzzWorker.start(this.#place);
    for (let number = from; number < to; number += 1) {
      const result = await worker.run({ seed, from: number, to: number + 1 });
      if (typeof result === 'string') {
        this.#count({ 'brought its host down': 1 }, [`seed ${seed}, case ${number}: ${result}`]);
        return;
      }
      this.#count(result.counts, result.failures);
    }
    this.#failures.push(`seed ${seed}, cases ${from} to ${to - 1}: ${how}, but no case did alone`);
  }

  #count(counts: Readonly<Record<string, number>>, failures: readonly string[]): void {
    const before = this.#done;
    for (const [label, count] of Object.entries(counts)) {
      this.#counts.set(label, (this.#counts.get(label) ?? 0) + count);
      this.#done += count;
    }
    for (const failure of failures) this.#progress(failure);
    this.#failures.push(...failures);
    if (Math.floor(before / PROGRESS_CASES) < Math.floor(this.#done / PROGRESS_CASES))
      this.#progress(`${this.#done} of ${this.#cases} banks opened, ${this.#failures.length} failures`);
  }
}
