// A cursor over a stretch of a WebAssembly binary that checks every bound before it reads. It must never return a value taken
// from beyond its end, and never fail with anything but MODULE_MALFORMED: what it reads comes from strangers.
import { RekindleError } from '../errors.ts';

/** Longest encodings, in bytes: ceil(32 / 7) and ceil(64 / 7). */
export const LEB32_MAX_BYTES = 5;
export const LEB64_MAX_BYTES = 10;

// A byte order mark is part of a name like any other character, hence ignoreBOM.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads forward through `bytes` from `start` to `end`. Offsets, also those in errors, count from the start of `bytes`.
 * Every method throws RekindleError MODULE_MALFORMED with `moduleName` as the culprit when the bytes do not allow it.
 *
 * Invariant: start <= offset <= end <= bytes.length.
 */
export class WasmReader {
  readonly #bytes: Uint8Array;
  readonly #moduleName: string;
  readonly #end: number;
  #offset: number;

  constructor(bytes: Uint8Array, moduleName: string, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#moduleName = moduleName;
    this.#offset = start;
    this.#end = end;
    if (start < 0 || start > end || end > bytes.length) this.fail('a range leads outside the file');
  }

  get offset(): number {
    return this.#offset;
  }

  get atEnd(): boolean {
    return this.#offset === this.#end;
  }

  get moduleName(): string {
    return this.#moduleName;
  }

  /** Throws MODULE_MALFORMED, saying where. */
  fail(detail: string, options?: { cause?: unknown }): never {
    throw new RekindleError(
      'MODULE_MALFORMED',
      this.#moduleName,
      `${detail}, at byte ${this.#offset}`,
      options,
    );
  }

  byte(): number {
    const value = this.#bytes[this.#offset];
    if (value === undefined || this.#offset >= this.#end) this.fail('unexpected end');
    this.#offset += 1;
    return value;
  }

  /** The next byte, which stays unread. */
  peek(): number {
    const value = this.byte();
    this.#offset -= 1;
    return value;
  }

  u32(): number {
    // Most are of one byte, and nearly all that is read of a module are such numbers.
    const first = this.#bytes[this.#offset];
    if (first !== undefined && first < 0x80 && this.#offset < this.#end) {
      this.#offset += 1;
      return first;
    }
    let value = 0;
    for (let position = 0; position < LEB32_MAX_BYTES; position++) {
      const byte = this.byte();
      if (position === LEB32_MAX_BYTES - 1 && byte > 0x0f) break;
      value += (byte & 0x7f) * 2 ** (7 * position);
      if (byte < 0x80) return value;
    }
    return this.fail('an integer is encoded in too many bits');
  }

  /** As a number, so that beyond 2^53 it is only about that large. */
  u64(): number {
    let value = 0n;
    for (let position = 0; position < LEB64_MAX_BYTES; position++) {
      const byte = this.byte();
      if (position === LEB64_MAX_BYTES - 1 && byte > 0x01) break;
      value |= BigInt(byte & 0x7f) << BigInt(7 * position);
      if (byte < 0x80) return Number(value);
    }
    return this.fail('an integer is encoded in too many bits');
  }

  s32(): number {
    let value = 0;
    for (let shift = 0; shift < 7 * LEB32_MAX_BYTES; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte >= 0x80) continue;
      const unusedBits = Math.max(0, 25 - shift);
      return (value << unusedBits) >> unusedBits;
    }
    return this.fail('an integer is encoded in too many bits');
  }

  s64(): bigint {
    let value = 0n;
    for (let shift = 0; shift < 7 * LEB64_MAX_BYTES; shift += 7) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << BigInt(shift);
      if (byte < 0x80) return BigInt.asIntN(Math.min(shift + 7, 64), value);
    }
    return this.fail('an integer is encoded in too many bits');
  }

  /** So many unsigned integers. In one loop, for that is what thousands of functions and table entries are. */
  u32s(count: number): number[] {
    const values: number[] = [];
    for (let remaining = count; remaining > 0; remaining--) {
      const first = this.#bytes[this.#offset];
      if (first !== undefined && first < 0x80 && this.#offset < this.#end) {
        this.#offset += 1;
        values.push(first);
      } else values.push(this.u32());
    }
    return values;
  }

  /** Passes over a LEB128 integer of either sign. */
  skipLeb(maxBytes: number): void {
    for (let position = 0; position < maxBytes; position++) {
      if (this.byte() < 0x80) return;
    }
    this.fail('an integer is encoded in too many bits');
  }

  /** The length of a vector whose entries take at least one byte each, so that it bounds what is allocated for them. */
  count(): number {
    const count = this.u32();
    if (count > this.#end - this.#offset) this.fail(`${count} entries do not fit in what follows`);
    return count;
  }

  /** A view of the next `sizeBytes` bytes. */
  bytes(sizeBytes: number): Uint8Array {
    this.skip(sizeBytes);
    return this.#bytes.subarray(this.#offset - sizeBytes, this.#offset);
  }

  skip(sizeBytes: number): void {
    if (sizeBytes < 0 || sizeBytes > this.#end - this.#offset) this.fail(`${sizeBytes} bytes are not there`);
    this.#offset += sizeBytes;
  }

  /** A view of what lies between an earlier offset and this one, without so many bytes at its end. */
  since(offset: number, withoutBytes = 0): Uint8Array {
    return this.#bytes.subarray(offset, this.#offset - withoutBytes);
  }

  /** Another reader of what this one has not read yet. */
  copy(): WasmReader {
    return new WasmReader(this.#bytes, this.#moduleName, this.#offset, this.#end);
  }

  /** A reader of the next `sizeBytes` bytes only; this one goes on behind them. */
  nested(sizeBytes: number): WasmReader {
    const start = this.#offset;
    this.skip(sizeBytes);
    return new WasmReader(this.#bytes, this.#moduleName, start, this.#offset);
  }

  name(): string {
    const encoded = this.bytes(this.u32());
    try {
      return utf8.decode(encoded);
    } catch (cause) {
      return this.fail('a name is not UTF-8', { cause });
    }
  }

  expectEnd(what: string): void {
    if (!this.atEnd) this.fail(`${this.#end - this.#offset} bytes too many in ${what}`);
  }
}
