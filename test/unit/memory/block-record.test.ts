// What is written down of a block: read back equal, its number never to be used again, and nothing believed that does not fit.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PMM_NAME_SIZE } from '#abi/pmm.js';
import type { JsonValue } from '#runtime/bank/ledger-records.js';
import { RekindleError } from '#runtime/errors.js';
import { LIMIT_BOUNDS } from '#runtime/limits.js';
import {
  BLOCK_RECORD_BYTES,
  blockFromRecord,
  changeOfBlock,
  NEXT_BLOCK_KEY,
  removalOfBlock,
} from '#runtime/memory/block-record.js';

type Block = Parameters<typeof changeOfBlock>[0];

const u32 = fc.nat({ max: 2 ** 32 - 1 });
const maximum = LIMIT_BOUNDS.bankSizeBytes.max;
const name = fc
  .string({ minLength: 1, maxLength: PMM_NAME_SIZE - 1 })
  .filter((each) => Buffer.byteLength(each) < PMM_NAME_SIZE);

const anyBlock: fc.Arbitrary<Block> = fc.record({
  blockId: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER - 1 }),
  name,
  extent: fc.record({
    offset: fc.nat({ max: maximum }),
    sizeBytes: fc.integer({ min: 1, max: maximum }),
  }),
  ownerProcess: name,
  user: fc.record({
    keyId: fc.string({ maxLength: 64 }),
    hasGroupKey: fc.boolean(),
    creator: fc.record({
      uid: u32,
      gid: u32,
      groups: fc.array(u32, { maxLength: 16 }),
      trusted: fc.boolean(),
    }),
    group: fc.option(fc.record({ id: fc.nat(), serial: fc.nat() })),
  }),
});

const written = (block: Block) =>
  changeOfBlock(block).map(({ key, value }) => ({
    key,
    value: JSON.parse(JSON.stringify(value)) as JsonValue,
  }));

function refusalOf(read: () => unknown): readonly string[] {
  try {
    read();
  } catch (error) {
    if (error instanceof RekindleError) return [error.code, error.culprit];
    throw error;
  }
  return ['no refusal'];
}

describe('the record of a block', () => {
  it('is read back equal, through JSON, and takes the next number with it', () => {
    fc.assert(
      fc.property(anyBlock, (block) => {
        const [record, next, ...others] = written(block);
        expect(others).toEqual([]);
        expect(blockFromRecord(record?.key ?? '', record?.value ?? null)).toEqual(block);
        expect(next).toEqual({ key: NEXT_BLOCK_KEY, value: block.blockId + 1 });
        expect(removalOfBlock(block.blockId)).toEqual({ key: record?.key, value: null });
      }),
    );
  });

  it('takes no more room than is asked for before it is written', () => {
    fc.assert(
      fc.property(anyBlock, (block) => {
        expect(Buffer.byteLength(JSON.stringify(written(block)))).toBeLessThanOrEqual(BLOCK_RECORD_BYTES);
      }),
    );
  });

  it('with any one field missing or of another kind is BANK_DAMAGED, naming the key', () => {
    fc.assert(
      fc.property(anyBlock, fc.nat(), fc.constantFrom(undefined, [], -1.5), (block, pick, strange) => {
        const { key, value } = written(block)[0] ?? { key: '', value: null };
        const fields = Object.keys(value as object);
        const field = fields[pick % fields.length] ?? '';
        const { [field]: _, ...others } = value as Record<string, JsonValue>;
        const damaged: JsonValue = strange === undefined ? others : { ...others, [field]: strange };
        expect(refusalOf(() => blockFromRecord(key, damaged))).toEqual(['BANK_DAMAGED', key]);
      }),
    );
  });

  it.each(['block/0', 'block/-1', 'block/1.5', 'block/x', 'block/'])('under the key %s is none', (key) => {
    const [block] = fc.sample(anyBlock, 1);
    const value = block === undefined ? null : (written(block)[0]?.value ?? null);
    expect(refusalOf(() => blockFromRecord(key, value))).toEqual(['BANK_DAMAGED', key]);
  });

  it.each(['', 'x'.repeat(PMM_NAME_SIZE), 'ü'.repeat(PMM_NAME_SIZE / 2)])(
    'with the name %o is none',
    (given) => {
      const [block] = fc.sample(anyBlock, 1);
      if (block === undefined) throw new Error('no block');
      const { key, value } = written({ ...block, name: given })[0] ?? { key: '', value: null };
      expect(refusalOf(() => blockFromRecord(key, value))).toEqual(['BANK_DAMAGED', key]);
    },
  );
});
