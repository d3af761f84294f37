// A process as the site keeps it: its identity, its images, its placement, and which run of it is current. It carries out what the
// controller says and passes on what its placement reports; it never restarts itself.
import { CAUSE_REQUEST, EXPORT_RESTARTED } from '../../abi/hr.ts';
import { RekindleError } from '../errors.ts';
import type { Volumes } from '../files/volumes.ts';
import type { FoundGenerations, GenerationFacts, Generations } from '../image/generations.ts';
import type { GivenGlobals } from '../image/imported-globals.ts';
import type { FunctionType } from '../image/layout.ts';
import type { ProcessImage } from '../image/process-image.ts';
import { invariant } from '../invariant.ts';
import type { BlockMapping, PageSet } from '../memory/guest-memory.ts';
import type { BlockClient } from '../memory/persistent-memory-manager.ts';
import { type BoundCall, BoundCalls } from './bound-call.ts';
import { type CompletedOptions, checkCall, PLAIN_CALL, requireExport } from './call-arguments.ts';
import type { Fault } from './fault.ts';
import { HeldImages, type HeldImagesOptions } from './held-images.ts';
import type { ProcessIdentity } from './identity.ts';
import type { MaybePromise, Placement, StopReason } from './placement.ts';
import { type ProcessState, StateOfProcess } from './process-state.ts';
import type { Argument, CallRequest, GuestProgram, ReturnKind, ReturnValue, StartKind } from './program.ts';
import type { Stdio } from './stdio.ts';

/**
 * How a run ended that will not be restarted: by exit; by a fault (of a plain process, or after HR_EXIT_HDL); or with its group or site.
 */
export type ProcessEnd =
  | { readonly kind: 'exit'; readonly status: number }
  | { readonly kind: 'fault'; readonly fault: Fault }
  | { readonly kind: 'killed' };

export interface HostedProcessOptions extends HeldImagesOptions {
  readonly volumes: Pick<Volumes, 'release'>;
  readonly image: ProcessImage;
  /** Makes the placement for a program; called anew when the process is run again after its end. */
  readonly place: (program: GuestProgram) => Placement;
  readonly program: Pick<GuestProgram, 'hostFunctions' | 'importsUrl'>;
  readonly stdio: Stdio;
  /** What the embedder gives for imported globals, if an image has to be made anew. */
  readonly globals: GivenGlobals;
  /** Of a process that an earlier site has registered; null for a new one. */
  readonly past: ProcessPast | null;
}

/** What an earlier site has left of a process. */
export interface ProcessPast {
  /** `ended`: its last run had ended cleanly. */
  readonly state: 'stopped' | 'ended';
  readonly groupSerial: number;
  readonly generations: FoundGenerations;
  /** What a call gets until it runs again. */
  readonly stopReason: StopReason;
}

export class HostedProcess {
  readonly identity: ProcessIdentity;
  readonly stdio: Stdio;
  readonly #options: HostedProcessOptions;
  readonly #images: HeldImages;
  #placement: Placement | null = null;
  #unplacing: Promise<void> | null = null;
  readonly #state: StateOfProcess;
  #pid = 0;
  #groupSerial: number | null = null;
  #useful = false;
  #launchedMs = performance.now();
  #readyMs: number | null = null;
  #end: ProcessEnd | null = null;
  readonly #bound = new BoundCalls((call, args) => this.#callInFull(call, args));
  readonly #exited: Promise<ProcessEnd>;
  #resolveExited: (end: ProcessEnd) => void = () => undefined;

