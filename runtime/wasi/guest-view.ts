// Bounds-checked access to a guest's linear memory for the length of one call. A guest's pointer is any 32-bit value, so
// nothing may be read or written here before its whole range was checked; a view must not outlive the call it was made for.
import { invariant } from '../invariant.ts';

/** Pointers and lengths arrive as wasm i32: signed. All addresses in here are the unsigned value, below 2^32. */
export class GuestView {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(memory: Uint8Array) {
    this.#bytes = memory;
    this.#view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  }

  /** Whether the range lies inside linear memory. The sum is below 2^33 and exact: it cannot wrap around. */
  holds(pointer: number, lengthBytes: number): boolean {
    return (pointer >>> 0) + (lengthBytes >>> 0) <= this.#bytes.byteLength;
  }

  /** The range itself, not a copy. */
  range(pointer: number, lengthBytes: number): Uint8Array {
    invariant(this.holds(pointer, lengthBytes), 'a guest range is checked before it is used');
    const start = pointer >>> 0;
    return this.#bytes.subarray(start, start + (lengthBytes >>> 0));
  }

  readU32(pointer: number): number {
    return this.#view.getUint32(pointer >>> 0, true);
  }

  writeU8(pointer: number, value: number): void {
    this.#view.setUint8(pointer >>> 0, value);
  }

  writeU32(pointer: number, value: number): void {
    this.#view.setUint32(pointer >>> 0, value, true);
  }

  writeU64(pointer: number, value: bigint): void {
    this.#view.setBigUint64(pointer >>> 0, value, true);
  }
}
