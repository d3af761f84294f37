// The fuzz targets as a program: a million executions of each, or as many as it is told. It prints what was tried with which seed and what was
// seen, and exits with 1 at the first finding, having said how to run that one case again.
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { countLines } from '#test/support/case-run.js';
import { optionsOrUsage, wholeNumber } from '#test/support/command-options.js';
import { replay, runFuzz } from './run.js';
import { isTargetName, TARGETS, type TargetName } from './targets.js';

const NAMES = Object.keys(TARGETS) as TargetName[];
const USAGE = `usage: npm run fuzz -- [--target ${NAMES.join('|')}] [--executions N] [--seed N] [--workers N] [--case N]

--target      one instead of all
--executions  of each target, at least; default: 1,000,000
--seed        of all that is left to chance; default: by the clock
--workers     processes; default: one for each processor
--case        run only the case of this number, in this process: needs --target and --seed`;
const DEFAULT_EXECUTIONS = 1_000_000;
const MS_PER_SECOND = 1000;
const SEEDS = 1_000_000;
interface Options {
  readonly targets: readonly TargetName[];
  readonly executions: number;
  readonly seed: number;
  readonly workers: number;
  readonly caseNumber: number | null;
}

/** Throws a TypeError or RangeError that says what is wrong. */
function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      target: { type: 'string' },
      executions: { type: 'string' },
      seed: { type: 'string' },
      workers: { type: 'string' },
      case: { type: 'string' },
    },
  });
  const { target } = values;
  if (target !== undefined && !isTargetName(target)) throw new RangeError(`there is no target ${target}`);
  const caseNumber = wholeNumber('--case', values.case, 0);
  const seed = wholeNumber('--seed', values.seed, 0);
  if (caseNumber !== null && (target === undefined || seed === null))
    throw new RangeError('a case has a number in its target, with its seed');
  return {
    targets: target === undefined ? NAMES : [target],
    executions: wholeNumber('--executions', values.executions, 1) ?? DEFAULT_EXECUTIONS,
    seed: seed ?? Date.now() % SEEDS,
    workers: wholeNumber('--workers', values.workers, 1) ?? availableParallelism(),
    caseNumber,
  };
}

/** Whether there was no finding. */
async function runTarget(target: TargetName, options: Options): Promise<boolean> {
  const { executions, seed, workers, caseNumber } = options;
  const startMs = performance.now();
  const progress = (line: string): void => console.log(`  ${line}`);
  const outcome =
    caseNumber === null
      ? await runFuzz({ target, executions, seed, workers, progress })
      : await replay(target, seed, caseNumber);
  const seconds = (performance.now() - startMs) / MS_PER_SECOND;
  for (const line of countLines(outcome.counts)) console.log(`  ${line}`);
  for (const failure of outcome.failures) console.log(`FOUND: ${failure}`);
  const rate = Math.round(outcome.executions / seconds);
  console.log(
    `${target}: ${outcome.executions} executions, seed ${seed}, ${seconds.toFixed(0)} s, ${rate} a second, ${outcome.failures.length} findings`,
  );
  return outcome.failures.length === 0;
}

async function runTargets(options: Options): Promise<boolean> {
  for (const target of options.targets) if (!(await runTarget(target, options))) return false;
  return true;
}

const options = optionsOrUsage(parseOptions, USAGE);
if (options !== null) process.exitCode = (await runTargets(options)) ? 0 : 1;
