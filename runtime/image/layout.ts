// What the rewriter knows of a prepared module: plain data that can be sent to a worker. It describes where the hidden state
// of an instance is found; it never holds any of that state.

export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128' | 'funcref' | 'externref';

export interface FunctionType {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

export interface ImportedFunction {
  readonly module: string;
  readonly name: string;
  readonly type: FunctionType;
}

/** A function the guest itself exports; the accessors the rewriter appends are not among these. */
export interface ExportedFunction {
  readonly name: string;
  readonly type: FunctionType;
}

/** A mutable global of the module, reachable through the exports the rewriter appended. */
export interface GlobalSlot {
  /** Index in the module's global index space. */
  readonly index: number;
  readonly type: ValueType;
  /** The exported WebAssembly.Global. Bit-exact by `.value` for i32, i64 and references only. */
  readonly exportName: string;
  /** For f32 (as i32 bits), f64 (as i64 bits) and v128 (as two i64): exported accessor functions; null for the other types. */
  readonly accessors: { readonly get: string; readonly set: string } | null;
}

export interface TableSlot {
  readonly index: number;
  readonly exportName: string;
  readonly elementType: 'funcref' | 'externref';
}

/**
 * A segment whose "dropped" flag is part of an instance's state: one that is passive in the guest's own module. What is active there
 * is dropped before any code runs, and never comes back.
 */
export interface SegmentSlot {
  readonly kind: 'data' | 'element';
  readonly index: number;
  /** Exported function that traps exactly when the segment is dropped and changes nothing. */
  readonly probe: string;
  /** Exported function that drops the segment. */
  readonly drop: string;
}

export interface MemorySlot {
  readonly exportName: string;
  readonly initialPages: number;
  /** The guest's own maximum or its quota, whichever is less: enforced by the engine. */
  readonly maximumPages: number;
}

export interface ModuleLayout {
  readonly functionImports: readonly ImportedFunction[];
  readonly functionExports: readonly ExportedFunction[];
  readonly memory: MemorySlot | null;
  readonly globals: readonly GlobalSlot[];
  /** Those that are a part of the state: none where no code can change a table, for then every instance has the same. */
  readonly tables: readonly TableSlot[];
  readonly segments: readonly SegmentSlot[];
  /** A table the rewriter appended: entry k is the function with index `indices[k]`; ascending. Null when no state can refer to one. */
  readonly functionTable: { readonly exportName: string; readonly indices: readonly number[] } | null;
  /** The start function, exported instead of run by the engine. */
  readonly start: string | null;
  /** Index into `globals` of the shadow stack pointer, where it could be told. */
  readonly stackPointer: number | null;
  /** Index into `globals` of AssemblyScript's "Math.random is seeded" flag, where it could be told by the name section. */
  readonly randomSeeded: number | null;
}
