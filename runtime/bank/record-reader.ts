// Reads values out of a ledger's records without trusting them: a record with a sound checksum may still have been written by
// something else. Whatever does not fit is BANK_DAMAGED and names the key and the field; nothing is ever guessed or defaulted.
import { RekindleError } from '../errors.ts';
import type { JsonValue } from './ledger-records.ts';

/**
 * One record, read as a table of its fields:
 *
 * ```
 * const record = new RecordReader(key, value);
 * return {
 *   pid: record.integer('pid', 1, MAX_PID),
 *   parent: record.nullable('parent', (name) => record.text(name)),
 *   argv: record.list('argv', (items, index) => items.text(index)),
 * };
 * ```
 *
 * A list is read like a record whose names are '0', '1' and so on. Every method throws RekindleError BANK_DAMAGED, with the key as the culprit.
 */
export class RecordReader {
  readonly key: string;
  readonly #fields: ReadonlyMap<string, JsonValue>;
  readonly #path: string;

  /** `path`: where in the value of `key` this record is, for messages. */
  constructor(key: string, value: JsonValue | null, path = '') {
    this.key = key;
    this.#path = path;
    if (value === null || typeof value !== 'object') throw damaged(key, path, 'a record');
    this.#fields = new Map(Object.entries(value));
  }

  text(name: string): string {
    const value = this.#field(name);
    if (typeof value !== 'string') throw this.#mismatch(name, 'a text');
    return value;
  }

  /** Both bounds are included. */
  integer(name: string, min: number, max: number): number {
    const value = this.#field(name);
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max)
      return value;
    throw this.#mismatch(name, `an integer from ${min} to ${max}`);
  }

  /** Both bounds are included. */
  number(name: string, min: number, max: number): number {
    const value = this.#field(name);
    if (typeof value === 'number' && value >= min && value <= max) return value;
    throw this.#mismatch(name, `a number from ${min} to ${max}`);
  }

  boolean(name: string): boolean {
    const value = this.#field(name);
    if (typeof value !== 'boolean') throw this.#mismatch(name, 'true or false');
    return value;
  }

  oneOf<const Choice extends string | number>(name: string, choices: readonly Choice[]): Choice {
    const value = this.#field(name);
    const found = choices.find((choice) => choice === value);
    if (found === undefined) throw this.#mismatch(name, `one of ${choices.join(', ')}`);
    return found;
  }

  /** The field must be there, but may be null. */
  nullable<Value>(name: string, read: (name: string) => Value): Value | null {
    return this.#field(name) === null ? null : read(name);
  }

  list<Item>(name: string, readItem: (items: RecordReader, index: string) => Item): readonly Item[] {
    const value = this.#field(name);
    if (!Array.isArray(value)) throw this.#mismatch(name, 'a list');
    const items = new RecordReader(this.key, value, this.#pathOf(name));
    return value.map((_, index) => readItem(items, String(index)));
  }

  record(name: string): RecordReader {
    const value = this.#field(name);
    if (value === null || typeof value !== 'object' || Array.isArray(value))
      throw this.#mismatch(name, 'a record');
    return new RecordReader(this.key, value, this.#pathOf(name));
  }

  #field(name: string): JsonValue {
    const value = this.#fields.get(name);
    if (value === undefined)
      throw new RekindleError('BANK_DAMAGED', this.key, `there is no field '${this.#pathOf(name)}'`);
    return value;
  }

  #pathOf(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }

  #mismatch(name: string, expected: string): RekindleError {
    return damaged(this.key, this.#pathOf(name), expected);
  }
}

function damaged(key: string, path: string, expected: string): RekindleError {
  const what = path === '' ? 'the value' : `the field '${path}'`;
  return new RekindleError('BANK_DAMAGED', key, `${what} is not ${expected}`);
}
