// What the command says of its guests while a site runs: each fault, each restart that follows from one, each end, in one line. It must
// never flood a log on account of a guest that fails without end.
import type { Rung } from './controller/state.ts';
import type { Timers } from './keeper/timers.ts';
import type { Fault } from './process/fault.ts';
import type { ProcessEnd } from './process/hosted-process.ts';
import type { SiteListeners } from './site-events.ts';

/** More than this in a second is no more to be read. */
export const MAX_LINES_PER_SECOND = 20;
const SECOND_MS = 1000;

/** Lines that guests can cause as often as they like: so many a second, and then how many more there were. */
class LineLimit implements Disposable {
  readonly #timers: Timers;
  readonly #say: (line: string) => void;
  /** Runs since the first line of the present second; null when there was none. */
  #second: Disposable | null = null;
  #count = 0;

  constructor(timers: Timers, say: (line: string) => void) {
    this.#timers = timers;
    this.#say = say;
  }

  say(line: string): void {
    this.#second ??= this.#timers.after(SECOND_MS, () => this.#endSecond());
    this.#count += 1;
    if (this.#count <= MAX_LINES_PER_SECOND) this.#say(line);
  }

  [Symbol.dispose](): void {
    this.#second?.[Symbol.dispose]();
    this.#endSecond();
  }

  #endSecond(): void {
    const leftOut = this.#count - MAX_LINES_PER_SECOND;
    this.#second = null;
    this.#count = 0;
    if (leftOut > 0) this.#say(`${leftOut} more ${leftOut === 1 ? 'line' : 'lines'} like these left out`);
  }
}

/** Tells by `say` what its listeners hear, one line a call. Disposed, it tells what has been left out so far. */
export class EventLines implements Disposable {
  readonly #limit: LineLimit;
  readonly listeners: SiteListeners;

  constructor(timers: Timers, say: (line: string) => void) {
    this.#limit = new LineLimit(timers, say);
    const often = (line: string): void => this.#limit.say(line);
    this.listeners = {
      fault: ({ process: { name, kind }, fault }) => {
        // The fault of a plain process is its end, which is told.
        if (kind !== 'plain') often(`${name}: ${faultText(fault)}`);
      },
      exited: ({ process: { name, kind }, end }) => {
        // With an exit handler installed a fault is an end too.
        if (kind === 'plain' || end.kind === 'fault') often(`${name}: ended: ${endText(end)}`);
      },
      restarted: ({ group, rung, culprit, restarted, elapsedUs }) => {
        // Those that were asked for are told by whoever asked, all in one.
        if (culprit === null) return;
        const elapsed = `${(elapsedUs / 1000).toFixed(1)} ms`;
        often(`group ${group}: ${RESTARTED[rung]} in ${elapsed}: ${restarted.join(', ')}`);
      },
      // The policy bounds how often a ladder is climbed. That a group is quarantined is told by an event of its own.
      escalated: ({ group, rung, reason }) => {
        if (rung !== 'quarantine') say(`group ${group}: escalated to ${rung}: ${reason}`);
      },
      rolledBack: ({ group, process: { name }, from, to }) =>
        say(`group ${group}: ${name} rolled back from generation ${from} to ${to}`),
    };
  }

  [Symbol.dispose](): void {
    this.#limit[Symbol.dispose]();
  }
}

const RESTARTED: Readonly<Record<Rung, string>> = {
  group: 'restarted',
  site: 'restarted with the site',
  cold: 'started cold',
};

function faultText({ kind, activity, message }: Fault): string {
  return `${kind} in ${activity ?? 'no call'}: ${message}`;
}

function endText(end: ProcessEnd): string {
  switch (end.kind) {
    case 'exit':
      return `exit status ${end.status}`;
    case 'fault':
      return faultText(end.fault);
    case 'killed':
      return 'killed';
  }
}
