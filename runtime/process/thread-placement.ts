// The placement `thread`: guest code runs in a worker of its own, so it can neither block nor take down the host. A worker that
// is busy can only be stopped by ending it; an idle one is restored where it is.
import { RekindleError } from '../errors.ts';
import { InvariantViolation, invariant } from '../invariant.ts';
import { WORKER_REPLY_TIMEOUT_MS } from '../limits.ts';
import type { BlockMapping } from '../memory/guest-memory.ts';
import { type Fault, faultFromOutside, GuestFaultError } from './fault.ts';
import {
  type MaybePromise,
  type Placement,
  type PlacementEvents,
  type StopReason,
  stopError,
} from './placement.ts';
import { fromPortable, toPortable } from './portable-error.ts';
import type {
  CallRequest,
  GuestProgram,
  ImageReference,
  ReturnValue,
  RunOutcome,
  StartKind,
} from './program.ts';
import type { HostServices } from './services.ts';
import { type Activity, rejectActivity, ThreadActivities } from './thread-activities.ts';
import type { PooledWorker, WorkerPool } from './worker-pool.ts';
import type { FromGuest, ServiceRequest } from './worker-protocol.ts';

/** The services as the main thread serves them to workers: an exec waits for the child's worker. */
export type AsynchronousServices = {
  readonly [Name in keyof HostServices]: (
    ...args: Parameters<HostServices[Name]>
  ) => MaybePromise<ReturnType<HostServices[Name]>>;
};

export interface ThreadOptions {
  readonly program: GuestProgram;
  readonly pool: WorkerPool;
  readonly services: AsynchronousServices;
  readonly events: PlacementEvents;
  readonly entryLimitMs: number | null;
  readonly maxQueuedCalls: number;
}

/** A load that the worker has not answered yet. */
interface Loading {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class ThreadPlacement implements Placement {
  readonly kind = 'thread';
  readonly #options: ThreadOptions;
  readonly #activities: ThreadActivities;
  #worker: PooledWorker | null = null;
  #pid = 0;
  #generation = 0;
  /** Between `load` and `stop`: what happens to the worker concerns the process. */
  #live = false;
  /** The worker itself has said that the run is over: it runs nothing any more, whatever it was asked after that. */
  #runOver = false;
  #loading: Loading | null = null;
  /** The worker has been given the program, and has not failed over it. */
  #knowsProgram = false;

  constructor(options: ThreadOptions) {
    this.#options = options;
    this.#activities = new ThreadActivities(({ name }) => {
      const where = { activity: name, generation: this.#generation };
      this.#fail(this.#worker, faultFromOutside('timeout', 'the time limit passed', where));
    });
  }

