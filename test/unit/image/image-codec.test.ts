// The head of an executing image: what is written is read back bit by bit, and what was damaged anywhere is never read at all.

import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RekindleError } from '#runtime/errors.js';
import {
  decodeImageHead,
  encodeImageHead,
  type ImageHead,
  imageMemoryOffset,
} from '#runtime/image/image-codec.js';
import { BANK_PAGE_SIZE, WASM_PAGE_SIZE } from '#runtime/limits.js';

const i64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const globalState = fc.oneof(fc.integer(), i64, fc.tuple(i64, i64));
const table = fc.array(fc.integer({ min: -1, max: 2 ** 31 - 1 }), { maxLength: 20 });

const memoryOf = (minPages: number) =>
  fc
    .record({
      wasmPages: fc.integer({ min: minPages, max: 65536 }),
      storedFraction: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    .map(({ wasmPages, storedFraction }) => {
      const memoryBytes = wasmPages * WASM_PAGE_SIZE;
      const storedPages = Math.floor((memoryBytes / BANK_PAGE_SIZE) * storedFraction);
      return { memoryBytes, storedBytes: storedPages * BANK_PAGE_SIZE };
    });

/** Sizes in pages, and blocks laid out one after the other with gaps, so that every head is sound. */
const imageHead: fc.Arbitrary<ImageHead> = fc
  .record({
    generation: fc.maxSafeNat(),
    memories: fc.tuple(memoryOf(8), fc.array(memoryOf(0), { maxLength: 3 })),
    globals: fc.array(globalState, { maxLength: 12 }),
    tables: fc.array(table, { maxLength: 4 }),
    dropped: fc.array(fc.boolean(), { maxLength: 20 }),
    memoryChecksum: fc.nat(2 ** 32 - 1),
    wasi: fc.uint8Array({ maxLength: 40 }),
    blocks: fc.array(
      fc.record({ blockId: fc.maxSafeNat(), gap: fc.nat(4), pages: fc.integer({ min: 1, max: 8 }) }),
      {
        maxLength: 8,
      },
    ),
  })
  .map(
    ({ generation, memories: [first, others], globals, tables, dropped, blocks, memoryChecksum, wasi }) => {
      let page = 0;
      return {
        generation,
        memories: [first, ...others],
        memoryChecksum,
        state: { globals, tables, dropped },
        blocks: blocks.map(({ blockId, gap, pages }) => {
          const address = (page + gap) * BANK_PAGE_SIZE;
          page += gap + pages;
          return { blockId, address, sizeBytes: pages * BANK_PAGE_SIZE };
        }),
        wasi,
      };
    },
  );

const SAMPLE: ImageHead = {
  generation: 3,
  memories: [
    { memoryBytes: 2 * WASM_PAGE_SIZE, storedBytes: 3 * BANK_PAGE_SIZE },
    { memoryBytes: WASM_PAGE_SIZE, storedBytes: BANK_PAGE_SIZE },
  ],
  memoryChecksum: 0x89abcdef,
  state: { globals: [-1, 2n, [3n, -4n]], tables: [[0, -1, 7], []], dropped: [true, false] },
  blocks: [{ blockId: 9, address: 0, sizeBytes: BANK_PAGE_SIZE }],
  wasi: Uint8Array.of(1, 2, 3),
};

function damage(bytes: Uint8Array): string {
  try {
    decodeImageHead(bytes, 'counter');
  } catch (error) {
    expect(error).toBeInstanceOf(RekindleError);
    expect(error).toMatchObject({ code: 'IMAGE_DAMAGED', culprit: 'counter' });
    return error instanceof Error ? error.message : '';
  }
  throw new Error('the damage went unnoticed');
}

/** The sample with some bytes replaced and the checksum made to agree: what only a checked length can stop. */
function forged(offset: number, replacement: readonly number[]): Uint8Array {
  const bytes = encodeImageHead(SAMPLE);
  bytes.set(replacement, offset);
  new DataView(bytes.buffer).setUint32(8, crc32(bytes.subarray(12)), true);
  return bytes;
}

describe('crc32', () => {
  it('agrees with the published check value', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
  });
});

describe('round trip', () => {
  it('of any head, whatever follows it', () => {
    fc.assert(
      fc.property(imageHead, fc.uint8Array({ maxLength: 64 }), (head, behind) => {
        const encoded = encodeImageHead(head);
        expect(decodeImageHead(encoded)).toEqual(head);
        const longer = new Uint8Array(encoded.length + behind.length);
        longer.set(encoded);
        longer.set(behind, encoded.length);
        expect(decodeImageHead(longer)).toEqual(head);
      }),
    );
  });

  it.each([
    [0, 0],
    [1, 4096],
    [4096, 4096],
    [4097, 8192],
  ])('linear memory behind a head of %d bytes begins at %d', (headBytes, offset) => {
    expect(imageMemoryOffset(headBytes)).toBe(offset);
  });
});

describe('damage', () => {
  it('every single flipped bit is noticed', () => {
    const encoded = encodeImageHead(SAMPLE);
    for (let bit = 0; bit < encoded.length * 8; bit++) {
      const flipped = encoded.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      damage(flipped);
    }
  });

  it('every truncation is noticed', () => {
    const encoded = encodeImageHead(SAMPLE);
    for (let length = 0; length < encoded.length; length++) damage(encoded.subarray(0, length));
  });

  it('noise is never an image, and never another error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
        damage(noise);
      }),
    );
  });

  it('a forged head with an agreeing checksum is an image or damage, never another error', () => {
    const length = encodeImageHead(SAMPLE).length;
    fc.assert(
      fc.property(
        fc.integer({ min: 16, max: length - 8 }),
        fc.uint8Array({ minLength: 1, maxLength: 8 }),
        (offset, replacement) => {
          const bytes = forged(offset, [...replacement]);
          try {
            expect(encodeImageHead(decodeImageHead(bytes, 'counter'))).toEqual(bytes);
          } catch {
            damage(bytes);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  const ALL_ONES = [255, 255, 255, 255];
  const cases: readonly [what: string, bytes: Uint8Array, detail: RegExp][] = [
    ['another magic', forged(0, [0]), /does not begin as an image/],
    ['another version', forged(4, [1]), /its version is 1, not 4/],
    ['a head longer than what is there', forged(12, ALL_ONES), /a head of 4294967295 bytes/],
    ['a head shorter than any', forged(12, [51, 0, 0, 0]), /a head of 51 bytes/],
    ['a generation no number holds', forged(16, [...ALL_ONES, ...ALL_ONES]), /a number is too large/],
    ['memory that is no whole page', forged(52, [1]), /a memory of/],
    ['memory beyond what addresses reach', forged(56, [2]), /a memory of/],
    ['stored bytes that are no whole page', forged(60, [1]), /stored bytes of/],
    ['more stored than there is', forged(64, [1]), /stored bytes of/],
    ['a second memory that is no whole page', forged(68, [1]), /a memory of/],
    ['more memories than fit', forged(28, ALL_ONES), /4294967295 entries do not fit/],
    ['more globals than fit', forged(32, ALL_ONES), /4294967295 entries do not fit/],
    ['more tables than fit', forged(36, ALL_ONES), /4294967295 entries do not fit/],
    ['more segments than fit', forged(40, ALL_ONES), /4294967295 entries do not fit/],
    ['more blocks than fit', forged(44, ALL_ONES), /4294967295 entries do not fit/],
    ['more of the system interface than fits', forged(48, ALL_ONES), /in the middle of a field/],
    ['a global of no kind', forged(84, [3]), /a global of kind 3/],
    ['a 32-bit global with more bits', forged(88, [0, 0, 0, 0, 1]), /32 bits has more/],
    ['a 64-bit global with two halves', forged(116, [1]), /unused half/],
    ['a block that is no whole page', forged(152, [1]), /block 9 at/],
    ['an empty block', forged(160, [0, 0]), /block 9 at 0 of 0 bytes/],
    ['a block outside of memory', forged(160, [0, 0, 3]), /block 9 at/],
    ['a flag that is neither', forged(168, [2]), /a flag is 2/],
    ['more table entries than fit', forged(170, ALL_ONES), /4294967295 entries do not fit/],
    ['a table entry that is no function', forged(174, [254, 255, 255, 255]), /no function index/],
    ['fewer entries than there are', forged(170, [2]), /7 entries do not fit/],
    ['fewer tables than there are', forged(36, [1]), /4 bytes too many/],
  ];
  it.each(cases)('%s is named', (_, bytes, detail) => {
    expect(damage(bytes)).toMatch(detail);
  });

  const unsound: readonly [what: string, change: Partial<ImageHead>][] = [
    ['overlapping blocks', { blocks: [SAMPLE.blocks[0], SAMPLE.blocks[0]].flatMap((block) => block ?? []) }],
    ['a generation below zero', { generation: -1 }],
    [
      'more stored than memory',
      { memories: [{ memoryBytes: 2 * WASM_PAGE_SIZE, storedBytes: 3 * WASM_PAGE_SIZE }] },
    ],
    ['a table entry below null', { state: { globals: [], tables: [[-2]], dropped: [] } }],
  ];
  it.each(unsound)('%s is never written', (_, change) => {
    expect(() => encodeImageHead({ ...SAMPLE, ...change })).toThrow(/invariant/);
  });
});
