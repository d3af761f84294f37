// The differential run as a program: ten thousand generated modules, each as the engine runs it, prepared, and restored between any two calls. It
// prints what came of every one of them, by reason, and exits with 1 when any differed.
import { parseArgs } from 'node:util';
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
/** Of a command line that means nothing. */
const EXIT_USAGE = 2;

function whole(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`--${name} ${text} is no whole number`);
  return value;
}

try {
  const { values } = parseArgs({
    options: { modules: { type: 'string' }, seed: { type: 'string' }, threads: { type: 'string' } },
  });
  const modules = whole('modules', values.modules) ?? DEFAULT_MODULES;
  const firstSeed = whole('seed', values.seed) ?? (Date.now() % 1000) * SEED_STEP;
  const threads = Math.max(1, whole('threads', values.threads) ?? 2);
  console.log(`Node ${process.version}: ${modules} modules from seed ${firstSeed} on, in ${threads} threads`);
  console.log(`not in this engine: ${missing(KNOWN_FEATURES).join(', ') || 'nothing'}`);
  const written = compareSpecimens();
  console.log(`\nthe hand-written set\n${describe(written).join('\n')}\n\ngenerated modules`);
  const progress = (done: number): void => console.error(`${done} of ${modules}`);
  const tally = await runDifferential({ firstSeed, modules, threads, progress });
  console.log(describe(tally).join('\n'));
  if (tally.failures.length + written.failures.length > 0) process.exitCode = 1;
} catch (error) {
  if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
  console.error(`${error.message}\n\n${USAGE}`);
  process.exitCode = EXIT_USAGE;
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
