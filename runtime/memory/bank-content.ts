// The bytes of the bank, with every range checked: plain shared memory in both backends, and in the mapped one also an address and a
// file behind it. It must never give out a byte beyond the bank, nor leave what the host itself has stored out of the bank's file.
import { writeAll } from '../bank/write-all.ts';
import { invariant } from '../invariant.ts';
import { BANK_PAGE_SIZE } from '../limits.ts';

/** Zeros to copy from: filling a shared buffer takes several times as long as copying zeros into it. */
const ZEROS = new Uint8Array(16 * BANK_PAGE_SIZE);

/**
 * What is at least so long is written to the file behind a mapping instead of being stored through it: pages that nobody has touched need
 * not be cleared and faulted in first, which takes some three times as long as the copy.
 */
const WRITTEN_BY_FILE_BYTES = 4 * BANK_PAGE_SIZE;

/** Is told of bytes of the bank that have been stored to in memory: writes them to the bank's file, or takes note of them. */
export type ContentWriter = (bytes: Uint8Array, offset: number) => void;

export class BankContent {
  readonly sizeBytes: number;
  readonly #memory: WebAssembly.Memory;
  readonly #writer: ContentWriter | null;

  /** `writer`: null where memory is all there is, or where the kernel sees to it that a store is in the file. */
  constructor(memory: WebAssembly.Memory, writer: ContentWriter | null) {
    this.#memory = memory;
    this.#writer = writer;
    this.sizeBytes = memory.buffer.byteLength;
  }

  /** A live view, shared with every thread. The range must lie in an allocated extent. */
  bytes(offset: number, sizeBytes: number): Uint8Array {
    this.checkInside(offset, sizeBytes);
    return new Uint8Array(this.#memory.buffer, offset, sizeBytes);
  }

  /** Stores bytes that are to stay. */
  write(bytes: Uint8Array, offset: number): void {
    this.bytes(offset, bytes.byteLength).set(bytes);
    this.written(offset, bytes.byteLength);
  }

  /** To be said of every range that was stored to by other means than `write`, once it holds what it is to keep. */
  written(offset: number, sizeBytes: number): void {
    this.#writer?.(this.bytes(offset, sizeBytes), offset);
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

  constructor(memory: WebAssembly.Memory, writer: ContentWriter | null, fd: number, address: number) {
    super(memory, writer);
    this.fd = fd;
    this.#address = address;
  }

  override write(bytes: Uint8Array, offset: number): void {
    if (bytes.byteLength < WRITTEN_BY_FILE_BYTES) return super.write(bytes, offset);
    this.checkInside(offset, bytes.byteLength);
    writeAll(this.fd, bytes, offset);
    this.written(offset, bytes.byteLength);
  }

  /** Address of a range, good while this object is referenced. */
  addressOf(offset: number, sizeBytes: number): number {
    this.checkInside(offset, sizeBytes);
    return this.#address + offset;
  }
}
