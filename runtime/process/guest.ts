// One process's guest code in the thread it runs in: the instance, its memory, and the border everything crosses. It reports how
// a run ended and never decides what follows; it never throws on account of the guest.
import { EXPORT_COMMAND_ENTRY, EXPORT_REACTOR_ENTRY, EXPORT_RESTARTED } from '../../abi/hr.ts';
import { RekindleError } from '../errors.ts';
import { decodeImageHead, type ImageHead, imageMemoryOffset } from '../image/image-codec.ts';
import { linearMemoryOf } from '../image/layout.ts';
import { InvariantViolation, invariant } from '../invariant.ts';
import { WASM_PAGE_SIZE } from '../limits.ts';
import type { BankView } from '../memory/bank-view.ts';
import type { BlockMapping, MemoryImage } from '../memory/guest-memory.ts';
import { placeMemories } from '../memory/memory-places.ts';
import type { Preview1 } from '../wasi/preview1.ts';
import { AssemblyScriptValues, ValueError } from './assemblyscript-values.ts';
import { type AimedCall, Border } from './border.ts';
import { checkpointErrno, makeGeneration } from './checkpoint.ts';
import { type Fault, faultFromException, type GuestExit, GuestStopped } from './fault.ts';
import { bindImports, type Circumstances, type EmbedderFactory } from './guest-imports.ts';
import { exportImage } from './image-export.ts';
import type { ImportContext } from './import-context.ts';
import { type ImagePlace, type Incarnation, incarnate, restoreInPlace } from './incarnation.ts';
import type {
  CallRequest,
  ExportOrder,
  GuestProgram,
  ImageReference,
  ReturnValue,
  RunOutcome,
  StartKind,
} from './program.ts';
import type { HostServices } from './services.ts';
import { wasiOf } from './wasi-imports.ts';

export interface GuestOptions {
  readonly program: GuestProgram;
  readonly bank: BankView;
  readonly services: HostServices;
  readonly embedder: EmbedderFactory;
  readonly circumstances: Circumstances;
  /** Runs an exchange of blocks so that the thread is not ended in the middle of it. */
  readonly exchanging: (exchange: () => void) => void;
}

const NO_MEMORY = new Uint8Array(0);

/** No run has it. */
export const NO_PID = 0;

export class Guest implements Disposable {
  readonly #program: GuestProgram;
  readonly #bank: BankView;
  readonly #services: HostServices;
  readonly #wasi: Preview1;
  readonly #imports: WebAssembly.Imports;
  readonly #border: Border;
  #incarnation: Incarnation | null = null;
  #image: ImageReference | null = null;
  #head: ImageHead | null = null;
  #pid = 0;
  #handlerInstalled = false;

  /** Throws IMPORT_UNRESOLVED when the module imports what nobody provides. */
  constructor(options: GuestOptions) {
    this.#program = options.program;
    this.#bank = options.bank;
    this.#services = options.services;
    // In the mapped backend there is nothing to exchange, and no border worth guarding.
    const exchange = (): void => this.#incarnation?.memories.exchange();
    this.#border = new Border(options.bank.backend === 'mapped' ? null : () => options.exchanging(exchange));
    const context: ImportContext = {
      program: options.program,
      services: options.services,
      memory: () => this.#linearMemory(),
      arena: () => this.#incarnation?.arena ?? null,
      pid: () => this.#pid,
      refuseWhenOver: () => this.#border.refuseWhenOver(),
      checkpointInCall: () => this.#checkpointInCall(),
      installExitHandler: () => {
        this.#handlerInstalled = true;
        this.#services.exitHandlerInstalled();
      },
    };
    const embedder = options.embedder({
      processName: options.program.processName,
      memory: () => this.#linearMemory(),
    });
    this.#wasi = wasiOf(context, options.bank, options.circumstances);
    this.#imports = bindImports(context, this.#wasi, embedder, options.circumstances, this.#border);
  }

  /** Guest code of this process is on the stack. */
  get active(): boolean {
    return this.#border.entered;
  }

  /** How deep on the thread's `hostFunctions` the one is that it has called; 0 when it has called none. */
  get crossing(): number {
    return this.#border.crossing;
  }

  /**
   * Puts the process at `image`, in place where the instance allows it, with `blocks` mapped, as run `pid`.
   * Throws what instantiation throws; the image itself is trusted to have been checked when it was made.
   */
  load(image: ImageReference, blocks: readonly BlockMapping[], pid: number): 'in-place' | 'fresh' {
    const way = this.#putAt(image, blocks);
    // Without a run it is only made ready: its descriptors are opened when there is one.
    if (pid !== NO_PID) this.#wasi.restore(this.#headOf(image).wasi, 'new', this.#program.processName);
    this.#pid = pid;
    this.#handlerInstalled = false;
    this.#border.reset();
    return way;
  }

