// What the rewriter knows of a prepared module: plain data that can be sent to a worker. It describes where the hidden state
// of an instance is found; it never holds any of that state.

/** A reference type by the top of its hierarchy: whatever it may refer to in detail is the engine's business. */
export type ReferenceTop = 'funcref' | 'externref' | 'anyref' | 'exnref';
export type NumberType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';
export type ValueType = NumberType | ReferenceTop;

export interface FunctionType {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

export interface ImportedFunction {
  readonly module: string;
  readonly name: string;
  readonly type: FunctionType;
}

/**
 * A global the module imports: the host makes it, with this value, for every instance; a mutable one is a slot as well. Since a layout is written
 * down as JSON, `value` is the bits of an f32 as an i32, an i64 and the bits of an f64 in decimal, and of a reference null or its 31 bits, signed.
 */
export interface ImportedGlobal {
  readonly module: string;
  readonly name: string;
  readonly type: ValueType;
  readonly mutable: boolean;
  readonly value: number | string | null;
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
  /** The exported WebAssembly.Global. Bit-exact by `.value` for i32, i64 and references that JavaScript can see only. */
  readonly exportName: string;
  /**
   * For f32 (as i32 bits), f64 (as i64 bits), v128 (as two i64) and exnref (whether it is null; the setter makes it so): exported accessor
   * functions; null for the other types.
   */
  readonly accessors: { readonly get: string; readonly set: string } | null;
}

export interface TableSlot {
  readonly index: number;
  readonly exportName: string;
  readonly elementType: ReferenceTop;
  /**
   * Exported functions for a table of exnref, which JavaScript cannot look into: whether an entry is null, making it so, growing by so many.
   * Absent for the other types.
   */
  readonly accessors?: { readonly isNull: string; readonly clear: string; readonly grow: string };
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
  /** Its addresses are i64. Absent for one of 32 bits. */
  readonly is64?: true;
}

export interface ModuleLayout {
  readonly functionImports: readonly ImportedFunction[];
  readonly functionExports: readonly ExportedFunction[];
  /** Absent where there are none. */
  readonly globalImports?: readonly ImportedGlobal[];
  /** In the order of the module's index space. */
  readonly memories: readonly MemorySlot[];
  /** Index into `memories` of the one that pointers lead into which cross the border, and that blocks appear in. Null without any. */
  readonly linearMemory: number | null;
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

/** The memory that pointers lead into; null without any. */
export function linearMemoryOf({ memories, linearMemory }: ModuleLayout): MemorySlot | null {
  return linearMemory === null ? null : (memories[linearMemory] ?? null);
}
