// The events of a site and their values: plain and frozen. A listener's exception is not swallowed, but it cannot reach the
// controller either: it is thrown again where nobody is on the stack.
import { refuse, requireOneOf } from './checks.ts';
import type { Rung } from './controller/state.ts';
import type { Fault } from './process/fault.ts';
import type { ProcessEnd } from './process/hosted-process.ts';
import type { Process } from './process/process.ts';
import { uncaught } from './process/uncaught.ts';

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
  /**
   * A process whose newest generation failed again and again before it did anything useful goes back to the generation before it.
   */
  readonly rolledBack: {
    readonly group: number;
    readonly process: Process;
    readonly from: number;
    readonly to: number;
  };
  /** The bank's directory has been taken away, or can no longer be written: the site goes on, and nothing it does from now on outlives it. */
  readonly bankLost: { readonly reason: string };
  /** A group has been stopped for good, until `releaseGroup` or `killGroup`. */
  readonly quarantined: { readonly group: number; readonly reason: string };
  /** The last group's part in a site restart is done. */
  readonly siteRestarted: Readonly<Record<string, never>>;
}

export type SiteListener<Name extends keyof SiteEvents> = (event: SiteEvents[Name]) => void;

/** Listeners by the name of their event. */
export type SiteListeners = { readonly [Name in keyof SiteEvents]?: SiteListener<Name> };

const EVERY_EVENT: Readonly<Record<keyof SiteEvents, true>> = {
  started: true,
  fault: true,
  restarted: true,
  exited: true,
  blocked: true,
  escalated: true,
  rolledBack: true,
  bankLost: true,
  quarantined: true,
  siteRestarted: true,
};
export const SITE_EVENTS = Object.keys(EVERY_EVENT) as readonly (keyof SiteEvents)[];

export class SiteEmitter {
  readonly #listeners = new Map<keyof SiteEvents, Set<(event: never) => void>>();

  /** Throws OPTION_INVALID for an event there is not: what is misspelt would never be heard. */
  on<Name extends keyof SiteEvents>(name: Name, listener: SiteListener<Name>): void {
    requireOneOf<keyof SiteEvents>('event', name, SITE_EVENTS);
    if (typeof listener !== 'function') refuse(`listener of ${name}`, 'must be a function');
    const present = this.#listeners.get(name);
    if (present === undefined) this.#listeners.set(name, new Set([listener]));
    else present.add(listener);
  }

  /** Adds the listener to the event `name` of `listeners`, if there is one. */
  adopt<Name extends keyof SiteEvents>(name: Name, listeners: SiteListeners): void {
    const listener: SiteListener<Name> | undefined = listeners[name];
    if (listener !== undefined) this.on(name, listener);
  }

  /** Throws OPTION_INVALID for an event there is not. */
  off<Name extends keyof SiteEvents>(name: Name, listener: SiteListener<Name>): void {
    requireOneOf<keyof SiteEvents>('event', name, SITE_EVENTS);
    this.#listeners.get(name)?.delete(listener);
  }

  /** Whether anybody would be told. */
  isHeard(name: keyof SiteEvents): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0;
  }

  emit<Name extends keyof SiteEvents>(name: Name, event: SiteEvents[Name]): void {
    const value = Object.freeze(event) as never;
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      uncaught(() => listener(value));
    }
  }
}
