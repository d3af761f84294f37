// The mapped backend's hold on one linear memory: image pages are mapped copy-on-write from the bank, blocks are mapped shared, and
// the kernel says which pages the guest has changed. It must never replace a page outside the linear memory it was given.
import { invariant } from '../invariant.ts';
import { BANK_PAGE_SIZE, WHOLE_COPY_MAX_BYTES } from '../limits.ts';
import type { Libc } from '../system/libc.ts';
import type { MappedContent } from './bank-content.ts';
import { mappedRuns, mappingAt, mappingsMissing, orderMappings } from './block-mappings.ts';
import { type DirtyPages, EVERY_PAGE } from './dirty-pages.ts';
import type {
  BlockMapping,
  GuestMemory,
  MemoryImage,
  MemorySurvey,
  PageRun,
  PageSet,
} from './guest-memory.ts';
import type { OwnPages } from './own-pages.ts';
import { clipRuns, intersectRuns, planWrite, runsBetween, subtractRuns, unionRuns } from './page-runs.ts';
import { endOfContent } from './zero-pages.ts';

/**
 * A restore in place copies the guest's own pages back up to this many; past it all pages are dropped, and the guest faults in again what
 * it uses. To drop a page costs as much as to copy it, and the next store to it several times as much: but it frees what a guest once used
 * and does not use now, which would else be copied at every restore (4096 pages: 3 ms).
 */
const MAX_PAGES_COPIED_BACK = 4096;

/**
 * Small memories are never mapped, but copied from their image and whole into one (WHOLE_COPY_MAX_BYTES). Larger ones look like this after
 * a restore:
 *
 *   0                               storedBytes                       memoryBytes
 *  +-------------------------------+---------------------------------+
 *  | private mapping of the image  | anonymous, zero until stored to |
 *  +-------------------------------+---------------------------------+
 *            and shared mappings of blocks over any of it
 */
export class MappedMemory implements GuestMemory {
  readonly memory: WebAssembly.Memory;
  readonly #content: MappedContent;
  readonly #libc: Libc;
  readonly #ownPages: OwnPages;
  #buffer: ArrayBufferLike | null = null;
  #bytes = new Uint8Array(0);
  #address: number | null = null;
  #blocks: readonly BlockMapping[] = [];
  #blockRuns: readonly PageRun[] = [];
  /** The image linear memory is mapped from or was copied from; null before the first, and while a restore is unfinished. */
  #base: MemoryImage | null = null;
  /** Pages of the base's stored part that no longer come from it: a block was mapped over them since. */
  #detached: readonly PageRun[] = [];
  #everMapped = false;
  #disposed = false;

  /** `ownPages`: of this memory alone. */
  constructor(content: MappedContent, libc: Libc, ownPages: OwnPages, memory: WebAssembly.Memory) {
    this.memory = memory;
    this.#content = content;
    this.#libc = libc;
    this.#ownPages = ownPages;
  }

  get blocks(): readonly BlockMapping[] {
    return this.#blocks;
  }

