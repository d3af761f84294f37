// Hot restart and cold start of one pair of guests, measured in one run. It must measure both to the same end: guests that answer.
import { Worker } from 'node:worker_threads';
import { coldStart } from './cold-start.ts';
import { Demonstration, MODULE_PATHS, numberFrom } from './demonstration.ts';
import { median, requireSame } from './story-log.ts';

const WORKER_FILE = new URL('./cold-start-worker.js', import.meta.url);

export type PlacementKind = 'thread' | 'inline';

async function elapsedMs(body: () => Promise<unknown> | unknown): Promise<number> {
  const startMs = performance.now();
  await body();
  return performance.now() - startMs;
}

/** `coldStart` in a worker of its own. Resolves when the guest is ready, with what ends the worker. */
async function coldStartInWorker(path: string): Promise<() => Promise<number>> {
  const worker = new Worker(WORKER_FILE, { workerData: path });
  await new Promise<void>((resolve, reject) => {
    worker.once('message', () => resolve());
    worker.once('error', reject);
  });
  return () => worker.terminate();
}

/** Median time, in milliseconds, of `runs` cold starts: side by side in two new workers, or one after the other in this thread. */
export async function medianColdStartMs(placement: PlacementKind, runs: number): Promise<number> {
  const timesMs: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    if (placement === 'inline') {
      timesMs.push(await elapsedMs(() => MODULE_PATHS.forEach(coldStart)));
      continue;
    }
    let workers: readonly (() => Promise<number>)[] = [];
    timesMs.push(
      await elapsedMs(async () => {
        workers = await Promise.all(MODULE_PATHS.map(coldStartInWorker));
      }),
    );
    await Promise.all(workers.map((terminate) => terminate()));
  }
  return median(timesMs);
}

/**
 * Median time, in milliseconds, of `runs` hot restarts of till and printer: from the call in which the till fails to the next one
 * that it answers. Throws StepFailed when a block has lost something on the way.
 */
export async function medianHotRestartMs(placement: PlacementKind, runs: number): Promise<number> {
  const demonstration = await Demonstration.open(runs);
  try {
    const till = await demonstration.startTill(placement);
    await numberFrom(till, 'sell', [250]);
    demonstration.deleteStableStorage();
    const timesMs: number[] = [];
    for (let run = 1; run <= runs; run += 1) {
      timesMs.push(
        await elapsedMs(async () => {
          await demonstration.failInSale(till, 1);
          requireSame('sales since the restart', await numberFrom(till, 'salesSinceStart'), 0);
        }),
      );
      // The printer must be at rest before the next fault: ending a busy thread takes longer.
      requireSame('the number of the receipt', await numberFrom(demonstration.printer, 'printReceipt'), run);
    }
    requireSame('the takings in cents', await numberFrom(till, 'takingsCents'), 250 + runs);
    return median(timesMs);
  } finally {
    await demonstration.close();
  }
}
