// The bytes of the bank, with every range checked: plain shared memory in both backends, and in the mapped one also an address and a
// file behind it. It must never give out a byte beyond the bank.
import { invariant } from '../invariant.ts';
import { BANK_PAGE_SIZE } from '../limits.ts';

/** Zeros to copy from: filling a shared buffer takes several times as long as copying zeros into it. */
const ZEROS = new Uint8Array(16 * BANK_PAGE_SIZE);

export class BankContent {
  readonly sizeBytes: number;
  readonly #memory: WebAssembly.Memory;

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
    this.sizeBytes = memory.buffer.byteLength;
  }

  /** A live view, shared with every thread. The range must lie in an allocated extent. */
  bytes(offset: number, sizeBytes: number): Uint8Array {
    this.checkInside(offset, sizeBytes);
    return new Uint8Array(this.#memory.buffer, offset, sizeBytes);
  }

  zero(offset: number, sizeBytes: number): void {
    const bytes = this.bytes(offset, sizeBytes);
    for (let start = 0; start < sizeBytes; start += ZEROS.byteLength) {
      bytes.set(ZEROS.subarray(0, Math.min(ZEROS.byteLength, sizeBytes - start)), start);
    }
  }

  /** The range lies inside the bank, or it is our own bug. */
  checkInside(offset: number, sizeBytes: number): void {
    invariant(
      Number.isSafeInteger(offset) && offset >= 0 && sizeBytes >= 0 && offset + sizeBytes <= this.sizeBytes,
      'bank content lies inside the bank',
    );
  }

  /** The range is whole pages inside the bank, or it is our own bug. */
  checkPages(offset: number, sizeBytes: number): void {
    this.checkInside(offset, sizeBytes);
    invariant(
      offset % BANK_PAGE_SIZE === 0 && sizeBytes % BANK_PAGE_SIZE === 0,
      'bank content is whole pages',
    );
  }
}

/** Content that is a memory file too. */
export class MappedContent extends BankContent {
  readonly fd: number;
  readonly #address: number;

  constructor(memory: WebAssembly.Memory, fd: number, address: number) {
    super(memory);
    this.fd = fd;
    this.#address = address;
  }

  /** Address of a range, good while this object is referenced. */
  addressOf(offset: number, sizeBytes: number): number {
    this.checkInside(offset, sizeBytes);
    return this.#address + offset;
  }
}
