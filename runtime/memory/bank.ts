// The bank: the fixed-size persistent memory of a site, its extents, and the two ways its content is backed. Lives in the host's main
// thread; other threads see it through a BankView. It must never hand out a page the kernel has not promised.
import { RekindleError } from '../errors.ts';
import { invariant, unreachable } from '../invariant.ts';
import { BANK_PAGE_SIZE, LIMIT_BOUNDS, WASM_PAGE_SIZE } from '../limits.ts';
import { type BankHandle, BankView } from './bank-view.ts';
import { type Extent, ExtentAllocator } from './extents.ts';
import { type Libc, loadLibc } from './libc.ts';

export interface BankOptions {
  /** `auto`: mapped where it works, else copied. */
  readonly backend: 'mapped' | 'copied' | 'auto';
  /** Rounded up to whole WebAssembly pages. */
  readonly sizeBytes: number;
}

/**
 * The content is one shared WebAssembly memory, which every thread can see and nothing else allocates from. In the mapped backend a
 * memory file is mapped over it, so that the same pages can also be mapped into guests:
 *
 *   memory file (rekindle-bank)   |  extent  |  hole  |  extent  |      hole      |
 *   shared memory of the bank     |==========|========|==========|================|     MAP_SHARED, all of it
 *   linear memory of a guest           |==========|                                     MAP_SHARED (block) or MAP_PRIVATE (image)
 *
 * Invariant: an allocated extent has its pages reserved; a hole is never touched, since a store to it could end the process (SIGBUS).
 */
export class Bank implements Disposable {
  readonly backend: 'mapped' | 'copied';
  readonly sizeBytes: number;
  readonly view: BankView;
  readonly #memory: WebAssembly.Memory;
  readonly #file: MemoryFile | null;
  #extents: ExtentAllocator;
  #disposed = false;

  /**
   * @throws RekindleError OPTION_INVALID for a size out of bounds; BACKEND_UNAVAILABLE when `mapped` was asked for and does not work
   * here, or the address space for the bank cannot be had.
   */
  static create(options: BankOptions, bindLibc: () => Libc = loadLibc): Bank {
    const memory = createContent(options.sizeBytes);
    switch (options.backend) {
      case 'copied':
        return new Bank(memory, null);
      case 'mapped':
        return new Bank(memory, createFile(memory, bindLibc));
      case 'auto':
        return new Bank(memory, createFileWherePossible(memory, bindLibc));
      default:
        return unreachable(options.backend);
    }
  }

  private constructor(memory: WebAssembly.Memory, file: MemoryFile | null) {
    this.backend = file === null ? 'copied' : 'mapped';
    this.sizeBytes = memory.buffer.byteLength;
    this.#memory = memory;
    this.#file = file;
    this.#extents = new ExtentAllocator(this.sizeBytes);
    this.view = new BankView(this.handle());
  }

  /** Bytes in no extent; they need not lie together. */
  get freeBytes(): number {
    return this.#extents.freeBytes;
  }

