// Where a process's guest code runs, seen from the host's main thread: the one interface of the inline and the thread placement.
// A placement does what it is told and reports what happened; it never restarts anything by itself.
import { type ErrorCode, RekindleError } from '../errors.ts';
import type { BlockMapping } from '../memory/guest-memory.ts';
import type { AimedCall } from './border.ts';
import type { Fault } from './fault.ts';
import type { CallRequest, ExportOrder, ImageReference, ReturnValue, StartKind } from './program.ts';

export type PlacementKind = 'inline' | 'thread';

/** Done at once, or later: inline processes are restored without ever giving up the thread. */
export type MaybePromise<T> = T | Promise<T>;

/** Why a run is stopped. */
export interface StopReason {
  readonly code: ErrorCode;
  readonly detail?: string;
}

/** What a placement tells its process. Never called after `stop` until the next `load`. */
export interface PlacementEvents {
  /** The entry of a reactor has returned. */
  ready(): void;
  /** The guest ended itself. Returns the fault when that end was not clean. */
  exited(exit: {
    readonly status: number;
    readonly handlerInstalled: boolean;
    readonly activity: string;
  }): Fault | null;
  /** `handlerInstalled`: HR_EXIT_HDL had been called, so that the end of the run is no failure. */
  faulted(fault: Fault, handlerInstalled: boolean): void;
  /** Guest code was cut off by the watchdog while a host function of this thread was running. */
  hostFunctionCutOff(): void;
}

export interface Placement {
  readonly kind: PlacementKind;
  /** Brings an instance to `image` as run `pid`. Rejects or throws with a RekindleError; nothing runs then. */
  load(image: ImageReference, blocks: readonly BlockMapping[], pid: number): MaybePromise<void>;
  /** Begins to run the entry; what comes of it is told by the events. */
  launch(start: StartKind): void;
  /** Rejects with GuestFaultError, or with the error given to `stop`. `limitMs` null: no time limit. */
  call(request: CallRequest, limitMs: number | null): Promise<ReturnValue>;
  /** Inline only; throws what `call` rejects with. */
  callSync(request: CallRequest, limitMs: number | null): ReturnValue;
  /** Inline only: lets `call` reach the guest directly until something changes. After a call in full that was answered. */
  aim(call: AimedCall): void;
  /** Makes the next generation between calls and returns its number. */
  checkpoint(): MaybePromise<number>;
  /** Brings the present run back to its newest generation, between calls. Throws RESTORE_REFUSED, or what `call` rejects with. */
  restore(): MaybePromise<void>;
  /** The present state as a module of its own, between calls. Throws CHECKPOINT_REFUSED, or what `call` rejects with. */
  exportImage(order: ExportOrder): MaybePromise<Uint8Array<ArrayBuffer>>;
  /**
   * When done, no guest code of this process runs any more and every call under way has ended with `reason`. `next`: the image that will
   * be loaded then, as far as is known; something may be made ready for it meanwhile. Null when no load is known to follow.
   */
  stop(reason: StopReason, next: ImageReference | null): MaybePromise<void>;
  /** `stop`, and gives everything back. The placement is not used again. */
  dispose(reason: StopReason): MaybePromise<void>;
}

/** The error that the calls under way get; made only for those there are, since making one costs more than a restore. */
export function stopError(processName: string, reason: StopReason): RekindleError {
  return new RekindleError(reason.code, processName, reason.detail);
}
