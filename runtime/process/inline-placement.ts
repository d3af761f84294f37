// The placement `inline`: guest code runs in the caller's thread and a call is a function call. The stack of running guests is
// kept here, because a process that is on it can only be stopped by unwinding it.
import { RekindleError } from '../errors.ts';
import { invariant } from '../invariant.ts';
import type { BlockMapping } from '../memory/guest-memory.ts';
import { ValueError } from './assemblyscript-values.ts';
import { faultFromOutside, GuestFaultError } from './fault.ts';
import { Guest, type GuestOptions } from './guest.ts';
import {
  type MaybePromise,
  type Placement,
  type PlacementEvents,
  type StopReason,
  stopError,
} from './placement.ts';
import type { CallRequest, ImageReference, ReturnValue, RunOutcome, StartKind } from './program.ts';
import { isWatchdogError, runWithTimeLimit } from './time-limit.ts';

/** Inline processes whose guest code is on this thread's stack, outermost first. */
const onStack: InlinePlacement[] = [];

export interface InlineOptions extends GuestOptions {
  readonly events: PlacementEvents;
  /** Limit for the entry, in milliseconds; null for none. */
  readonly entryLimitMs: number | null;
}

/** An entry that will run when the thread is free, and the calls that wait for it. */
interface PendingLaunch {
  readonly immediate: NodeJS.Immediate;
  readonly waiting: { readonly resolve: () => void; readonly reject: (error: Error) => void }[];
}

export class InlinePlacement implements Placement {
  readonly kind = 'inline';
  readonly #guest: Guest;
  readonly #events: PlacementEvents;
  readonly #processName: string;
  readonly #entryKind: 'command' | 'reactor';
  readonly #entryLimitMs: number | null;
  #pendingLaunch: PendingLaunch | null = null;
  #stopping: { readonly reason: StopReason; readonly unwound: () => void } | null = null;
  #generation = 0;
  #pid = 0;
  /** The run has failed or ended, and what comes of it has not been decided: nothing more of it may run. */
  #runOver = false;
  /** Why the last run was stopped; null from `load` on. */
  #stopped: StopReason | null = null;

  constructor(options: InlineOptions) {
    this.#guest = new Guest(options);
    this.#events = options.events;
    this.#processName = options.program.processName;
    this.#entryKind = options.program.entryKind;
    this.#entryLimitMs = options.entryLimitMs;
  }

  load(image: ImageReference, blocks: readonly BlockMapping[], pid: number): void {
    invariant(!onStack.includes(this), 'a process is not loaded while its guest code is on the stack');
    this.#guest.load(image, blocks, pid);
    this.#generation = image.generation;
    this.#pid = pid;
    this.#runOver = false;
    this.#stopped = null;
  }

  /** A command would keep its starter waiting, and a guest on the stack must not have another run on top of it: both wait. */
  launch(start: StartKind): void {
    if (this.#entryKind === 'reactor' && onStack.length === 0) {
      this.#enter(start);
      return;
    }
    const waiting: PendingLaunch['waiting'] = [];
    const immediate = setImmediate(() => {
      this.#pendingLaunch = null;
      this.#enter(start);
      for (const { resolve } of waiting) resolve();
    });
    this.#pendingLaunch = { immediate, waiting };
  }

