// The slot of one file: the part of it that changes too often to be written down in the ledger, in the bank's content. Whoever has the
// bank's bytes can read it, so that a guest sees a file's length without asking. Only the main thread stores lengths; times are stored
// by whoever writes.
import { crc32 } from 'node:zlib';
import type { BankView } from '../memory/bank-view.ts';
import type { NewTimes } from '../wasi/file-system.ts';

//  A slot, little-endian; it is aligned to its own size.
//
//   0         4          8            16           24          32        36
//  +---------+----------+------------+------------+-----------+---------+-------+
//  | size    | sizeMark | accessedNs | modifiedNs | changedNs | layouts | zeros |   64 bytes
//  | u32     | u32      | u64        | u64        | u64       | u32     |       |
//  +---------+----------+------------+------------+-----------+---------+-------+
//
//  sizeMark: CRC-32 of the volume's number (u64), the file's number (u64) and size (u32). It tells a length from damage, and from the
//            length of a file that had the slot before.
//  layouts:  counts the times that the extents of the file have changed, modulo 2^32. It is of no account once the site is gone.
//
//  Invariant: size and sizeMark change together, in one store of eight aligned bytes, which no death and no sector boundary divides.
export const SLOT_BYTES = 64;
const TIMES_AT = 8;
const TIMES_BYTES = 24;
const LAYOUTS_AT = 32;

/** Of 64-bit words, and of 32-bit ones. */
const SIZE_WORD = 0;
const ACCESSED_WORD = 1;
const MODIFIED_WORD = 2;
const CHANGED_WORD = 3;
const SIZE_HALF = 0;
const LAYOUTS_HALF = LAYOUTS_AT / 4;

/** Whose slot it is. */
export interface SlotOwner {
  readonly volume: number;
  readonly inode: number;
}

export interface SlotTimes {
  readonly accessedNs: bigint;
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
}

/** Threads may have one each of the same slot. */
export class VolumeSlot {
  readonly #view: BankView;
  readonly #offset: number;
  readonly #words: BigUint64Array;
  readonly #halves: Uint32Array;

  /** `offset`: in the bank. */
  constructor(view: BankView, offset: number) {
    const { buffer, byteOffset } = view.bytes(offset, SLOT_BYTES);
    this.#view = view;
    this.#offset = offset;
    this.#words = new BigUint64Array(buffer, byteOffset, SLOT_BYTES / 8);
    this.#halves = new Uint32Array(buffer, byteOffset, SLOT_BYTES / 4);
  }

  /** Of the file, as it is now. */
  get sizeBytes(): number {
    return Atomics.load(this.#halves, SIZE_HALF);
  }

  /** Another number than before says that the extents have changed. */
  get layouts(): number {
    return Atomics.load(this.#halves, LAYOUTS_HALF);
  }

  get times(): SlotTimes {
    const at = (word: number): bigint => Atomics.load(this.#words, word);
    return { accessedNs: at(ACCESSED_WORD), modifiedNs: at(MODIFIED_WORD), changedNs: at(CHANGED_WORD) };
  }

  /** For a new file: empty, and all its times now. */
  begin(owner: SlotOwner, nowNs: bigint): void {
    this.setSize(owner, 0);
    for (const word of [ACCESSED_WORD, MODIFIED_WORD, CHANGED_WORD]) this.#storeTime(word, nowNs);
    this.#view.written(this.#offset + TIMES_AT, TIMES_BYTES);
  }

  /** Whether the length is one that was stored for this file. */
  isSound(owner: SlotOwner): boolean {
    return Atomics.load(this.#words, SIZE_WORD) === sizeWord(owner, this.sizeBytes);
  }

  /** The content up to there is in its place already. */
  setSize(owner: SlotOwner, sizeBytes: number): void {
    Atomics.store(this.#words, SIZE_WORD, sizeWord(owner, sizeBytes));
    this.#view.written(this.#offset, TIMES_AT);
  }

  /** What was read from the old extents is read from the new ones after this. */
  layoutChanged(): void {
    Atomics.add(this.#halves, LAYOUTS_HALF, 1);
    this.#view.written(this.#offset + LAYOUTS_AT, 4);
  }

  /** The content has changed: `changedNs` goes along. */
  modified(nowNs: bigint): void {
    this.#storeTime(MODIFIED_WORD, nowNs);
    this.changed(nowNs);
  }

  /** Something about the file has changed. */
  changed(nowNs: bigint): void {
    this.#storeTime(CHANGED_WORD, nowNs);
    this.#view.written(this.#offset + TIMES_AT, TIMES_BYTES);
  }

  setTimes({ accessedNs, modifiedNs }: NewTimes, nowNs: bigint): void {
    if (accessedNs !== null) this.#storeTime(ACCESSED_WORD, accessedNs);
    if (modifiedNs !== null) this.#storeTime(MODIFIED_WORD, modifiedNs);
    this.changed(nowNs);
  }

  #storeTime(word: number, timeNs: bigint): void {
    Atomics.store(this.#words, word, BigInt.asUintN(64, timeNs));
  }
}

function sizeWord({ volume, inode }: SlotOwner, sizeBytes: number): bigint {
  const bytes = Buffer.alloc(20);
  bytes.writeBigUInt64LE(BigInt(volume), 0);
  bytes.writeBigUInt64LE(BigInt(inode), 8);
  bytes.writeUInt32LE(sizeBytes, 16);
  return (BigInt(crc32(bytes)) << 32n) | BigInt(sizeBytes);
}
