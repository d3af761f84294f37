// The benchmark: hot restarts beside cold starts of the same guests, in one run and taking turns. It prints what it measured and how;
// it must not judge the figures.
import { writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { ModuleDirectory } from './ground.ts';
import { measure } from './measure.ts';
import { parseOptions, USAGE } from './options.ts';
import { type Row, reportRows } from './report.ts';
import type { Scenario } from './scenario.ts';
import { checkpointCost } from './scenarios/checkpoint-cost.ts';
import { directoryRestart } from './scenarios/directory-restart.ts';
import { floors } from './scenarios/floors.ts';
import { hostDeath } from './scenarios/host-death.ts';
import { inlineCounter } from './scenarios/inline-counter.ts';
import { inlineResident } from './scenarios/inline-resident.ts';
import { threadCounter } from './scenarios/thread-counter.ts';
import { threadKilled } from './scenarios/thread-killed.ts';
import { renderTable } from './table.ts';

const SCENARIOS: readonly Scenario[] = [
  inlineCounter,
  inlineResident(1, 7),
  inlineResident(64, 9),
  threadCounter,
  threadKilled,
  floors,
  checkpointCost([1, 64, 1024], 11),
  directoryRestart,
  hostDeath(1, 'inline', 3),
  hostDeath(10, 'inline', 4),
  hostDeath(100, 'inline', 8),
  hostDeath(10, 'thread', 7),
];
const SLICE_MS = 50;
const MAX_SAMPLES = 100_000;
const TURN_LIMIT_MS = 30_000;
const MS_PER_SECOND = 1000;

const FOOTER = `
restore.inline, restart.thread   from the call that traps to the answer of the next call, fault report and group restart included
restart.thread.killed            from akill of a guest in an endless loop to the answer of the next call
cold.*                           from nothing to the answer of the first call, with the engine alone: read the file, compile, instantiate,
                                 initialise; in a thread also start the worker. The fault is not counted, but in *.killed the end of the worker is
cold.*.compiled, cold.*.kept     the same with the compiled module kept, and in *.kept the worker too
floor.inline, floor.thread       trap, copy the whole memory back, call: no fault report, no globals, no tables, no blocks
floor.thread.killed              end the worker, start the guest in a warm one with the module kept
checkpoint.memory, .directory    a checkpoint of a guest that has stored to 16 pages since the last one, others each time; where the bank lies
whole.copy (as cold)             copy the whole linear memory instead; floor.write: write 16 pages to a file in memory
restore.memory, .directory       restore.inline, and where the bank lies
death.first, death.all           from SIGKILL to a host with a site, to the first answered call in the next host on its bank, and to one of each
                                 process; .open.: the part of it from openSite on, without the start of Node and the loading of the runtime
cold.first, cold.all             the same with the bank begun anew and every process started from stable storage before the first call
floor.node                       from the start of Node to its first output
"counter" is restored to generation 0 and initialised again, "counter, checkpoint" is not; "n dirty": the next call stores to n pages of 4 KiB.
cold/this, kept/this: how many times as long the cold start takes; this/floor: how many times as long as the floor; this/first: how
many times as long as the first of the same name: the smallest guest, or the bank in memory. All by p50.`;

function chosenScenarios(only: string | null): readonly Scenario[] {
  const chosen = SCENARIOS.filter(({ name }) => only === null || name.startsWith(only));
  if (chosen.length > 0) return chosen;
  throw new Error(`no scenario is called ${only}: there are ${SCENARIOS.map(({ name }) => name).join(', ')}`);
}

async function runAll(scenarios: readonly Scenario[], budgetMs: number): Promise<readonly Row[]> {
  const collectGarbage = globalThis.gc;
  if (collectGarbage === undefined) throw new Error('garbage must be collected between turns: --expose-gc');
  const shares = scenarios.reduce((sum, { share }) => sum + share, 0);
  const rows: Row[] = [];
  using modules = new ModuleDirectory();
  for (const [position, { name, share, run }] of scenarios.entries()) {
    const scenarioMs = (budgetMs * share) / shares;
    const pace = {
      budgetMs: scenarioMs,
      sliceMs: SLICE_MS,
      maxSamples: MAX_SAMPLES,
      turnLimitMs: TURN_LIMIT_MS,
    };
    process.stderr.write(
      `[${position + 1}/${scenarios.length}] ${name}, ${Math.round(scenarioMs / MS_PER_SECOND)} s ...\n`,
    );
    const measured = await run({
      modules,
      measure: async (cases) =>
        reportRows(
          cases,
          await measure(cases, pace, {
            nowMs: () => performance.now(),
            collectGarbage: () => collectGarbage(),
          }),
        ),
    });
    rows.push(...measured);
  }
  return rows;
}

async function main(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  const rows = await runAll(chosenScenarios(options.only), options.seconds * MS_PER_SECOND);
  const machine = `Node ${process.version}, ${process.platform} ${release()}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`;
  console.log(`${machine}\n\n${renderTable(rows)}\n${FOOTER}`);
  if (options.jsonFile !== null)
    writeFileSync(
      options.jsonFile,
      `${JSON.stringify({ machine, date: new Date().toISOString(), rows }, null, 2)}\n`,
    );
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}
usage: ${USAGE}
`);
  process.exitCode = 1;
}
