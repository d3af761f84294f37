// The fuzz targets by name, and how a case of each is run: from a seed and a number, and nothing else. Whatever a case throws is a failure,
// told with the command that runs this one case again.

import type { CaseOutcome } from '#test/support/case-messages.js';
import { SeededRandom } from '#test/support/seeded-random.js';
import { AbiTarget } from './abi/target.js';
import { RewriterTarget } from './rewriter/target.js';
import { Finding, Tally } from './tally.js';
import { WasiTarget } from './wasi/target.js';

/** Runs cases one after another; nothing of a case is left to the next one. */
export interface FuzzTarget extends Disposable {
  run(random: SeededRandom, tally: Tally): Promise<void> | void;
}

interface TargetRow {
  /** `place`: a directory of its own, which whoever starts it takes away. */
  readonly make: (place: string) => Promise<FuzzTarget> | FuzzTarget;
  /** Of every case. */
  readonly executionsPerCase: number;
  readonly chunkCases: number;
  /** The engine takes ever longer to check a module, the more it has seen. */
  readonly workerCases: number;
}

export const TARGETS = {
  rewriter: {
    make: (_place: string) => RewriterTarget.make(),
    executionsPerCase: 1,
    chunkCases: 1000,
    workerCases: 12_000,
  },
  wasi: {
    make: (place: string) => new WasiTarget(place),
    executionsPerCase: WasiTarget.CALLS,
    chunkCases: 4,
    workerCases: 1000,
  },
  abi: {
    make: (place: string) => AbiTarget.make(place),
    executionsPerCase: AbiTarget.CALLS,
    chunkCases: 4,
    workerCases: 1000,
  },
} as const satisfies Readonly<Record<string, TargetRow>>;

export type TargetName = keyof typeof TARGETS;

export function isTargetName(name: string | undefined): name is TargetName {
  return name !== undefined && Object.hasOwn(TARGETS, name);
}

export async function runCase(
  name: TargetName,
  target: FuzzTarget,
  { seed, number }: { readonly seed: number; readonly number: number },
): Promise<CaseOutcome> {
  const tally = new Tally();
  const failures: string[] = [];
  try {
    await target.run(new SeededRandom(seed, number), tally);
  } catch (error) {
    const isFinding = error instanceof Finding;
    const detail =
      error instanceof Error ? ((isFinding ? error.message : error.stack) ?? error.message) : error;
    const again = `npm run fuzz -- --target ${name} --seed ${seed} --case ${number}`;
    failures.push(
      `${name}, execution ${tally.executions} of the case, ${tally.doing}: ${detail}\n  again: ${again}`,
    );
  }
  return { counts: tally.counts, executions: tally.executions, failures };
}
