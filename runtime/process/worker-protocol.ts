// The messages between the main thread and a worker that hosts a guest. Plain cloneable data; every run carries its pid, so that
// a message of a run that is over can be told from one of the run that followed it.
import type { MessagePort } from 'node:worker_threads';
import type { ErrorCode } from '../errors.ts';
import type { BankHandle } from '../memory/bank-view.ts';
import type { BlockMapping } from '../memory/guest-memory.ts';
import type { PortableFault } from './fault.ts';
import type {
  CallRequest,
  ExportOrder,
  GuestProgram,
  ImageReference,
  RunOutcome,
  StartKind,
} from './program.ts';
import type { HostServices } from './services.ts';

/** What a worker is born with. */
export interface WorkerBirth {
  readonly bank: BankHandle;
  readonly signal: SharedArrayBuffer;
  readonly replies: MessagePort;
}

//  The signal, shared by a worker and the main thread: five i32.
//
//   0                          4                          8                          12                16                20
//  +--------------------------+--------------------------+--------------------------+-----------------+-----------------+
//  | replies sent, counting   | pid whose exit handler   | 1 once the worker has    | 1 while blocks  | 1 once it is to |
//  |                          | is installed, or 0       | started, else 0          | are exchanged   | be ended        |
//  +--------------------------+--------------------------+--------------------------+-----------------+-----------------+
//
//  Invariant: a worker is not ended in the middle of an exchange. It announces an exchange, then looks whether it is to be ended; the
//  main thread announces the end, then looks whether an exchange is under way: one of the two sees the other.
export const SIGNAL_SIZE_BYTES = 20;
export const SIGNAL_REPLIES = 0;
export const SIGNAL_EXIT_HANDLER = 1;
export const SIGNAL_STARTED = 2;
export const SIGNAL_EXCHANGING = 3;
export const SIGNAL_ENDING = 4;

/** An error as it crosses between threads. */
export interface PortableError {
  /** Null: not a RekindleError, and so our bug or a host function's. */
  readonly code: ErrorCode | null;
  readonly name: string;
  readonly culprit: string;
  readonly message: string;
}

/** How a run ended, as it crosses. */
export type PortableOutcome =
  | Exclude<RunOutcome, { readonly kind: 'faulted' }>
  | { readonly kind: 'faulted'; readonly fault: PortableFault; readonly handlerInstalled: boolean };

export interface LoadRequest {
  readonly kind: 'load';
  /** Null: the one the worker has, or was prepared for. */
  readonly program: GuestProgram | null;
  readonly image: ImageReference;
  readonly blocks: readonly BlockMapping[];
  readonly pid: number;
  /** What is launched as soon as it is loaded; null when that is asked for later. */
  readonly start: StartKind | null;
}

/** `prepare`: what the worker will load before long, as far as is known. It is not answered: what fails in it fails again in the load. */
export type ToWorker =
  | { readonly kind: 'prepare'; readonly program: GuestProgram; readonly image: ImageReference }
  | LoadRequest
  | { readonly kind: 'launch'; readonly start: StartKind; readonly pid: number }
  | { readonly kind: 'call'; readonly request: CallRequest; readonly pid: number }
  | { readonly kind: 'checkpoint'; readonly pid: number }
  | { readonly kind: 'restore'; readonly pid: number }
  | { readonly kind: 'export'; readonly order: ExportOrder; readonly pid: number }
  | { readonly kind: 'unload' };

/**
 * `ended` answers launches, `call` and `restore`, in their order; `refused` a `checkpoint`, a `restore` or an `export`. After `load-failed` nothing more
 * is answered of what was asked of that run.
 */
export type FromGuest =
  | { readonly kind: 'loaded'; readonly pid: number }
  | { readonly kind: 'load-failed'; readonly pid: number; readonly error: PortableError }
  | { readonly kind: 'ended'; readonly pid: number; readonly outcome: PortableOutcome }
  | { readonly kind: 'call-refused'; readonly pid: number; readonly message: string }
  | { readonly kind: 'checkpointed'; readonly pid: number; readonly generation: number }
  | { readonly kind: 'exported'; readonly pid: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'refused'; readonly pid: number; readonly error: PortableError }
  | ServiceRequest
  | {
      readonly kind: 'write';
      readonly pid: number;
      readonly stream: 'stdout' | 'stderr';
      readonly bytes: Uint8Array;
    };

/** `started`: once, before anything else. */
export type FromWorker = { readonly kind: 'started' } | FromGuest;

/** The services a worker waits for. */
export type AwaitedService = Exclude<keyof HostServices, 'write' | 'exitHandlerInstalled'>;

export interface ServiceRequest {
  readonly kind: 'service';
  readonly pid: number;
  readonly service: AwaitedService;
  /** Counts the worker's requests; its reply carries the same number. */
  readonly request: number;
  readonly args: readonly unknown[];
}

export type ServiceReply =
  | { readonly kind: 'result'; readonly request: number; readonly value: unknown }
  | { readonly kind: 'thrown'; readonly request: number; readonly error: PortableError };
