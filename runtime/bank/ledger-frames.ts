// The bytes of a ledger file: headers and frames, encoded and found again. A frame's checksum covers its place in the chain, so one
// of another time or file never fits; no length is used before it is known to lie within the bytes there are.
import { crc32 } from 'node:zlib';
import { invariant } from '../invariant.ts';

// File `ledger`, little-endian:
//
//   0                capacityBytes      2 * capacityBytes
//   | copy A         | copy B           |                   the same bytes in both
//
//   copy:   0  header, 64 bytes        frame:   0  magic             "RKFR"
//          64  acknowledgement                  4  lengthBytes       u32, of the payload
//         128  frame                            8  sequence          u64, one more than the frame before
//           .  frame ...                       16  previousChecksum  u32, of the frame before; of the header for the first
//           .  zeros, or a torn frame          20  checksum          u32, CRC-32 of bytes 4 to 19 and the payload
//                                              24  payload           UTF-8 JSON: [[key, value], ...], a value of null: removed
//   header: 0  magic          "RKLEDGR\n"       .  zeros up to a multiple of 8
//           8  version        u32
//          12  checksum       u32, CRC-32      acknowledgement:
//                             of 16 to 63        64  sequence        u64, of the last frame that was on the medium in both copies
//          16  bankId         16 bytes           72  frameChecksum   u32, of that frame
//          32  capacityBytes  u64, a             76  checksum        u32, CRC-32 of bytes 64 to 75 and the header's checksum
//                             multiple of 4096   80  zeros
//          40  firstSequence  u64
//          48  zeros
//
// The first frame holds everything there is (a snapshot), each other one a transaction. An acknowledgement that names the header in place
// of a frame (sequence: firstSequence - 1, frameChecksum: the header's) says that its copy is being written and does not count yet.
const HEADER_MAGIC = Buffer.from('RKLEDGR\n', 'latin1');
const FRAME_MAGIC = Buffer.from('RKFR', 'latin1');
const ALIGNMENT_BYTES = 8;
const BANK_ID_BYTES = 16;

export const LEDGER_VERSION = 1;
export const HEADER_BYTES = 64;
/** In a copy, behind the header and in the same sector of the medium: it is written whole or not at all. */
export const ACKNOWLEDGEMENT_AT = HEADER_BYTES;
const ACKNOWLEDGEMENT_BYTES = 16;
/** Of the acknowledgement: what its checksum covers. */
const ACKNOWLEDGED_BYTES = 12;
/** Where the first frame begins in a copy. */
export const FRAMES_AT = 128;
export const FRAME_HEADER_BYTES = 24;
/** Capacities are multiples of this. */
export const CAPACITY_UNIT_BYTES = 4096;
/** A payload is one string when it is read, of which the engine allows half a gigabyte. */
export const MAX_PAYLOAD_BYTES = 2 ** 28;
export const MAX_CAPACITY_BYTES = 4 * MAX_PAYLOAD_BYTES;

export interface LedgerHeader {
  readonly bankId: Uint8Array;
  readonly capacityBytes: number;
  readonly firstSequence: number;
}

/** Where the next frame goes. */
export interface ChainEnd {
  /** In the copy. */
  readonly offset: number;
  /** Of the last frame. */
  readonly sequence: number;
  readonly checksum: number;
}

/** The last frame that was on the medium in both copies, as far as is known. */
export type Acknowledgement = Pick<ChainEnd, 'sequence' | 'checksum'>;

export interface Frame {
  /** All of it. */
  readonly bytes: Uint8Array;
  readonly payload: Uint8Array;
  /** What the chain ends with when this frame is its last. */
  readonly end: ChainEnd;
}

export type DecodedHeader =
  | {
      readonly kind: 'sound';
      readonly header: LedgerHeader;
      readonly bytes: Uint8Array;
      readonly chain: ChainEnd;
    }
  /** Read before the checksum is judged: another version may have another one. */
  | { readonly kind: 'version'; readonly version: number }
  | { readonly kind: 'damaged' };

