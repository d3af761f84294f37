// The bank: the fixed-size persistent memory of a site, its extents, and the ways its content is backed. Lives in the host's main
// thread; other threads see it through a BankView. It must never hand out a page the kernel has not promised.
import type { BankDirectory } from '../bank/bank-directory.ts';
import { type Ledger, VolatileLedger } from '../bank/ledger.ts';
import type { LedgerChange } from '../bank/ledger-records.ts';
import { RekindleError } from '../errors.ts';
import { invariant } from '../invariant.ts';
import { LIMIT_BOUNDS, WASM_PAGE_SIZE } from '../limits.ts';
import { type Libc, loadLibc } from '../system/libc.ts';
import type { ContentWriter } from './bank-content.ts';
import { type BankHandle, BankView } from './bank-view.ts';
import { ContentMapping, type ContentPages, MemoryPages, TRIAL_BYTES, tryMappings } from './content-pages.ts';
import { type Extent, ExtentAllocator } from './extents.ts';

export interface BankOptions {
  /** `auto`: mapped where it works, else copied. */
  readonly backend: 'mapped' | 'copied' | 'auto';
  /** Rounded up to whole WebAssembly pages. */
  readonly sizeBytes: number;
}

/**
 * The content is one shared WebAssembly memory, which every thread can see and nothing else allocates from. In the mapped backend a
 * file is mapped over it, so that the same pages can also be mapped into guests:
 *
 *   file (nameless, or `content`)  |  extent  |  hole  |  extent  |      hole      |
 *   shared memory of the bank      |==========|========|==========|================|     MAP_SHARED, all of it
 *   linear memory of a guest            |==========|                                     MAP_SHARED (block) or MAP_PRIVATE (image)
 *
 * In the copied backend there is a file only when the bank is a directory; what the host stores is then written to it as well.
 *
 * Invariant: an allocated extent has its pages reserved; a hole is never touched, since a store to it could end the process (SIGBUS).
 */
export class Bank implements Disposable {
  readonly backend: 'mapped' | 'copied';
  readonly sizeBytes: number;
  readonly view: BankView;
  /** What is written down in the bank; a bank without a directory remembers nothing. */
  readonly ledger: Ledger;
  readonly #memory: WebAssembly.Memory;
  readonly #pages: ContentPages | null;
  readonly #mapping: ContentMapping | null;
  readonly #directory: BankDirectory | null;
  #extents: ExtentAllocator;
  #disposed = false;

  /**
   * A bank in memory, which ends with this process of the operating system.
   *
   * @throws RekindleError OPTION_INVALID for a size out of bounds; BACKEND_UNAVAILABLE when `mapped` was asked for and does not work
   * here, or the address space for the bank cannot be had.
   */
  static create(options: BankOptions, bindLibc: () => Libc = loadLibc): Bank {
    const memory = createContent(options.sizeBytes);
    const mapped = whereItWorks(options.backend, () => mapMemoryPages(bindLibc(), memory));
    return new Bank(memory, mapped?.pages ?? null, mapped?.mapping ?? null, null);
  }

  /** Throws BACKEND_UNAVAILABLE when `mapped` does not work here, before anything is begun for it. */
  static requireBackend(backend: BankOptions['backend'], bindLibc: () => Libc = loadLibc): void {
    if (backend !== 'mapped') return;
    Bank.create({ backend, sizeBytes: LIMIT_BOUNDS.bankSizeBytes.min }, bindLibc)[Symbol.dispose]();
  }

  /**
   * The bank that lies in a directory, which belongs to it from now on. No extent is taken: whoever has written down that one is its
   * own calls `adopt`, and `releaseHoles` follows when all have.
   *
   * @throws RekindleError BACKEND_UNAVAILABLE as `create`, BANK_FULL for a new one without space; the directory is the caller's to
   * dispose then.
   */
  static open(
    directory: BankDirectory,
    backend: BankOptions['backend'],
    bindLibc: () => Libc = loadLibc,
  ): Bank {
    const memory = createContent(directory.sizeBytes);
    const { content, isNew } = directory;
    if (isNew) requireSpace(content, directory.path);
    const mapping = whereItWorks(backend, () => {
      const libc = bindLibc();
      if (isNew) tryMappings(libc, content);
      return new ContentMapping(libc, content, memory);
    });
    return new Bank(memory, content, mapping, directory);
  }

  private constructor(
    memory: WebAssembly.Memory,
    pages: ContentPages | null,
    mapping: ContentMapping | null,
    directory: BankDirectory | null,
  ) {
    this.backend = mapping === null ? 'copied' : 'mapped';
    this.sizeBytes = memory.buffer.byteLength;
    this.#memory = memory;
    this.#pages = pages;
    this.#mapping = mapping;
    this.#directory = directory;
    this.ledger = directory?.ledger ?? new VolatileLedger();
    this.#extents = new ExtentAllocator(this.sizeBytes);
    this.view = new BankView(
      this.handle(),
      directory === null ? {} : { writer: writerTo(directory, mapping) },
    );
  }

  /** Bytes in no extent; they need not lie together. */
  get freeBytes(): number {
    return this.#extents.freeBytes;
  }

