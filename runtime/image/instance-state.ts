// What an instance holds besides its linear memory: mutable globals, tables that can change, and which segments are dropped. It is captured
// whole or refused by name, and put back whole or not at all; linear memory is not touched here.
import { invariant } from '../invariant.ts';
import { FunctionReferences } from './function-references.ts';
import { accessGlobal, type GlobalAccess, type GlobalState } from './global-access.ts';
import { exportedFunction, type WasmFunction } from './instance-exports.ts';
import type { ModuleLayout } from './layout.ts';
import { referenceValues } from './reference-values.ts';
import { TableAccess } from './table-access.ts';

/** Plain data, in the order of the layout's slots: it can be sent to a worker and restored in any instance of the module. */
export interface InstanceState {
  /** One for each of `layout.globals`. */
  readonly globals: readonly GlobalState[];
  /** One for each of `layout.tables`: every entry as reference-values.ts says, -1 for null. */
  readonly tables: readonly (readonly number[])[];
  /** One for each of `layout.segments`. Active segments have no part in it: in every state there is, they are dropped. */
  readonly dropped: readonly boolean[];
}

interface SegmentAccess {
  readonly probe: WasmFunction;
  readonly drop: WasmFunction;
  /** A segment never comes back, so what is once known to be dropped need not be asked for again: a probe that traps is slow. */
  knownDropped: boolean;
}

/** The state last restored, with the table entries it stands for in this instance. */
interface PreparedState {
  readonly state: InstanceState;
  readonly tables: readonly (readonly unknown[])[];
}

/**
 * Captures and restores the state of one instance of a prepared module. It owns nothing: it lives as long as the instance.
 *
 * Invariant: no guest code runs on behalf of this class.
 */
export class StateAccess {
  readonly #layout: ModuleLayout;
  readonly #globals: readonly GlobalAccess[];
  readonly #tables: readonly TableAccess[];
  readonly #segments: readonly SegmentAccess[];
  #isRestored = false;
  #prepared: PreparedState | null = null;

  /** The instance must come from the module that was prepared together with `layout`. */
  constructor({ exports }: WebAssembly.Instance, layout: ModuleLayout) {
    this.#layout = layout;
    const functions = new FunctionReferences(exports, layout.functionTable);
    this.#globals = layout.globals.map((slot) => accessGlobal(exports, slot, functions));
    this.#tables = layout.tables.map(
      (slot) => new TableAccess(exports, slot, referenceValues(slot.elementType, functions)),
    );
    this.#segments = layout.segments.map(({ probe, drop }) => ({
      probe: exportedFunction(exports, probe),
      drop: exportedFunction(exports, drop),
      knownDropped: false,
    }));
  }

  /**
   * To be called once the instance was restored: before, its linear memory is not what its other state belongs to.
   *
   * @throws RekindleError CHECKPOINT_REFUSED, naming what holds something that cannot be kept.
   */
  capture(culprit: string): InstanceState {
    invariant(this.#isRestored, 'an instance is captured after it was restored');
    return {
      globals: this.#globals.map((access) => access.capture(culprit)),
      tables: this.#tables.map((access) => access.capture(culprit)),
      dropped: this.#segments.map(isDropped),
    };
  }

  /**
   * Puts a state back. Returns false, and has changed nothing, where this instance cannot be brought there because a table
   * has grown or a segment is gone: then only a fresh instance will do.
   */
  restore(state: InstanceState): boolean {
    const expected = this.#prepare(state);
    if (!this.#canReach(state)) return false;
    this.#globals.forEach((access, position) => {
      const value = state.globals[position];
      if (value !== undefined) access.restore(value);
    });
    this.#tables.forEach((table, position) => {
      table.restore(expected[position] ?? []);
    });
    this.#isRestored = true;
    this.#segments.forEach((segment, position) => {
      if (state.dropped[position] !== true || segment.knownDropped) return;
      segment.drop();
      segment.knownDropped = true;
    });
    return true;
  }

  /** The table entries of `state` as objects of this instance; kept, for a state is mostly restored again and again. */
  #prepare(state: InstanceState): readonly (readonly unknown[])[] {
    if (this.#prepared?.state === state) return this.#prepared.tables;
    this.#checkFits(state);
    const tables = this.#tables.map((table, position) => table.references(state.tables[position] ?? []));
    this.#prepared = { state, tables };
    return tables;
  }

  #checkFits(state: InstanceState): void {
    const { globals, tables, segments } = this.#layout;
    const fits =
      state.globals.length === globals.length &&
      state.tables.length === tables.length &&
      state.dropped.length === segments.length &&
      state.globals.every((value, position) => this.#globals[position]?.accepts(value) === true) &&
      state.tables.every((entries, position) => this.#tables[position]?.accepts(entries) === true);
    invariant(fits, 'a state is restored in an instance of the module it was captured from');
  }

  #canReach(state: InstanceState): boolean {
    const tablesFit = this.#tables.every(
      ({ sizeEntries }, position) => sizeEntries <= (state.tables[position]?.length ?? 0),
    );
    return (
      tablesFit &&
      this.#segments.every((segment, position) => state.dropped[position] === true || !isDropped(segment))
    );
  }
}

function isDropped(segment: SegmentAccess): boolean {
  if (segment.knownDropped) return true;
  try {
    segment.probe();
    return false;
  } catch (error) {
    // Anything else, such as an exhausted stack, says nothing about the segment.
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    segment.knownDropped = true;
    return true;
  }
}