  /** Whole pages that read as zero; null when there is no hole of that size or the kernel has no memory left for it. */
  allocate(sizeBytes: number): Extent | null {
    invariant(!this.#disposed, 'a disposed bank is not used');
    const extent = this.#extents.allocate(sizeBytes);
    if (extent === null) return null;
    if (this.#file === null) this.view.zero(extent.offset, extent.sizeBytes);
    else if (!this.#file.reserve(extent)) {
      this.#extents.free(extent);
      return null;
    }
    return extent;
  }

  /** Gives an extent back. Nobody may have it mapped any longer, as a block or as an image. */
  free(extent: Extent): void {
    invariant(!this.#disposed, 'a disposed bank is not used');
    this.#extents.free(extent);
    this.#file?.release(extent);
  }

  /** Takes back everything but `inUse`: after a change that was cut off in the middle, the blocks' own word is what counts. */
  reconcile(inUse: readonly Extent[]): void {
    this.#extents = ExtentAllocator.holding(this.sizeBytes, inUse);
    for (const hole of this.#extents.holes()) this.#file?.release(hole);
  }

  /** For `new BankView` in another thread. */
  handle(): BankHandle {
    return { backend: this.backend, memory: this.#memory, fd: this.#file?.fd ?? null };
  }

  /** Gives the content back to the kernel. Every guest memory and every other view must be gone. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.view[Symbol.dispose]();
    this.#file?.[Symbol.dispose]();
  }
}

/** The memory file of a mapped bank, mapped over the bank's shared memory. */
class MemoryFile implements Disposable {
  readonly fd: number;
  readonly #libc: Libc;
  readonly #address: number;
  readonly #sizeBytes: number;

  static create(memory: WebAssembly.Memory, libc: Libc): MemoryFile {
    const bytes = new Uint8Array(memory.buffer);
    const address = libc.addressOf(bytes);
    const file = new MemoryFile(libc, address, bytes.byteLength);
    try {
      libc.mapShared(address, bytes.byteLength, file.fd, 0);
      file.#checkMapping(bytes);
    } catch (error) {
      file[Symbol.dispose]();
      throw error;
    }
    return file;
  }

  private constructor(libc: Libc, address: number, sizeBytes: number) {
    this.#libc = libc;
    this.#address = address;
    this.#sizeBytes = sizeBytes;
    this.fd = libc.createMemoryFile('rekindle-bank', sizeBytes);
  }

  /** Makes sure the extent's pages exist; false when the kernel cannot provide them. */
  reserve(extent: Extent): boolean {
    return this.#libc.reserve(this.fd, extent.offset, extent.sizeBytes) === null;
  }

  release(extent: Extent): void {
    this.#libc.punchHole(this.fd, extent.offset, extent.sizeBytes);
  }

  [Symbol.dispose](): void {
    this.#libc.mapAnonymous(this.#address, this.#sizeBytes);
    this.#libc.closeMemoryFile(this.fd);
  }

  /** Does on a small scale all that the backend relies on: sandboxes and kernels with larger pages fail here, not later. */
  #checkMapping(bankBytes: Uint8Array): void {
    const guest = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    const guestBytes = new Uint8Array(guest.buffer);
    const guestAddress = this.#libc.addressOf(guestBytes);
    const extent = { offset: BANK_PAGE_SIZE, sizeBytes: 2 * BANK_PAGE_SIZE };
    if (!this.reserve(extent))
      throw new RekindleError('BACKEND_UNAVAILABLE', 'fallocate', 'no memory for the bank');
    try {
      bankBytes[extent.offset] = 1;
      bankBytes[extent.offset + BANK_PAGE_SIZE] = 2;
      this.#libc.mapPrivate(guestAddress, BANK_PAGE_SIZE, this.fd, extent.offset);
      const secondOffset = extent.offset + BANK_PAGE_SIZE;
      this.#libc.mapShared(guestAddress + BANK_PAGE_SIZE, BANK_PAGE_SIZE, this.fd, secondOffset);
      const seen = [guestBytes[0], guestBytes[BANK_PAGE_SIZE]].join();
      guestBytes[0] = 3;
      guestBytes[BANK_PAGE_SIZE] = 4;
      const stored = [bankBytes[extent.offset], bankBytes[secondOffset]].join();
      this.#libc.dropPages(guestAddress, guestBytes.byteLength);
      const dropped = [guestBytes[0], guestBytes[BANK_PAGE_SIZE]].join();
      this.release(extent);
      const released = [bankBytes[extent.offset], bankBytes[secondOffset]].join();
      if (seen !== '1,2' || stored !== '1,4' || dropped !== '1,4' || released !== '0,0') {
        throw new RekindleError(
          'BACKEND_UNAVAILABLE',
          'mapped',
          'mappings do not behave as they should here',
        );
      }
    } finally {
      this.#libc.mapAnonymous(guestAddress, guestBytes.byteLength);
    }
  }
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

/** A kernel that refuses any call on the way cannot back a bank. */
function createFile(memory: WebAssembly.Memory, bindLibc: () => Libc): MemoryFile {
  try {
    return MemoryFile.create(memory, bindLibc());
  } catch (cause) {
    if (!(cause instanceof RekindleError) || cause.code !== 'SYSTEM_CALL_FAILED') throw cause;
    throw new RekindleError('BACKEND_UNAVAILABLE', 'mapped', cause.message, { cause });
  }
}

function createFileWherePossible(memory: WebAssembly.Memory, bindLibc: () => Libc): MemoryFile | null {
  try {
    return createFile(memory, bindLibc);
  } catch (error) {
    // Asked for the better backend only where it works; anything but "does not work here" is passed on.
    if (error instanceof RekindleError && error.code === 'BACKEND_UNAVAILABLE') return null;
    throw error;
  }
}