  constructor(options: HostedProcessOptions) {
    this.identity = options.identity;
    this.stdio = options.stdio;
    this.#options = options;
    const { past } = options;
    this.#images = new HeldImages(options, options.image, past?.generations);
    this.#state = new StateOfProcess(options.identity.name, past?.state ?? 'loading', past?.stopReason);
    if (past !== null) {
      this.#groupSerial = past.groupSerial;
      // How it ended, its last host knew.
      if (past.state === 'ended') this.#end = { kind: 'killed' };
    }
    this.#exited = new Promise((resolve) => {
      this.#resolveExited = resolve;
    });
  }

  get state(): ProcessState {
    return this.#state.now;
  }

  /** What it imports from the embedder, as far as that can be written down. */
  get externals(): HostedProcessOptions['program'] {
    return this.#options.program;
  }

  get globals(): GivenGlobals {
    return this.#options.globals;
  }

  /** The present run has done what it is there for: answered a call, or made a generation. */
  get useful(): boolean {
    return this.#useful;
  }

  /** How long the present run has been at work, and how long in an entry that has not come to its end, in milliseconds. */
  get lasted(): { readonly upMs: number; readonly entryMs: number } {
    const nowMs = performance.now();
    // A command is at work in its entry.
    if (!this.isReactor) return { upMs: nowMs - this.#launchedMs, entryMs: 0 };
    if (this.#readyMs === null) return { upMs: 0, entryMs: nowMs - this.#launchedMs };
    return { upMs: nowMs - this.#readyMs, entryMs: 0 };
  }

  /** It has been loaded, and the controller has been asked to admit it: from then on it is nobody's to throw away. */
  admissionPending = false;

  /** It has been loaded and neither stopped nor ended since. */
  get hasRun(): boolean {
    return this.state === 'running' || this.state === 'ready';
  }

  get pid(): number {
    return this.#pid;
  }

  get image(): ProcessImage {
    return this.#images.image;
  }

  get generations(): Generations {
    return this.#images.generations;
  }

  get end(): ProcessEnd | null {
    return this.#end;
  }

  get exited(): Promise<ProcessEnd> {
    return this.#exited;
  }

  get isReactor(): boolean {
    return this.#images.isReactor;
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
    invariant(!this.hasRun, 'a process is loaded when nothing of it runs');
    if (anew) this.generations.resetToGeneration0();
    this.#pid = pid;
    this.#useful = false;
    this.#end = null;
    const { terminals } = this.stdio;
    this.#placement ??= this.#options.place(this.#images.program({ ...this.externals, terminals }));
    return this.#placement.load(this.#images.current, this.#images.reacquireBlocks(this.client), pid);
  }

  /** Starts what has been loaded. `cause`: a CAUSE_* number of abi/hr.ts, for hr_restarted. */
  launch(cause: number = CAUSE_REQUEST): void {
    this.#state.go('running');
    this.#launchedMs = performance.now();
    this.#readyMs = null;
    const placement = this.#current();
    const fromLaterGeneration = this.generations.current.generation > 0;
    const start: StartKind = fromLaterGeneration ? { kind: 'restarted', cause } : { kind: 'entry' };
    // A reactor at a checkpoint has nothing to run: its exports are simply callable again.
    if (fromLaterGeneration && !this.#images.functions.has(EXPORT_RESTARTED)) return this.becomeReady();
    placement.launch(start);
  }

  /** Said of a process that is stopped: what a call gets from now on, as long as nothing runs. */
  answerWhileStopped(reason: StopReason): void {
    if (this.state !== 'stopped') return;
    this.#state.answerWith(reason);
    this.#state.wake();
  }

  /** A process that was stopped is about to be loaded after all, by the controller. */
  willRestart(): void {
    this.#state.go('restarting');
  }

  /** A process that was stopped or has ended is about to be loaded, on behalf of a parent. */
  willLoad(): void {
    this.#state.go('loading');
  }

  /** What `willLoad` announced has come to nothing: all is as before. `end`: how the last run had ended, if it had. */
  loadAbandoned(end: ProcessEnd | null): MaybePromise<void> {
    const reason: StopReason = { code: 'PROCESS_ENDED', detail: 'it was not started after all' };
    return end === null ? this.stop('stopped', reason) : this.finish(end, reason);
  }

  becomeReady(): void {
    if (this.state !== 'running' || !this.isReactor) return;
    this.#readyMs = performance.now();
    this.#state.go('ready');
  }

  /** Ends the current run: afterwards none of its code runs and no block is mapped on its account. */
  stop(next: 'restarting' | 'stopped', reason: StopReason): MaybePromise<void> {
    this.#state.go(next);
    this.#state.answerWith(reason.code === 'PROCESS_RESTARTED' ? { code: 'PROCESS_RESTARTING' } : reason);
    const stopped = this.#placement?.stop(reason, next === 'restarting' ? this.#images.current : null);
    const pid = this.#pid;
    if (stopped instanceof Promise) return stopped.then(() => this.#runIsOver(pid));
    this.#runIsOver(pid);
  }

  /** The run is over for good; images stay, so that the process may be run again while its group lives. */
  finish(end: ProcessEnd, reason: StopReason): MaybePromise<void> {
    this.#state.go('ended');
    this.#end = end;
    return this.unplace(reason);
  }

  /** Gives up the instance and the thread it had; the next `load` finds new ones. */
  unplace(reason: StopReason): MaybePromise<void> {
    const placement = this.#placement;
    this.#placement = null;
    const disposed = placement?.dispose(reason);
    const pid = this.#pid;
    if (!(disposed instanceof Promise)) return this.#runIsOver(pid);
    const unplacing = disposed.then(() => {
      if (this.#unplacing === unplacing) this.#unplacing = null;
      this.#runIsOver(pid);
    });
    this.#unplacing = unplacing;
    return unplacing;
  }

  /** Resolves when the last instance has been given up; null when it has been. */
  get unplacing(): Promise<void> | null {
    return this.#unplacing;
  }

  /** Nothing will run this process again. Generations go; the process image is the caller's to release. */
  retire(): void {
    this.generations[Symbol.dispose]();
    this.conclude();
  }

  /** No run follows in this site; images stay where they are. */
  conclude(): void {
    invariant(this.state === 'ended' && this.#end !== null, 'a process is concluded after its end');
    this.#resolveExited(this.#end);
  }

  /** A cold start: another process image in place of the present one, which is returned for its owner to release. */
  replaceImage(image: ProcessImage): ProcessImage {
    invariant(this.#placement === null, 'images are replaced while there is no instance');
    const previous = this.#images.replace(image);
    this.#state.go('restarting');
    return previous;
  }

  /** The reserved place holds the next generation of the present run. */
  commitGeneration(made: GenerationFacts, changed: PageSet): void {
    this.generations.commit(made, changed);
    this.#useful = true;
  }

  /** Gives up the current generation for the one before it; null from generation 0. To be loaded again before anything of it runs. */
  rollBack(): { readonly from: number; readonly to: number } | null {
    invariant(!this.hasRun, 'a process is rolled back when nothing of it runs');
    const from = this.generations.current.generation;
    return this.generations.rollBack() ? { from, to: this.generations.current.generation } : null;
  }

  async call(exportName: string, args: readonly Argument[], options: CompletedOptions): Promise<ReturnValue> {
    const request = this.#checkedCall(exportName, args, options.returns);
    const pid = this.#pid;
    const value = await this.#current().call(request, options.limitMs ?? this.identity.settings.callLimitMs);
    if (this.#pid === pid) this.#useful = true;
    return value;
  }

  callSync(exportName: string, args: readonly Argument[], options: CompletedOptions): ReturnValue {
    const request = this.#checkedCall(exportName, args, options.returns);
    const value = this.#current().callSync(request, options.limitMs ?? this.identity.settings.callLimitMs);
    this.#useful = true;
    return value;
  }

  bind(exportName: string): BoundCall['function'] {
    if (this.identity.settings.placement === 'thread') {
      const detail = 'a function of a guest in a thread cannot be called synchronously';
      throw new RekindleError('PLACEMENT_UNSUITED', this.identity.name, detail);
    }
    return this.#bound.function(exportName, this.#typeOf(exportName));
  }

  /** A call by a bound function that cannot be made directly now; perhaps the next one can. */
  #callInFull(call: BoundCall, args: readonly Argument[]): ReturnValue {
    const value = this.callSync(call.exportName, args, PLAIN_CALL);
    const hasLimit = this.identity.settings.callLimitMs !== null;
    if (!hasLimit && call.suits(this.#typeOf(call.exportName))) this.#current().aim(call);
    return value;
  }

  #typeOf(exportName: string): FunctionType {
    return requireExport(this.identity.name, this.#images.functions, exportName).type;
  }

  async checkpoint(): Promise<number> {
    this.#state.requireCallable();
    if (this.identity.kind === 'plain') {
      throw new RekindleError('CHECKPOINT_REFUSED', this.identity.name, 'the process is not restartable');
    }
    return this.#current().checkpoint();
  }

  async exportImage(imports: 'trap' | 'keep'): Promise<Uint8Array<ArrayBuffer>> {
    this.#state.requireCallable();
    return this.#current().exportImage({ text: this.image.text, imports });
  }

  async restore(): Promise<void> {
    this.#state.requireCallable();
    await this.#current().restore();
  }

  restoreSync(): void {
    this.#state.requireCallable();
    const placement = this.#current();
    if (placement.kind === 'thread') {
      const detail = 'a guest in a thread cannot be restored synchronously';
      throw new RekindleError('PLACEMENT_UNSUITED', this.identity.name, detail);
    }
    const restored = placement.restore();
    invariant(!(restored instanceof Promise), 'an inline process is restored at once');
  }

  /** The blocks that the present run had mapped when its newest generation was made, in place of those it maps now. */
  reacquireBlocks(): readonly BlockMapping[] {
    this.#options.pmm.release(this.#pid);
    return this.#images.reacquireBlocks(this.client);
  }

  #checkedCall(exportName: string, args: readonly Argument[], returns: ReturnKind): CallRequest {
    this.#state.requireCallable();
    return checkCall(this.identity.name, this.#images.functions, exportName, args, returns);
  }

  #current(): Placement {
    invariant(this.#placement !== null, 'a process that runs has a placement');
    return this.#placement;
  }

  /**
   * Resolves when the process takes calls: a reactor when its entry has returned, a command when it runs. Rejects with what a call
   * would get when it never will, or with PROCESS_RESTARTING after `limitMs`.
   */
  whenReady(limitMs: number): Promise<void> {
    return this.#state.whenReady(limitMs, () => {
      return this.state === 'ready' || (this.state === 'running' && !this.isReactor);
    });
  }

  /** `pid`: of the run, for another one may have begun meanwhile. */
  #runIsOver(pid: number): void {
    this.#options.pmm.release(pid);
    this.#options.volumes.release(pid);
  }
}
