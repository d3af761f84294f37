// Tells when something has been silent for too long. It counts ticks of a timer instead of reading a clock, so that a keeper that was
// itself suspended does not take its own sleep for the silence of another.
import type { Timers } from './timers.ts';

const TICKS_PER_LIMIT = 4;

export class SilenceWatch implements Disposable {
  readonly #timer: Disposable;
  #silentTicks = 0;

  /** `silent` is called when between one and one and a quarter of `limitMs` have passed without a sign, and once in each silence. */
  constructor(timers: Timers, limitMs: number, silent: () => void) {
    this.#timer = timers.every(Math.max(1, limitMs / TICKS_PER_LIMIT), () => {
      this.#silentTicks += 1;
      // The first tick may come right after a sign: it takes one more for the whole limit.
      if (this.#silentTicks === TICKS_PER_LIMIT + 1) silent();
    });
  }

  /** No silence has lasted for the limit. */
  get isFresh(): boolean {
    return this.#silentTicks <= TICKS_PER_LIMIT;
  }

  sign(): void {
    this.#silentTicks = 0;
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }
}

/** How often a sign has to be given so that a watch with this limit takes none for lost. */
export function signPeriodMs(limitMs: number): number {
  return Math.max(1, Math.floor(limitMs / TICKS_PER_LIMIT));
}
