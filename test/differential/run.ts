// A whole differential run: hands out seeds to threads, and gathers what comes of them. A module that takes too long is a failure of its own: its
// thread is ended, and another goes on with the next.
import { Worker } from 'node:worker_threads';
import { emptyTally, FINISHED, merge, type Tally } from './tally.js';

/** A module takes some 30 ms, and at most 16 calls with 500 calls of the host each. */
const MODULE_LIMIT_MS = 60_000;

export interface RunOptions {
  readonly firstSeed: number;
  readonly modules: number;
  readonly threads: number;
  /** Called now and then with the modules done. */
  readonly progress: (done: number) => void;
}

export async function runDifferential(options: RunOptions): Promise<Tally> {
  const total = emptyTally();
  const end = options.firstSeed + options.modules;
  let next = options.firstSeed;
  const take = (): number | null => (next < end ? next++ : null);
  const receive = (tally: Tally): void => {
    merge(total, tally);
    if (total.modules % 500 === 0) options.progress(total.modules);
  };
  await Promise.all(Array.from({ length: options.threads }, () => serve(take, receive)));
  return total;
}

async function serve(take: () => number | null, receive: (tally: Tally) => void): Promise<void> {
  let worker: Worker | null = null;
  try {
    for (let seed = take(); seed !== null; seed = take()) {
      worker ??= new Worker(new URL('./worker.js', import.meta.url));
      const tally = await answer(worker, seed);
      if (tally.kind === 'answered') receive(tally.tally);
      else {
        await worker.terminate();
        worker = null;
        receive({ ...emptyTally(), modules: 1, failures: [{ seed, features: [], what: tally.what }] });
      }
    }
    worker?.postMessage(FINISHED);
    worker = null;
  } finally {
    await worker?.terminate();
  }
}

type Answer =
  | { readonly kind: 'answered'; readonly tally: Tally }
  | { readonly kind: 'lost'; readonly what: string };

function answer(worker: Worker, seed: number): Promise<Answer> {
  return new Promise((resolve) => {
    const settle = (result: Answer): void => {
      clearTimeout(timer);
      worker.off('message', received).off('error', failed).off('exit', ended);
      resolve(result);
    };
    const lost = (what: string): void => settle({ kind: 'lost', what });
    const received = (tally: Tally): void => settle({ kind: 'answered', tally });
    const failed = (error: unknown): void => lost(String(error));
    const ended = (code: number): void => lost(`its thread ended with ${code}`);
    const timer = setTimeout(() => lost(`no end after ${MODULE_LIMIT_MS} ms`), MODULE_LIMIT_MS);
    worker.on('message', received).on('error', failed).on('exit', ended);
    worker.postMessage(seed);
  });
}
