// The superblock: what is written is read, one copy is enough, and everything else is refused under the right name.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeSuperblock,
  encodeSuperblock,
  SUPERBLOCK_SIZE_BYTES,
  type Superblock,
} from '#runtime/bank/superblock.js';
import { RekindleError } from '#runtime/errors.js';
import { LIMIT_BOUNDS, WASM_PAGE_SIZE } from '#runtime/limits.js';

const { min, max } = LIMIT_BOUNDS.bankSizeBytes;
const COPY_BYTES = SUPERBLOCK_SIZE_BYTES / 2;
const SUPERBLOCK: Superblock = {
  bankId: new Uint8Array(16).fill(7),
  sizeBytes: min,
  createdMs: 1_700_000_000_000,
};

const superblocks: fc.Arbitrary<Superblock> = fc.record({
  bankId: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  sizeBytes: fc
    .integer({ min: min / WASM_PAGE_SIZE, max: max / WASM_PAGE_SIZE })
    .map((pages) => pages * WASM_PAGE_SIZE),
  createdMs: fc.maxSafeNat(),
});

function codeOf(bytes: Uint8Array): string {
  try {
    decodeSuperblock(bytes, '/bank/superblock');
    return 'sound';
  } catch (error) {
    if (error instanceof RekindleError) return error.code;
    throw error;
  }
}

describe('superblock', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(superblocks, (superblock) => {
        const bytes = encodeSuperblock(superblock);
        expect(bytes.length).toBe(SUPERBLOCK_SIZE_BYTES);
        expect(decodeSuperblock(bytes, 'x')).toEqual({ superblock, damagedCopy: null });
      }),
    );
  });

  test('any byte of one copy may be damaged, and the copy is named', () => {
    for (let at = 0; at < SUPERBLOCK_SIZE_BYTES; at += at % COPY_BYTES < 100 ? 1 : 31) {
      const bytes = encodeSuperblock(SUPERBLOCK);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
      const damagedCopy = at < COPY_BYTES ? 0 : 1;
      expect(decodeSuperblock(bytes, 'x')).toEqual({ superblock: SUPERBLOCK, damagedCopy });
    }
  });

  test('cut short at any length: the first copy is enough, less is refused', () => {
    const bytes = encodeSuperblock(SUPERBLOCK);
    for (let length = 0; length < bytes.length; length += 1) {
      const expected = length < 16 ? 'BANK_FOREIGN' : length < COPY_BYTES ? 'BANK_DAMAGED' : 'sound';
      expect(codeOf(bytes.subarray(0, length))).toBe(expected);
    }
  });

  test('any change to both copies is refused or leaves it as it was', () => {
    const change = fc.record({ at: fc.nat(COPY_BYTES - 1), mask: fc.integer({ min: 1, max: 255 }) });
    fc.assert(
      fc.property(change, change, (first, second) => {
        const bytes = encodeSuperblock(SUPERBLOCK);
        bytes[first.at] = (bytes[first.at] ?? 0) ^ first.mask;
        bytes[COPY_BYTES + second.at] = (bytes[COPY_BYTES + second.at] ?? 0) ^ second.mask;
        expect(['BANK_DAMAGED', 'BANK_FOREIGN', 'BANK_VERSION']).toContain(codeOf(bytes));
      }),
    );
  });

  test('another version is named, whatever follows it, unless one copy is ours', () => {
    const bytes = encodeSuperblock(SUPERBLOCK);
    bytes[8] = 1;
    expect(decodeSuperblock(bytes, 'x')).toEqual({ superblock: SUPERBLOCK, damagedCopy: 0 });
    bytes[COPY_BYTES + 8] = 5;
    expect(() => decodeSuperblock(bytes, '/bank/superblock')).toThrow(
      'BANK_VERSION: /bank/superblock: version 1, this is version 4',
    );
    expect(codeOf(bytes.subarray(0, 16))).toBe('BANK_VERSION');
  });

  test.each([
    ['nothing', new Uint8Array()],
    ['zeros', new Uint8Array(SUPERBLOCK_SIZE_BYTES)],
    ['a text', Buffer.from('a shopping list\n'.repeat(1000))],
  ])('%s is foreign', (_, bytes) => {
    expect(codeOf(bytes)).toBe('BANK_FOREIGN');
  });

  test('two sound copies that differ are refused', () => {
    const bytes = encodeSuperblock(SUPERBLOCK);
    bytes.set(encodeSuperblock({ ...SUPERBLOCK, createdMs: 1 }).subarray(0, COPY_BYTES), COPY_BYTES);
    expect(() => decodeSuperblock(bytes, 'x')).toThrow(
      'BANK_DAMAGED: x: the two copies contradict each other',
    );
  });
});
