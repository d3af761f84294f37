// Where persistent blocks lie in one linear memory: ranges the host grew for them, never the guest's own. It decides addresses
// and keeps the free ranges; it never touches the bank.
import type { ImageBlock } from '../image/image-codec.ts';
import { WASM_PAGE_SIZE } from '../limits.ts';
import type { Extent } from '../memory/extents.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';

/** Stands for "no block" in an image: a range of the arena that is free. */
const FREE_RANGE = 0;

interface Range {
  readonly address: number;
  readonly sizeBytes: number;
}

/**
 * Invariant: the arena's ranges are whole bank pages, disjoint, and were added to linear memory by the arena itself; a guest's
 * allocator that only uses memory it grew itself never meets them.
 */
export class BlockArena {
  readonly #memory: GuestMemory;
  #free: readonly Range[];

  /** `blocks`: the arena as the image has it; the mapped ones are in place already. */
  constructor(memory: GuestMemory, blocks: readonly ImageBlock[]) {
    this.#memory = memory;
    this.#free = blocks.filter((block) => block.blockId === FREE_RANGE);
  }

  /** The arena as it goes into an image, by address. */
  ranges(): ImageBlock[] {
    const mapped = this.#memory.blocks.map(({ blockId, address, extent }) => ({
      blockId,
      address,
      sizeBytes: extent.sizeBytes,
    }));
    const free = this.#free.map(({ address, sizeBytes }) => ({ blockId: FREE_RANGE, address, sizeBytes }));
    return [...mapped, ...free].sort((a, b) => a.address - b.address);
  }

  /** Guest address of the block, mapped now or before; null when linear memory has no room for it. */
  place(blockId: number, extent: Extent): number | null {
    const present = this.#memory.blocks.find((block) => block.blockId === blockId);
    if (present !== undefined) return present.address;
    const address = this.#takeFree(extent.sizeBytes) ?? this.#grow(extent.sizeBytes);
    if (address !== null) this.#memory.mapBlock({ blockId, address, extent });
    return address;
  }

  /** Takes the block away, if it was here; its range reads as zero and may be used for another block. */
  remove(blockId: number): void {
    const block = this.#memory.blocks.find((candidate) => candidate.blockId === blockId);
    if (block === undefined) return;
    this.#memory.unmapBlock(block.address);
    this.#release({ address: block.address, sizeBytes: block.extent.sizeBytes });
  }

  #takeFree(sizeBytes: number): number | null {
    const fitting = this.#free.filter((range) => range.sizeBytes >= sizeBytes);
    if (fitting.length === 0) return null;
    return this.#carve(
      fitting.reduce((a, b) => (b.sizeBytes < a.sizeBytes ? b : a)),
      sizeBytes,
    );
  }

  /** Grows linear memory by what is missing, beginning in the free range at its end, if there is one. */
  #grow(sizeBytes: number): number | null {
    const end = this.#memory.memory.buffer.byteLength;
    const last = this.#free.find((range) => range.address + range.sizeBytes === end);
    const pages = Math.ceil((sizeBytes - (last?.sizeBytes ?? 0)) / WASM_PAGE_SIZE);
    try {
      this.#memory.memory.grow(pages);
    } catch (error) {
      // RangeError is how the engine says that the quota, or the machine, has no room: the guest's K_ENOMEM.
      if (error instanceof RangeError) return null;
      throw error;
    }
    return this.#carve(this.#release({ address: end, sizeBytes: pages * WASM_PAGE_SIZE }), sizeBytes);
  }

  /** Takes the first bytes of a free range; the rest stays free. */
  #carve(range: Range, sizeBytes: number): number {
    const rest = { address: range.address + sizeBytes, sizeBytes: range.sizeBytes - sizeBytes };
    this.#free = this.#free.filter((each) => each !== range);
    if (rest.sizeBytes > 0) this.#free = [...this.#free, rest];
    return range.address;
  }

  /** Makes a range free, joined with its free neighbours, and returns what it became. */
  #release(range: Range): Range {
    const before = this.#free.find((each) => each.address + each.sizeBytes === range.address);
    const after = this.#free.find((each) => each.address === range.address + range.sizeBytes);
    const joined = {
      address: before?.address ?? range.address,
      sizeBytes: (before?.sizeBytes ?? 0) + range.sizeBytes + (after?.sizeBytes ?? 0),
    };
    this.#free = [...this.#free.filter((each) => each !== before && each !== after), joined];
    return joined;
  }
}

/** The ranges of an image that held blocks. */
export function mappedBlocks(blocks: readonly ImageBlock[]): readonly ImageBlock[] {
  return blocks.filter((block) => block.blockId !== FREE_RANGE);
}
