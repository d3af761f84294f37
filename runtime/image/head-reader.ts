// A bounds-checked cursor over the head of an executing image. It must never fail with anything but IMAGE_DAMAGED: the bytes may
// have been written by a host that died, or not by us at all.
import { RekindleError } from '../errors.ts';

/** Little-endian throughout. Every method throws RekindleError IMAGE_DAMAGED when the bytes do not allow it. */
export class HeadReader {
  readonly #view: DataView;
  readonly #culprit: string;
  #offset = 0;
  #end: number;

  constructor(bytes: Uint8Array, culprit: string) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#culprit = culprit;
    this.#end = bytes.byteLength;
  }

  fail(detail: string): never {
    throw new RekindleError('IMAGE_DAMAGED', this.#culprit, detail);
  }

  /** Nothing at or behind `end` is read from now on. */
  limitTo(end: number): void {
    if (end < this.#offset || end > this.#end) this.fail(`it ends at byte ${this.#end}, not ${end}`);
    this.#end = end;
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#take(8), true);
  }

  /** Only values a number holds exactly. */
  u64(): number {
    const value = Number(this.#view.getBigUint64(this.#take(8), true));
    if (!Number.isSafeInteger(value)) this.fail('a number is too large');
    return value;
  }

  flag(): boolean {
    const value = this.#view.getUint8(this.#take(1));
    if (value > 1) this.fail(`a flag is ${value}`);
    return value === 1;
  }

  /** A copy. */
  bytes(sizeBytes: number): Uint8Array {
    const offset = this.#take(sizeBytes);
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + offset, sizeBytes).slice();
  }

  /** `count` entries of at least `minimumSizeBytes` each: checked against what is left before any is read. */
  list<T>(count: number, minimumSizeBytes: number, readEntry: () => T): T[] {
    if (count * minimumSizeBytes > this.#end - this.#offset)
      this.fail(`${count} entries do not fit in what is left`);
    return Array.from({ length: count }, readEntry);
  }

  expectEnd(): void {
    if (this.#offset !== this.#end) this.fail(`${this.#end - this.#offset} bytes too many`);
  }

  #take(sizeBytes: number): number {
    const offset = this.#offset;
    if (sizeBytes > this.#end - offset) this.fail(`it ends in the middle of a field, at byte ${offset}`);
    this.#offset = offset + sizeBytes;
    return offset;
  }
}
