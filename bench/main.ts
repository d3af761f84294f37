// The benchmark: every row beside its floors and its peers, in one run and taking turns. It prints what it measured and how the figures
// stand to their targets; it must not change or leave out a figure.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { RekindleError } from '#runtime/index.js';
import { accept, breaches, type LeftOut, parseTolerances, writeTolerances } from './check.ts';
import { FloorBuilding } from './floor/program-floor.ts';
import { RowFloor } from './floor/row-floor.ts';
import { ModuleDirectory } from './ground.ts';
import { describeMachine } from './machine.ts';
import { measure } from './measure.ts';
import { type BenchOptions, parseOptions, USAGE } from './options.ts';
import { type Comparison, compare, measuredPoints } from './report.ts';
import type { Row, RowContext } from './row.ts';
import { ROWS } from './rows.ts';
import { renderTable } from './table.ts';

const TOLERANCES = fileURLToPath(new URL('../../bench/tolerances.json', import.meta.url));
const MAX_SAMPLES = 100_000;
const TURN_LIMIT_MS = 60_000;
const MS_PER_SECOND = 1000;
/** Turns are short, so that every case has many of them, but no longer than this. */
const MAX_SLICE_MS = 50;
const MIN_SLICE_MS = 2;
const ROUNDS = 12;

interface LeftOutForReason extends LeftOut {
  readonly reason: string;
}

interface Results {
  readonly comparisons: readonly Comparison[];
  readonly leftOut: readonly LeftOutForReason[];
}

function chosenRows(only: string | null): readonly Row[] {
  const chosen = ROWS.filter(({ id }) => only === null || id.startsWith(only));
  if (chosen.length > 0) return chosen;
  throw new Error(`no row is called ${only}: there are ${ROWS.map(({ id }) => id).join(', ')}`);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** What a row stands on; given back when it is done. */
interface Ground {
  readonly modules: ModuleDirectory;
  readonly floor: RowFloor;
  readonly collectGarbage: () => void;
}

async function runRow(row: Row, rowMs: number, ground: Ground): Promise<Results> {
  const leftOut: LeftOutForReason[] = [];
  const leaveOut = (points: string, reason: string): void => {
    say(`left out: ${row.id}${points === '' ? '' : `, ${points}`}: ${reason}`);
    leftOut.push({ row: row.id, points, reason });
  };
  const measurePoints: RowContext['measure'] = async (asked, share = 1) => {
    const cases = new Set(asked.flatMap(({ ours, floors = [], peers = [] }) => [ours, ...floors, ...peers]));
    const budgetMs = rowMs * share;
    const sliceMs = Math.min(MAX_SLICE_MS, Math.max(MIN_SLICE_MS, budgetMs / cases.size / ROUNDS));
    const pace = { budgetMs, sliceMs, maxSamples: MAX_SAMPLES, turnLimitMs: TURN_LIMIT_MS };
    const instruments = { nowMs: () => performance.now(), collectGarbage: ground.collectGarbage };
    return measuredPoints(asked, await measure([...cases], pace, instruments));
  };
  try {
    const { modules, floor } = ground;
    const points = await row.run({ modules, floor, leaveOut, measure: measurePoints });
    return { comparisons: compare(row.id, points), leftOut };
  } catch (error) {
    if (!(error instanceof RekindleError && error.code === 'BACKEND_UNAVAILABLE')) throw error;
    leaveOut('', error.message);
    return { comparisons: [], leftOut };
  }
}

async function runAll(rows: readonly Row[], budgetMs: number): Promise<Results> {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error('garbage must be collected between turns: --expose-gc');
  const shares = rows.reduce((sum, { share }) => sum + share, 0);
  const comparisons: Comparison[] = [];
  const leftOut: LeftOutForReason[] = [];
  using building = new FloorBuilding(say);
  for (const [position, row] of rows.entries()) {
    const rowMs = (budgetMs * row.share) / shares;
    say(`[${position + 1}/${rows.length}] ${row.id}, ${Math.ceil(rowMs / MS_PER_SECOND)} s ...`);
    using modules = new ModuleDirectory();
    await using floor = new RowFloor(building);
    const results = await runRow(row, rowMs, { modules, floor, collectGarbage: () => gc() });
    comparisons.push(...results.comparisons);
    leftOut.push(...results.leftOut);
  }
  return { comparisons, leftOut };
}

/** Whether the ratios are no worse than accepted; says which are. */
function holdsUp(rows: readonly Row[], { comparisons, leftOut }: Results): boolean {
  const ids = rows.map(({ id }) => id);
  const found = breaches(parseTolerances(readFileSync(TOLERANCES, 'utf8')), ids, comparisons, leftOut);
  for (const breach of found) console.log(breach);
  if (found.length === 0) console.log('no ratio is worse than accepted');
  return found.length === 0;
}

function verdict(comparisons: readonly Comparison[]): string {
  const held = comparisons.filter(({ isMet }) => isMet !== null);
  const missed = held.filter(({ isMet }) => isMet === false);
  return `${held.length - missed.length} of ${held.length} targets met`;
}

function acceptAll(rows: readonly Row[], { comparisons, leftOut }: Results): void {
  const ids = rows.map(({ id }) => id);
  const before = parseTolerances(readFileSync(TOLERANCES, 'utf8'));
  writeFileSync(TOLERANCES, writeTolerances(accept(before, ids, comparisons, leftOut)));
}

async function main(options: BenchOptions): Promise<void> {
  if (options.isHelpWanted) {
    console.log(`${USAGE}\nrows: ${ROWS.map(({ id }) => id).join(', ')}`);
    return;
  }
  const rows = chosenRows(options.only);
  // Now, and not after minutes: a place that cannot be written to.
  if (options.jsonFile !== null) writeFileSync(options.jsonFile, '');
  const results = await runAll(rows, options.seconds * MS_PER_SECOND);
  const { comparisons, leftOut } = results;
  const machine = describeMachine();
  const date = new Date().toISOString();
  const titles = rows.map(({ id, title }) => `${id}: ${title}`).join('\n');
  console.log(`${machine}, ${date}\n\n${renderTable(comparisons)}\n\n${titles}\n\n${verdict(comparisons)}`);
  for (const { row, points, reason } of leftOut) console.log(`left out: ${row} ${points}: ${reason}`);
  if (options.jsonFile !== null)
    writeFileSync(options.jsonFile, `${JSON.stringify({ machine, date, comparisons, leftOut }, null, 2)}\n`);
  if (options.tolerances === 'accept') acceptAll(rows, results);
  if (options.tolerances === 'compare' && !holdsUp(rows, results)) process.exitCode = 1;
}

function optionsFrom(args: readonly string[]): BenchOptions | null {
  try {
    return parseOptions(args);
  } catch (error) {
    say(`${error instanceof Error ? error.message : String(error)}\nusage: ${USAGE}`);
    return null;
  }
}

try {
  const options = optionsFrom(process.argv.slice(2));
  if (options === null) process.exitCode = 1;
  else await main(options);
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
