// The main job from beginning to end, told as it happens: a site on its default bank, a till and the printer it spawns, a fault, the
// restart of their group, and their persistent blocks intact. It must not end with success unless every step held.
import { inspect } from 'node:util';
import { Demonstration, GROUP, numberFrom } from './demonstration.ts';
import { medianColdStartMs, medianHotRestartMs } from './restart-times.ts';
import { requireOther, requireSame, StepFailed, StoryLog } from './story-log.ts';

const COLD_STARTS = 15;
const HOT_RESTARTS = 50;

const print = (line: string): void => console.log(line);

async function timed<T>(body: () => Promise<T>): Promise<{ readonly value: T; readonly elapsedMs: number }> {
  const startMs = performance.now();
  const value = await body();
  return { value, elapsedMs: performance.now() - startMs };
}

/** The story, in threads: the default placement. */
async function tell(log: StoryLog): Promise<void> {
  const { value: demonstration, elapsedMs } = await timed(() => Demonstration.open(1));
  const { site, printed } = demonstration;
  try {
    const { backend, bank } = site.report();
    log.step(`a site is open, on a bank of its own: ${bank.sizeBytes / 2 ** 20} MiB, ${backend}`, elapsedMs);

    const { value: till, elapsedMs: startMs } = await timed(() => demonstration.startTill('thread'));
    requireSame('the kind of the till', till.kind, 'direct');
    log.step(`arun: ${till.name}, a direct process of group ${GROUP}, pid ${till.pid}`, startMs);

    const spawned = await timed(() => numberFrom(till, 'printerPid'));
    const { printer } = demonstration;
    requireSame('the kind of the printer', printer.kind, 'indirect');
    requireSame('the group of the printer', printer.group, GROUP);
    requireSame('the pid of the printer', printer.pid, spawned.value);
    log.step(
      `hrfexec: it has spawned ${printer.name}, an indirect process, pid ${printer.pid}`,
      spawned.elapsedMs,
    );

    const sold = await timed(async () => {
      for (const cents of [250, 150]) {
        await till.call('sell', [cents]);
        await printer.call('printReceipt');
      }
      return numberFrom(till, 'salesSinceStart');
    });
    requireSame('sales', sold.value, 2);
    log.step(
      'two sales, two receipts, counted in two blocks of persistent memory',
      sold.elapsedMs,
      ...printed,
    );

    const pids = { till: till.pid, printer: printer.pid };
    demonstration.deleteStableStorage();
    const { fault, faultMs, restarted } = await demonstration.failInSale(till, 100);
    requireSame('the kind of the fault', fault.kind, 'trap');
    requireSame('the culprit', restarted.culprit, till.name);
    const place = fault.frames[0]?.functionName ?? 'an unnamed function';
    log.step(
      'stable storage is deleted, and in the third sale the till fails',
      faultMs,
      `${fault.kind}: ${fault.message}, in ${place}`,
    );
    log.step(
      'hot restart: the whole group was stopped, the till is at its entry again',
      restarted.elapsedUs / 1000,
    );

    const again = await timed(() => numberFrom(till, 'salesSinceStart'));
    requireSame('sales since the restart', again.value, 0);
    requireOther('the pid of the till', till.pid, pids.till);
    requireOther('the pid of the printer', printer.pid, pids.printer);
    requireSame('the pid of the new printer', printer.pid, await numberFrom(till, 'printerPid'));
    log.step(
      'the till answers: it has spawned its printer again, and has forgotten its plain variable',
      again.elapsedMs,
      `pids: till ${pids.till}, now ${till.pid}; printer ${pids.printer}, now ${printer.pid}; sales since the start: 0`,
    );

    const kept = await timed(async () => {
      requireSame('the takings in cents', await numberFrom(till, 'takingsCents'), 500);
      requireSame('the number of the receipt', await numberFrom(printer, 'printReceipt'), 3);
    });
    log.step(
      'persistent blocks intact: the takings of all three sales, receipts without a gap',
      kept.elapsedMs,
      ...printed.slice(-1),
    );

    const killed = await timed(() => site.killGroup(GROUP));
    requireSame('blocks left in the bank', site.pmstat().length, 0);
    log.step('the group is ended for good: names, images and blocks are gone', killed.elapsedMs);
  } finally {
    await demonstration.close();
  }
}

function milliseconds(timeMs: number): string {
  return `${timeMs.toFixed(2).padStart(8)} ms`;
}

async function main(): Promise<void> {
  print('Rekindle: a guest process that fails comes back hot, with its group.\n');
  const coldStartMs = {
    thread: await medianColdStartMs('thread', COLD_STARTS),
    inline: await medianColdStartMs('inline', COLD_STARTS),
  };
  await tell(new StoryLog(print, coldStartMs.thread));

  print(
    `\nFault to next answer, beside a cold start of the same guests; medians of ${HOT_RESTARTS} and ${COLD_STARTS} in this run:\n`,
  );
  print(
    `${'placement'.padStart(12)}${'hot restart'.padStart(14)}${'cold start'.padStart(14)}${'ratio'.padStart(9)}`,
  );
  for (const placement of ['thread', 'inline'] as const) {
    const hotMs = await medianHotRestartMs(placement, HOT_RESTARTS);
    const ratio = (coldStartMs[placement] / hotMs).toFixed(1);
    const columns = [
      placement.padStart(12),
      milliseconds(hotMs).padStart(14),
      milliseconds(coldStartMs[placement]).padStart(14),
    ];
    print(columns.join('') + ratio.padStart(9));
  }
  print(`
A cold start reads, compiles, instantiates and initialises till and printer, each in a new worker (thread) or both in the calling
thread (inline), and what they had stored is gone. The hot restart brings both back and keeps it. Every step held.

The guests are guests/till.ts and guests/till-printer.ts, this program is examples/main-job.ts. Next: README.md shows how to embed
a site, docs/failure-model.md what is promised, docs/ARCHITECTURE.md how a restart goes.`);
}

try {
  await main();
} catch (error) {
  const reason = error instanceof StepFailed ? error.message : inspect(error);
  process.stderr.write(`\nThe main job failed: ${reason}\n`);
  process.exitCode = 1;
}
