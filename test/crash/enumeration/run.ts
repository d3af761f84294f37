// The whole enumeration: records scenarios, stops at every point of them, and counts. What fails is told with all that is needed to see
// why: the seed, the step and those around it, and what differed.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { TEST_GUESTS } from '#test/support/test-guests.js';
import { section, text } from '#test/support/wasm-assembler.js';
import { checkPoint } from './check-point.js';
import { type CrashPoint, deaths, powerLosses } from './crash-points.js';
import { Random } from './random.js';
import type { Recording } from './recorded-site.js';
import type { Step } from './recorder.js';
import { record } from './scenario.js';
import { MEMBER_MODULE, OTHER_MODULE } from './site-state.js';

export interface EnumerationOptions {
  readonly seed: number;
  /** Crash points to try, chosen by the seed so that every kind of step is among them; null: all. */
  readonly cases: number | null;
  readonly progress: (line: string) => void;
}

export interface EnumerationResult {
  readonly title: string;
  readonly cases: number;
  readonly failures: readonly string[];
  readonly details: readonly string[];
}

interface Variant {
  readonly backend: 'mapped' | 'copied';
  readonly sync: 'commit' | 'none';
}

const VARIANTS: readonly Variant[] = [
  { backend: 'mapped', sync: 'none' },
  { backend: 'copied', sync: 'none' },
  { backend: 'mapped', sync: 'commit' },
  { backend: 'copied', sync: 'commit' },
];
const OPERATIONS = 90;
const OPERATIONS_OF_SAMPLE = 45;
/** More of them say nothing new. */
const MAX_FAILURES = 20;
const STEPS_SHOWN = 4;
const LINES_EVERY = 1000;

export async function runEnumeration({
  seed,
  cases,
  progress,
}: EnumerationOptions): Promise<EnumerationResult> {
  const root = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'rekindle-crash-'));
  const failures: string[] = [];
  const details: string[] = [];
  let tried = 0;
  try {
    const stableStorage = await makeStorage(join(root, 'storage'));
    for (const [index, variant] of VARIANTS.entries()) {
      const recording = await record({
        ...variant,
        seed: seed + index,
        operations: cases === null ? OPERATIONS : OPERATIONS_OF_SAMPLE,
        stableStorage,
        path: join(root, 'recorded'),
      });
      rmSync(join(root, 'recorded'), { recursive: true });
      const points = variant.sync === 'commit' ? powerLosses : deaths;
      const enumerate = () => points(recording.recorder.steps, seed + index);
      const chosen = cases === null ? null : sample(recording, enumerate(), cases / VARIANTS.length, seed);
      const name = `${variant.backend}, ${variant.sync === 'commit' ? 'loss of power' : 'death'}`;
      let triedHere = 0;
      let position = -1;
      for (const point of enumerate()) {
        position += 1;
        if (chosen !== null && !chosen.has(position)) continue;
        const problems = await checkPoint(recording, point, join(root, 'bank'));
        triedHere += 1;
        if (problems.length > 0) failures.push(describeFailure(recording, point, problems, seed));
        if (failures.length >= MAX_FAILURES) break;
        if (triedHere % LINES_EVERY === 0)
          progress(`${name}: ${triedHere} crash points, ${failures.length} failed`);
        // Memories of guests are given back between turns only.
        await setImmediate();
      }
      tried += triedHere;
      const { steps } = recording.recorder;
      details.push(
        `${name}: ${recording.operations.length} operations, ${steps.length} steps, ${triedHere} crash points`,
      );
      if (failures.length >= MAX_FAILURES) break;
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  return { title: 'enumeration', cases: tried, failures, details };
}

/** Two modules that differ in nothing but a custom section: two process images. */
async function makeStorage(path: string): Promise<string> {
  const bytes = readFileSync(join(TEST_GUESTS, 'crash-member.wasm'));
  mkdirSync(path);
  writeFileSync(join(path, MEMBER_MODULE), bytes);
  writeFileSync(join(path, OTHER_MODULE), Buffer.concat([bytes, Uint8Array.from(section(0, text('other')))]));
  return path;
}

/** So many points by their positions, some of every kind of step, inside and after it. */
function sample(
  { recorder }: Recording,
  points: Iterable<CrashPoint>,
  count: number,
  seed: number,
): ReadonlySet<number> {
  const random = new Random(seed);
  const byKind = new Map<string, number[]>();
  let position = 0;
  for (const { done, isInside, manner } of points) {
    const kind = `${recorder.steps[isInside ? done : done - 1]?.kind} ${isInside ? 'inside' : manner}`;
    byKind.set(kind, [...(byKind.get(kind) ?? []), position]);
    position += 1;
  }
  const chosen = new Set<number>();
  const kinds = [...byKind.values()];
  while (chosen.size < Math.min(count, position)) {
    for (const positions of kinds) {
      const [drawn] = positions.splice(random.below(positions.length), 1);
      if (drawn !== undefined) chosen.add(drawn);
    }
  }
  return chosen;
}

function describeFailure(
  { options, operations, recorder }: Recording,
  { done, manner, isInside }: CrashPoint,
  problems: readonly string[],
  seed: number,
): string {
  const at = isInside ? done : done - 1;
  const operation = operations.find(({ from, to }) => from <= at && at < to)?.title ?? 'the end';
  const around = recorder.steps
    .slice(Math.max(0, at - STEPS_SHOWN), at + STEPS_SHOWN)
    .map((step, index) => `    ${Math.max(0, at - STEPS_SHOWN) + index}: ${describeStep(step)}`);
  return [
    `seed ${seed}, ${options.backend}, sync ${options.sync}, step ${at} of '${operation}', ${manner}`,
    ...around,
    ...problems.map((problem) => `  ${problem}`),
  ].join('\n');
}

function describeStep(step: Step): string {
  return JSON.stringify(step, (key, value) =>
    key === 'bytes' ? `${(value as Uint8Array).length} bytes` : value,
  );
}
