// A ledger file as the fuzzer reads it, from the drawing of the format and nothing else: where its frames lie, and what is written down
// after each of them. It reads what is known to be whole; of what has been damaged it makes no sense.
import { crc32 } from 'node:zlib';
import type { JsonValue } from '#runtime/bank/ledger-records.js';

export type LedgerState = ReadonlyMap<string, JsonValue>;

/** Offsets in a copy; the end is that of its padding. */
export interface FrameRange {
  readonly start: number;
  readonly end: number;
  /** Behind it there is padding. */
  readonly payloadEnd: number;
}

export const HEADER_BYTES = 64;
/** What a copy notes of its last frame, behind its header. */
export const NOTE = { start: 64, end: 80 } as const;
const NOTE_CHECKED_BYTES = 12;
const FRAMES_AT = 128;
const FRAME_HEADER_BYTES = 24;
const HEADER_CHECKSUM = { start: 12, end: 16 } as const;
const CAPACITY_AT = 32;

export class LedgerModel {
  readonly capacityBytes: number;
  /** Its first copy. */
  readonly image: Buffer;
  readonly frames: readonly FrameRange[];
  /** Of the last frame. */
  readonly sequence: number;
  readonly #headerChecksum: Buffer;
  readonly #payloads: readonly string[];
  readonly #states = new Map<number, LedgerState>();

  constructor(file: Uint8Array) {
    const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
    this.capacityBytes = Number(bytes.readBigUInt64LE(CAPACITY_AT));
    this.image = bytes.subarray(0, this.capacityBytes);
    this.#headerChecksum = Buffer.from(bytes.subarray(HEADER_CHECKSUM.start, HEADER_CHECKSUM.end));
    const frames: FrameRange[] = [];
    const payloads: string[] = [];
    let sequence = 0;
    for (let at = FRAMES_AT; bytes.toString('latin1', at, at + 4) === 'RKFR'; ) {
      const payloadBytes = bytes.readUInt32LE(at + 4);
      sequence = Number(bytes.readBigUInt64LE(at + 8));
      const start = at;
      const payloadEnd = at + FRAME_HEADER_BYTES + payloadBytes;
      payloads.push(bytes.toString('utf8', at + FRAME_HEADER_BYTES, payloadEnd));
      at += Math.ceil((FRAME_HEADER_BYTES + payloadBytes) / 8) * 8;
      frames.push({ start, end: at, payloadEnd });
    }
    this.sequence = sequence;
    this.frames = frames;
    this.#payloads = payloads;
  }

  /** Where the frames end in a copy. */
  get end(): number {
    return this.frames.at(-1)?.end ?? FRAMES_AT;
  }

  /** Sequence that a copy of this ledger, damaged perhaps, notes as its last; null when that cannot be had. */
  noteIn(copy: Buffer): number | null {
    const note = copy.subarray(NOTE.start, NOTE.end);
    if (note.length < NOTE.end - NOTE.start) return null;
    const checked = Buffer.concat([note.subarray(0, NOTE_CHECKED_BYTES), this.#headerChecksum]);
    return note.readUInt32LE(NOTE_CHECKED_BYTES) === crc32(checked) ? Number(note.readBigUInt64LE(0)) : null;
  }

  /** What is written down without the last `missing` frames. */
  stateWithout(missing: number): LedgerState {
    const known = this.#states.get(missing);
    if (known !== undefined) return known;
    const state = new Map<string, JsonValue>();
    for (const payload of this.#payloads.slice(0, this.#payloads.length - missing)) {
      for (const [key, value] of JSON.parse(payload) as [string, JsonValue][]) {
        if (value === null) state.delete(key);
        else state.set(key, value);
      }
    }
    this.#states.set(missing, state);
    return state;
  }
}
