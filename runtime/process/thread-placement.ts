// The placement `thread`: guest code runs in a worker of its own, so it can neither block nor take down the host. A worker that
// is busy can only be stopped by ending it; an idle one is restored where it is.
import { RekindleError } from '../errors.ts';
import { InvariantViolation, invariant } from '../invariant.ts';
import { WORKER_REPLY_TIMEOUT_MS } from '../limits.ts';
import type { BlockMapping } from '../memory/guest-memory.ts';
import { type Fault, faultFromOutside, faultFromPortable, GuestFaultError } from './fault.ts';
import { PendingLoad } from './pending-load.ts';
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
  ExportOrder,
  GuestProgram,
  ImageReference,
  ReturnValue,
  StartKind,
} from './program.ts';
import type { HostServices } from './services.ts';
import { type Activity, rejectActivity, ThreadActivities } from './thread-activities.ts';
import type { PooledWorker, WorkerPool } from './worker-pool.ts';
import type { FromGuest, PortableOutcome, ServiceRequest, ToWorker } from './worker-protocol.ts';

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

export class ThreadPlacement implements Placement {
  readonly kind = 'thread';
  readonly #options: ThreadOptions;
  readonly #activities: ThreadActivities;
  #worker: PooledWorker | null = null;
  #pid = 0;
  #generation = 0;
  /** Between `load` and `stop`: what happens to the worker concerns the process. */
  #live = false;
  /** The worker itself has said that the run is over, or has not begun: it runs nothing any more, whatever it was asked after that. */
  #runOver = false;
  #loading: PendingLoad | null = null;
  /** The worker has been given the program. */
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
    const worker = this.#worker ?? this.#takeWorker();
    this.#pid = pid;
    this.#generation = image.generation;
    this.#live = true;
    this.#runOver = false;
    this.#activities.beginLoading();
    this.#loading = new PendingLoad({
      ask: (start) => {
        const program = this.#knowsProgram ? null : this.#options.program;
        this.#knowsProgram = true;
        worker.post({ kind: 'load', program, image, blocks, pid, start });
      },
      overdue: () => {
        const detail = `no answer within ${WORKER_REPLY_TIMEOUT_MS} ms`;
        this.#loadFailed(() => new RekindleError('WORKER_UNAVAILABLE', this.#name, detail));
        this.#dropWorker(worker);
      },
    });
    return this.#loading.answered;
  }

  /** Also before the load has been answered: what it could not load, the worker does not launch. */
  launch(start: StartKind): void {
    const name = start.kind === 'entry' ? 'entry' : 'hr_restarted';
    const { entryLimitMs: limitMs } = this.#options;
    this.#add({ kind: 'entry', name, limitMs });
    const travelsAlong = this.#loading?.ask(start) ?? false;
    if (!travelsAlong) this.#worker?.post({ kind: 'launch', start, pid: this.#pid });
  }

  call(request: CallRequest, limitMs: number | null): Promise<ReturnValue> {
    const { exportName: name } = request;
    return new Promise((resolve, reject) => {
      this.#queue(
        { kind: 'call', name, limitMs, resolve, reject },
        { kind: 'call', request, pid: this.#pid },
      );
    });
  }

  callSync(): ReturnValue {
    const detail = 'a guest in a thread cannot be called synchronously';
    throw new RekindleError('PLACEMENT_UNSUITED', this.#name, detail);
  }

  aim(): void {
    invariant(false, 'no call reaches a guest in a thread directly');
  }

  checkpoint(): Promise<number> {
    return new Promise((resolve, reject) => {
      const activity = { kind: 'checkpoint' as const, name: 'checkpoint', limitMs: null, resolve, reject };
      this.#queue(activity, { kind: 'checkpoint', pid: this.#pid });
    });
  }

  restore(): Promise<void> {
    return new Promise((resolve, reject) => {
      const activity = { kind: 'restore' as const, name: 'restore', limitMs: null, resolve, reject };
      this.#queue(activity, { kind: 'restore', pid: this.#pid });
    });
  }

  exportImage(order: ExportOrder): Promise<Uint8Array<ArrayBuffer>> {
    return new Promise((resolve, reject) => {
      const activity = { kind: 'export' as const, name: 'export', limitMs: null, resolve, reject };
      this.#queue(activity, { kind: 'export', order, pid: this.#pid });
    });
  }

  stop(reason: StopReason, next: ImageReference | null): MaybePromise<void> {
    const isLoading = this.#loading?.isAsked ?? false;
    const isBusy = isLoading || (this.#activities.size > 0 && !this.#runOver);
    this.#live = false;
    for (const activity of this.#activities.takeAll())
      rejectActivity(activity, () => stopError(this.#name, reason));
    this.#loadFailed(() => stopError(this.#name, reason));
    this.#worker?.keepHostAlive(false);
    if (!isBusy || this.#worker === null) return;
    const worker = this.#worker;
    this.#worker = null;
    const gone = worker.terminate();
    if (next !== null) this.#prepareWorker(next);
    return gone;
  }

  async dispose(reason: StopReason): Promise<void> {
    await this.stop(reason, null);
    const worker = this.#worker;
    this.#worker = null;
    if (worker === null) return;
    worker.post({ kind: 'unload' });
    this.#options.pool.release(worker);
  }

  get #name(): string {
    return this.#options.program.processName;
  }

  /**
   * While the old thread ends, which takes milliseconds, a warm one gets ready for what it will load. Not where the embedder has a module of
   * its own: what that takes hold of, a port or a lock, the old thread still has, and a module that failed once fails for good.
   */
  #prepareWorker(image: ImageReference): void {
    if (this.#options.program.importsUrl !== null) return;
    const worker = this.#options.pool.acquireWarm();
    if (worker === null) return;
    this.#attach(worker);
    this.#knowsProgram = true;
    worker.post({ kind: 'prepare', program: this.#options.program, image });
  }

  #takeWorker(): PooledWorker {
    const worker = this.#options.pool.acquire();
    this.#attach(worker);
    return worker;
  }

  #attach(worker: PooledWorker): void {
    this.#worker = worker;
    this.#knowsProgram = false;
    worker.listen({
      message: (message) => this.#receive(worker, message),
      lost: (reason) => this.#lost(reason),
    });
  }

  #dropWorker(worker: PooledWorker): void {
    this.#worker = null;
    void worker.terminate();
  }

  #queue(activity: Exclude<Activity, { readonly kind: 'entry' }>, message: ToWorker): void {
    if (this.#activities.size >= this.#options.maxQueuedCalls)
      return activity.reject(new RekindleError('CALL_QUEUE_FULL', this.#name));
    this.#add(activity);
    this.#loading?.ask(null);
    this.#worker?.post(message);
  }

  #add(activity: Activity): void {
    // What was launched ahead of its load may have lost its worker, or failed to load: a stop is on its way that takes all there is.
    invariant(this.#worker !== null || this.#runOver, 'a process that is asked to run has a worker');
    this.#activities.add(activity);
    this.#worker?.keepHostAlive(true);
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
    if (running !== null) rejectActivity(running, () => new GuestFaultError(this.#name, fault));
    this.#options.events.faulted(fault, worker?.exitHandlerPid === this.#pid);
  }

  #lost(reason: string): void {
    const worker = this.#worker;
    // Gone before anyone is told: the next load must not take it for a worker.
    this.#worker = null;
    if (this.#loading !== null)
      return this.#loadFailed(() => new RekindleError('WORKER_UNAVAILABLE', this.#name, reason));
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
        return this.#loaded();
      case 'load-failed':
        this.#loadFailed(() => fromPortable(message.error));
        // A module that failed once fails for good in its thread: what is tried again is tried in another.
        return this.#dropWorker(worker);
      case 'ended':
        return this.#ended(message.outcome);
      case 'call-refused':
        return rejectActivity(
          this.#finish(),
          () => new RekindleError('ARGUMENT_INVALID', this.#name, message.message),
        );
      case 'checkpointed':
        return this.#checkpointed(message.generation);
      case 'exported':
        return this.#exported(message.bytes);
      case 'refused':
        return rejectActivity(this.#finish(), () => fromPortable(message.error));
      case 'service':
        this.#serve(worker, message);
        return;
    }
  }

  #loaded(): void {
    const loading = this.#loading;
    this.#loading = null;
    this.#activities.loaded();
    loading?.resolve();
  }

  #loadFailed(makeError: () => Error): void {
    const loading = this.#loading;
    if (loading === null) return;
    this.#loading = null;
    this.#runOver = true;
    loading.reject(makeError());
  }

  #checkpointed(generation: number): void {
    const activity = this.#finish();
    invariant(activity.kind === 'checkpoint', 'a worker answers in order');
    this.#generation = generation;
    activity.resolve(generation);
  }

  #exported(bytes: Uint8Array<ArrayBuffer>): void {
    const activity = this.#finish();
    invariant(activity.kind === 'export', 'a worker answers in order');
    activity.resolve(bytes);
  }

  #ended(outcome: PortableOutcome): void {
    const { events } = this.#options;
    const activity = this.#finish();
    if (outcome.kind === 'returned') {
      if (activity.kind === 'entry') return events.ready();
      if (activity.kind === 'restore') return activity.resolve();
      invariant(activity.kind === 'call', 'a worker answers in order');
      return activity.resolve(outcome.value);
    }
    this.#runOver = true;
    // The events first: the restart begins with them, and making an error takes a while.
    if (outcome.kind === 'faulted') {
      const fault = faultFromPortable(outcome.fault);
      events.faulted(fault, outcome.handlerInstalled);
      rejectActivity(activity, () => new GuestFaultError(this.#name, fault));
    } else if (outcome.kind === 'exited') {
      const fault = events.exited({ ...outcome, activity: activity.name });
      rejectActivity(activity, () =>
        fault === null
          ? new RekindleError('PROCESS_ENDED', this.#name, `exit(${outcome.status}) in ${activity.name}`)
          : new GuestFaultError(this.#name, fault),
      );
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
