// The states of a process and the table of legal transitions. Nothing else decides whether a process may be called.
import { invariant } from '../invariant.ts';

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

/** The state of one process. Who waits for a change is woken after it. */
export class StateOfProcess {
  readonly #processName: string;
  readonly #watchers = new Set<() => void>();
  #now: ProcessState;

  constructor(processName: string, first: ProcessState) {
    this.#processName = processName;
    this.#now = first;
  }

  get now(): ProcessState {
    return this.#now;
  }

  go(next: ProcessState): void {
    this.#now = transition(this.#processName, this.#now, next);
    this.wake();
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