/** Bytes that a payload takes up in a copy. */
export function frameBytes(payloadBytes: number): number {
  return Math.ceil((FRAME_HEADER_BYTES + payloadBytes) / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}

/** Returns the header and the end of the chain that begins with it. */
export function encodeHeader({ bankId, capacityBytes, firstSequence }: LedgerHeader): {
  readonly bytes: Uint8Array;
  readonly end: ChainEnd;
} {
  invariant(bankId.length === BANK_ID_BYTES, 'a bank ID has 16 bytes');
  const bytes = Buffer.alloc(HEADER_BYTES);
  HEADER_MAGIC.copy(bytes);
  bytes.writeUInt32LE(LEDGER_VERSION, 8);
  bytes.set(bankId, 16);
  bytes.writeBigUInt64LE(BigInt(capacityBytes), 32);
  bytes.writeBigUInt64LE(BigInt(firstSequence), 40);
  const checksum = crc32(bytes.subarray(16));
  bytes.writeUInt32LE(checksum, 12);
  return { bytes, end: { offset: FRAMES_AT, sequence: firstSequence - 1, checksum } };
}

export function decodeHeader(copy: Buffer): DecodedHeader {
  if (copy.length < HEADER_BYTES || !copy.subarray(0, 8).equals(HEADER_MAGIC)) return { kind: 'damaged' };
  const version = copy.readUInt32LE(8);
  if (version !== LEDGER_VERSION) return { kind: 'version', version };
  const checksum = copy.readUInt32LE(12);
  if (checksum !== crc32(copy.subarray(16, HEADER_BYTES))) return { kind: 'damaged' };
  const capacityBytes = Number(copy.readBigUInt64LE(32));
  const firstSequence = Number(copy.readBigUInt64LE(40));
  const isPlausible =
    capacityBytes > 0 &&
    capacityBytes % CAPACITY_UNIT_BYTES === 0 &&
    capacityBytes <= MAX_CAPACITY_BYTES &&
    firstSequence > 0 &&
    Number.isSafeInteger(firstSequence);
  if (!isPlausible) return { kind: 'damaged' };
  const header = { bankId: Uint8Array.from(copy.subarray(16, 32)), capacityBytes, firstSequence };
  const chain = { offset: FRAMES_AT, sequence: firstSequence - 1, checksum };
  return { kind: 'sound', header, bytes: copy.subarray(0, HEADER_BYTES), chain };
}

/** `headerChecksum`: an acknowledgement is of use behind its own header only. */
export function encodeAcknowledgement(
  { sequence, checksum }: Acknowledgement,
  headerChecksum: number,
): Uint8Array {
  const bytes = Buffer.alloc(ACKNOWLEDGEMENT_BYTES);
  bytes.writeBigUInt64LE(BigInt(sequence), 0);
  bytes.writeUInt32LE(checksum, 8);
  bytes.writeUInt32LE(acknowledgementChecksum(bytes, headerChecksum), ACKNOWLEDGED_BYTES);
  return bytes;
}

/** `head`: the end of the chain that begins with the header. Equal to that: the copy does not count yet. Null: it is not sound. */
export function decodeAcknowledgement(copy: Buffer, head: ChainEnd): Acknowledgement | null {
  const bytes = copy.subarray(ACKNOWLEDGEMENT_AT, ACKNOWLEDGEMENT_AT + ACKNOWLEDGEMENT_BYTES);
  if (bytes.length < ACKNOWLEDGEMENT_BYTES) return null;
  if (bytes.readUInt32LE(ACKNOWLEDGED_BYTES) !== acknowledgementChecksum(bytes, head.checksum)) return null;
  const sequence = Number(bytes.readBigUInt64LE(0));
  if (!Number.isSafeInteger(sequence) || sequence < head.sequence) return null;
  return { sequence, checksum: bytes.readUInt32LE(8) };
}

function acknowledgementChecksum(bytes: Buffer, headerChecksum: number): number {
  const header = Buffer.alloc(4);
  header.writeUInt32LE(headerChecksum);
  return crc32(header, crc32(bytes.subarray(0, ACKNOWLEDGED_BYTES)));
}

/** Returns the frame that continues the chain, and the end of the chain with it. */
export function encodeFrame(
  payload: Uint8Array,
  previous: ChainEnd,
): { readonly bytes: Uint8Array; readonly end: ChainEnd } {
  invariant(payload.length <= MAX_PAYLOAD_BYTES, 'a payload is within its bound');
  const bytes = Buffer.alloc(frameBytes(payload.length));
  const sequence = previous.sequence + 1;
  FRAME_MAGIC.copy(bytes);
  bytes.writeUInt32LE(payload.length, 4);
  bytes.writeBigUInt64LE(BigInt(sequence), 8);
  bytes.writeUInt32LE(previous.checksum, 16);
  bytes.set(payload, FRAME_HEADER_BYTES);
  const checksum = checksumOf(bytes, payload.length);
  bytes.writeUInt32LE(checksum, 20);
  return { bytes, end: { offset: previous.offset + bytes.length, sequence, checksum } };
}

/** The frame that continues the chain in this copy; null when none is there that is whole and sound and fits. */
export function nextFrame(copy: Buffer, previous: ChainEnd): Frame | null {
  const frame = soundFrame(copy, previous.offset);
  if (frame === null || frame.end.sequence !== previous.sequence + 1) return null;
  return copy.readUInt32LE(previous.offset + 16) === previous.checksum ? frame : null;
}

/**
 * Whether what stands where the chain stops can be what a crash has left of the next frame: its first bytes, or zeros in place of any of
 * them. Noise is neither.
 */
export function mayEnd(copy: Buffer, end: ChainEnd): boolean {
  const expected = Buffer.alloc(FRAME_HEADER_BYTES);
  FRAME_MAGIC.copy(expected);
  expected.writeBigUInt64LE(BigInt(end.sequence + 1), 8);
  expected.writeUInt32LE(end.checksum, 16);
  const present = copy.subarray(end.offset, end.offset + FRAME_HEADER_BYTES);
  return present.every((byte, at) => byte === 0 || isOfItsOwn(at) || byte === expected[at]);
}

/** Bytes of a frame's header that the frame before says nothing of: length and checksum. */
function isOfItsOwn(at: number): boolean {
  return (at >= 4 && at < 8) || at >= 20;
}

/**
 * Whether something stands at or behind `offset`, where the chain stops, that cannot be what a crash has left of one frame: then the chain
 * was broken there and did not end. That is a sound frame at `offset`, or behind it the mere beginning of one with a later sequence. No
 * part of a payload looks like one: JSON has no bytes below 0x20, which the numbers of a beginning always have.
 */
export function laterFrames(copy: Buffer, offset: number, lastSequence: number): boolean {
  const there = soundFrame(copy, offset);
  if (there !== null && there.end.sequence > lastSequence) return true;
  let at = copy.indexOf(FRAME_MAGIC, offset + 1);
  while (at !== -1) {
    if (at % ALIGNMENT_BYTES === 0 && beginsLaterFrame(copy, at, lastSequence)) return true;
    at = copy.indexOf(FRAME_MAGIC, at + 1);
  }
  return false;
}

function beginsLaterFrame(copy: Buffer, offset: number, lastSequence: number): boolean {
  if (offset + FRAME_HEADER_BYTES > copy.length) return false;
  const sequence = Number(copy.readBigUInt64LE(offset + 8));
  return (
    copy.readUInt32LE(offset + 4) <= MAX_PAYLOAD_BYTES &&
    sequence > lastSequence &&
    Number.isSafeInteger(sequence)
  );
}

function soundFrame(copy: Buffer, offset: number): Frame | null {
  const sizeBytes = declaredBytes(copy, offset);
  if (sizeBytes === 0 || copy.compare(FRAME_MAGIC, 0, 4, offset, offset + 4) !== 0) return null;
  const lengthBytes = copy.readUInt32LE(offset + 4);
  const checksum = copy.readUInt32LE(offset + 20);
  const frame = copy.subarray(offset, offset + sizeBytes);
  const sequence = Number(frame.readBigUInt64LE(8));
  if (!Number.isSafeInteger(sequence) || checksum !== checksumOf(frame, lengthBytes)) return null;
  const payload = frame.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + lengthBytes);
  return { bytes: frame, payload, end: { offset: offset + sizeBytes, sequence, checksum } };
}

/** What a frame at `offset` says of its size, and 0 when that much is not there. */
function declaredBytes(copy: Buffer, offset: number): number {
  if (offset + FRAME_HEADER_BYTES > copy.length) return 0;
  const lengthBytes = copy.readUInt32LE(offset + 4);
  const sizeBytes = frameBytes(lengthBytes);
  return lengthBytes <= MAX_PAYLOAD_BYTES && offset + sizeBytes <= copy.length ? sizeBytes : 0;
}

function checksumOf(frame: Buffer, lengthBytes: number): number {
  return crc32(
    frame.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + lengthBytes),
    crc32(frame.subarray(4, 20)),
  );
}
