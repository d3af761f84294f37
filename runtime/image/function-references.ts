// The functions of one instance as numbers and back again, through the table the rewriter appended. Numbers mean the same in
// every instance of a module; function objects belong to one instance, and one of another must never be taken for one of these.
import { invariant } from '../invariant.ts';
import { exportedTable } from './instance-exports.ts';
import type { ModuleLayout } from './layout.ts';

/** In an image: the null reference. */
export const NULL_REFERENCE = -1;

export class FunctionReferences {
  readonly #table: WebAssembly.Table | null;
  readonly #indices: readonly number[];
  /** Filled when first needed: it makes the engine create an object for every function in the table. */
  readonly #indexOf = new Map<unknown, number>();

  constructor(exports: WebAssembly.Exports, functionTable: ModuleLayout['functionTable']) {
    this.#table = functionTable && exportedTable(exports, functionTable.exportName);
    this.#indices = functionTable?.indices ?? [];
  }

  /** The function's index, NULL_REFERENCE, or undefined for what is not a function of this instance. */
  indexOf(reference: unknown): number | undefined {
    if (reference === null) return NULL_REFERENCE;
    if (this.#indexOf.size === 0) this.#collect();
    return this.#indexOf.get(reference);
  }

  /** Whether `reference` will take this index. */
  has(index: number): boolean {
    return index === NULL_REFERENCE || this.#positionOf(index) !== undefined;
  }

  /** The function object, or null for NULL_REFERENCE. */
  reference(index: number): unknown {
    if (index === NULL_REFERENCE) return null;
    const position = this.#positionOf(index);
    invariant(
      this.#table !== null && position !== undefined,
      'a function that an image refers to can be referenced',
    );
    return this.#table.get(position);
  }

  /** By bisection: a map would be built anew for every instance, and most ask for a few functions only. */
  #positionOf(index: number): number | undefined {
    let low = 0;
    let high = this.#indices.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const found = this.#indices[middle] ?? 0;
      if (found === index) return middle;
      if (found < index) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }

  #collect(): void {
    this.#indices.forEach((index, position) => {
      const object: unknown = this.#table?.get(position);
      // One function of another module, imported twice, is one object: the first index stands for both.
      if (!this.#indexOf.has(object)) this.#indexOf.set(object, index);
    });
  }
}
