// The superblock: what a bank is, written once when it is made, as two equal copies of which one is enough. It is decoded without
// trust: no field is used before the checksum over it holds, and a bank of another version is named and never read as one of ours.
import { crc32 } from 'node:zlib';
import { RekindleError } from '../errors.ts';
import { invariant } from '../invariant.ts';
import { BANK_PAGE_SIZE, LIMIT_BOUNDS, WASM_PAGE_SIZE } from '../limits.ts';

// File `superblock`, little-endian:
//
//        0            4096           8192
//        | copy 0     | copy 1       |          both with the same bytes
//
//   copy: 0   magic       "RKBANK\r\n"
//         8   version     u32
//        12   checksum    u32    CRC-32 of bytes 16 to 4095
//        16   bankId      16 bytes
//        32   sizeBytes   u64    of the bank's content
//        40   createdMs   u64    since the epoch
//        48   pageSize    u32
//        52   zeros
const MAGIC = Buffer.from('RKBANK\r\n', 'latin1');
const COPY_BYTES = 4096;
const VERSION_AT = 8;
const CHECKSUM_AT = 12;
const BODY_AT = 16;
const SIZE_AT = 32;
const CREATED_AT = 40;
const PAGE_SIZE_AT = 48;

export const SUPERBLOCK_VERSION = 4;
export const SUPERBLOCK_SIZE_BYTES = 2 * COPY_BYTES;
export const BANK_ID_BYTES = 16;

export interface Superblock {
  /** 16 random bytes. */
  readonly bankId: Uint8Array;
  /** A multiple of 64 KiB within the bounds of `bankSizeBytes`. */
  readonly sizeBytes: number;
  /** Since the epoch. */
  readonly createdMs: number;
}

export interface DecodedSuperblock {
  readonly superblock: Superblock;
  /** The copy that is unsound while the other one is sound. */
  readonly damagedCopy: 0 | 1 | null;
}

type DecodedCopy =
  | { readonly kind: 'sound'; readonly superblock: Superblock; readonly bytes: Uint8Array }
  | { readonly kind: 'version'; readonly version: number }
  | { readonly kind: 'damaged' }
  | { readonly kind: 'foreign' };

export function encodeSuperblock({ bankId, sizeBytes, createdMs }: Superblock): Uint8Array {
  invariant(bankId.length === BANK_ID_BYTES, 'a bank ID has 16 bytes');
  invariant(isBankSize(sizeBytes), 'the size of a bank is within its bounds');
  const copy = Buffer.alloc(COPY_BYTES);
  MAGIC.copy(copy);
  copy.writeUInt32LE(SUPERBLOCK_VERSION, VERSION_AT);
  copy.set(bankId, BODY_AT);
  copy.writeBigUInt64LE(BigInt(sizeBytes), SIZE_AT);
  copy.writeBigUInt64LE(BigInt(createdMs), CREATED_AT);
  copy.writeUInt32LE(BANK_PAGE_SIZE, PAGE_SIZE_AT);
  copy.writeUInt32LE(crc32(copy.subarray(BODY_AT)), CHECKSUM_AT);
  return Buffer.concat([copy, copy]);
}

/**
 * `bytes`: the file, or as much of it as there is; what lies behind the two copies is not looked at. `culprit` is its path.
 *
 * @throws RekindleError BANK_FOREIGN when it is no superblock at all, BANK_VERSION when it is one of another version, BANK_DAMAGED
 * when neither copy is sound or both are and contradict each other.
 */
export function decodeSuperblock(bytes: Uint8Array, culprit: string): DecodedSuperblock {
  const copies = [decodeCopy(bytes, 0), decodeCopy(bytes, 1)] as const;
  const [first, second] = copies;
  if (first.kind === 'sound' && second.kind === 'sound') {
    if (Buffer.compare(first.bytes, second.bytes) === 0)
      return { superblock: first.superblock, damagedCopy: null };
    throw new RekindleError('BANK_DAMAGED', culprit, 'the two copies contradict each other');
  }
  if (first.kind === 'sound') return { superblock: first.superblock, damagedCopy: 1 };
  if (second.kind === 'sound') return { superblock: second.superblock, damagedCopy: 0 };
  for (const copy of copies) {
    if (copy.kind !== 'version') continue;
    const detail = `version ${copy.version}, this is version ${SUPERBLOCK_VERSION}`;
    throw new RekindleError('BANK_VERSION', culprit, detail);
  }
  if (copies.every(({ kind }) => kind === 'foreign')) {
    throw new RekindleError('BANK_FOREIGN', culprit, 'it does not begin as the superblock of a bank');
  }
  throw new RekindleError('BANK_DAMAGED', culprit, 'neither copy of the superblock is sound');
}

function decodeCopy(file: Uint8Array, index: 0 | 1): DecodedCopy {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength).subarray(
    index * COPY_BYTES,
    (index + 1) * COPY_BYTES,
  );
  if (bytes.length < BODY_AT || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return { kind: 'foreign' };
  const version = bytes.readUInt32LE(VERSION_AT);
  if (version !== SUPERBLOCK_VERSION) return { kind: 'version', version };
  if (bytes.length < COPY_BYTES) return { kind: 'damaged' };
  if (bytes.readUInt32LE(CHECKSUM_AT) !== crc32(bytes.subarray(BODY_AT))) return { kind: 'damaged' };
  const sizeBytes = Number(bytes.readBigUInt64LE(SIZE_AT));
  const createdMs = Number(bytes.readBigUInt64LE(CREATED_AT));
  const isPlausible =
    isBankSize(sizeBytes) &&
    Number.isSafeInteger(createdMs) &&
    bytes.readUInt32LE(PAGE_SIZE_AT) === BANK_PAGE_SIZE;
  if (!isPlausible) return { kind: 'damaged' };
  const bankId = Uint8Array.from(bytes.subarray(BODY_AT, BODY_AT + BANK_ID_BYTES));
  return { kind: 'sound', superblock: { bankId, sizeBytes, createdMs }, bytes };
}

function isBankSize(sizeBytes: number): boolean {
  const { min, max } = LIMIT_BOUNDS.bankSizeBytes;
  return sizeBytes % WASM_PAGE_SIZE === 0 && sizeBytes >= min && sizeBytes <= max;
}
