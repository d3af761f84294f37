// An instance and what the host holds of it, made for an image or brought back to one. It runs no guest code, and it is never half at one
// image and half at another when nothing was thrown.
import { RekindleError } from '../errors.ts';
import type { ImageHead } from '../image/image-codec.ts';
import { exportedMemory, growMemory } from '../image/instance-exports.ts';
import { StateAccess } from '../image/instance-state.ts';
import { invariant } from '../invariant.ts';
import { WASM_PAGE_SIZE } from '../limits.ts';
import type { BankView } from '../memory/bank-view.ts';
import type { BlockMapping, MemoryImage } from '../memory/guest-memory.ts';
import { InstanceMemories } from '../memory/instance-memories.ts';
import type { AssemblyScriptValues } from './assemblyscript-values.ts';
import { BlockArena } from './block-arena.ts';
import type { GuestProgram } from './program.ts';

/** Replaced as a whole when a restore needs a fresh one. */
export interface Incarnation {
  readonly instance: WebAssembly.Instance;
  readonly state: StateAccess;
  readonly memories: InstanceMemories;
  arena: BlockArena | null;
  values: AssemblyScriptValues | null;
}

/** What an instance is brought to. */
export interface ImagePlace {
  readonly head: ImageHead;
  readonly memories: readonly MemoryImage[];
  readonly blocks: readonly BlockMapping[];
}

/** A fresh instance at an image. Throws what instantiation throws, and MODULE_OVER_QUOTA. */
export function incarnate(
  program: GuestProgram,
  imports: WebAssembly.Imports,
  bank: BankView,
  { head, memories: images, blocks }: ImagePlace,
): Incarnation {
  const { layout } = program;
  const instance = instantiate(program, imports);
  const state = new StateAccess(instance, layout);
  const found = layout.memories.map(({ exportName }, index) => {
    const memory = exportedMemory(instance.exports, exportName);
    const missingPages = ((images[index]?.memoryBytes ?? 0) - memory.buffer.byteLength) / WASM_PAGE_SIZE;
    if (missingPages > 0) growMemory(memory, missingPages);
    return memory;
  });
  const memories = new InstanceMemories(
    found.map((memory) => bank.guestMemory(memory)),
    layout.linearMemory,
  );
  memories.restore(images, blocks);
  invariant(state.restore(head.state), 'a fresh instance can be brought to every image of its module');
  return { instance, state, memories, arena: arenaOf(memories, head), values: null };
}

/** Whether it could be brought there; it has not been touched otherwise. */
export function restoreInPlace(
  incarnation: Incarnation,
  { head, memories: images, blocks }: ImagePlace,
): boolean {
  const { memories, state } = incarnation;
  // Memories never shrink: one that grew past the image cannot be put back.
  if (!memories.fit(images) || !state.restore(head.state)) return false;
  memories.restore(images, blocks);
  incarnation.arena = arenaOf(memories, head);
  return true;
}

function arenaOf({ linear }: InstanceMemories, { blocks }: ImageHead): BlockArena | null {
  return linear === null ? null : new BlockArena(linear, blocks);
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
