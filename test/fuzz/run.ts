// Runs one fuzz target for so many executions in a few processes, until there is a finding, and says what was seen. Nothing is left of the
// directory that the processes shared.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CaseOutcome } from '#test/support/case-messages.js';
import { runCases } from '#test/support/case-run.js';
import { runCase, TARGETS, type TargetName } from './targets.js';

export interface FuzzOptions {
  readonly target: TargetName;
  /** At least. */
  readonly executions: number;
  readonly seed: number;
  readonly workers: number;
  readonly progress: (line: string) => void;
}

const PROGRESS_EXECUTIONS = 100_000;

/** Ends with the first finding. */
export function runFuzz({ target, executions, seed, workers, progress }: FuzzOptions): Promise<CaseOutcome> {
  const { executionsPerCase, chunkCases, workerCases } = TARGETS[target];
  let told = 0;
  return inDirectory((place) =>
    runCases({
      program: { url: new URL('./worker-program.js', import.meta.url), args: [target, place] },
      seed,
      cases: Math.ceil(executions / executionsPerCase),
      chunkCases,
      workers,
      workerCases,
      maxFailures: 1,
      onFailure: progress,
      onChunk: (done) => {
        if (done < told + PROGRESS_EXECUTIONS) return;
        told = done;
        progress(`${done} of ${executions} executions`);
      },
    }),
  );
}

/** The very case that a finding names, in this process. */
export function replay(name: TargetName, seed: number, number: number): Promise<CaseOutcome> {
  return inDirectory(async (place) => {
    using target = await TARGETS[name].make(place);
    return await runCase(name, target, { seed, number });
  });
}

async function inDirectory<T>(body: (place: string) => Promise<T>): Promise<T> {
  const place = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'rekindle-fuzz-'));
  try {
    return await body(place);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
