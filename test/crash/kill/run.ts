// All kills of a run: banks of every kind, one life after another, and the races for a bank whose owner is killed. The same seed makes the
// same choices; the moments of the kills are the machine's.
import { availableParallelism } from 'node:os';
import { TEST_GUESTS } from '#test/support/test-guests.js';
import { type LifeOptions, type LifeResult, live } from './life.js';
import { runRaces } from './race.js';
import { Random } from './random.js';

const DEFAULT_CASES = 1000;
/** Kills of one bank. */
const KILLS_OF_LIFE = 25;
/** With fewer kills than four lives take, every kind gets its share all the same. */
const KINDS: readonly Pick<LifeOptions, 'backend' | 'medium'>[] = [
  { backend: 'mapped', medium: 'memory' },
  { backend: 'copied', medium: 'memory' },
  { backend: 'mapped', medium: 'disk' },
  { backend: 'copied', medium: 'disk' },
];
/** A race for so many kills. */
const KILLS_OF_RACE = 50;
const MAX_THREAD_GROUPS = 3;
/** Lives at a time: each is a program under load and one that is starting. */
const MAX_LANES = 2;

export interface KillOptions {
  readonly seed: number;
  /** Null: 1,000. */
  readonly cases: number | null;
  readonly progress: (line: string) => void;
}

export interface CrashResult {
  readonly title: string;
  readonly cases: number;
  readonly failures: readonly string[];
  readonly details: readonly string[];
}

export async function runKills({ seed, cases, progress }: KillOptions): Promise<CrashResult> {
  const total = cases ?? DEFAULT_CASES;
  const stableStorage = TEST_GUESTS;
  const waiting = plan(total, new Random(seed), stableStorage);
  const results: LifeResult[] = [];
  const lane = async (): Promise<void> => {
    for (let options = waiting.shift(); options !== undefined; options = waiting.shift()) {
      results.push(await live(options));
      progress(`${sum(results, 'kills')} of ${total} kills, ${failuresOf(results).length} failures`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(MAX_LANES, availableParallelism()) }, lane));
  const races = await runRaces(Math.ceil(total / KILLS_OF_RACE), new Random(seed));
  progress(`${races.rounds} races for a bank, ${races.failures.length} failures`);
  return {
    title: 'SIGKILL under load',
    cases: sum(results, 'kills'),
    failures: [...failuresOf(results), ...races.failures],
    details: [
      `seed ${seed}`,
      `${results.length} banks, ${sum(results, 'killedInOpening')} kills while a bank was being opened`,
      `${sum(results, 'acknowledged')} steps acknowledged and all found again, ${sum(results, 'undecided')} under way at a kill`,
      `${races.rounds} races for a bank whose owner was killed, ${races.unnamed} refusals before the new one was named`,
    ],
  };
}

function plan(total: number, random: Random, stableStorage: string): LifeOptions[] {
  const lives: LifeOptions[] = [];
  const killsOfLife = Math.min(KILLS_OF_LIFE, Math.ceil(total / KINDS.length));
  for (let planned = 0; planned < total; planned += killsOfLife) {
    const kind = KINDS[lives.length % KINDS.length];
    if (kind === undefined) throw new Error('there are kinds of banks');
    const kills = Math.min(killsOfLife, total - planned);
    const threadGroups = random.integer(1, MAX_THREAD_GROUPS);
    lives.push({ ...kind, kills, threadGroups, seed: random.seed(), stableStorage });
  }
  return lives;
}

function failuresOf(results: readonly LifeResult[]): readonly string[] {
  return results.flatMap(({ failure }) => failure ?? []);
}

function sum(results: readonly LifeResult[], field: Exclude<keyof LifeResult, 'failure'>): number {
  return results.reduce((subtotal, result) => subtotal + result[field], 0);
}