  /** Whole pages that read as zero; null when there is no hole of that size or the system has no space left for it. */
  allocate(sizeBytes: number): Extent | null {
    invariant(!this.#disposed, 'a disposed bank is not used');
    const extent = this.#extents.allocate(sizeBytes);
    if (extent === null) return null;
    if (this.#pages?.reserve(extent.offset, extent.sizeBytes) === false) {
      this.#extents.free(extent);
      return null;
    }
    if (this.#mapping === null) this.view.zero(extent.offset, extent.sizeBytes);
    return extent;
  }

  /**
   * Takes an extent that an earlier site has written down as taken, with what it holds; false when it does not lie in a hole. Throws
   * BANK_FULL when the system has no space for pages of it that are missing.
   */
  adopt(extent: Extent): boolean {
    invariant(this.#directory !== null, 'only a bank in a directory has a past');
    if (!this.#extents.take(extent)) return false;
    const { content } = this.#directory;
    if (!content.reserve(extent.offset, extent.sizeBytes)) {
      this.#extents.free(extent);
      throw new RekindleError('BANK_FULL', this.#directory.path, 'no space for what was in the bank');
    }
    if (this.#mapping === null)
      this.view.bytes(extent.offset, extent.sizeBytes).set(content.read(extent.offset, extent.sizeBytes));
    return true;
  }

  /** Gives an extent back. Nobody may have it mapped any longer, as a block or as an image. */
  free(extent: Extent): void {
    invariant(!this.#disposed, 'a disposed bank is not used');
    this.#extents.free(extent);
    this.#pages?.release(extent.offset, extent.sizeBytes);
  }

  /** Gives back the end of an extent; of what is left, `keptBytes` (whole pages), the content stays. */
  shorten(extent: Extent, keptBytes: number): void {
    invariant(!this.#disposed, 'a disposed bank is not used');
    this.free(this.#extents.split(extent, keptBytes));
  }

  /** Takes back everything but `inUse`: after a change that was cut off in the middle, the blocks' own word is what counts. */
  reconcile(inUse: readonly Extent[]): void {
    this.#extents = ExtentAllocator.holding(this.sizeBytes, inUse);
    this.releaseHoles();
  }

  /** Gives the pages of all holes back to the system: whatever an earlier site has left in them reads as zero from then on. */
  releaseHoles(): void {
    for (const hole of this.#extents.holes()) this.#pages?.release(hole.offset, hole.sizeBytes);
  }

  /**
   * Writes changes down that speak of content: on a disk, what has been stored is there before they are.
   *
   * Invariant: an extent is freed after the change that gives it up, and filled before the change that speaks of it.
   */
  commit(changes: readonly LedgerChange[]): void {
    this.syncContent();
    this.ledger.commit(changes);
  }

  /** What has been stored, guests' stores to blocks included, outlives a loss of power when this returns; on a disk. */
  syncContent(): void {
    if (this.#directory?.synchronous === true) this.#directory.content.sync();
  }

  /** For `new BankView` in another thread. */
  handle(): BankHandle {
    return { backend: this.backend, memory: this.#memory, fd: this.#pages?.fd ?? null };
  }

  /** Gives the content back to the system; what lies in a directory stays there. Every guest memory and every other view must be gone. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.view[Symbol.dispose]();
    this.#mapping?.[Symbol.dispose]();
    if (this.#directory === null) this.#pages?.[Symbol.dispose]();
    else this.#directory[Symbol.dispose]();
  }
}

/** The kernel writes stores to mapped content by itself; they are only told of. */
function writerTo({ content }: BankDirectory, mapping: ContentMapping | null): ContentWriter {
  return mapping === null
    ? (bytes, offset) => content.write(bytes, offset)
    : (bytes, offset) => content.stored(bytes, offset);
}

/** Told apart from a backend that does not work, which pages that cannot be had would look like. */
function requireSpace(content: BankDirectory['content'], path: string): void {
  const hasSpace = content.reserve(0, TRIAL_BYTES);
  if (!hasSpace) throw new RekindleError('BANK_FULL', path, 'no space for anything in it');
  content.release(0, TRIAL_BYTES);
}

function createContent(sizeBytes: number): WebAssembly.Memory {
  const { min, max } = LIMIT_BOUNDS.bankSizeBytes;
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < min || sizeBytes > max) {
    throw new RekindleError(
      'OPTION_INVALID',
      'bankSizeBytes',
      `must lie between ${min} and ${max}, not ${sizeBytes}`,
    );
  }
  const pages = Math.ceil(sizeBytes / WASM_PAGE_SIZE);
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch (cause) {
    throw new RekindleError('BACKEND_UNAVAILABLE', 'bank', `no address space for ${sizeBytes} bytes`, {
      cause,
    });
  }
}

function mapMemoryPages(
  libc: Libc,
  memory: WebAssembly.Memory,
): { readonly pages: ContentPages; readonly mapping: ContentMapping } {
  const pages = new MemoryPages(libc, memory.buffer.byteLength);
  try {
    tryMappings(libc, pages);
    return { pages, mapping: new ContentMapping(libc, pages, memory) };
  } catch (error) {
    pages[Symbol.dispose]();
    throw error;
  }
}

/** What `map` makes, or null where the copied backend is to be used. A kernel that refuses any call on the way cannot back a bank. */
function whereItWorks<T>(backend: BankOptions['backend'], map: () => T): T | null {
  if (backend === 'copied') return null;
  try {
    return map();
  } catch (cause) {
    if (!(cause instanceof RekindleError)) throw cause;
    if (cause.code !== 'SYSTEM_CALL_FAILED' && cause.code !== 'BACKEND_UNAVAILABLE') throw cause;
    // Asked for the better backend only where it works; anything but "does not work here" is passed on.
    if (backend === 'auto') return null;
    if (cause.code === 'BACKEND_UNAVAILABLE') throw cause;
    throw new RekindleError('BACKEND_UNAVAILABLE', 'mapped', cause.message, { cause });
  }
}
