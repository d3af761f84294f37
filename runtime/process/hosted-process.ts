// A process as the site keeps it: its identity, its images, its placement, and which run of it is current. It carries out what the
// controller says and passes on what its placement reports; it never restarts itself.
import { CAUSE_REQUEST, EXPORT_COMMAND_ENTRY, EXPORT_RESTARTED } from '../../abi/hr.ts';
import { type ErrorCode, RekindleError } from '../errors.ts';
import { Generations } from '../image/generations.ts';
import type { ExportedFunction } from '../image/layout.ts';
import type { ProcessImage } from '../image/process-image.ts';
import { invariant } from '../invariant.ts';
import type { Credentials } from '../memory/credentials.ts';
import type { BlockMapping } from '../memory/guest-memory.ts';
import type { BlockClient, PersistentMemoryManager } from '../memory/persistent-memory-manager.ts';
import { checkCall } from './call-arguments.ts';
import type { Fault } from './fault.ts';
import type { MaybePromise, Placement, PlacementKind, StopReason } from './placement.ts';
import { type ProcessState, transition } from './process-state.ts';
import type { Argument, CallRequest, GuestProgram, ReturnKind, ReturnValue, StartKind } from './program.ts';

/** `direct`: started by arun in a group. `indirect`: by hrfexec. `plain`: not restartable (reference, section 1.2). */
export type ProcessKind = 'direct' | 'indirect' | 'plain';

/** What was said when the process was first started; handed on to the processes it spawns. */
export interface ProcessSettings {
  readonly placement: PlacementKind;
  readonly credentials: Credentials;
  readonly memoryQuotaBytes: number;
  /** `zero`: exit status 0 is clean without HR_EXIT_HDL (reference, section 12). */
  readonly cleanExit: 'handler' | 'zero';
  /** Limit of each call that does not bring its own, in milliseconds; null for none. */
  readonly callLimitMs: number | null;
  /** Limit of the entry, in milliseconds; null for none. */
  readonly entryLimitMs: number | null;
  readonly restore: 'in-place' | 'fresh';
}

export interface ProcessIdentity {
  readonly name: string;
  readonly kind: ProcessKind;
  readonly path: string;
  /** Null for plain processes. */
  readonly groupId: number | null;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly settings: ProcessSettings;
}

/**
 * How a run ended that will not be restarted: by exit; by a fault (of a plain process, or after HR_EXIT_HDL); or with its group or site.
 */
export type ProcessEnd =
  | { readonly kind: 'exit'; readonly status: number }
  | { readonly kind: 'fault'; readonly fault: Fault }
  | { readonly kind: 'killed' };

export interface HostedProcessOptions {
  readonly identity: ProcessIdentity;
  readonly image: ProcessImage;
  readonly pmm: PersistentMemoryManager;
  /** Makes the placement for a program; called anew when the process is run again after its end. */
  readonly place: (program: GuestProgram) => Placement;
  readonly program: Omit<
    GuestProgram,
    'processName' | 'module' | 'layout' | 'entryKind' | 'firstStackPointer' | 'args' | 'env' | 'alwaysFresh'
  >;
}

export class HostedProcess {
  readonly identity: ProcessIdentity;
  readonly #options: HostedProcessOptions;
  #image: ProcessImage;
  #functions: ReadonlyMap<string, ExportedFunction>;
  #generations: Generations;
  #placement: Placement | null = null;
  #unplaced: Promise<void> = Promise.resolve();
  #state: ProcessState = 'loading';
  #pid = 0;
  #groupSerial: number | null = null;
  /** What a call gets while nothing runs. */
  #stopCode: ErrorCode = 'PROCESS_RESTARTING';
  /** Who waits for the state to change. */
  readonly #watchers = new Set<() => void>();
  #end: ProcessEnd | null = null;
  readonly #exited: Promise<ProcessEnd>;
  #resolveExited: (end: ProcessEnd) => void = () => undefined;

