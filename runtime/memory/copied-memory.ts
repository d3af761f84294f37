// The copied backend's hold on one linear memory: images are copied out of the bank and blocks are private copies, exchanged with the
// bank at host calls. It runs everywhere and needs nothing but JavaScript. It must never write a byte of a block that the guest did
// not change: two guests that store to different bytes of one block must both be kept.
import { invariant } from '../invariant.ts';
import { BANK_PAGE_SIZE } from '../limits.ts';
import type { BankContent } from './bank-content.ts';
import { mappedRuns, mappingAt, orderMappings } from './block-mappings.ts';
import type {
  BlockMapping,
  GuestMemory,
  MemoryImage,
  MemorySurvey,
  PageRun,
  PageSet,
} from './guest-memory.ts';
import { planWrite, runsBetween, subtractRuns } from './page-runs.ts';
import { endOfContent } from './zero-pages.ts';

/** A block as this guest has it. */
interface BlockCopy {
  readonly mapping: BlockMapping;
  /** What bank and guest held when they last agreed: a byte of the guest that differs from it is the guest's own store. */
  readonly shadow: Uint8Array;
}

/**
 * The weaker promise of this backend: a store into a block is in the bank only after the next `exchange`, and is lost when the thread
 * is killed before it. Stores of two guests to one byte between two exchanges end as either; there is no atomicity across bytes.
 */
export class CopiedMemory implements GuestMemory {
  readonly memory: WebAssembly.Memory;
  readonly #content: BankContent;
  #copies: readonly BlockCopy[] = [];
  #blockRuns: readonly PageRun[] = [];
  #disposed = false;

  constructor(content: BankContent, memory: WebAssembly.Memory) {
    this.memory = memory;
    this.#content = content;
  }

  get blocks(): readonly BlockMapping[] {
    return this.#copies.map((copy) => copy.mapping);
  }

  restore(image: MemoryImage, blocks: readonly BlockMapping[]): void {
    const bytes = this.#bytes();
    this.#checkImage(image, bytes);
    const wanted = orderMappings(blocks, bytes.byteLength);
    // The mapped backend has a guest's stores in the bank at once; here the last ones are published now or lost.
    this.#exchange(bytes);
    // Cut off from here on, it has no blocks: what lies in their place must not be taken for the guest's stores.
    this.#setCopies([]);
    const copies = wanted.map(emptyCopy);

    const stored = this.#content.bytes(image.offset, image.storedBytes);
    for (const run of subtractRuns(runsBetween(0, bytes.byteLength), mappedRuns(wanted))) {
      const start = run.firstPage * BANK_PAGE_SIZE;
      const end = start + run.pageCount * BANK_PAGE_SIZE;
      const storedEnd = Math.min(end, Math.max(start, image.storedBytes));
      if (storedEnd > start) bytes.set(stored.subarray(start, storedEnd), start);
      bytes.fill(0, storedEnd, end);
    }
    for (const copy of copies) this.#takeIn(copy, bytes);
    this.#setCopies(copies);
  }

  mapBlock(mapping: BlockMapping): void {
    const bytes = this.#bytes();
    orderMappings([...this.blocks, mapping], bytes.byteLength);
    const copy = emptyCopy(mapping);
    this.#takeIn(copy, bytes);
    this.#setCopies([...this.#copies, copy]);
  }

