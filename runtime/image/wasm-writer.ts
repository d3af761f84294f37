// A growable buffer for pieces of a WebAssembly binary. It must never be used for what can be copied as a view: large
// stretches of a module travel as parts, and are copied once.
import { invariant } from '../invariant.ts';
import { LEB32_MAX_BYTES } from './wasm-reader.ts';

const INITIAL_CAPACITY_BYTES = 256;
const encoder = new TextEncoder();

export class WasmWriter {
  #buffer = new Uint8Array(INITIAL_CAPACITY_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Appends single bytes, each 0 to 255. */
  byte(...values: readonly number[]): this {
    this.#reserve(values.length);
    for (const value of values) this.#buffer[this.#length++] = value;
    return this;
  }

  /** Appends an unsigned LEB128 integer in its shortest form. */
  u32(value: number): this {
    invariant(Number.isInteger(value) && value >= 0 && value < 2 ** 32, 'what is written as a u32 is one');
    // Not byte by byte through `byte`, which makes an array of each: most of what is written are indices.
    this.#reserve(LEB32_MAX_BYTES);
    let rest = value;
    while (rest >= 0x80) {
      this.#buffer[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.#length++] = rest;
    return this;
  }

  /** Appends an unsigned LEB128 integer of up to 64 bits in its shortest form. */
  u64(value: number): this {
    invariant(Number.isSafeInteger(value) && value >= 0, 'what is written as a u64 is one, and exact');
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.byte((rest % 0x80) | 0x80);
    return this.byte(rest);
  }

  /** Appends a signed LEB128 integer in its shortest form. */
  s32(value: number): this {
    invariant(
      Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 31,
      'what is written as an i32 is one',
    );
    let rest = value;
    while (rest < -0x40 || rest >= 0x40) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    return this.byte(rest & 0x7f);
  }

  /** Appends a signed LEB128 integer of 64 bits in its shortest form. */
  s64(value: bigint): this {
    invariant(BigInt.asIntN(64, value) === value, 'what is written as an i64 is one');
    let rest = value;
    while (rest < -0x40n || rest >= 0x40n) {
      this.byte(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    return this.byte(Number(rest & 0x7fn));
  }

  bytes(source: Uint8Array): this {
    this.#reserve(source.length);
    this.#buffer.set(source, this.#length);
    this.#length += source.length;
    return this;
  }

  /** Appends the length of `text` in UTF-8, then the text. */
  name(text: string): this {
    const encoded = encoder.encode(text);
    return this.u32(encoded.length).bytes(encoded);
  }

  /** What was written, as a view that later writes may or may not change: take it last. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(sizeBytes: number): void {
    const needed = this.#length + sizeBytes;
    if (needed <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
  }
}
