// The worker threads of a site: a few idle ones kept warm, since starting one costs tens of milliseconds. It owns every worker;
// whoever took one gives it back or has it ended here.

import { setTimeout as delay } from 'node:timers/promises';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { RekindleError } from '../errors.ts';
import { invariant } from '../invariant.ts';
import { WORKER_REPLY_TIMEOUT_MS } from '../limits.ts';
import type { BankHandle } from '../memory/bank-view.ts';
import { noteStarted, noteStarting } from './starting-workers.ts';
import {
  type FromGuest,
  type FromWorker,
  type ServiceReply,
  SIGNAL_ENDING,
  SIGNAL_EXCHANGING,
  SIGNAL_EXIT_HANDLER,
  SIGNAL_REPLIES,
  SIGNAL_SIZE_BYTES,
  type ToWorker,
  type WorkerBirth,
} from './worker-protocol.ts';

export interface WorkerListener {
  message(message: FromGuest): void;
  /** The worker is gone without having been told to go. */
  lost(reason: string): void;
}

/** Longer than a restart takes. */
const WARM_DELAY_MS = 50;
const WORKER_FILE = new URL('./worker-main.js', import.meta.url);

/** One worker thread and the main thread's ends of its channels. */
export class PooledWorker {
  readonly #worker: Worker;
  readonly #replies: MessagePort;
  readonly #signal: Int32Array;
  readonly #exited: Promise<void>;
  /**
   * Resolves when nothing runs in the thread any more, and all it had posted has been passed on. Its end of a channel that only this class
   * closes is closed by Node when its JavaScript is over for good; to take the thread down takes milliseconds more.
   */
  readonly #quiet: Promise<void>;
  /** Resolves when the worker has started, or is gone. */
  readonly #settled: Promise<void>;
  #isSettled = false;
  #listener: WorkerListener | null = null;
  #alive = true;
  #keepsHostAlive = false;
  #ending = false;
  #lastError: string | null = null;

