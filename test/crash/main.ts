// The crash tests as a program: every point of the enumeration, a thousand real kills, a hundred thousand damaged banks. It prints what
// was tried with which seed, and exits with 1 when anything failed; it must not end without having said how much was tried.
import { parseArgs } from 'node:util';
import { optionsOrUsage, wholeNumber } from '#test/support/command-options.js';
import { runEnumeration } from './enumeration/run.js';
import { runFuzz } from './fuzz/run.js';
import { runKills } from './kill/run.js';
import { runVolumeEnumeration } from './volume/enumerate.js';
import { runVolumeKills } from './volume/kill.js';

interface PartOptions {
  readonly seed: number;
  readonly cases: number | null;
  readonly progress: (line: string) => void;
}

interface PartResult {
  readonly title: string;
  readonly cases: number;
  readonly failures: readonly string[];
  readonly details: readonly string[];
}

const PARTS: Readonly<Record<string, (options: PartOptions) => Promise<PartResult>>> = {
  enumeration: runEnumeration,
  volumes: runVolumeEnumeration,
  'volume-kill': runVolumeKills,
  kill: runKills,
  fuzz: runFuzz,
};

const USAGE = `usage: npm run crashtest -- [--only ${Object.keys(PARTS).join('|')}] [--seed N] [--cases N] [--seconds N]

--only     one part instead of all
--seed     of all that is left to chance; default: by the clock
--cases    of each part; default: all crash points, 1,000 kills, 300 of volumes, 100,000 damaged banks
--seconds  no further part is begun after that time`;
const MS_PER_SECOND = 1000;
const SEEDS = 1_000_000;
interface Options {
  readonly parts: readonly string[];
  readonly seed: number;
  readonly cases: number | null;
  readonly seconds: number;
}

/** Throws a TypeError or RangeError that says what is wrong. */
function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      seed: { type: 'string' },
      cases: { type: 'string' },
      seconds: { type: 'string' },
    },
  });
  const { only } = values;
  if (only !== undefined && !Object.hasOwn(PARTS, only)) throw new RangeError(`there is no part ${only}`);
  return {
    parts: only === undefined ? Object.keys(PARTS) : [only],
    seed: wholeNumber('--seed', values.seed) ?? Date.now() % SEEDS,
    cases: wholeNumber('--cases', values.cases),
    seconds: wholeNumber('--seconds', values.seconds) ?? Number.POSITIVE_INFINITY,
  };
}

async function runParts({ parts, seed, cases, seconds }: Options): Promise<boolean> {
  const startMs = performance.now();
  const say = (line: string): void => console.log(line);
  let failed = 0;
  say(`seed ${seed}`);
  for (const name of parts) {
    if (performance.now() - startMs > seconds * MS_PER_SECOND) {
      say(`${name}: not begun, the time is over`);
      continue;
    }
    const run = PARTS[name];
    if (run === undefined) continue;
    const result = await run({ seed, cases, progress: (line) => say(`  ${line}`) });
    for (const line of result.details) say(`  ${line}`);
    for (const failure of result.failures) say(`FAILED: ${failure}`);
    say(`${result.title}: ${result.cases} cases, ${result.failures.length} failed`);
    failed += result.failures.length;
  }
  return failed === 0;
}

const options = optionsOrUsage(parseOptions, USAGE);
if (options !== null) process.exitCode = (await runParts(options)) ? 0 : 1;
