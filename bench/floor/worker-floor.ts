// The floors of threads and processes: what no restart of one can do without, with nothing of ours in it. The workers belong to whoever hands
// them over.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clocked } from '../measure.ts';
import type { PlainWorker, PlainWorkers } from '../plain-worker.ts';

/** Time for the loop to be well under way. */
const SETTLE_MS = 5;

/** A message to a worker that waits for one, and its answer. */
export function warmRoundTrip(workers: PlainWorkers): Clocked {
  const worker = workers.start();
  return { name: 'warm worker round trip', run: () => worker.echo() };
}

/** The end of a worker that is in an endless loop: `exportName` of a guest made from `module`. */
export function terminateLooping(
  workers: PlainWorkers,
  module: WebAssembly.Module,
  exportName: string,
): Clocked {
  let looping: PlainWorker | null = null;
  return {
    name: 'worker.terminate()',
    prepare: async () => {
      looping = workers.start();
      await looping.start(module, { keepCopy: false });
      await looping.callForever(exportName);
      await sleep(SETTLE_MS);
    },
    run: async () => {
      if (looping !== null) await workers.end(looping);
    },
  };
}

/** From the start of Node to its first output; its end is not counted. */
export function nodeStart(): Clocked {
  let ended: Promise<unknown> = Promise.resolve();
  return {
    name: 'starting node',
    prepare: async () => {
      await ended;
    },
    run: async () => {
      const child = spawn(process.execPath, ['-p', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
      ended = once(child, 'exit');
      await once(child.stdout, 'data');
    },
  };
}
