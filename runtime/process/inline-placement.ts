// The placement `inline`: guest code runs in the caller's thread and a call is a function call. The stack of running guests is
// kept here, because a process that is on it can only be stopped by unwinding it.
import { RekindleError } from '../errors.ts';
import { invariant } from '../invariant.ts';
import type { BlockMapping } from '../memory/guest-memory.ts';
import { ValueError } from './assemblyscript-values.ts';
import { type AimedCall, hostFunctions } from './border.ts';
import { faultFromOutside, GuestFaultError } from './fault.ts';
import { Guest, type GuestOptions } from './guest.ts';
import {
  type MaybePromise,
  type Placement,
  type PlacementEvents,
  type StopReason,
  stopError,
} from './placement.ts';
import type {
  CallRequest,
  ExportOrder,
  ImageReference,
  ReturnValue,
  RunOutcome,
  StartKind,
} from './program.ts';
import { isWatchdogError, runWithTimeLimit } from './time-limit.ts';

/** Those that have been loaded and not been given up: whom the watchdog may have ended with the call of another. */
const loaded = new Set<InlinePlacement>();

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
  readonly #conclude: AimedCall['conclude'] = (exportName, end) =>
    this.#answer(exportName, this.#guest.aimedCallEnded(exportName, end));
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
    invariant(!this.#guest.active, 'a process is not loaded while its guest code is on the stack');
    this.#guest.load(image, blocks, pid);
    loaded.add(this);
    this.#generation = image.generation;
    this.#pid = pid;
    this.#runOver = false;
    this.#stopped = null;
  }

  /** A command would keep its starter waiting, and a guest on the stack must not have another run on top of it: both wait. */
  launch(start: StartKind): void {
    if (this.#entryKind === 'reactor' && hostFunctions.depth === 0) {
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
    this.#refuseUnlessBetweenCalls();
    const outcome = this.#run(request.exportName, limitMs, () => this.#guest.call(request));
    return this.#answer(request.exportName, outcome);
  }

  /** Lets `call` reach the guest without coming by here, until something changes. After a call in full that was answered. */
  aim(call: AimedCall): void {
    this.#guest.aim(call, this.#conclude);
  }

  /** What the caller gets, when the outcome has been told to whom it concerns. */
  #answer(exportName: string, outcome: RunOutcome): ReturnValue {
    const stopped = this.#unwound(outcome);
    // A run that was stopped is not heard any more, whatever became of it.
    if (stopped !== null) throw stopError(this.#processName, stopped);
    switch (outcome.kind) {
      case 'returned':
        return outcome.value;
      case 'faulted':
        this.#events.faulted(outcome.fault, outcome.handlerInstalled);
        throw new GuestFaultError(this.#processName, outcome.fault);
      case 'exited': {
        const fault = this.#events.exited({ ...outcome, activity: exportName });
        if (fault !== null) throw new GuestFaultError(this.#processName, fault);
        throw new RekindleError(
          'PROCESS_ENDED',
          this.#processName,
          `exit(${outcome.status}) in ${exportName}`,
        );
      }
      case 'stopped':
        throw stopError(this.#processName, { code: 'PROCESS_RESTARTED' });
    }
  }

  checkpoint(): number {
    this.#refuseUnlessBetweenCalls();
    this.#generation = this.#guest.checkpoint();
    return this.#generation;
  }

  restore(): void {
    this.#refuseUnlessBetweenCalls();
    const outcome = this.#guest.restore();
    if (outcome.kind !== 'faulted') return;
    this.#runOver = true;
    this.#events.faulted(outcome.fault, outcome.handlerInstalled);
    throw new GuestFaultError(this.#processName, outcome.fault);
  }

  exportImage(order: ExportOrder): Uint8Array<ArrayBuffer> {
    this.#refuseUnlessBetweenCalls();
    return this.#guest.exportImage(order);
  }

  stop(reason: StopReason): MaybePromise<void> {
    this.#stopped = reason;
    const launch = this.#pendingLaunch;
    this.#pendingLaunch = null;
    if (launch !== null) clearImmediate(launch.immediate);
    for (const { reject } of launch?.waiting ?? []) reject(stopError(this.#processName, reason));
    this.#guest.releaseCalls();
    if (!this.#guest.active) return;
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
    return stopped === undefined ? this.#giveUp() : stopped.then(() => this.#giveUp());
  }

  #refuseUnlessBetweenCalls(): void {
    if (this.#runOver) throw new RekindleError('PROCESS_RESTARTING', this.#processName);
    if (this.#guest.active || this.#pendingLaunch !== null)
      throw new RekindleError('PROCESS_BUSY', this.#processName);
  }

  #enter(start: StartKind): void {
    const activity = start.kind === 'entry' ? 'entry' : 'hr_restarted';
    const outcome = this.#run(activity, this.#entryLimitMs, () => this.#guest.start(start));
    if (this.#unwound(outcome) !== null) return;
    if (outcome.kind === 'faulted') this.#events.faulted(outcome.fault, outcome.handlerInstalled);
    else if (outcome.kind === 'exited') this.#events.exited({ ...outcome, activity });
    else if (outcome.kind === 'returned') this.#events.ready();
  }

  #giveUp(): void {
    loaded.delete(this);
    this.#guest[Symbol.dispose]();
  }

  /** One stay on the stack. */
  #run(activity: string, limitMs: number | null, body: () => RunOutcome): RunOutcome {
    try {
      return limitMs === null ? body() : this.#runLimited(activity, limitMs, body);
    } catch (error) {
      const stopped = this.#stopStruck();
      if (!(error instanceof ValueError)) throw error;
      if (stopped !== null) throw stopError(this.#processName, stopped);
      throw new RekindleError('ARGUMENT_INVALID', this.#processName, error.message, { cause: error });
    }
  }

  /** Said when a stay on the stack has come to its end. Returns the reason given by a `stop` that struck meanwhile. */
  #unwound(outcome: RunOutcome): StopReason | null {
    this.#runOver = outcome.kind !== 'returned';
    return this.#stopStruck();
  }

  #stopStruck(): StopReason | null {
    const stopping = this.#stopping;
    if (stopping === null) return null;
    this.#stopping = null;
    stopping.unwound();
    return stopping.reason;
  }

  #runLimited(activity: string, limitMs: number, body: () => RunOutcome): RunOutcome {
    const { depth } = hostFunctions;
    try {
      return runWithTimeLimit(limitMs, () => this.#guest.withDeadline(limitMs, body));
    } catch (thrown) {
      if (!isWatchdogError(thrown)) throw thrown;
      const inHostFunction = this.#guest.crossing > 0;
      const outcome = this.#guest.interrupted(thrown, activity);
      if (inHostFunction) this.#events.hostFunctionCutOff();
      this.#cutOffBeyond(depth);
      return outcome;
    }
  }

  /** The watchdog has ended the guests further in with this one, without any of their own frames noticing. */
  #cutOffBeyond(depth: number): void {
    hostFunctions.depth = depth;
    // Whoever is further out has called one of the first host functions; the innermost may have called none.
    const position = (each: InlinePlacement): number => each.#guest.crossing || Number.POSITIVE_INFINITY;
    const cutOff = [...loaded].filter((each) => each.#guest.active && position(each) > depth);
    for (const inner of cutOff.sort((a, b) => position(a) - position(b))) inner.#cutOffFromOutside();
  }

  #cutOffFromOutside(): void {
    const message = 'the time limit of a call further out passed';
    const outcome = this.#guest.interrupted(new Error(message), 'call');
    if (this.#unwound(outcome) !== null) return;
    const fault = faultFromOutside('timeout', message, { activity: null, generation: this.#generation });
    this.#events.faulted(fault, outcome.kind === 'faulted' && outcome.handlerInstalled);
  }
}
