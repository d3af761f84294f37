// Which pages of one linear memory are its own, because they were stored to since they were mapped. Asks the kernel, or knows without
// asking. It may name a page that did not change; it must never miss one that did.
import type { DirtyPageScanner, DirtyPages } from './dirty-pages.ts';
import type { PageRun } from './guest-memory.ts';
import type { PageFaultCounter } from './page-faults.ts';

/** The pages found last, and how many page faults the thread had had when they were equal to the image again. */
interface Settled {
  readonly pages: readonly PageRun[];
  readonly faults: number;
}

/**
 * A page becomes a memory's own at the first store to it, and that is a page fault of the storing thread: the one the guest runs in. So as
 * long as that thread has had no fault, the pages found last are all there are, and looking through the page table, which costs by
 * resident pages, is spared.
 *
 * Invariant: only the thread that owns this object stores to the memory, and no page of it becomes writable without a fault. The
 * second is why huge pages are kept out of it: the kernel makes them of small ones on its own account.
 */
export class OwnPages {
  readonly #scanner: DirtyPageScanner;
  readonly #faults: PageFaultCounter;
  #settled: Settled | null = null;

  constructor(scanner: DirtyPageScanner, faults: PageFaultCounter) {
    this.#scanner = scanner;
    this.#faults = faults;
  }

  /** The memory's own pages in [address, address + sizeBytes); `too-many` when there are more than `maxPages`. */
  find(address: number, sizeBytes: number, maxPages: number): DirtyPages {
    const settled = this.#settled;
    if (settled !== null && this.#faults.read() === settled.faults) return settled.pages;
    this.#settled = null;
    return this.#scanner.scan(address, sizeBytes, maxPages);
  }

  /** What `find` has named is equal to the image again, and nothing has been mapped since; it is still the memory's own. */
  settle(pages: readonly PageRun[]): void {
    if (this.#settled?.pages === pages || !this.#faults.counts) return;
    this.#settled = { pages, faults: this.#faults.read() };
  }

  /** Something has been mapped or dropped. */
  forget(): void {
    this.#settled = null;
  }
}
