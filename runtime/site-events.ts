// The events of a site and their values: plain and frozen. A listener's exception is not swallowed, but it cannot reach the
// controller either: it is thrown again where nobody is on the stack.
import type { Rung } from './controller/state.ts';
import type { Fault } from './process/fault.ts';
import type { ProcessEnd } from './process/hosted-process.ts';
import type { Process } from './process/process.ts';

export interface SiteEvents {
  /** A process has been loaded and is about to run: its first start, or hrfexec of a registered name. */
  readonly started: { readonly process: Process };
  /** A guest failed. What follows is told by the other events. */
  readonly fault: { readonly process: Process; readonly fault: Fault };
  /** All direct processes of a group are at their entry points again. */
  readonly restarted: {
    readonly group: number;
    /** How high on the ladder: the group alone, with the site, or cold. */
    readonly rung: Rung;
    /** Name of the process that failed; null when the restart was asked for. */
    readonly culprit: string | null;
    readonly cause: Fault | null;
    readonly restarted: readonly string[];
    /** From the fault being known to the last process at its entry point, in microseconds. */
    readonly elapsedUs: number;
  };
  /** A run ended cleanly, or the process was killed with its group; for a plain process, any end. */
  readonly exited: { readonly process: Process; readonly end: ProcessEnd };
  /** Everything that runs in the group has ended, but these members never will by themselves (reference, section 3.7). */
  readonly blocked: { readonly group: number; readonly names: readonly string[]; readonly message: string };
  /** The ladder is climbed on account of a group (reference, section 12 row 1b). */
  readonly escalated: {
    readonly group: number;
    readonly rung: 'site' | 'cold' | 'quarantine';
    readonly reason: string;
  };
  /** A group has been stopped for good, until `releaseGroup` or `killGroup`. */
  readonly quarantined: { readonly group: number; readonly reason: string };
  /** The last group's part in a site restart is done. */
  readonly siteRestarted: Readonly<Record<string, never>>;
}

export type SiteListener<Name extends keyof SiteEvents> = (event: SiteEvents[Name]) => void;

/** Runs code of the embedder's: what it throws becomes an uncaught exception of the host instead of one of ours. */
export function uncaught(body: () => void): void {
  try {
    body();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

export class SiteEmitter {
  readonly #listeners = new Map<keyof SiteEvents, Set<(event: never) => void>>();

  on<Name extends keyof SiteEvents>(name: Name, listener: SiteListener<Name>): void {
    const present = this.#listeners.get(name);
    if (present === undefined) this.#listeners.set(name, new Set([listener]));
    else present.add(listener);
  }

  off<Name extends keyof SiteEvents>(name: Name, listener: SiteListener<Name>): void {
    this.#listeners.get(name)?.delete(listener);
  }

  emit<Name extends keyof SiteEvents>(name: Name, event: SiteEvents[Name]): void {
    const value = Object.freeze(event) as never;
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      uncaught(() => listener(value));
    }
  }
}
