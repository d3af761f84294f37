// The differential run as a program: ten thousand generated modules, each as the engine runs it, prepared, and restored between any two calls. It
// prints what came of every one of them, by reason, and exits with 1 when any differed.
import { parseArgs } from 'node:util';
import { optionsOrUsage, wholeNumber } from '#test/support/command-options.js';
import { compareModule } from './compare.js';
import { ENGINE_FEATURES, type EngineFeature, KNOWN_FEATURES } from './engine-features.js';
import { runDifferential } from './run.js';
import { SPECIMENS } from './specimens.js';
import { addOutcome, describe, emptyTally, type Tally } from './tally.js';

const USAGE = `usage: npm run differential -- [--modules N] [--seed N] [--threads N]

--modules  how many; default: 12,000
--seed     of the first; each further module has the next; default: by the clock
--threads  default: 2`;
const DEFAULT_MODULES = 12_000;
const SEED_STEP = 1_000_000;
const DEFAULT_THREADS = 2;

interface Options {
  readonly modules: number;
  readonly firstSeed: number;
  readonly threads: number;
}

/** Throws a TypeError or RangeError that says what is wrong. */
function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: { modules: { type: 'string' }, seed: { type: 'string' }, threads: { type: 'string' } },
  });
  return {
    modules: wholeNumber('--modules', values.modules) ?? DEFAULT_MODULES,
    firstSeed: wholeNumber('--seed', values.seed) ?? (Date.now() % 1000) * SEED_STEP,
    threads: wholeNumber('--threads', values.threads, 1) ?? DEFAULT_THREADS,
  };
}

/** Whether nothing differed. */
async function compareAll({ modules, firstSeed, threads }: Options): Promise<boolean> {
  console.log(`Node ${process.version}: ${modules} modules from seed ${firstSeed} on, in ${threads} threads`);
  console.log(`not in this engine: ${missing(KNOWN_FEATURES).join(', ') || 'nothing'}`);
  const written = compareSpecimens();
  console.log(`\nthe hand-written set\n${describe(written).join('\n')}\n\ngenerated modules`);
  const progress = (done: number): void => console.error(`${done} of ${modules}`);
  const tally = await runDifferential({ firstSeed, modules, threads, progress });
  console.log(describe(tally).join('\n'));
  return tally.failures.length + written.failures.length === 0;
}

/** One that needs what the engine lacks is counted as such, by its name. */
function compareSpecimens(): Tally {
  const tally = emptyTally();
  for (const [position, { name, features, bytes }] of SPECIMENS.entries()) {
    const lacking = missing(features);
    const reason = `${name}: needs ${lacking.join(', ')}`;
    const outcome =
      lacking.length === 0 ? compareModule(bytes) : { kind: 'not in this engine' as const, reason };
    addOutcome(tally, position, features, outcome);
  }
  return tally;
}

function missing(features: readonly EngineFeature[]): readonly EngineFeature[] {
  return features.filter((feature) => !ENGINE_FEATURES.includes(feature));
}

const options = optionsOrUsage(parseOptions, USAGE);
if (options !== null) process.exitCode = (await compareAll(options)) ? 0 : 1;
