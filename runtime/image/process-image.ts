// Process images: a module prepared once, its text and its generation 0 in the bank, shared by all processes that run it with the
// same quota. After `acquire` nothing ever goes back to stable storage. It must never run guest code: start functions are left out.
import { createHash } from 'node:crypto';
import { RekindleError } from '../errors.ts';
import { invariant } from '../invariant.ts';
import { BANK_PAGE_SIZE } from '../limits.ts';
import type { Bank } from '../memory/bank.ts';
import type { PersistentMemoryManager, SystemBlock } from '../memory/persistent-memory-manager.ts';
import { endOfContent } from '../memory/zero-pages.ts';
import { encodeImageHead, imageMemoryOffset } from './image-codec.ts';
import { StateAccess } from './instance-state.ts';
import type { ModuleLayout } from './layout.ts';
import { prepareModule } from './prepare.ts';

/** Immutable. `generation0` is the executing image of an instance that is ready and has run nothing. */
export interface ProcessImage {
  readonly digest: string;
  readonly module: WebAssembly.Module;
  readonly layout: ModuleLayout;
  readonly generation0: { readonly offset: number; readonly headBytes: number };
  /** Value of the shadow stack pointer in generation 0; null where it could not be told. */
  readonly firstStackPointer: number | null;
}

interface Holding {
  readonly image: ProcessImage;
  readonly blocks: readonly SystemBlock[];
  users: number;
}

export class ProcessImages {
  readonly #bank: Bank;
  readonly #pmm: PersistentMemoryManager;
  readonly #holdings = new Map<string, Holding>();

  constructor(bank: Bank, pmm: PersistentMemoryManager) {
    this.#bank = bank;
    this.#pmm = pmm;
  }

  /**
   * The image of a module, made at its first use; to be released once per acquisition.
   * Throws MODULE_* as prepareModule does, BANK_FULL or BLOCK_LIMIT; nothing is kept then.
   */
  acquire(modulePath: string, bytes: Uint8Array, memoryQuotaBytes: number): ProcessImage {
    const key = `${createHash('sha256').update(bytes).digest('hex')}:${memoryQuotaBytes}`;
    const present = this.#holdings.get(key);
    const holding = present ?? this.#make(key, modulePath, bytes, memoryQuotaBytes);
    holding.users += 1;
    return holding.image;
  }

  release(image: ProcessImage): void {
    const holding = this.#holdingOf(image);
    holding.users -= 1;
    if (holding.users > 0) return;
    this.#holdings.delete(image.digest);
    for (const block of holding.blocks) this.#pmm.freeSystem(block);
  }

  /** Makes the counts agree with the images in use, after a change that was cut off in the middle; returns the blocks still held. */
  reconcile(inUse: readonly ProcessImage[]): readonly number[] {
    for (const [key, holding] of this.#holdings) {
      holding.users = inUse.filter((image) => image === holding.image).length;
      if (holding.users === 0) this.#holdings.delete(key);
    }
    return [...this.#holdings.values()].flatMap(({ blocks }) => blocks.map(({ blockId }) => blockId));
  }

  #holdingOf(image: ProcessImage): Holding {
    const holding = this.#holdings.get(image.digest);
    invariant(holding?.image === image, 'a process image in use is held');
    return holding;
  }