  unmapBlock(address: number): void {
    const bytes = this.#bytes();
    const mapping = mappingAt(this.blocks, address);
    for (const copy of this.#copies) if (copy.mapping === mapping) this.#publish(copy, bytes);
    bytes.fill(0, address, address + mapping.extent.sizeBytes);
    this.#setCopies(this.#copies.filter((copy) => copy.mapping !== mapping));
  }

  exchange(): void {
    this.#exchange(this.#bytes());
  }

  survey(): MemorySurvey {
    const bytes = this.#bytes();
    const own = subtractRuns(runsBetween(0, bytes.byteLength), this.#blockRuns);
    return { storedBytes: endOfContent(bytes, own, 0), dirty: 'all' };
  }

  write(targetOffset: number, storedBytes: number, pages: PageSet): void {
    const bytes = this.#bytes();
    invariant(storedBytes <= bytes.byteLength, 'no more is stored than linear memory holds');
    const plan = planWrite(pages, storedBytes, this.#blockRuns);
    for (const run of plan.copy) {
      const start = run.firstPage * BANK_PAGE_SIZE;
      const sizeBytes = run.pageCount * BANK_PAGE_SIZE;
      this.#content.write(bytes.subarray(start, start + sizeBytes), targetOffset + start);
    }
    for (const run of plan.zero) {
      const offset = targetOffset + run.firstPage * BANK_PAGE_SIZE;
      this.#content.zero(offset, run.pageCount * BANK_PAGE_SIZE);
      this.#content.written(offset, run.pageCount * BANK_PAGE_SIZE);
    }
  }

  rebase(image: MemoryImage): void {
    this.#checkImage(image, this.#bytes());
  }

  /** Publishes the guest's last stores into blocks: dispose before the blocks' extents are freed. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    const bytes = this.#bytes();
    for (const copy of this.#copies) this.#publish(copy, bytes);
    this.#setCopies([]);
    this.#disposed = true;
  }

  #exchange(bytes: Uint8Array): void {
    for (const copy of this.#copies) {
      this.#publish(copy, bytes);
      this.#takeIn(copy, bytes);
    }
  }

  /** Writes the guest's own stores to the bank, byte by byte in the pages that hold any. */
  #publish({ mapping, shadow }: BlockCopy, bytes: Uint8Array): void {
    const { address, extent } = mapping;
    const guest = bytes.subarray(address, address + extent.sizeBytes);
    if (Buffer.compare(guest, shadow) === 0) return;
    const bank = this.#content.bytes(extent.offset, extent.sizeBytes);
    for (let start = 0; start < extent.sizeBytes; start += BANK_PAGE_SIZE) {
      const end = start + BANK_PAGE_SIZE;
      if (Buffer.compare(guest.subarray(start, end), shadow.subarray(start, end)) === 0) continue;
      for (let index = start; index < end; index += 1) {
        const value = guest[index];
        if (value !== undefined && value !== shadow[index]) bank[index] = value;
      }
      this.#content.written(extent.offset + start, BANK_PAGE_SIZE);
    }
  }

  /** Reads the bank once into the guest; the shadow is taken from there, since the bank may change meanwhile. */
  #takeIn({ mapping, shadow }: BlockCopy, bytes: Uint8Array): void {
    const { address, extent } = mapping;
    const guest = bytes.subarray(address, address + extent.sizeBytes);
    const bank = this.#content.bytes(extent.offset, extent.sizeBytes);
    if (Buffer.compare(bank, guest) !== 0) guest.set(bank);
    if (Buffer.compare(guest, shadow) !== 0) shadow.set(guest);
  }

  #setCopies(copies: readonly BlockCopy[]): void {
    this.#copies = [...copies].sort((a, b) => a.mapping.address - b.mapping.address);
    this.#blockRuns = mappedRuns(this.blocks);
  }

  #checkImage(image: MemoryImage, bytes: Uint8Array): void {
    invariant(image.memoryBytes === bytes.byteLength, 'linear memory has the size of the image');
    invariant(image.storedBytes <= image.memoryBytes, 'an image stores no more than it holds');
    invariant(image.storedBytes % BANK_PAGE_SIZE === 0, 'an image stores whole pages');
    this.#content.checkPages(image.offset, image.storedBytes);
  }

  /** Linear memory as it is now: growing gives it a new buffer. */
  #bytes(): Uint8Array {
    invariant(!this.#disposed, 'a disposed guest memory is not used');
    return new Uint8Array(this.memory.buffer);
  }
}

function emptyCopy(mapping: BlockMapping): BlockCopy {
  return { mapping, shadow: new Uint8Array(mapping.extent.sizeBytes) };
}