  constructor(bank: BankHandle, onExit: (worker: PooledWorker) => void) {
    const signal = new SharedArrayBuffer(SIGNAL_SIZE_BYTES);
    const { port1, port2 } = new MessageChannel();
    const birth: WorkerBirth = { bank, signal, replies: port2 };
    this.#signal = new Int32Array(signal);
    this.#replies = port1;
    this.#replies.unref();
    this.#quiet = new Promise((resolve) => {
      // A turn later, because messages and the end of the channel come in the same turn, in any order.
      this.#replies.once('close', () => setImmediate(resolve));
    });
    this.#worker = new Worker(WORKER_FILE, {
      workerData: birth,
      transferList: [port2],
      name: 'rekindle-guest',
      ...workerFlags(process.execArgv),
    });
    this.#worker.unref();
    noteStarting(this.#signal);
    this.#settled = new Promise((resolve) => {
      const settle = (): void => {
        noteStarted(this.#signal);
        this.#isSettled = true;
        resolve();
      };
      this.#worker.once('exit', settle);
      this.#worker.on('message', (message: FromWorker) => {
        if (message.kind === 'started') settle();
        else this.#listener?.message(message);
      });
    });
    this.#worker.on('error', (error: unknown) => {
      this.#lastError = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    });
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.#alive = false;
        this.#replies.close();
        onExit(this);
        if (!this.#ending) this.#listener?.lost(this.#lastError ?? `the worker ended with code ${code}`);
        resolve();
      });
    });
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** It has been told to end. */
  get ending(): boolean {
    return this.#ending;
  }

  /** Resolves when the thread is gone. */
  get gone(): Promise<void> {
    return this.#exited;
  }

  /** The run whose guest called HR_EXIT_HDL last, or 0: readable even after the worker is gone. */
  get exitHandlerPid(): number {
    return Atomics.load(this.#signal, SIGNAL_EXIT_HANDLER);
  }

  listen(listener: WorkerListener | null): void {
    this.#listener = listener;
  }

  post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  /** Answers the one request the worker is waiting with. */
  reply(reply: ServiceReply): void {
    this.#replies.postMessage(reply);
    Atomics.add(this.#signal, SIGNAL_REPLIES, 1);
    Atomics.notify(this.#signal, SIGNAL_REPLIES);
  }

  /** While guest code runs or may run, the worker keeps the host's process alive. */
  keepHostAlive(keep: boolean): void {
    if (keep === this.#keepsHostAlive) return;
    this.#keepsHostAlive = keep;
    if (keep) this.#worker.ref();
    else this.#worker.unref();
  }

  /** So that the blocks of the copied backend show what the guest had stored at one of its host calls, and not half of it. */
  async #untilNoExchange(): Promise<void> {
    const deadlineMs = performance.now() + WORKER_REPLY_TIMEOUT_MS;
    while (this.#isExchanging && performance.now() < deadlineMs) await delay(1);
  }

  get #isExchanging(): boolean {
    return Atomics.load(this.#signal, SIGNAL_EXCHANGING) === 1;
  }

  /** Ends the thread, whatever it is doing; resolves when nothing runs in it any more. What it had posted has been passed on then. */
  async terminate(): Promise<void> {
    this.#ending = true;
    if (this.#alive) this.keepHostAlive(true);
    if (!this.#isSettled)
      await Promise.race([this.#settled, delay(WORKER_REPLY_TIMEOUT_MS, undefined, { ref: false })]);
    Atomics.store(this.#signal, SIGNAL_ENDING, 1);
    if (this.#isExchanging) await this.#untilNoExchange();
    const terminated = this.#worker.terminate();
    await Promise.race([this.#quiet, terminated.then(() => this.#exited)]);
  }
}

export class WorkerPool {
  readonly #bank: BankHandle;
  readonly #warmTarget: number;
  readonly #maxWorkers: number;
  readonly #all = new Set<PooledWorker>();
  #idle: PooledWorker[] = [];
  #warming: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: {
    readonly bank: BankHandle;
    readonly warmWorkers: number;
    readonly maxWorkers: number;
  }) {
    this.#bank = options.bank;
    this.#warmTarget = Math.min(options.warmWorkers, options.maxWorkers);
    this.#maxWorkers = options.maxWorkers;
  }

  get size(): number {
    return this.#all.size;
  }

  /** A worker for one process; throws WORKER_UNAVAILABLE at the limit. Warms another in its place. */
  acquire(): PooledWorker {
    invariant(!this.#closed, 'no worker is taken from a closed pool');
    const worker = this.acquireWarm() ?? this.#spawn();
    if (worker === null) {
      throw new RekindleError(
        'WORKER_UNAVAILABLE',
        'worker pool',
        `all ${this.#maxWorkers} workers are in use`,
      );
    }
    this.#warmLater();
    return worker;
  }

  /** An idle worker for one process; null when there is none. Warms another in its place. */
  acquireWarm(): PooledWorker | null {
    invariant(!this.#closed, 'no worker is taken from a closed pool');
    const worker = this.#idle.shift() ?? null;
    if (worker !== null) this.#warmLater();
    return worker;
  }

  /** Not now: whoever takes a worker is in a hurry, and starting a thread keeps two processors busy for tens of milliseconds. */
  #warmLater(): void {
    if (this.#warming !== null) return;
    this.#warming = setTimeout(() => {
      this.#warming = null;
      this.warm();
    }, WARM_DELAY_MS).unref();
  }

  /** Takes back a worker whose guest has been unloaded. */
  release(worker: PooledWorker): void {
    worker.listen(null);
    worker.keepHostAlive(false);
    if (!worker.alive) return;
    // One more than is warmed: or a site that ends one process and starts another would end and start a thread each time.
    const kept = this.#warmTarget === 0 ? 0 : this.#warmTarget + 1;
    if (this.#closed || this.#idle.length >= kept) this.#discard(worker);
    else this.#idle.push(worker);
  }

  /** Starts idle workers up to the target. */
  warm(): void {
    while (!this.#closed && this.#idle.length < this.#warmTarget) {
      const worker = this.#spawn();
      if (worker === null) return;
      this.#idle.push(worker);
    }
  }

  /** Ends every worker; resolves when all are gone. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#warming !== null) clearTimeout(this.#warming);
    this.#idle = [];
    await Promise.all([...this.#all].map((worker) => worker.terminate().then(() => worker.gone)));
  }

  #spawn(): PooledWorker | null {
    // Those that end run nothing any more: who takes the place of one need not wait until it is gone.
    const inUse = [...this.#all].filter((worker) => !worker.ending);
    if (inUse.length >= this.#maxWorkers) return null;
    const worker = new PooledWorker(this.#bank, (gone) => {
      this.#all.delete(gone);
      this.#idle = this.#idle.filter((each) => each !== gone);
    });
    this.#all.add(worker);
    return worker;
  }

  #discard(worker: PooledWorker): void {
    // Its end is awaited by close(), through #all; a failure to end is the engine's and surfaces as an unhandled rejection.
    void worker.terminate();
  }
}

/**
 * A worker inherits the host's flags, unless one of them says how the host was given its program as text: a worker is a file, and
 * refuses that. Then it gets none, since of those handed over explicitly it takes only its own and not V8's.
 */
function workerFlags(execArgv: readonly string[]): { readonly execArgv?: string[] } {
  return execArgv.some((argument) => argument.startsWith('--input-type')) ? { execArgv: [] } : {};
}
