// The command line of the benchmark, read strictly: what is not understood is refused, since a misspelt option would measure
// something else than was asked for.
import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Where to write the results as JSON; null for nowhere. */
  readonly jsonFile: string | null;
  /** Only rows whose name begins so; null for all. */
  readonly only: string | null;
  /** Time for all rows together, in seconds, set-up not counted. */
  readonly seconds: number;
  /** `compare` fails the run when a ratio is worse than its committed tolerance; `accept` writes the tolerances from this run. */
  readonly tolerances: 'ignore' | 'compare' | 'accept';
  /** Nothing is measured: what can be asked for is said. */
  readonly isHelpWanted: boolean;
}

const DEFAULT_SECONDS = 240;

export const USAGE = `npm run bench -- [--only ROW] [--seconds N] [--json FILE] [--check | --accept]
  --only ROW     rows whose name begins so
  --seconds N    time for all of them together, default ${DEFAULT_SECONDS}; setting them up comes to it
  --json FILE    every figure, as JSON
  --check        fails when a ratio with a target is worse than bench/tolerances.json accepts
  --accept       writes that file from this run`;
/** An hour: more is a slip of the pen. */
const MAX_SECONDS = 3600;

/** Throws a TypeError or an Error that says what is wrong. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'string' },
      only: { type: 'string' },
      seconds: { type: 'string' },
      check: { type: 'boolean', default: false },
      accept: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const seconds = values.seconds === undefined ? DEFAULT_SECONDS : Number(values.seconds);
  if (!(seconds > 0 && seconds <= MAX_SECONDS)) {
    throw new Error(`--seconds must lie between 0 and ${MAX_SECONDS}, not ${values.seconds}`);
  }
  if (values.check && values.accept) throw new Error('--check and --accept exclude each other');
  const tolerances = values.check ? 'compare' : values.accept ? 'accept' : 'ignore';
  return {
    jsonFile: values.json ?? null,
    only: values.only ?? null,
    seconds,
    tolerances,
    isHelpWanted: values.help,
  };
}