  /** Runs the entry point, or hr_restarted. What a command returns counts as exit(0). */
  start(start: StartKind): RunOutcome {
    const exports = this.#current().instance.exports;
    const entry = this.#program.entryKind === 'command' ? EXPORT_COMMAND_ENTRY : EXPORT_REACTOR_ENTRY;
    const steps: { readonly name: string; readonly args: readonly number[] }[] =
      start.kind === 'restarted'
        ? [{ name: EXPORT_RESTARTED, args: [start.cause] }]
        : [...(this.#program.layout.start === null ? [] : [this.#program.layout.start]), entry].map(
            (name) => ({ name, args: [] }),
          );
    const outcome = this.#run(entry, () => {
      for (const { name, args } of steps) {
        const step = exports[name];
        if (typeof step === 'function') step(...args);
      }
      return undefined;
    });
    if (outcome.kind !== 'returned' || this.#program.entryKind === 'reactor') return outcome;
    return { kind: 'exited', status: 0, handlerInstalled: this.#handlerInstalled };
  }

  /** Calls an exported function. Arguments have been checked against its type. Throws ValueError for what the loader refuses. */
  call(request: CallRequest): RunOutcome {
    const incarnation = this.#current();
    const body = incarnation.instance.exports[request.exportName];
    invariant(typeof body === 'function', `${request.exportName} is an exported function`);
    const plain =
      request.returns === 'value' &&
      request.args.every((each) => typeof each === 'number' || typeof each === 'bigint');
    if (plain) return this.#run(request.exportName, () => body(...request.args) as ReturnValue);
    const values = this.#valuesOf(incarnation);
    return this.#run(request.exportName, () =>
      values.call(request.args, request.returns, (lowered) => body(...lowered)),
    );
  }