  constructor(options: HostedProcessOptions) {
    this.identity = options.identity;
    this.#options = options;
    this.#image = options.image;
    this.#functions = functionsOf(options.image);
    this.#generations = new Generations(options.pmm, options.identity.name, options.image);
    this.#exited = new Promise((resolve) => {
      this.#resolveExited = resolve;
    });
  }

  get state(): ProcessState {
    return this.#state;
  }

  /** It has been loaded, and the controller has been asked to admit it: from then on it is nobody's to throw away. */
  admissionPending = false;

  /** It has been loaded and neither stopped nor ended since. */
  get hasRun(): boolean {
    return this.#state === 'running' || this.#state === 'ready';
  }

  get pid(): number {
    return this.#pid;
  }

  get image(): ProcessImage {
    return this.#image;
  }

  get generations(): Generations {
    return this.#generations;
  }

  get end(): ProcessEnd | null {
    return this.#end;
  }

  get exited(): Promise<ProcessEnd> {
    return this.#exited;
  }

  get isReactor(): boolean {
    return !this.#exports(EXPORT_COMMAND_ENTRY);
  }

  /** Said when the process joins its group; null for a plain one. */
  set groupSerial(serial: number | null) {
    this.#groupSerial = serial;
  }

  /** As the Persistent Memory Manager knows the current run. */
  get client(): BlockClient {
    const { name, groupId, settings } = this.identity;
    const serial = this.#groupSerial;
    const group = groupId === null || serial === null ? null : { id: groupId, serial };
    return { processName: name, pid: this.#pid, credentials: settings.credentials, group };
  }

  /** Brings an instance to the current image as run `pid`. `anew`: to generation 0, the later ones forgotten. */
  load(pid: number, anew = false): MaybePromise<void> {
    invariant(
      this.#state !== 'running' && this.#state !== 'ready',
      'a process is loaded when nothing of it runs',
    );
    if (anew) this.#generations.resetToGeneration0();
    this.#pid = pid;
    this.#end = null;
    this.#placement ??= this.#options.place(this.#program());
    const { generation, offset, headBytes } = this.#generations.current;
    return this.#placement.load({ generation, offset, headBytes }, this.#reacquireBlocks(), pid);
  }

  /** Starts what has been loaded. `cause`: a CAUSE_* number of abi/hr.ts, for hr_restarted. */
  launch(cause: number = CAUSE_REQUEST): void {
    this.#go('running');
    const placement = this.#current();
    const fromLaterGeneration = this.#generations.current.generation > 0;
    const start: StartKind = fromLaterGeneration ? { kind: 'restarted', cause } : { kind: 'entry' };
    // A reactor at a checkpoint has nothing to run: its exports are simply callable again.
    if (fromLaterGeneration && !this.#exports(EXPORT_RESTARTED)) return this.becomeReady();
    placement.launch(start);
  }

  /** A process that was stopped is about to be loaded after all, by the controller. */
  willRestart(): void {
    this.#go('restarting');
  }

  /** A process that was stopped or has ended is about to be loaded, on behalf of a parent. */
  willLoad(): void {
    this.#go('loading');
  }

  /** What `willLoad` announced has come to nothing: all is as before. `end`: how the last run had ended, if it had. */
  loadAbandoned(end: ProcessEnd | null): MaybePromise<void> {
    const reason: StopReason = { code: 'PROCESS_ENDED', detail: 'it was not started after all' };
    return end === null ? this.stop('stopped', reason) : this.finish(end, reason);
  }

  becomeReady(): void {
    if (this.#state === 'running' && this.isReactor) this.#go('ready');
  }

  /** Ends the current run: afterwards none of its code runs and no block is mapped on its account. */
  stop(next: 'restarting' | 'stopped', reason: StopReason): MaybePromise<void> {
    this.#go(next);
    this.#stopCode = reason.code === 'PROCESS_RESTARTED' ? 'PROCESS_RESTARTING' : reason.code;
    const stopped = this.#placement?.stop(reason);
    if (stopped instanceof Promise) return stopped.then(() => this.#runIsOver());
    this.#runIsOver();
  }

  /** The run is over for good; images stay, so that the process may be run again while its group lives. */
  finish(end: ProcessEnd, reason: StopReason): MaybePromise<void> {
    this.#go('ended');
    this.#end = end;
    return this.unplace(reason);
  }

  /** Gives up the instance and the thread it had; the next `load` finds new ones. */
  unplace(reason: StopReason): MaybePromise<void> {
    const placement = this.#placement;
    this.#placement = null;
    const disposed = placement?.dispose(reason);
    if (!(disposed instanceof Promise)) return this.#runIsOver();
    this.#unplaced = disposed.then(() => this.#runIsOver());
    return this.#unplaced;
  }

  /** Resolves when the last instance has been given up. */
  get unplaced(): Promise<void> {
    return this.#unplaced;
  }

  /** Nothing will run this process again. Generations go; the process image is the caller's to release. */
  retire(): void {
    invariant(this.#state === 'ended' && this.#end !== null, 'a process is retired after its end');
    this.#generations[Symbol.dispose]();
    this.#resolveExited(this.#end);
  }

  /** A cold start: another process image in place of the present one, which is returned for its owner to release. */
  replaceImage(image: ProcessImage): ProcessImage {
    invariant(this.#placement === null, 'images are replaced while there is no instance');
    this.#generations[Symbol.dispose]();
    const previous = this.#image;
    this.#image = image;
    this.#functions = functionsOf(image);
    this.#generations = new Generations(this.#options.pmm, this.identity.name, image);
    this.#go('restarting');
    return previous;
  }

  async call(
    exportName: string,
    args: readonly Argument[],
    options: { returns: ReturnKind; limitMs: number | null },
  ): Promise<ReturnValue> {
    const request = this.#checkedCall(exportName, args, options.returns);
    return this.#current().call(request, options.limitMs ?? this.identity.settings.callLimitMs);
  }

  callSync(
    exportName: string,
    args: readonly Argument[],
    options: { returns: ReturnKind; limitMs: number | null },
  ): ReturnValue {
    const request = this.#checkedCall(exportName, args, options.returns);
    return this.#current().callSync(request, options.limitMs ?? this.identity.settings.callLimitMs);
  }

  async checkpoint(): Promise<number> {
    this.#refuseUnlessCallable();
    if (this.identity.kind === 'plain') {
      throw new RekindleError('CHECKPOINT_REFUSED', this.identity.name, 'the process is not restartable');
    }
    return this.#current().checkpoint();
  }

  #checkedCall(exportName: string, args: readonly Argument[], returns: ReturnKind): CallRequest {
    this.#refuseUnlessCallable();
    return checkCall(this.identity.name, this.#functions, exportName, args, returns);
  }

  #refuseUnlessCallable(): void {
    switch (this.#state) {
      case 'running':
      case 'ready':
        return;
      case 'ended':
        throw new RekindleError('PROCESS_ENDED', this.identity.name);
      default:
        throw new RekindleError(this.#stopCode, this.identity.name, `the process is ${this.#state}`);
    }
  }

  #current(): Placement {
    invariant(this.#placement !== null, 'a process that runs has a placement');
    return this.#placement;
  }

  /**
   * Resolves when the process takes calls: a reactor when its entry has returned, a command when it runs. Rejects with what a call
   * would get when it never will, or with PROCESS_RESTARTING after `limitMs`.
   */
  async whenReady(limitMs: number): Promise<void> {
    const deadlineMs = performance.now() + limitMs;
    while (!this.#isReady()) {
      if (this.#state === 'ended' || this.#stopCode !== 'PROCESS_RESTARTING') this.#refuseUnlessCallable();
      const remainingMs = deadlineMs - performance.now();
      if (remainingMs <= 0) {
        const detail = `the process is ${this.#state} after ${limitMs} ms`;
        throw new RekindleError('PROCESS_RESTARTING', this.identity.name, detail);
      }
      await this.#nextState(remainingMs);
    }
  }

  #isReady(): boolean {
    return this.#state === 'ready' || (this.#state === 'running' && !this.isReactor);
  }

  /** Resolves at the next change of state, or after `limitMs`. */
  #nextState(limitMs: number): Promise<void> {
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

  #go(next: ProcessState): void {
    this.#state = transition(this.identity.name, this.#state, next);
    if (next === 'restarting' || next === 'loading') this.#stopCode = 'PROCESS_RESTARTING';
    for (const wake of [...this.#watchers]) wake();
  }

  #runIsOver(): void {
    this.#options.pmm.release(this.#pid);
  }

  /** The image's blocks as far as they still exist; the ranges of the others read as zero. */
  #reacquireBlocks(): readonly BlockMapping[] {
    const mappings: BlockMapping[] = [];
    for (const { blockId, address } of this.#generations.current.blocks) {
      const extent = this.#options.pmm.reacquire(this.client, blockId);
      if (extent !== null) mappings.push({ blockId, address, extent });
    }
    return mappings;
  }

  #exports(name: string): boolean {
    return this.#functions.has(name);
  }

  #program(): GuestProgram {
    const { name, args, env, settings } = this.identity;
    const { module, layout, firstStackPointer } = this.#image;
    return {
      ...this.#options.program,
      processName: name,
      module,
      layout,
      entryKind: this.isReactor ? 'reactor' : 'command',
      firstStackPointer,
      args,
      env,
      alwaysFresh: settings.restore === 'fresh',
    };
  }
}

function functionsOf(image: ProcessImage): ReadonlyMap<string, ExportedFunction> {
  return new Map(image.layout.functionExports.map((each) => [each.name, each]));
}