  #make(key: string, modulePath: string, bytes: Uint8Array, memoryQuotaBytes: number): Holding {
    const prepared = prepareModule(bytes, modulePath, { memoryQuotaBytes });
    const module = compile(prepared.bytes, modulePath);
    const first = firstInstance(module, prepared.layout, modulePath);
    const blocks: SystemBlock[] = [];
    try {
      const text = this.#allocate(blocks, `__SYS:text:${modulePath}`, prepared.bytes.length, modulePath);
      this.#bank.view.bytes(text.extent.offset, prepared.bytes.length).set(prepared.bytes);
      const state = first.access.capture(modulePath);
      const head = encodeImageHead({
        generation: 0,
        memoryBytes: first.memory.length,
        storedBytes: first.storedBytes,
        state,
        blocks: [],
      });
      const memoryOffset = imageMemoryOffset(head.length);
      const place = this.#allocate(
        blocks,
        `__SYS:image:${modulePath}`,
        memoryOffset + first.storedBytes,
        modulePath,
      );
      this.#bank.view.bytes(place.extent.offset, head.length).set(head);
      this.#bank.view
        .bytes(place.extent.offset + memoryOffset, first.storedBytes)
        .set(first.memory.subarray(0, first.storedBytes));
      const image: ProcessImage = Object.freeze({
        digest: key,
        module,
        layout: prepared.layout,
        generation0: { offset: place.extent.offset, headBytes: head.length },
        firstStackPointer: stackPointerIn(prepared.layout, state.globals),
      });
      const holding = { image, blocks, users: 0 };
      this.#holdings.set(key, holding);
      return holding;
    } catch (error) {
      for (const block of blocks) this.#pmm.freeSystem(block);
      throw error;
    }
  }

  #allocate(owned: SystemBlock[], name: string, sizeBytes: number, culprit: string): SystemBlock {
    const result = this.#pmm.allocateSystem(name, sizeBytes);
    if (result.kind === 'refused') {
      throw new RekindleError(
        result.reason === 'bank-full' ? 'BANK_FULL' : 'BLOCK_LIMIT',
        culprit,
        'no room for its process image',
      );
    }
    owned.push(result.block);
    return result.block;
  }
}

function compile(bytes: Uint8Array, modulePath: string): WebAssembly.Module {
  try {
    return new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
  } catch (cause) {
    if (cause instanceof WebAssembly.CompileError) {
      throw new RekindleError(
        'MODULE_UNSUPPORTED',
        modulePath,
        `prepared, the engine refuses it: ${cause.message}`,
        { cause },
      );
    }
    throw cause;
  }
}

interface FirstInstance {
  readonly access: StateAccess;
  readonly memory: Uint8Array;
  readonly storedBytes: number;
}

/** An instance whose segments have been applied and which has run nothing else. */
function firstInstance(module: WebAssembly.Module, layout: ModuleLayout, modulePath: string): FirstInstance {
  const neverCalled = (): never => {
    throw new RekindleError('MODULE_UNSUPPORTED', modulePath, 'a segment initialiser called an import');
  };
  const imports: WebAssembly.Imports = {};
  for (const { module: from, name } of layout.functionImports)
    imports[from] = { ...imports[from], [name]: neverCalled };
  let access: StateAccess;
  let instance: WebAssembly.Instance;
  try {
    instance = new WebAssembly.Instance(module, imports);
    access = new StateAccess(instance, layout);
    access.initialize();
  } catch (cause) {
    if (cause instanceof WebAssembly.RuntimeError) {
      throw new RekindleError('MODULE_MALFORMED', modulePath, `its segments do not fit: ${cause.message}`, {
        cause,
      });
    }
    if (cause instanceof RangeError) {
      throw new RekindleError(
        'MODULE_OVER_QUOTA',
        modulePath,
        `the engine has no room for it: ${cause.message}`,
        { cause },
      );
    }
    throw cause;
  }
  const exported = layout.memory === null ? null : instance.exports[layout.memory.exportName];
  const memory = exported instanceof WebAssembly.Memory ? new Uint8Array(exported.buffer) : new Uint8Array(0);
  const allPages = { firstPage: 0, pageCount: memory.length / BANK_PAGE_SIZE };
  return { access, memory, storedBytes: endOfContent(memory, [allPages], 0) };
}

function stackPointerIn(layout: ModuleLayout, globals: readonly unknown[]): number | null {
  const value = layout.stackPointer === null ? null : globals[layout.stackPointer];
  return typeof value === 'number' ? value : null;
}
