// Fuzzes the bytes of banks: a hundred thousand cases in a few processes, and what came of them. Nothing is left of the directory the banks
// lay in. The same seed makes the same cases.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { countLines, runCases } from '#test/support/case-run.js';

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
const MAX_FAILURES = 50;

export async function runFuzz({ seed, cases, progress }: FuzzOptions): Promise<FuzzReport> {
  const place = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'rekindle-fuzz-'));
  const wanted = cases ?? DEFAULT_CASES;
  let told = 0;
  try {
    const { counts, executions, failures } = await runCases({
      program: { url: new URL('./worker-program.js', import.meta.url), args: [place] },
      seed,
      cases: wanted,
      chunkCases: CHUNK_CASES,
      workers: Math.min(MAX_WORKERS, availableParallelism()),
      workerCases: Number.POSITIVE_INFINITY,
      maxFailures: MAX_FAILURES,
      onFailure: progress,
      onChunk: (done) => {
        if (done < told + PROGRESS_CASES) return;
        told = done;
        progress(`${done} of ${wanted} banks opened`);
      },
    });
    return { title: `bank bytes, seed ${seed}`, cases: executions, failures, details: countLines(counts) };
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
