// Records read without trust: what fits comes back as it is, what does not is named by its key and its field.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonValue } from '#runtime/bank/ledger.js';
import { RecordReader } from '#runtime/bank/record-reader.js';
import { RekindleError } from '#runtime/errors.js';

const VALUE: JsonValue = {
  name: 'counter',
  pid: 7,
  restartable: true,
  kind: 'direct',
  parent: null,
  argv: ['a', 'b'],
  blocks: [{ id: 1 }, { id: 2 }],
  policy: { rounds: 3 },
};

function readAll(record: RecordReader) {
  return {
    name: record.text('name'),
    pid: record.integer('pid', 1, 7),
    restartable: record.boolean('restartable'),
    kind: record.oneOf('kind', ['direct', 'indirect']),
    parent: record.nullable('parent', (name) => record.text(name)),
    argv: record.list('argv', (items, index) => items.text(index)),
    blocks: record.list('blocks', (items, index) => ({ id: items.record(index).integer('id', 0, 9) })),
    policy: { rounds: record.record('policy').integer('rounds', 0, 3) },
  };
}

const read = (value: JsonValue | null) => () => readAll(new RecordReader('process/counter#1', value));

describe('record reader', () => {
  test('reads what fits', () => {
    expect(read(VALUE)()).toEqual(VALUE);
    expect(read({ ...VALUE, parent: 'init' })().parent).toBe('init');
  });

  test.each<[string, JsonValue | null, string]>([
    ['no value', null, 'the value is not a record'],
    ['a number', 3, 'the value is not a record'],
    ['a missing field', {}, "there is no field 'name'"],
    ['a number for a text', { ...VALUE, name: 1 }, "the field 'name' is not a text"],
    ['a fraction', { ...VALUE, pid: 1.5 }, "the field 'pid' is not an integer from 1 to 7"],
    ['too large a number', { ...VALUE, pid: 8 }, "the field 'pid' is not an integer from 1 to 7"],
    ['too small a number', { ...VALUE, pid: 0 }, "the field 'pid' is not an integer from 1 to 7"],
    ['a number for a flag', { ...VALUE, restartable: 1 }, "the field 'restartable' is not true or false"],
    ['an unknown choice', { ...VALUE, kind: 'odd' }, "the field 'kind' is not one of direct, indirect"],
    ['a wrong nullable', { ...VALUE, parent: 1 }, "the field 'parent' is not a text"],
    ['a record for a list', { ...VALUE, argv: {} }, "the field 'argv' is not a list"],
    ['a wrong item', { ...VALUE, argv: ['a', 1] }, "the field 'argv.1' is not a text"],
    [
      'a wrong field of an item',
      { ...VALUE, blocks: [{ id: -1 }] },
      "the field 'blocks.0.id' is not an integer from 0 to 9",
    ],
    ['a list for a record', { ...VALUE, policy: [] }, "the field 'policy' is not a record"],
    ['a missing field of a record', { ...VALUE, policy: {} }, "there is no field 'policy.rounds'"],
  ])('%s', (_, value, detail) => {
    expect(read(value)).toThrow(`BANK_DAMAGED: process/counter#1: ${detail}`);
  });

  test('a name that every object has is no field', () => {
    expect(() => new RecordReader('k', {}).text('toString')).toThrow("there is no field 'toString'");
  });

  test('any JSON at all is read or BANK_DAMAGED', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(...Object.keys(VALUE)), (value, name) => {
        try {
          read({ ...VALUE, [name]: value as JsonValue })();
        } catch (error) {
          expect(error).toBeInstanceOf(RekindleError);
        }
      }),
    );
  });
});
