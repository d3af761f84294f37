// Bounds-checked access to a guest's linear memory for the length of one call. A guest's pointer is any 32-bit value, so
// nothing is read or written here before its whole range was checked; a view must not outlive the call it was made for.
import { MAX_GUEST_PATH_BYTES, MAX_IOVECS } from '../limits.ts';
import { EFAULT, EILSEQ, EINVAL, ENAMETOOLONG, FileError } from './errno.ts';

//  iovec, 8 bytes: where bytes are (or go), and how many.
//
//   0         4         8
//  +---------+---------+
//  | pointer | length  |
//  +---------+---------+
const IOVEC_SIZE = 8;
const IOVEC_LENGTH_OFFSET = 4;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Pointers and lengths arrive as wasm i32: signed. Every method throws FileError EFAULT for a range that leaves linear memory. */
export class GuestView {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(memory: Uint8Array) {
    this.#bytes = memory;
    this.#view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  }

  /** To be said of what is written at the end of a call, before anything is done that cannot be taken back. */
  check(pointer: number, lengthBytes: number): void {
    // Below 2^33 and exact: it cannot wrap around.
    if ((pointer >>> 0) + (lengthBytes >>> 0) > this.#bytes.byteLength) throw new FileError(EFAULT);
  }

  /** The range itself, not a copy. */
  range(pointer: number, lengthBytes: number): Uint8Array {
    this.check(pointer, lengthBytes);
    const start = pointer >>> 0;
    return this.#bytes.subarray(start, start + (lengthBytes >>> 0));
  }

  /** A path as the guest hands it over. EILSEQ when it is not UTF-8, EINVAL for a NUL in it, ENAMETOOLONG. */
  path(pointer: number, lengthBytes: number): string {
    const bytes = this.range(pointer, lengthBytes);
    if (bytes.byteLength > MAX_GUEST_PATH_BYTES) throw new FileError(ENAMETOOLONG);
    if (bytes.includes(0)) throw new FileError(EINVAL);
    return decodeText(bytes);
  }

  /** Every vector, checked before any is used: the ranges themselves, at most `maxBytes` of them together. */
  iovecs(iovecs: number, iovecCount: number, maxBytes: number): readonly Uint8Array[] {
    const count = iovecCount >>> 0;
    if (count > MAX_IOVECS) throw new FileError(EINVAL);
    this.check(iovecs, count * IOVEC_SIZE);
    const ranges: Uint8Array[] = [];
    let roomBytes = maxBytes;
    for (let index = 0; index < count; index += 1) {
      const iovec = (iovecs >>> 0) + index * IOVEC_SIZE;
      const range = this.range(this.readU32(iovec), this.readU32(iovec + IOVEC_LENGTH_OFFSET));
      const taken = range.subarray(0, roomBytes);
      if (taken.byteLength > 0) ranges.push(taken);
      roomBytes -= taken.byteLength;
    }
    return ranges;
  }

  readU8(pointer: number): number {
    this.check(pointer, 1);
    return this.#view.getUint8(pointer >>> 0);
  }

  readU16(pointer: number): number {
    this.check(pointer, 2);
    return this.#view.getUint16(pointer >>> 0, true);
  }

  readU32(pointer: number): number {
    this.check(pointer, 4);
    return this.#view.getUint32(pointer >>> 0, true);
  }

  readU64(pointer: number): bigint {
    this.check(pointer, 8);
    return this.#view.getBigUint64(pointer >>> 0, true);
  }

  writeU8(pointer: number, value: number): void {
    this.check(pointer, 1);
    this.#view.setUint8(pointer >>> 0, value);
  }

  writeU16(pointer: number, value: number): void {
    this.check(pointer, 2);
    this.#view.setUint16(pointer >>> 0, value, true);
  }

  writeU32(pointer: number, value: number): void {
    this.check(pointer, 4);
    this.#view.setUint32(pointer >>> 0, value, true);
  }

  writeU64(pointer: number, value: bigint): void {
    this.check(pointer, 8);
    this.#view.setBigUint64(pointer >>> 0, value, true);
  }
}

function decodeText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) throw new FileError(EILSEQ);
    throw error;
  }
}
