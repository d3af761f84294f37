// The backends the contract is run on, and what its tests need of each: one bank, views with a chosen way of finding dirty pages.
import { readFileSync } from 'node:fs';
import { Bank } from '#runtime/memory/bank.js';
import { BankView } from '#runtime/memory/bank-view.js';
import { mappedRuns } from '#runtime/memory/block-mappings.js';
import type { DirtyPageMethod } from '#runtime/memory/dirty-pages.js';
import type { Extent } from '#runtime/memory/extents.js';
import type { GuestMemory, MemoryImage } from '#runtime/memory/guest-memory.js';
import { intersectRuns } from '#runtime/memory/page-runs.js';

export interface BackendCase {
  readonly name: string;
  readonly backend: 'mapped' | 'copied';
  readonly dirtyPageMethod: DirtyPageMethod;
}

const MAPPED_CASES: readonly BackendCase[] = (['pagemap-scan', 'pagemap-read', 'unknown'] as const).map(
  (dirtyPageMethod) => ({ name: `mapped, ${dirtyPageMethod}`, backend: 'mapped', dirtyPageMethod }),
);

/** On Linux the mapped backend has to work: there it is not skipped. */
export const BACKENDS: readonly BackendCase[] = [
  { name: 'copied', backend: 'copied', dirtyPageMethod: 'unknown' },
  ...(process.platform === 'linux' ? MAPPED_CASES : []),
];

/** A bank and a view of it, disposed together. */
export class Fixture implements Disposable {
  readonly bank: Bank;
  readonly view: BankView;

  constructor({ backend, dirtyPageMethod }: BackendCase, sizeBytes: number) {
    this.bank = Bank.create({ backend, sizeBytes });
    this.view = new BankView(this.bank.handle(), { dirtyPageMethod });
  }

  allocate(sizeBytes: number): Extent {
    const extent = this.bank.allocate(sizeBytes);
    if (extent === null) throw new Error('the bank of the test is too small');
    return extent;
  }

  guest(
    initialPages: number,
    maximumPages: number = initialPages,
  ): { memory: GuestMemory; bytes: () => Uint8Array } {
    const memory = new WebAssembly.Memory({ initial: initialPages, maximum: maximumPages });
    return { memory: this.view.guestMemory(memory), bytes: () => new Uint8Array(memory.buffer) };
  }

  /** Makes an image of what linear memory holds, the way a checkpoint does: the base image's pages, then the changed ones. */
  capture(memory: GuestMemory, base: MemoryImage | null): MemoryImage {
    const { storedBytes, dirty } = memory.survey();
    const memoryBytes = memory.memory.buffer.byteLength;
    const offset = storedBytes === 0 ? 0 : this.allocate(storedBytes).offset;
    if (dirty === 'all') {
      // Everything is written: whatever lay in the place before must be gone.
      this.view.bytes(offset, storedBytes).fill(0xdd);
    } else if (base !== null) {
      if (intersectRuns(dirty, mappedRuns(memory.blocks)).length > 0)
        throw new Error('a page under a block is never dirty');
      const kept = this.view.bytes(base.offset, Math.min(base.storedBytes, storedBytes));
      this.view.bytes(offset, kept.byteLength).set(kept);
    }
    memory.write(offset, storedBytes, dirty);
    const image = { memoryBytes, offset, storedBytes };
    memory.rebase(image);
    return image;
  }

  [Symbol.dispose](): void {
    this.view[Symbol.dispose]();
    this.bank[Symbol.dispose]();
  }
}

/** Mappings of any bank in this process. */
export function bankMappings(): number {
  if (process.platform !== 'linux') return 0;
  return readFileSync('/proc/self/maps', 'utf8').split('rekindle-bank').length - 1;
}

/** Compares at full speed, and says where the first difference is. */
export function firstDifference(actual: Uint8Array, expected: Uint8Array): number {
  if (actual.byteLength === expected.byteLength && Buffer.compare(actual, expected) === 0) return -1;
  const index = expected.findIndex((value, position) => actual[position] !== value);
  return index < 0 ? expected.byteLength : index;
}
