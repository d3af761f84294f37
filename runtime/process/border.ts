// The border between one guest and its host: whether guest code is on the stack, how it is to be unwound, and what every call across
// has to look at. It decides nothing about a process, and it must never let guest code go on that is to be unwound.
import { GuestExit, GuestStopped, GuestTimeout } from './fault.ts';
import type { ReturnValue } from './program.ts';

/**
 * How many host functions are running on behalf of guests of this thread, one on top of the other. Where host code finds 0, no guest is
 * beneath it: there is no way from a guest to the host but these. An object, because generated code counts in it.
 */
export const hostFunctions = { depth: 0 };

/** A call that enters a guest without anybody being asked, as long as it is aimed at one. */
export interface AimedCall {
  readonly exportName: string;
  border: Border;
  /** The export of the present instance. */
  body: (...args: never[]) => unknown;
  /** Brings a call to its end that did not just return: the guest threw, or is to be unwound. Throws what `callSync` throws. */
  conclude: (exportName: string, end: { readonly thrown: unknown } | null) => ReturnValue;
  release(): void;
}

/** One for each guest. Its fields are open because generated code (generated-calls.ts) reads and writes them at every call. */
export class Border {
  /** Guest code is on the stack. */
  entered = false;
  /** How deep on `hostFunctions` the one is that runs on the guest's behalf; 0 for none. */
  crossing = 0;
  /** How the guest is to be unwound. It outlives a guest that catches the exception meant to unwind it. */
  ending: GuestExit | GuestStopped | null = null;
  /** From then on host functions refuse to start, on the clock of `performance.now()`; null for never. */
  deadlineMs: number | null = null;
  /** Brings blocks and bank together at every crossing; null where they are the same memory. */
  readonly exchange: (() => void) | null;
  readonly #aimed = new Set<AimedCall>();

  constructor(exchange: (() => void) | null) {
    this.exchange = exchange;
  }

  /** Another run begins: nothing of the one before is on the stack. */
  reset(): void {
    this.release();
    this.entered = false;
    this.crossing = 0;
    this.ending = null;
    this.deadlineMs = null;
  }

  enter(): void {
    this.exchange?.();
    this.entered = true;
  }

  leave(): void {
    this.entered = false;
    this.exchange?.();
  }

  /** The stack with this guest on it has been cut off, without its frames noticing. */
  cutOff(): void {
    this.crossing = 0;
    this.leave();
  }

  /** Runs `body` with host functions refusing to start once `limitMs` has passed. The watchdog is the caller's. */
  withDeadline<T>(limitMs: number, body: () => T): T {
    const outer = this.deadlineMs;
    this.deadlineMs = Math.min(performance.now() + limitMs, outer ?? Number.POSITIVE_INFINITY);
    try {
      return body();
    } finally {
      this.deadlineMs = outer;
    }
  }

  /** Throws when the host is not to be entered any more. */
  refuseWhenOver(): void {
    if (this.ending !== null) throw this.ending;
    if (this.deadlineMs !== null && performance.now() >= this.deadlineMs) throw new GuestTimeout();
  }

  /** Said of what a host function has thrown, on its way through the guest. */
  unwinding(thrown: unknown): void {
    if (thrown instanceof GuestExit || thrown instanceof GuestStopped) this.ending ??= thrown;
  }

  /**
   * From now on `call` enters `body` without anybody being asked.
   *
   * Invariant: a call is aimed at a border only while it would be taken: a run that has answered a call, is not to be stopped, and has
   * no limit of time and no blocks to exchange. Whatever changes that releases it.
   */
  aim(call: AimedCall, body: AimedCall['body'], conclude: AimedCall['conclude']): void {
    call.border = this;
    call.body = body;
    call.conclude = conclude;
    this.#aimed.add(call);
  }

  /** The calls aimed here have to be made in full again. */
  release(): void {
    for (const call of this.#aimed) call.release();
    this.#aimed.clear();
  }
}
