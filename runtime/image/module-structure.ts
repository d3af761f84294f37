// The plain structure of a module as the parser finds it: sections, index spaces and segments, with views of the bytes that
// are copied as they are. It must never hold decoded code: function bodies are the engine's business alone.
import type { FunctionType, ReferenceTop, ValueType } from './layout.ts';

export type ExternalKind = 'function' | 'table' | 'memory' | 'global' | 'tag';

export interface ReferenceType {
  readonly top: ReferenceTop;
  readonly nullable: boolean;
  /** The type as it stands in the module, and what of it comes behind `ref` and `ref null`. */
  readonly bytes: Uint8Array;
  readonly heapType: Uint8Array;
}

/** The few instructions that initialise a global, a table or a segment. */
export interface ConstExpression {
  /** The instructions without the closing `end`. */
  readonly instructions: Uint8Array;
  /** Indices of the functions it takes references of. */
  readonly functionReferences: readonly number[];
  /** Indices of the globals it reads. */
  readonly globals: readonly number[];
  /** What it makes on the engine's heap, of which an image knows nothing: objects that may change, or only such as cannot. */
  readonly makes: 'nothing' | 'constants' | 'objects';
}

export type TypeDefinition =
  | { readonly kind: 'function'; readonly type: FunctionType }
  /** `constant`: what was put into an object of the type stays there. */
  | { readonly kind: 'struct' | 'array'; readonly constant: boolean };

/** A section, custom ones included. `bytes` is all of it; `payload` leaves out the id and the size. */
export interface Section {
  readonly id: number;
  readonly bytes: Uint8Array;
  readonly payload: Uint8Array;
}

/** `bytes` is its entry in the import section; `description` what of it comes behind the kind. */
export interface ModuleImport {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternalKind;
  readonly bytes: Uint8Array;
  readonly description: Uint8Array;
}

/** In pages or entries; beyond 2^53 only about that many. */
export interface SizeLimits {
  readonly initial: number;
  readonly maximum: number | null;
  /** Addresses and positions are i64. */
  readonly is64: boolean;
}

export interface TableDefinition {
  readonly elementType: ReferenceType;
  readonly limits: SizeLimits;
  /** What every entry is at first; null means the null reference. */
  readonly initializer: ConstExpression | null;
}

export interface GlobalDefinition {
  readonly type: ValueType;
  /** The type as it stands in the module. */
  readonly bytes: Uint8Array;
  readonly mutable: boolean;
  /** Null for one that is imported. */
  readonly initializer: ConstExpression | null;
}

export interface ModuleExport {
  readonly name: string;
  readonly kind: ExternalKind;
  readonly index: number;
}

/** Where an active segment goes: `index` is that of a table for elements, of a memory for data. */
export interface SegmentTarget {
  readonly index: number;
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
  /** Indices of the globals its entries read, and whether an entry makes an object on the engine's heap. */
  readonly globals: readonly number[];
  readonly makesObjects: boolean;
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
  readonly types: readonly TypeDefinition[];
  readonly imports: readonly ModuleImport[];
  /** The type of every function, imported ones first: an index into `types`. */
  readonly functionTypes: readonly number[];
  readonly importedFunctionCount: number;
  /** Every table, imported ones first. */
  readonly tables: readonly TableDefinition[];
  /** Every memory, imported ones first. */
  readonly memories: readonly SizeLimits[];
  /** Every global, imported ones first. */
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
