// One table of one instance, as numbers. A table that JavaScript cannot look into is reached by the functions the rewriter appended;
// positions are bigints where the table is a 64-bit one, and nobody but this file has to know.

import { RekindleError } from '../errors.ts';
import { invariant } from '../invariant.ts';
import { NULL_REFERENCE } from './function-references.ts';
import { exportedFunction, exportedTable } from './instance-exports.ts';
import type { TableSlot } from './layout.ts';
import type { ReferenceValues } from './reference-values.ts';

/** How entries are reached. */
interface Entries {
  readonly sizeEntries: () => number;
  readonly get: (position: number) => unknown;
  readonly set: (position: number, reference: unknown) => void;
  /** By so many entries, each of them `reference` for now. */
  readonly grow: (count: number, reference: unknown) => void;
}

/** Stands for an exception, which JavaScript cannot see. */
const UNSEEN = Symbol('exception');

export class TableAccess {
  readonly #slot: TableSlot;
  readonly #values: ReferenceValues;
  readonly #entries: Entries;

  constructor(exports: WebAssembly.Exports, slot: TableSlot, values: ReferenceValues) {
    this.#slot = slot;
    this.#values = values;
    this.#entries = entriesOf(exports, slot);
  }

  get sizeEntries(): number {
    return this.#entries.sizeEntries();
  }

  /** @throws RekindleError CHECKPOINT_REFUSED, naming the entry that cannot be kept. */
  capture(culprit: string): number[] {
    const numbers: number[] = [];
    const { sizeEntries } = this;
    for (let position = 0; position < sizeEntries; position++) {
      const reference = this.#entries.get(position);
      const value = reference === null ? NULL_REFERENCE : this.#values.numberOf(reference);
      if (value === undefined) {
        const detail = `table ${this.#slot.index} entry ${position} holds ${this.#values.unkept}`;
        throw new RekindleError('CHECKPOINT_REFUSED', culprit, detail);
      }
      numbers.push(value);
    }
    return numbers;
  }

  accepts(numbers: readonly number[]): boolean {
    return numbers.every((value) => this.#values.has(value));
  }

  /** The entries as references of this instance. */
  references(numbers: readonly number[]): readonly unknown[] {
    return numbers.map((value) => this.#values.referenceOf(value));
  }

  /** Of a table that is not larger. Sets only entries that differ: reading one is several times cheaper than setting it. */
  restore(expected: readonly unknown[]): void {
    const { sizeEntries, get, set, grow } = this.#entries;
    const missing = expected.length - sizeEntries();
    // Not without an entry: an externref table would be grown with undefined, which is a host object.
    if (missing > 0) grow(missing, expected[expected.length - 1]);
    for (let position = 0; position < expected.length; position++) {
      const reference = expected[position];
      if (get(position) !== reference) set(position, reference);
    }
  }
}

function entriesOf(exports: WebAssembly.Exports, { exportName, accessors }: TableSlot): Entries {
  const table = exportedTable(exports, exportName);
  if (accessors !== undefined) {
    const [isNull, clear, grow] = [accessors.isNull, accessors.clear, accessors.grow].map((name) =>
      exportedFunction(exports, name),
    );
    invariant(isNull !== undefined && clear !== undefined && grow !== undefined, 'a table has its accessors');
    return {
      sizeEntries: () => Number(table.length),
      get: (position) => (isNull(position) === 1 ? null : UNSEEN),
      set: (position) => void clear(position),
      grow: (count) => void grow(count),
    };
  }
  const { length }: { readonly length: unknown } = table;
  if (typeof length === 'number') {
    return {
      sizeEntries: () => table.length,
      get: (position) => table.get(position),
      set: (position, reference) => table.set(position, reference),
      grow: (count, reference) => void table.grow(count, reference),
    };
  }
  return {
    sizeEntries: () => Number(table.length),
    get: (position) => table.get(BigInt(position)),
    set: (position, reference) => table.set(BigInt(position), reference),
    grow: (count, reference) => void table.grow(BigInt(count), reference),
  };
}
