// The states of a process and the table of legal transitions. Nothing else decides whether a process may be called.
import { RekindleError } from '../errors.ts';
import { invariant } from '../invariant.ts';
import type { StopReason } from './placement.ts';

/**
 * `loading`: first start, not yet at its entry point. `running`: at its entry. `ready`: a reactor whose entry has returned.
 * `restarting`: stopped, will be started again by the controller. `stopped`: stopped, will not start unless asked for
 * (an indirect process waits for its parent's hrfexec, a quarantined one for its release). `ended`: its last run is over.
 */
export type ProcessState = 'loading' | 'running' | 'ready' | 'restarting' | 'stopped' | 'ended';

const LEGAL: Readonly<Record<ProcessState, readonly ProcessState[]>> = {
  loading: ['running', 'stopped', 'ended'],
  running: ['ready', 'restarting', 'stopped', 'ended'],
  ready: ['restarting', 'stopped', 'ended'],
  restarting: ['running', 'restarting', 'stopped', 'ended'],
  stopped: ['loading', 'restarting', 'stopped', 'ended'],
  // An ended process is run again by hrfexec, and a direct one by a cold start of its group.
  ended: ['loading', 'restarting', 'ended'],
};

export function transition(processName: string, from: ProcessState, to: ProcessState): ProcessState {
  invariant(LEGAL[from].includes(to), `process ${processName} may not go from ${from} to ${to}`);
  return to;
}

const BEING_RESTARTED: StopReason = { code: 'PROCESS_RESTARTING' };

/** The state of one process, and what a call gets by it. Who waits for a change is woken after it. */
export class StateOfProcess {
  readonly #processName: string;
  readonly #watchers = new Set<() => void>();
  #now: ProcessState;
  #stopReason: StopReason;

  /** `stopReason`: what a call gets while nothing runs. */
  constructor(processName: string, first: ProcessState, stopReason = BEING_RESTARTED) {
    this.#processName = processName;
    this.#now = first;
    this.#stopReason = stopReason;
  }

  get now(): ProcessState {
    return this.#now;
  }

  go(next: ProcessState): void {
    this.#now = transition(this.#processName, this.#now, next);
    if (next === 'restarting' || next === 'loading') this.#stopReason = BEING_RESTARTED;
    this.wake();
  }

  /** What a call gets from now on, as long as nothing runs. */
  answerWith(stopReason: StopReason): void {
    this.#stopReason = stopReason;
  }

  /** Throws what a call gets when the process does not take any. */
  requireCallable(): void {
    if (this.#now === 'running' || this.#now === 'ready') return;
    if (this.#now === 'ended') throw new RekindleError('PROCESS_ENDED', this.#processName);
    const { code, detail = `the process is ${this.#now}` } = this.#stopReason;
    throw new RekindleError(code, this.#processName, detail);
  }

  /**
   * Resolves when `isReady` holds. Rejects with what a call would get when it never will by itself, or with PROCESS_RESTARTING after
   * `limitMs`.
   */
  async whenReady(limitMs: number, isReady: () => boolean): Promise<void> {
    const deadlineMs = performance.now() + limitMs;
    while (!isReady()) {
      if (this.#now === 'ended' || this.#stopReason.code !== 'PROCESS_RESTARTING') this.requireCallable();
      const remainingMs = deadlineMs - performance.now();
      if (remainingMs <= 0) {
        const detail = `the process is ${this.#now} after ${limitMs} ms`;
        throw new RekindleError('PROCESS_RESTARTING', this.#processName, detail);
      }
      await this.nextChange(remainingMs);
    }
  }

  /** What somebody waits for may have come to be, or to be out of the question. */
  wake(): void {
    for (const wake of [...this.#watchers]) wake();
  }

  /** Resolves at the next change or `wake`, or after `limitMs`. */
  nextChange(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#watchers.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, limitMs);
      this.#watchers.add(wake);
    });
  }
}
