// One life of the kept site: a child process from its start to its death, which is reported once. It must never leave the process
// behind: whatever is found wrong with it, it is killed, and its end is waited for, with a bound.
import { invariant } from '../invariant.ts';
import type { Death } from './keeper-policy.ts';
import { type ChildMessage, readChildMessage } from './keeper-protocol.ts';
import { SilenceWatch } from './silence-watch.ts';
import type { Timers } from './timers.ts';

/** What a process says of itself to the system and to us. Never called while `SpawnChild` runs. */
export interface ChildListener {
  /** A message over the channel. */
  message(value: unknown): void;
  exited(exitCode: number | null, signal: string | null): void;
  /** It could not be started, when `exited` never comes; else something that could not be done to it. */
  failed(error: Error): void;
}

export interface ChildHandle {
  /** Undefined when it could not be started. */
  readonly pid: number | undefined;
  kill(signal: NodeJS.Signals): void;
}

export type SpawnChild = (listener: ChildListener) => ChildHandle;

/** In milliseconds. */
export interface ChildLimits {
  readonly startLimitMs: number;
  /** Silence after which it is not fresh any more; null when it is not watched. */
  readonly silenceLimitMs: number | null;
  /** Whether it is killed then. */
  readonly killWhenSilent: boolean;
}

export interface ChildEvents {
  /** Messages, except signs of life. */
  said(message: Exclude<ChildMessage, { kind: 'alive' }>): void;
  /** The last event. */
  died(death: Death): void;
  trouble(text: string): void;
}

/** After SIGTERM a site has so long to shut down, which is more than it gives itself. */
export const STOP_LIMIT_MS = 15_000;
/** After SIGKILL a process ends at once, unless the kernel cannot let it go. */
export const KILL_LIMIT_MS = 10_000;

export class SupervisedChild {
  readonly #timers: Timers;
  readonly #limits: ChildLimits;
  readonly #events: ChildEvents;
  readonly #handle: ChildHandle;
  /** Of the start, or of the stop, or of the kill: whichever is under way. */
  #deadline: Disposable | null = null;
  #watch: SilenceWatch | null = null;
  #isReady = false;
  #isStopping = false;
  #isDead = false;
  /** Why the keeper has killed it. */
  #verdict: Death | null = null;

  constructor(timers: Timers, limits: ChildLimits, events: ChildEvents, spawn: SpawnChild) {
    this.#timers = timers;
    this.#limits = limits;
    this.#events = events;
    this.#handle = spawn({
      message: (value) => this.#heard(value),
      exited: (exitCode, signal) => this.#exited(exitCode, signal),
      failed: (error) => this.#failed(error),
    });
    const { startLimitMs } = limits;
    // A watch without signs: the keeper's own sleep does not count.
    this.#deadline = new SilenceWatch(timers, startLimitMs, () =>
      this.#condemn({ kind: 'not-ready', limitMs: startLimitMs }),
    );
  }

  get pid(): number | undefined {
    return this.#handle.pid;
  }

  /** It has been open and is not on its way out. */
  get isReady(): boolean {
    return this.#isReady && !this.#isDead && this.#verdict === null;
  }

  /** It lives, and has not been found too slow or silent. */
  get isFresh(): boolean {
    return !this.#isDead && this.#verdict === null && this.#watch?.isFresh !== false;
  }

  /** Asks it to end; kills it when it does not in time. */
  stop(): void {
    if (this.#isDead || this.#verdict !== null) return;
    this.#boundItsEnd();
    this.#handle.kill('SIGTERM');
  }

  kill(): void {
    this.#condemn({ kind: 'killed', signal: 'SIGKILL' });
  }

  passOn(signal: NodeJS.Signals): void {
    if (!this.#isDead) this.#handle.kill(signal);
  }

  #condemn(verdict: Death): void {
    if (this.#isDead || this.#verdict !== null) return;
    this.#verdict = verdict;
    this.#endWatches();
    this.#deadline = this.#timers.after(KILL_LIMIT_MS, () => this.#die({ kind: 'unkillable' }));
    this.#handle.kill('SIGKILL');
  }

  #heard(value: unknown): void {
    const message = readChildMessage(value);
    if (message === null || this.#isDead || this.#verdict !== null) return;
    this.#watch?.sign();
    if (message.kind === 'alive') return;
    if (message.kind === 'ready') this.#becomeReady();
    if (message.kind === 'stopping') this.#boundItsEnd();
    this.#events.said(message);
  }

  #becomeReady(): void {
    if (this.#isReady || this.#isStopping) return;
    this.#isReady = true;
    this.#endWatches();
    const { silenceLimitMs, killWhenSilent } = this.#limits;
    if (silenceLimitMs === null) return;
    this.#watch = new SilenceWatch(this.#timers, silenceLimitMs, () => {
      if (killWhenSilent) this.#condemn({ kind: 'hung', limitMs: silenceLimitMs });
    });
  }

  /** Whether it was asked to end or says that it does: once, or it could put its end off by saying so again. */
  #boundItsEnd(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#endWatches();
    this.#deadline = this.#timers.after(STOP_LIMIT_MS, () => this.kill());
  }

  #exited(exitCode: number | null, signal: string | null): void {
    invariant((exitCode === null) !== (signal === null), 'a process ends with an exit code or by a signal');
    const death: Death =
      exitCode === null ? { kind: 'killed', signal: String(signal) } : { kind: 'exited', exitCode };
    // Killed for a reason: that is how it died. It may have been quicker.
    this.#die(death.kind === 'killed' ? (this.#verdict ?? death) : death);
  }

  #failed(error: Error): void {
    if (this.#handle.pid === undefined) this.#die({ kind: 'not-started', reason: error.message });
    else this.#events.trouble(error.message);
  }

  #die(death: Death): void {
    if (this.#isDead) return;
    this.#isDead = true;
    this.#endWatches();
    this.#events.died(death);
  }

  #endWatches(): void {
    this.#deadline?.[Symbol.dispose]();
    this.#deadline = null;
    this.#watch?.[Symbol.dispose]();
    this.#watch = null;
  }
}
