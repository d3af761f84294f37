// The plain structure of a module as the parser finds it: sections, index spaces and segments, with views of the bytes that
// are copied as they are. It must never hold decoded code: function bodies are the engine's business alone.
import type { ConstExpression } from './const-expression.ts';
import type { FunctionType, ValueType } from './layout.ts';

export type ReferenceType = 'funcref' | 'externref';
export type ExternalKind = 'function' | 'table' | 'memory' | 'global';

/** A section, custom ones included. `bytes` is all of it; `payload` leaves out the id and the size. */
export interface Section {
  readonly id: number;
  readonly bytes: Uint8Array;
  readonly payload: Uint8Array;
}

/** An import, of a kind that can be kept in an image. `bytes` is its entry in the import section. */
export interface ModuleImport {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternalKind;
  readonly bytes: Uint8Array;
}

export interface SizeLimits {
  readonly initial: number;
  readonly maximum: number | null;
}

export interface TableDefinition {
  readonly elementType: ReferenceType;
  readonly limits: SizeLimits;
  /** What every entry is at first; null means the null reference. */
  readonly initializer: ConstExpression | null;
}

export interface GlobalDefinition {
  readonly type: ValueType;
  readonly mutable: boolean;
  readonly initializer: ConstExpression;
}

export interface ModuleExport {
  readonly name: string;
  readonly kind: ExternalKind;
  readonly index: number;
}

/** Where an active segment goes: a table for elements; for data the memory, and `tableIndex` is 0. */
export interface SegmentTarget {
  readonly tableIndex: number;
  readonly offset: ConstExpression;
}

export interface ElementSegment {
  readonly mode: 'active' | 'passive' | 'declarative';
  /** Null unless the mode is active. */
  readonly target: SegmentTarget | null;
  readonly elementType: ReferenceType;
  /** Entries are expressions rather than function indices. */
  readonly hasExpressions: boolean;
  readonly entryCount: number;
  readonly functionReferences: readonly number[];
  /** The vector of entries, its count included. */
  readonly vector: Uint8Array;
}

export interface DataSegment {
  /** Null when the segment is passive. */
  readonly target: SegmentTarget | null;
  readonly sizeBytes: number;
  /** The vector of bytes, its count included. */
  readonly vector: Uint8Array;
  /** The whole entry in the data section. */
  readonly bytes: Uint8Array;
}

export interface ModuleStructure {
  readonly sections: readonly Section[];
  readonly types: readonly FunctionType[];
  readonly imports: readonly ModuleImport[];
  /** The type of every function, imported ones first: an index into `types`. */
  readonly functionTypes: readonly number[];
  readonly importedFunctionCount: number;
  /** Every table, imported ones first. */
  readonly tables: readonly TableDefinition[];
  readonly memory: SizeLimits | null;
  readonly globals: readonly GlobalDefinition[];
  readonly exports: readonly ModuleExport[];
  readonly startFunction: number | null;
  readonly elements: readonly ElementSegment[];
  readonly data: readonly DataSegment[];
}

/** The only section with this id, or null. Not for custom sections, which may repeat. */
export function findSection(structure: ModuleStructure, id: number): Section | null {
  return structure.sections.find((section) => section.id === id) ?? null;
}
