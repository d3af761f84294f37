// Time as the keeper's room sees it: a clock that only grows and timers that end with their owner. Nothing in this room may ask the
// system for the time in another way, or its decisions could not be tested.

export interface Timers {
  /** Milliseconds that only grow. */
  nowMs(): number;
  after(delayMs: number, action: () => void): Disposable;
  /** Periods that pass while the whole process is suspended count as one. */
  every(periodMs: number, action: () => void): Disposable;
}

/** Longest delay a timer of the host takes, in milliseconds. */
export const MAX_DELAY_MS = 2 ** 31 - 1;

export const systemTimers: Timers = {
  nowMs: () => performance.now(),
  after: (delayMs, action) => {
    const timer = setTimeout(action, delayMs);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
  every: (periodMs, action) => {
    const timer = setInterval(action, periodMs);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  },
};
