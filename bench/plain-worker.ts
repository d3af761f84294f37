// A plain guest in a thread as the main thread has it: what one writes today to keep guest code out of the host's thread. Answers come
// in the order of the requests; a failure of the worker itself ends the program.
import { Worker } from 'node:worker_threads';
import type { Reply, Request } from './plain-worker-main.ts';

export class PlainWorker {
  readonly #worker = new Worker(new URL('./plain-worker-main.js', import.meta.url));
  readonly #waiting: ((reply: Reply) => void)[] = [];

  constructor() {
    this.#worker.on('message', (reply: Reply) => this.#waiting.shift()?.(reply));
    this.#worker.on('error', (error) => {
      throw error;
    });
  }

  async echo(): Promise<void> {
    await this.#ask({ kind: 'echo' });
  }

  /** `source`: path of the module, or the module itself. */
  async start(source: string | WebAssembly.Module, options: { readonly keepCopy: boolean }): Promise<void> {
    await this.#ask({ kind: 'start', source, keepCopy: options.keepCopy });
  }

  async call(exportName: string): Promise<unknown> {
    const reply = await this.#ask({ kind: 'call', exportName });
    if (reply.kind === 'trapped') throw new Error(`${exportName}: ${reply.message}`);
    return reply.value;
  }

  async expectTrap(exportName: string): Promise<void> {
    const reply = await this.#ask({ kind: 'call', exportName });
    if (reply.kind !== 'trapped') throw new Error(`${exportName} did not trap`);
  }

  /** Calls what never returns; resolves when the worker is about to. */
  async callForever(exportName: string): Promise<void> {
    await this.#ask({ kind: 'callForever', exportName });
  }

  /** For the owner. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #ask(request: Request): Promise<Reply> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#worker.postMessage(request);
    });
  }
}

/** Owns the workers of one row: those that are still there are ended with it. */
export class PlainWorkers implements AsyncDisposable {
  readonly #alive = new Set<PlainWorker>();

  /** Begins to start one; what it is asked for waits until it has started. */
  start(): PlainWorker {
    const worker = new PlainWorker();
    this.#alive.add(worker);
    return worker;
  }

  async end(worker: PlainWorker): Promise<void> {
    this.#alive.delete(worker);
    await worker.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const worker of this.#alive) await this.end(worker);
  }
}