  load(image: ImageReference, blocks: readonly BlockMapping[], pid: number): Promise<void> {
    invariant(this.#activities.size === 0, 'a process is loaded when it is stopped');
    const program = this.#worker === null || !this.#knowsProgram ? this.#options.program : null;
    const worker = this.#worker ?? this.#takeWorker();
    this.#knowsProgram = true;
    this.#pid = pid;
    this.#generation = image.generation;
    this.#live = true;
    this.#runOver = false;
    const answered = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        const detail = `no answer within ${WORKER_REPLY_TIMEOUT_MS} ms`;
        this.#loading?.reject(new RekindleError('WORKER_UNAVAILABLE', this.#name, detail));
        this.#dropWorker(worker);
      }, WORKER_REPLY_TIMEOUT_MS);
      const settle = (): void => {
        clearTimeout(timer);
        this.#loading = null;
      };
      this.#loading = {
        resolve: () => {
          settle();
          resolve();
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
    });
    worker.post({ kind: 'load', program, image, blocks, pid });
    return answered;
  }

  launch(start: StartKind): void {
    const name = start.kind === 'entry' ? 'entry' : 'hr_restarted';
    const { entryLimitMs: limitMs } = this.#options;
    this.#begin({ kind: 'entry', name, limitMs }, { kind: 'launch', start, pid: this.#pid });
  }

  call(request: CallRequest, limitMs: number | null): Promise<ReturnValue> {
    if (this.#activities.size >= this.#options.maxQueuedCalls) {
      return Promise.reject(new RekindleError('CALL_QUEUE_FULL', this.#name));
    }
    const { exportName: name } = request;
    return new Promise((resolve, reject) => {
      this.#begin(
        { kind: 'call', name, limitMs, resolve, reject },
        { kind: 'call', request, pid: this.#pid },
      );
    });
  }

  callSync(): ReturnValue {
    const detail = 'a guest in a thread cannot be called synchronously';
    throw new RekindleError('PLACEMENT_UNSUITED', this.#name, detail);
  }

  checkpoint(): Promise<number> {
    return new Promise((resolve, reject) => {
      const activity: Activity = { kind: 'checkpoint', name: 'checkpoint', limitMs: null, resolve, reject };
      this.#begin(activity, { kind: 'checkpoint', pid: this.#pid });
    });
  }

  stop(reason: StopReason): MaybePromise<void> {
    const busy = this.#loading !== null || (this.#activities.size > 0 && !this.#runOver);
    this.#live = false;
    for (const activity of this.#activities.takeAll())
      rejectActivity(activity, stopError(this.#name, reason));
    this.#loading?.reject(stopError(this.#name, reason));
    this.#worker?.keepHostAlive(false);
    if (!busy || this.#worker === null) return;
    const worker = this.#worker;
    this.#worker = null;
    return worker.terminate();
  }

  async dispose(reason: StopReason): Promise<void> {
    await this.stop(reason);
    const worker = this.#worker;
    this.#worker = null;
    if (worker === null) return;
    worker.post({ kind: 'unload' });
    this.#options.pool.release(worker);
  }

  get #name(): string {
    return this.#options.program.processName;
  }

  #takeWorker(): PooledWorker {
    const worker = this.#options.pool.acquire();
    this.#worker = worker;
    worker.listen({
      message: (message) => this.#receive(worker, message),
      lost: (reason) => this.#lost(reason),
    });
    return worker;
  }

  #dropWorker(worker: PooledWorker): void {
    this.#worker = null;
    void worker.terminate();
  }

  #begin(activity: Activity, message: Parameters<PooledWorker['post']>[0]): void {
    const worker = this.#worker;
    invariant(worker !== null, 'a process that is asked to run has a worker');
    this.#activities.add(activity);
    worker.keepHostAlive(true);
    worker.post(message);
  }

  /** Takes the activity the worker has just answered. */
  #finish(): Activity {
    const done = this.#activities.finish();
    if (this.#activities.size === 0) this.#worker?.keepHostAlive(false);
    return done;
  }

  /** The running activity failed without the worker saying so; the controller will stop what is left of it. */
  #fail(worker: PooledWorker | null, fault: Fault): void {
    const { running } = this.#activities;
    if (running !== null) rejectActivity(running, new GuestFaultError(this.#name, fault));
    this.#options.events.faulted(fault, worker?.exitHandlerPid === this.#pid);
  }

  #lost(reason: string): void {
    const worker = this.#worker;
    // Gone before anyone is told: the next load must not take it for a worker.
    this.#worker = null;
    if (this.#loading !== null) {
      this.#loading.reject(new RekindleError('WORKER_UNAVAILABLE', this.#name, reason));
      return;
    }
    if (!this.#live) return;
    const activity = this.#activities.running?.name ?? null;
    this.#fail(worker, faultFromOutside('worker-lost', reason, { activity, generation: this.#generation }));
  }

  #receive(worker: PooledWorker, message: FromGuest): void {
    // Written is written, also by a run that has been stopped since: its blocks keep what it stored before, too.
    if (message.kind === 'write') return this.#write(message);
    if (worker !== this.#worker || message.pid !== this.#pid) return;
    switch (message.kind) {
      case 'loaded':
        return this.#loading?.resolve();
      case 'load-failed':
        this.#knowsProgram = false;
        return this.#loading?.reject(fromPortable(message.error));
      case 'ended':
        return this.#ended(message.outcome);
      case 'call-refused':
        return rejectActivity(
          this.#finish(),
          new RekindleError('ARGUMENT_INVALID', this.#name, message.message),
        );
      case 'checkpointed':
        return this.#checkpointed(message.generation);
      case 'checkpoint-failed':
        return rejectActivity(this.#finish(), fromPortable(message.error));
      case 'service':
        this.#serve(worker, message);
        return;
    }
  }

  #checkpointed(generation: number): void {
    const activity = this.#finish();
    invariant(activity.kind === 'checkpoint', 'a worker answers in order');
    this.#generation = generation;
    activity.resolve(generation);
  }

  #ended(outcome: RunOutcome): void {
    const { events } = this.#options;
    const activity = this.#finish();
    if (outcome.kind === 'returned') {
      if (activity.kind === 'entry') return events.ready();
      invariant(activity.kind === 'call', 'a worker answers in order');
      return activity.resolve(outcome.value);
    }
    this.#runOver = true;
    if (outcome.kind === 'faulted') {
      rejectActivity(activity, new GuestFaultError(this.#name, outcome.fault));
      events.faulted(outcome.fault, outcome.handlerInstalled);
    } else if (outcome.kind === 'exited') {
      const fault = events.exited({ ...outcome, activity: activity.name });
      const ended = new RekindleError(
        'PROCESS_ENDED',
        this.#name,
        `exit(${outcome.status}) in ${activity.name}`,
      );
      rejectActivity(activity, fault === null ? ended : new GuestFaultError(this.#name, fault));
    }
  }

  #write({ stream, bytes }: FromGuest & { readonly kind: 'write' }): void {
    this.#options.services.write(stream, bytes);
  }

  /** Serves one request. A run that was stopped meanwhile, perhaps by this very request, gets no answer: it must not go on. */
  #serve(worker: PooledWorker, request: ServiceRequest): void {
    const expected = (): boolean => this.#live && worker === this.#worker && request.pid === this.#pid;
    const answer = (value: unknown): void => {
      if (expected()) worker.reply({ kind: 'result', request: request.request, value });
    };
    const refuse = (error: unknown): void => {
      if (error instanceof InvariantViolation) throw error;
      if (expected()) worker.reply({ kind: 'thrown', request: request.request, error: toPortable(error) });
    };
    const service = this.#options.services[request.service] as (
      ...args: readonly unknown[]
    ) => MaybePromise<unknown>;
    try {
      const result = service(...request.args);
      if (result instanceof Promise) result.then(answer, refuse);
      else answer(result);
    } catch (error) {
      refuse(error);
    }
  }
}