  async call(request: CallRequest, limitMs: number | null): Promise<ReturnValue> {
    const launch = this.#pendingLaunch;
    if (launch !== null) {
      const pid = this.#pid;
      await new Promise<void>((resolve, reject) => launch.waiting.push({ resolve, reject }));
      if (this.#stopped !== null) throw stopError(this.#processName, this.#stopped);
      if (this.#pid !== pid) throw stopError(this.#processName, { code: 'PROCESS_RESTARTED' });
    }
    return this.callSync(request, limitMs);
  }

  callSync(request: CallRequest, limitMs: number | null): ReturnValue {
    if (this.#runOver) throw new RekindleError('PROCESS_RESTARTING', this.#processName);
    if (this.#guest.active || this.#pendingLaunch !== null)
      throw new RekindleError('PROCESS_BUSY', this.#processName);
    const { outcome, stopped } = this.#run(request.exportName, limitMs, () => this.#guest.call(request));
    // A run that was stopped is not heard any more, whatever became of it.
    if (stopped !== null) throw stopError(this.#processName, stopped);
    switch (outcome.kind) {
      case 'returned':
        return outcome.value;
      case 'faulted':
        this.#events.faulted(outcome.fault, outcome.handlerInstalled);
        throw new GuestFaultError(this.#processName, outcome.fault);
      case 'exited': {
        const fault = this.#events.exited({ ...outcome, activity: request.exportName });
        if (fault !== null) throw new GuestFaultError(this.#processName, fault);
        throw new RekindleError(
          'PROCESS_ENDED',
          this.#processName,
          `exit(${outcome.status}) in ${request.exportName}`,
        );
      }
      case 'stopped':
        throw stopError(this.#processName, { code: 'PROCESS_RESTARTED' });
    }
  }

  checkpoint(): number {
    if (this.#runOver) throw new RekindleError('PROCESS_RESTARTING', this.#processName);
    if (this.#guest.active || this.#pendingLaunch !== null)
      throw new RekindleError('PROCESS_BUSY', this.#processName);
    this.#generation = this.#guest.checkpoint();
    return this.#generation;
  }

  stop(reason: StopReason): MaybePromise<void> {
    this.#stopped = reason;
    const launch = this.#pendingLaunch;
    this.#pendingLaunch = null;
    if (launch !== null) clearImmediate(launch.immediate);
    for (const { reject } of launch?.waiting ?? []) reject(stopError(this.#processName, reason));
    if (!onStack.includes(this)) return;
    this.#guest.requestStop();
    return new Promise((resolve) => {
      const earlier = this.#stopping;
      this.#stopping = {
        reason,
        unwound: () => {
          earlier?.unwound();
          resolve();
        },
      };
    });
  }

  dispose(reason: StopReason): MaybePromise<void> {
    const stopped = this.stop(reason);
    if (stopped === undefined) return this.#guest[Symbol.dispose]();
    return stopped.then(() => this.#guest[Symbol.dispose]());
  }

  #enter(start: StartKind): void {
    const activity = start.kind === 'entry' ? 'entry' : 'hr_restarted';
    const { outcome, stopped } = this.#run(activity, this.#entryLimitMs, () => this.#guest.start(start));
    if (stopped !== null) return;
    if (outcome.kind === 'faulted') this.#events.faulted(outcome.fault, outcome.handlerInstalled);
    else if (outcome.kind === 'exited') this.#events.exited({ ...outcome, activity });
    else if (outcome.kind === 'returned') this.#events.ready();
  }

  /** One stay on the stack. `stopped` is the reason given by a `stop` that struck meanwhile. */
  #run(
    activity: string,
    limitMs: number | null,
    body: () => RunOutcome,
  ): { readonly outcome: RunOutcome; readonly stopped: StopReason | null } {
    const depth = onStack.push(this);
    let outcome: RunOutcome;
    try {
      outcome = limitMs === null ? body() : this.#runLimited(activity, limitMs, body);
    } catch (error) {
      onStack.length = depth - 1;
      if (error instanceof ValueError)
        throw new RekindleError('ARGUMENT_INVALID', this.#processName, error.message, { cause: error });
      throw error;
    }
    const cutOff = onStack.splice(depth - 1).slice(1);
    // The watchdog of an outer call ends the inner guests with it, without any of their own frames noticing.
    for (const inner of cutOff) inner.#cutOffFromOutside();
    this.#runOver = outcome.kind !== 'returned';
    const stopping = this.#stopping;
    this.#stopping = null;
    stopping?.unwound();
    return { outcome, stopped: stopping?.reason ?? null };
  }

  #runLimited(activity: string, limitMs: number, body: () => RunOutcome): RunOutcome {
    try {
      return runWithTimeLimit(limitMs, () => this.#guest.withDeadline(limitMs, body));
    } catch (thrown) {
      if (!isWatchdogError(thrown)) throw thrown;
      const inHostFunction = this.#guest.servingImport;
      const outcome = this.#guest.interrupted(thrown, activity);
      if (inHostFunction) this.#events.hostFunctionCutOff();
      return outcome;
    }
  }

  #cutOffFromOutside(): void {
    const message = 'the time limit of a call further out passed';
    const outcome = this.#guest.interrupted(new Error(message), 'call');
    this.#runOver = true;
    const stopping = this.#stopping;
    this.#stopping = null;
    stopping?.unwound();
    if (stopping !== null) return;
    const fault = faultFromOutside('timeout', message, { activity: null, generation: this.#generation });
    this.#events.faulted(fault, outcome.kind === 'faulted' && outcome.handlerInstalled);
  }
}
