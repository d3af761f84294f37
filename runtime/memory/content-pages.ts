// The file behind a bank's content: a nameless one in memory, or the content file of a bank directory; and its mapping over the bank's
// shared memory. It must never leave a mapping behind, nor a page mapped that the kernel has not promised.
import type { BankFile } from '../bank/bank-files.ts';
import { writeAll } from '../bank/write-all.ts';
import { RekindleError } from '../errors.ts';
import { BANK_PAGE_SIZE } from '../limits.ts';
import type { Libc } from '../system/libc.ts';

/** What a bank asks of the file behind it. The content file of a directory answers to this as it is. */
export type ContentPages = Pick<BankFile, 'fd' | 'reserve' | 'release'> & Disposable;

/** A nameless file in memory: a bank that ends with this process of the operating system. */
export class MemoryPages implements ContentPages {
  readonly fd: number;
  readonly #libc: Libc;

  constructor(libc: Libc, sizeBytes: number) {
    this.#libc = libc;
    this.fd = libc.createMemoryFile('rekindle-bank', sizeBytes);
  }

  reserve(offset: number, sizeBytes: number): boolean {
    return this.#libc.reserve(this.fd, offset, sizeBytes) === null;
  }

  release(offset: number, sizeBytes: number): void {
    this.#libc.punchHole(this.fd, offset, sizeBytes);
  }

  [Symbol.dispose](): void {
    this.#libc.closeMemoryFile(this.fd);
  }
}

/** The pages, mapped over the bank's shared memory. It owns the mapping, not the pages. */
export class ContentMapping implements Disposable {
  readonly #libc: Libc;
  readonly #address: number;
  readonly #sizeBytes: number;

  /** Throws SYSTEM_CALL_FAILED, or BACKEND_UNAVAILABLE when mappings do not behave here as they must; nothing is mapped then. */
  constructor(libc: Libc, pages: ContentPages, memory: WebAssembly.Memory) {
    const bytes = new Uint8Array(memory.buffer);
    this.#libc = libc;
    this.#address = libc.addressOf(bytes);
    this.#sizeBytes = bytes.byteLength;
    try {
      libc.mapShared(this.#address, this.#sizeBytes, pages.fd, 0);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#libc.mapAnonymous(this.#address, this.#sizeBytes);
  }
}

const TRIAL_PAGES = 16;
/** What is reserved for the trial, and given back after it. */
export const TRIAL_BYTES = 2 * BANK_PAGE_SIZE;

/**
 * Does on a small scale all that the mapped backend relies on, with pages of the same kind: sandboxes, file systems and kernels with
 * larger pages fail here, not later. Throws BACKEND_UNAVAILABLE. `pages` are the caller's, at least 16 of them, none in use.
 */
export function tryMappings(libc: Libc, pages: ContentPages): void {
  const bank = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const guest = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const bankBytes = new Uint8Array(bank.buffer);
  const guestBytes = new Uint8Array(guest.buffer);
  const bankAddress = libc.addressOf(bankBytes);
  const guestAddress = libc.addressOf(guestBytes);
  const second = BANK_PAGE_SIZE;
  if (!pages.reserve(0, TRIAL_BYTES))
    throw new RekindleError('BACKEND_UNAVAILABLE', 'fallocate', 'no memory for the bank');
  try {
    libc.mapShared(bankAddress, TRIAL_PAGES * BANK_PAGE_SIZE, pages.fd, 0);
    bankBytes[0] = 1;
    bankBytes[second] = 2;
    writeAll(pages.fd, Uint8Array.of(5), 1);
    libc.mapPrivate(guestAddress, BANK_PAGE_SIZE, pages.fd, 0);
    libc.mapShared(guestAddress + second, BANK_PAGE_SIZE, pages.fd, second);
    const seen = [guestBytes[0], guestBytes[1], guestBytes[second]].join();
    guestBytes[0] = 3;
    guestBytes[second] = 4;
    const stored = [bankBytes[0], bankBytes[second]].join();
    libc.dropPages(guestAddress, guestBytes.byteLength);
    const dropped = [guestBytes[0], guestBytes[second]].join();
    pages.release(0, TRIAL_BYTES);
    const released = [bankBytes[0], bankBytes[second]].join();
    if (seen !== '1,5,2' || stored !== '1,4' || dropped !== '1,4' || released !== '0,0')
      throw new RekindleError('BACKEND_UNAVAILABLE', 'mapped', 'mappings do not behave as they should here');
  } finally {
    libc.mapAnonymous(guestAddress, guestBytes.byteLength);
    libc.mapAnonymous(bankAddress, bankBytes.byteLength);
    // Looking at a hole through a shared mapping gives it pages again.
    pages.release(0, TRIAL_BYTES);
  }
}
