// A load that a worker has not answered yet: what it will be asked, once, and who waits for the answer, for a bounded time. It knows
// nothing of the worker, and what it was asked it never asks twice.
import { WORKER_REPLY_TIMEOUT_MS } from '../limits.ts';
import type { StartKind } from './program.ts';

export interface PendingLoadOptions {
  /** Asks the worker; `start`: what it launches as soon as it has loaded. */
  readonly ask: (start: StartKind | null) => void;
  /** Told when the worker has not answered in time; the load is still pending then. */
  readonly overdue: () => void;
}

export class PendingLoad {
  /** Settles as the load does. */
  readonly answered: Promise<void>;
  readonly #options: PendingLoadOptions;
  readonly #timer: NodeJS.Timeout;
  #isAsked = false;
  #isSettled = false;
  #resolve: () => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;

  /** Asks at the end of this turn, so that a launch that follows at once travels along: one message, and the worker wakes up once. */
  constructor(options: PendingLoadOptions) {
    this.#options = options;
    this.answered = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#timer = setTimeout(options.overdue, WORKER_REPLY_TIMEOUT_MS);
    queueMicrotask(() => this.ask(null));
  }

  get isAsked(): boolean {
    return this.#isAsked;
  }

  /** Asks the worker now; returns whether `start` travels along, which it cannot when the worker has been asked before. */
  ask(start: StartKind | null): boolean {
    if (this.#isAsked || this.#isSettled) return false;
    this.#isAsked = true;
    this.#options.ask(start);
    return true;
  }

  resolve(): void {
    this.#settle();
    this.#resolve();
  }

  reject(error: Error): void {
    this.#settle();
    this.#reject(error);
  }

  #settle(): void {
    this.#isSettled = true;
    clearTimeout(this.#timer);
  }
}
