// An instance and what the host holds of it, made for an image or brought back to one. It runs no guest code, and it is never half at one
// image and half at another when nothing was thrown.
import { RekindleError } from '../errors.ts';
import type { ImageHead } from '../image/image-codec.ts';
import { growMemory } from '../image/instance-exports.ts';
import { StateAccess } from '../image/instance-state.ts';
import { invariant } from '../invariant.ts';
import { WASM_PAGE_SIZE } from '../limits.ts';
import type { BankView } from '../memory/bank-view.ts';
import type { BlockMapping, GuestMemory, MemoryImage } from '../memory/guest-memory.ts';
import type { AssemblyScriptValues } from './assemblyscript-values.ts';
import { BlockArena } from './block-arena.ts';
import type { GuestProgram } from './program.ts';

/** Replaced as a whole when a restore needs a fresh one. */
export interface Incarnation {
  readonly instance: WebAssembly.Instance;
  readonly state: StateAccess;
  readonly memory: GuestMemory | null;
  arena: BlockArena | null;
  values: AssemblyScriptValues | null;
}

/** What an instance is brought to. */
export interface ImagePlace {
  readonly head: ImageHead;
  readonly memory: MemoryImage;
  readonly blocks: readonly BlockMapping[];
}

/** A fresh instance at an image. Throws what instantiation throws, and MODULE_OVER_QUOTA. */
export function incarnate(
  program: GuestProgram,
  imports: WebAssembly.Imports,
  bank: BankView,
  { head, memory: image, blocks }: ImagePlace,
): Incarnation {
  const { layout } = program;
  const instance = instantiate(program, imports);
  const state = new StateAccess(instance, layout);
  const linearMemory = layout.memory === null ? null : instance.exports[layout.memory.exportName];
  let memory: GuestMemory | null = null;
  if (linearMemory instanceof WebAssembly.Memory) {
    const missingPages = (head.memoryBytes - linearMemory.buffer.byteLength) / WASM_PAGE_SIZE;
    if (missingPages > 0) growMemory(linearMemory, missingPages);
    memory = bank.guestMemory(linearMemory);
    memory.restore(image, blocks);
  }
  invariant(state.restore(head.state), 'a fresh instance can be brought to every image of its module');
  const arena = memory === null ? null : new BlockArena(memory, head.blocks);
  return { instance, state, memory, arena, values: null };
}

/** Whether it could be brought there; it has not been touched otherwise. */
export function restoreInPlace(incarnation: Incarnation, { head, memory, blocks }: ImagePlace): boolean {
  // Linear memory never shrinks: one that grew past the image cannot be put back.
  if (incarnation.memory !== null && incarnation.memory.memory.buffer.byteLength !== head.memoryBytes)
    return false;
  if (!incarnation.state.restore(head.state)) return false;
  incarnation.memory?.restore(memory, blocks);
  incarnation.arena = incarnation.memory === null ? null : new BlockArena(incarnation.memory, head.blocks);
  return true;
}

function instantiate(
  { module, processName }: GuestProgram,
  imports: WebAssembly.Imports,
): WebAssembly.Instance {
  try {
    return new WebAssembly.Instance(module, imports);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const detail = `the engine has no room for it: ${cause.message}`;
    throw new RekindleError('MODULE_OVER_QUOTA', processName, detail, { cause });
  }
}
