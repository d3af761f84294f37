// The command line of the benchmark, read strictly: what is not understood is refused, since a misspelt option would measure
// something else than was asked for.
import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Where to write the results as JSON; null for nowhere. */
  readonly jsonFile: string | null;
  /** Only scenarios whose name begins so; null for all. */
  readonly only: string | null;
  /** Time for all scenarios together, in seconds, set-up not counted. */
  readonly seconds: number;
}

export const USAGE = 'node --expose-gc dist/bench/main.js [--only SCENARIO] [--seconds N] [--json FILE]';
const DEFAULT_SECONDS = 82;
/** An hour: more is a slip of the pen. */
const MAX_SECONDS = 3600;

/** Throws an Error that says what is wrong. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: { json: { type: 'string' }, only: { type: 'string' }, seconds: { type: 'string' } },
  });
  const seconds = values.seconds === undefined ? DEFAULT_SECONDS : Number(values.seconds);
  if (!(seconds > 0 && seconds <= MAX_SECONDS)) {
    throw new Error(`--seconds must lie between 0 and ${MAX_SECONDS}, not ${values.seconds}`);
  }
  return { jsonFile: values.json ?? null, only: values.only ?? null, seconds };
}