  restore(image: MemoryImage, blocks: readonly BlockMapping[]): void {
    this.#locate();
    this.#checkImage(image);
    const wanted = orderMappings(blocks, image.memoryBytes);
    const base = this.#base;
    this.#base = null;
    // An unfinished restore leaves mappings nobody has written down: they are all replaced.
    if (base === null && this.#everMapped) this.#clear();
    if (base !== null && sameImage(base, image)) this.#restoreInPlace(image, wanted);
    else if (isCopiedWhole(image.memoryBytes)) this.#copyWhole(image, wanted);
    else this.#attach(image, wanted);
    this.#detached = [];
    this.#base = image;
  }

  mapBlock(mapping: BlockMapping): void {
    const bytes = this.#locate();
    const blocks = orderMappings([...this.#blocks, mapping], bytes.byteLength);
    this.#mapShared(mapping);
    this.#setBlocks(blocks);
    this.#detached = unionRuns(this.#detached, this.#storedRunsUnder([mapping]));
  }

  unmapBlock(address: number): void {
    this.#locate();
    const mapping = mappingAt(this.#blocks, address);
    this.#mapAnonymous(mappedRuns([mapping]));
    this.#setBlocks(this.#blocks.filter((other) => other !== mapping));
  }

  exchange(): void {
    invariant(!this.#disposed, 'a disposed guest memory is not used');
  }

  survey(): MemorySurvey {
    const bytes = this.#locate();
    const base = this.#base;
    const everything = subtractRuns(runsBetween(0, bytes.byteLength), this.#blockRuns);
    if (isCopiedWhole(bytes.byteLength)) {
      return { storedBytes: endOfContent(bytes, everything, 0), dirty: 'all' };
    }
    const mappedBase = base !== null && !isCopiedWhole(base.memoryBytes) ? base : null;
    const dirty = this.#scan(EVERY_PAGE);
    invariant(dirty !== 'too-many', 'a scan without limits passes none');
    const touched = dirty === 'unknown' ? everything : dirty;
    const storedBytes = endOfContent(bytes, touched, mappedBase?.storedBytes ?? 0);
    // Without a mapped base, or where a block now hides pages the base still holds, the new image has to be written whole.
    const hidden = intersectRuns(this.#detached, this.#blockRuns);
    if (mappedBase === null || dirty === 'unknown' || hidden.length > 0) return { storedBytes, dirty: 'all' };
    return { storedBytes, dirty: clipRuns(unionRuns(dirty, this.#detached), storedBytes) };
  }

  write(targetOffset: number, storedBytes: number, pages: PageSet): void {
    const bytes = this.#locate();
    invariant(storedBytes <= bytes.byteLength, 'no more is stored than linear memory holds');
    const guestAddress = this.#baseAddress();
    const target = this.#content.addressOf(targetOffset, storedBytes);
    const plan = planWrite(pages, storedBytes, this.#blockRuns);
    for (const run of plan.copy) {
      const offset = run.firstPage * BANK_PAGE_SIZE;
      this.#libc.copy(target + offset, guestAddress + offset, run.pageCount * BANK_PAGE_SIZE);
    }
    for (const run of plan.zero) {
      this.#libc.zero(target + run.firstPage * BANK_PAGE_SIZE, run.pageCount * BANK_PAGE_SIZE);
    }
    for (const run of unionRuns(plan.copy, plan.zero)) {
      this.#content.written(targetOffset + run.firstPage * BANK_PAGE_SIZE, run.pageCount * BANK_PAGE_SIZE);
    }
  }

  rebase(image: MemoryImage): void {
    this.#locate();
    this.#checkImage(image);
    this.#base = null;
    // Remapped even where only few pages changed: the pages of the old image may soon be written for the next one.
    if (!isCopiedWhole(image.memoryBytes)) this.#attach(image, this.#blocks);
    this.#detached = [];
    this.#base = image;
  }

  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#locate();
    if (this.#everMapped) this.#clear();
    this.#base = null;
    this.#disposed = true;
  }

  /** Takes every mapping away; linear memory then reads as zero and costs no memory. */
  #clear(): void {
    this.#libc.mapAnonymous(this.#baseAddress(), this.#bytes.byteLength);
    this.#setBlocks([]);
  }

  /** Replaces everything by fresh mappings. */
  #attach(image: MemoryImage, blocks: readonly BlockMapping[]): void {
    this.#mapImage(runsBetween(0, image.memoryBytes), image);
    for (const mapping of blocks) this.#mapShared(mapping);
    this.#setBlocks(blocks);
  }

  /** The image is mapped already: only what the guest and the blocks changed is put back. */
  #restoreInPlace(image: MemoryImage, blocks: readonly BlockMapping[]): void {
    const removed = mappingsMissing(this.#blocks, blocks);
    const added = mappingsMissing(blocks, this.#blocks);
    const isRemapped = removed.length > 0 || added.length > 0 || this.#detached.length > 0;
    if (isRemapped && isCopiedWhole(image.memoryBytes)) return this.#copyWhole(image, blocks);
    if (isRemapped) {
      const foreign = unionRuns(mappedRuns(removed), this.#detached);
      this.#mapImage(subtractRuns(foreign, mappedRuns(blocks)), image);
      for (const mapping of added) this.#mapShared(mapping);
      this.#setBlocks(blocks);
    }
    const dirty = this.#scan(MAX_PAGES_COPIED_BACK);
    if (typeof dirty !== 'string') {
      this.#copyFromImage(dirty, image);
      this.#ownPages.settle(dirty);
    } else if (isCopiedWhole(image.memoryBytes)) {
      this.#copyWhole(image, blocks);
    } else {
      this.#ownPages.forget();
      // Blocks are file pages: dropping them loses nothing.
      this.#libc.dropPages(this.#baseAddress(), image.memoryBytes);
    }
  }

  #copyWhole(image: MemoryImage, blocks: readonly BlockMapping[]): void {
    this.#mapAnonymous(mappedRuns(mappingsMissing(this.#blocks, blocks)));
    for (const mapping of mappingsMissing(blocks, this.#blocks)) this.#mapShared(mapping);
    this.#setBlocks(blocks);
    const everything = runsBetween(0, image.memoryBytes);
    const dirty = this.#scan(EVERY_PAGE);
    // Zeros are not stored to pages that read as zero: each would take a page of memory.
    const touched =
      typeof dirty === 'string' ? everything : unionRuns(runsBetween(0, image.storedBytes), dirty);
    this.#copyFromImage(subtractRuns(touched, this.#blockRuns), image);
  }

  /** Makes the pages equal to the image by storing to them. */
  #copyFromImage(runs: readonly PageRun[], image: MemoryImage): void {
    const guestAddress = this.#baseAddress();
    const source = this.#content.addressOf(image.offset, image.storedBytes);
    for (const run of runs) {
      const offset = run.firstPage * BANK_PAGE_SIZE;
      const sizeBytes = run.pageCount * BANK_PAGE_SIZE;
      const copiedBytes = Math.min(sizeBytes, Math.max(0, image.storedBytes - offset));
      if (copiedBytes > 0) this.#libc.copy(guestAddress + offset, source + offset, copiedBytes);
      if (copiedBytes < sizeBytes) {
        this.#libc.zero(guestAddress + offset + copiedBytes, sizeBytes - copiedBytes);
      }
    }
  }

  /** Makes the pages equal to the image by mapping them: its stored part from the bank, the rest fresh. */
  #mapImage(runs: readonly PageRun[], image: MemoryImage): void {
    const stored = clipRuns(runs, image.storedBytes);
    for (const run of stored) {
      const offset = run.firstPage * BANK_PAGE_SIZE;
      const sizeBytes = run.pageCount * BANK_PAGE_SIZE;
      this.#everMapped = true;
      this.#libc.mapPrivate(this.#baseAddress() + offset, sizeBytes, this.#content.fd, image.offset + offset);
    }
    this.#mapAnonymous(subtractRuns(runs, stored));
  }

  #mapAnonymous(runs: readonly PageRun[]): void {
    for (const run of runs) {
      const address = this.#baseAddress() + run.firstPage * BANK_PAGE_SIZE;
      this.#libc.mapAnonymous(address, run.pageCount * BANK_PAGE_SIZE);
    }
  }

  #mapShared({ address, extent }: BlockMapping): void {
    this.#everMapped = true;
    this.#content.checkPages(extent.offset, extent.sizeBytes);
    this.#libc.mapShared(this.#baseAddress() + address, extent.sizeBytes, this.#content.fd, extent.offset);
  }

  /** What is mapped has changed, or is about to. */
  #setBlocks(blocks: readonly BlockMapping[]): void {
    this.#ownPages.forget();
    this.#blocks = blocks;
    this.#blockRuns = mappedRuns(blocks);
  }

  /** Dirty pages of the guest's own; shared pages are never dirty, but the fallbacks may see them as such. */
  #scan(maxPages: number): DirtyPages {
    const dirty = this.#ownPages.find(this.#baseAddress(), this.#bytes.byteLength, maxPages);
    return typeof dirty === 'string' ? dirty : subtractRuns(dirty, this.#blockRuns);
  }

  /** Pages under the mappings that the base has in its stored part. */
  #storedRunsUnder(mappings: readonly BlockMapping[]): readonly PageRun[] {
    const base = this.#base;
    return base === null ? [] : clipRuns(mappedRuns(mappings), base.storedBytes);
  }

  #checkImage(image: MemoryImage): void {
    invariant(image.memoryBytes === this.#bytes.byteLength, 'linear memory has the size of the image');
    invariant(image.storedBytes <= image.memoryBytes, 'an image stores no more than it holds');
    invariant(image.storedBytes % BANK_PAGE_SIZE === 0, 'an image stores whole pages');
    this.#content.checkPages(image.offset, image.storedBytes);
  }

  #baseAddress(): number {
    invariant(this.#address !== null, 'linear memory is located before it is touched');
    return this.#address;
  }

  /** Linear memory as it is now: growing gives it a new buffer at the same address. */
  #locate(): Uint8Array {
    invariant(!this.#disposed, 'a disposed guest memory is not used');
    const buffer = this.memory.buffer;
    if (this.#buffer !== buffer) {
      this.#buffer = buffer;
      this.#bytes = new Uint8Array(buffer);
      const address = this.#libc.addressOf(this.#bytes);
      invariant(address % BANK_PAGE_SIZE === 0, 'linear memory begins at a page boundary');
      invariant(this.#address === null || this.#address === address, 'linear memory moved');
      this.#address = address;
      this.#libc.refuseHugePages(address, buffer.byteLength);
    }
    return this.#bytes;
  }
}

function isCopiedWhole(memoryBytes: number): boolean {
  return memoryBytes <= WHOLE_COPY_MAX_BYTES;
}

function sameImage(a: MemoryImage, b: MemoryImage): boolean {
  return a.offset === b.offset && a.storedBytes === b.storedBytes && a.memoryBytes === b.memoryBytes;
}