  /** Lets `call` enter the present instance without anybody being asked, where there is nothing to exchange (see `Border.aim`). */
  aim(call: AimedCall, conclude: AimedCall['conclude']): void {
    if (this.#border.exchange !== null) return;
    const body = this.#current().instance.exports[call.exportName];
    invariant(typeof body === 'function', `${call.exportName} is an exported function`);
    this.#border.aim(call, body as AimedCall['body'], conclude);
  }

  /** How a call ended that had been aimed here and did not just return. */
  aimedCallEnded(exportName: string, end: { readonly thrown: unknown } | null): RunOutcome {
    if (end !== null) {
      const outcome = this.#outcomeOf(end.thrown, exportName);
      this.#border.entered = false;
      return outcome;
    }
    const { ending } = this.#border;
    invariant(ending !== null, 'a call that has returned is at its end unless the guest is to be unwound');
    return this.#endingOutcome(ending);
  }

  /** Calls that are aimed here are made in full again. */
  releaseCalls(): void {
    this.#border.release();
  }

  withDeadline<T>(limitMs: number, body: () => T): T {
    return this.#border.withDeadline(limitMs, body);
  }

  /** Makes the next generation between two calls. Returns its number; throws CHECKPOINT_REFUSED or BANK_FULL. */
  checkpoint(): number {
    invariant(!this.#border.entered, 'a checkpoint from outside is made between calls');
    return this.#whileEntered(() => this.#makeGeneration(false));
  }

  /**
   * Brings the run back to its newest generation between two calls; it goes on from there, and nothing of it is run. Throws
   * RESTORE_REFUSED at generation 0, which is a guest that has not been initialised.
   */
  restore(): RunOutcome {
    invariant(!this.#border.entered, 'a restore from outside is made between calls');
    const image = this.#image;
    if (image === null || image.generation === 0)
      throw new RekindleError('RESTORE_REFUSED', this.#program.processName);
    const mapsBlocks = (this.#incarnation?.memories.linear?.blocks.length ?? 0) > 0;
    try {
      this.#whileEntered(() => {
        const blocks =
          mapsBlocks || this.#headOf(image).blocks.length > 0 ? this.#services.reacquireBlocks() : [];
        this.#putAt(image, blocks);
        this.#wasi.restore(this.#headOf(image).wasi, 'same', this.#program.processName);
      });
      return { kind: 'returned', value: undefined };
    } catch (thrown) {
      return this.#outcomeOf(thrown, 'restore');
    }
  }

  /** Its present state as a module of its own, between two calls. Throws CHECKPOINT_REFUSED, or IMAGE_DAMAGED for its text. */
  exportImage(order: ExportOrder): Uint8Array<ArrayBuffer> {
    invariant(!this.#border.entered, 'an image is exported between calls');
    return this.#whileEntered(() => exportImage(this.#program, this.#bank, this.#current(), order));
  }

  /** From now on the guest is unwound at its next host call. */
  requestStop(): void {
    this.#border.ending ??= new GuestStopped();
  }

  [Symbol.dispose](): void {
    this.#border.release();
    this.#letGo();
    this.#wasi[Symbol.dispose]();
  }

  /** Turns a run that was cut off from outside of this object's own frames into its outcome. */
  interrupted(thrown: unknown, activity: string): RunOutcome {
    this.#border.cutOff();
    return this.#outcomeOf(thrown, activity);
  }

  /**
   * Changes the guest between two calls. It counts as entered meanwhile: the watchdog of a call further out, which runs no `finally`,
   * then finds a guest that it has cut off, and one that is half changed is put back.
   */
  #whileEntered<T>(body: () => T): T {
    this.#border.entered = true;
    try {
      return body();
    } finally {
      this.#border.entered = false;
    }
  }

  #run(activity: string, body: () => ReturnValue): RunOutcome {
    const border = this.#border;
    border.enter();
    try {
      const value = body();
      if (border.ending !== null) return this.#endingOutcome(border.ending);
      return { kind: 'returned', value };
    } catch (thrown) {
      if (thrown instanceof ValueError) throw thrown;
      return this.#outcomeOf(thrown, activity);
    } finally {
      border.leave();
    }
  }

  #outcomeOf(thrown: unknown, activity: string): RunOutcome {
    if (thrown instanceof InvariantViolation) throw thrown;
    const { ending } = this.#border;
    if (ending !== null) return this.#endingOutcome(ending);
    this.#border.release();
    const memory = this.#incarnation?.memories.linear?.memory ?? null;
    const maximumPages = linearMemoryOf(this.#program.layout)?.maximumPages ?? 0;
    const fault: Fault = faultFromException(thrown, {
      activity,
      generation: this.#image?.generation ?? 0,
      memoryAtQuota: memory !== null && memory.buffer.byteLength >= maximumPages * WASM_PAGE_SIZE,
    });
    return { kind: 'faulted', fault, handlerInstalled: this.#handlerInstalled };
  }

  #endingOutcome(ending: GuestExit | GuestStopped): RunOutcome {
    this.#border.release();
    if (ending instanceof GuestStopped) return { kind: 'stopped' };
    return { kind: 'exited', status: ending.status, handlerInstalled: this.#handlerInstalled };
  }

  #putAt(image: ImageReference, blocks: readonly BlockMapping[]): 'in-place' | 'fresh' {
    const head = this.#headOf(image);
    const place = { head, memories: this.#memoryImages(image, head), blocks };
    if (this.#isRestoredInPlace(place)) return 'in-place';
    this.#border.release();
    this.#letGo();
    this.#incarnation = incarnate(this.#program, this.#imports, this.#bank, place);
    return 'fresh';
  }

  #isRestoredInPlace(place: ImagePlace): boolean {
    const present = this.#incarnation;
    return present !== null && !this.#program.alwaysFresh && restoreInPlace(present, place);
  }

  /** Nothing refers to the instance afterwards, not even a caller's frame: there may be no room for a second one beside it. */
  #letGo(): void {
    this.#incarnation?.memories[Symbol.dispose]();
    this.#incarnation = null;
  }

  #headOf(image: ImageReference): ImageHead {
    const known = this.#image;
    if (this.#head !== null && known?.offset === image.offset && known.generation === image.generation)
      return this.#head;
    const head = decodeImageHead(this.#bank.bytes(image.offset, image.headBytes));
    invariant(head.generation === image.generation, 'the image found is the one asked for');
    this.#head = head;
    this.#image = image;
    return head;
  }

  #memoryImages(image: ImageReference, head: ImageHead): readonly MemoryImage[] {
    return placeMemories(head.memories, image.offset + imageMemoryOffset(image.headBytes));
  }

  #checkpointInCall(): number {
    try {
      return this.#makeGeneration(true);
    } catch (error) {
      if (error instanceof RekindleError) return -checkpointErrno(error);
      throw error;
    }
  }

  #makeGeneration(inCall: boolean): number {
    const { state, memories, arena } = this.#current();
    const made = makeGeneration({
      program: this.#program,
      bank: this.#bank,
      services: this.#services,
      generation: (this.#image?.generation ?? 0) + 1,
      state: state.capture(this.#program.processName),
      memories,
      blocks: arena?.ranges() ?? [],
      wasi: this.#wasi.capture(this.#program.processName),
      inCall,
    });
    this.#image = made.image;
    this.#head = made.head;
    memories.rebase(this.#memoryImages(made.image, made.head));
    return made.image.generation;
  }

  #valuesOf(incarnation: Incarnation): AssemblyScriptValues {
    const { linear } = incarnation.memories;
    if (linear === null) throw new ValueError('the guest has no memory to hold strings or arrays');
    incarnation.values ??= new AssemblyScriptValues(incarnation.instance.exports, linear.memory);
    return incarnation.values;
  }

  #current(): Incarnation {
    invariant(this.#incarnation !== null, 'the guest has been loaded');
    return this.#incarnation;
  }

  #linearMemory(): Uint8Array {
    const memory = this.#incarnation?.memories.linear?.memory;
    return memory === undefined ? NO_MEMORY : new Uint8Array(memory.buffer);
  }
}
