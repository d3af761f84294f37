// Tables of an exported image and their element segments: present sizes and present entries. It must never renumber a segment that code
// may name, and never take away what makes it valid for code to take a reference of a function.
import { invariant } from '../invariant.ts';
import { NULL_REFERENCE } from './function-references.ts';
import type { ElementSegment, ModuleStructure, ReferenceType, TableDefinition } from './module-structure.ts';
import {
  ELEMENT_FLAG,
  ELEMENT_KIND_FUNCTION,
  OPCODE,
  TABLE_WITH_INITIALIZER,
  TYPE_CODE,
} from './wasm-format.ts';
import { LEB32_MAX_BYTES } from './wasm-reader.ts';
import { WasmWriter } from './wasm-writer.ts';

/** A table with its present entries, as function indices, -1 for null; null when it is as its module defines it in every state. */
export interface ExportedTable {
  readonly definition: TableDefinition;
  /** In entries; null for none. */
  readonly maximum: number | null;
  readonly entries: readonly number[] | null;
}

export function writeTables(tables: readonly ExportedTable[]): WasmWriter {
  const writer = new WasmWriter().u32(tables.length);
  for (const { definition, maximum, entries } of tables) {
    // Where all entries are written down, nothing is left for an initialiser to do.
    const initializer = entries === null ? definition.initializer : null;
    if (initializer !== null) writer.byte(TABLE_WITH_INITIALIZER, 0);
    writer.byte(TYPE_CODE[definition.elementType]);
    writer.byte(maximum === null ? 0 : 1).u32(entries?.length ?? definition.limits.initial);
    if (maximum !== null) writer.u32(maximum);
    if (initializer !== null) writer.bytes(initializer.instructions).byte(OPCODE.end);
  }
  return writer;
}

//  segment of the module     in the exported image, where code can change a table; else all are as they are
//  passive                   as it is, or empty when it is dropped
//  declarative               as it is
//  active                    active and empty, so dropped once there is an instance
//
//  Behind them, for each table with an entry that is not null, one active segment from its first such entry to its last.

/** @param isDropped of the passive segment with that index. */
export function exportElements(
  segments: readonly ElementSegment[],
  tables: readonly ExportedTable[],
  isDropped: (index: number) => boolean,
): ElementSegment[] {
  const isChanging = tables.some(({ entries }) => entries !== null);
  if (!isChanging) return [...segments];
  const own = segments.map((segment, index) =>
    segment.mode === 'active' || (segment.mode === 'passive' && isDropped(index))
      ? emptied(segment)
      : segment,
  );
  return [
    ...own,
    ...tables.flatMap(({ definition, entries }, index) =>
      entries === null ? [] : presentEntries(entries, definition.elementType, index),
    ),
  ];
}

function emptied(segment: ElementSegment): ElementSegment {
  const { target } = segment;
  return {
    ...segment,
    target: target && { ...target, offset: i32Constant(0) },
    entryCount: 0,
    functionReferences: [],
    vector: Uint8Array.of(0),
  };
}

function presentEntries(
  entries: readonly number[],
  elementType: ReferenceType,
  tableIndex: number,
): ElementSegment[] {
  const isReference = (index: number): boolean => index !== NULL_REFERENCE;
  const first = entries.findIndex(isReference);
  if (first === -1) return [];
  invariant(elementType === 'funcref', 'a table of host objects is captured only when it holds none');
  const present = entries.slice(first, entries.findLastIndex(isReference) + 1);
  const functionReferences = present.filter(isReference);
  const hasExpressions = functionReferences.length < present.length;
  const vector = new WasmWriter().u32(present.length);
  for (const index of present) {
    if (!hasExpressions) vector.u32(index);
    else if (isReference(index)) vector.byte(OPCODE.refFunc).u32(index).byte(OPCODE.end);
    else vector.byte(OPCODE.refNull, TYPE_CODE.funcref, OPCODE.end);
  }
  return [
    {
      mode: 'active',
      target: { tableIndex, offset: i32Constant(first) },
      elementType,
      hasExpressions,
      entryCount: present.length,
      functionReferences,
      vector: vector.finish(),
    },
  ];
}

/** A segment that does nothing but say that code may take references of these functions. */
export function declarativeSegment(functionReferences: readonly number[]): ElementSegment {
  const vector = new WasmWriter().u32(functionReferences.length);
  for (const index of functionReferences) vector.u32(index);
  return {
    mode: 'declarative',
    target: null,
    elementType: 'funcref',
    hasExpressions: false,
    entryCount: functionReferences.length,
    functionReferences,
    vector: vector.finish(),
  };
}

/** In the shortest form there is, which for the first table is that of the first version of WebAssembly. */
export function writeElements(segments: readonly ElementSegment[]): WasmWriter {
  const writer = new WasmWriter().u32(segments.length);
  for (const { mode, target, elementType, hasExpressions, vector } of segments) {
    const asExpressions = hasExpressions || elementType !== 'funcref';
    const expressions = asExpressions ? ELEMENT_FLAG.expressions : 0;
    if (target === null) {
      const declarative = mode === 'declarative' ? ELEMENT_FLAG.explicitOrDeclarative : 0;
      writer.byte(ELEMENT_FLAG.notActive | declarative | expressions);
    } else {
      const isShort = target.tableIndex === 0 && elementType === 'funcref';
      writer.byte((isShort ? 0 : ELEMENT_FLAG.explicitOrDeclarative) | expressions);
      if (!isShort) writer.u32(target.tableIndex);
      writer.bytes(target.offset.instructions).byte(OPCODE.end);
    }
    if (target === null || target.tableIndex !== 0 || elementType !== 'funcref')
      writer.byte(asExpressions ? TYPE_CODE[elementType] : ELEMENT_KIND_FUNCTION);
    writer.bytes(vector);
  }
  return writer;
}

/** Functions that an element segment, an export or an initialiser names: those that code may take references of. */
export function declaredFunctions({
  elements,
  exports,
  globals,
  tables,
}: Pick<ModuleStructure, 'elements' | 'exports' | 'globals' | 'tables'>): Set<number> {
  const functions = new Set<number>();
  const add = (references: readonly number[] = []): void => {
    for (const index of references) functions.add(index);
  };
  for (const { functionReferences } of elements) add(functionReferences);
  for (const { initializer } of globals) add(initializer.functionReferences);
  for (const { initializer } of tables) add(initializer?.functionReferences);
  for (const { kind, index } of exports) if (kind === 'function') functions.add(index);
  return functions;
}

/** Those of `functions` that code may take a reference of; what only looks like the instruction counts too. */
export function referencedInCode(code: Uint8Array, functions: ReadonlySet<number>): readonly number[] {
  if (functions.size === 0) return [];
  // A buffer finds a byte several times faster than an array does.
  const bytes = Buffer.from(code.buffer, code.byteOffset, code.byteLength);
  const found = new Set<number>();
  let at = bytes.indexOf(OPCODE.refFunc);
  for (; at >= 0 && found.size < functions.size; at = bytes.indexOf(OPCODE.refFunc, at + 1)) {
    const index = integerAt(bytes, at + 1);
    if (functions.has(index)) found.add(index);
  }
  return [...found].sort((a, b) => a - b);
}

/** The unsigned integer that begins there, if one does. */
function integerAt(bytes: Uint8Array, offset: number): number {
  let value = 0;
  for (let position = 0; position < LEB32_MAX_BYTES; position += 1) {
    const byte = bytes[offset + position] ?? 0;
    value += (byte & 0x7f) * 2 ** (7 * position);
    if (byte < 0x80) return value;
  }
  return Number.POSITIVE_INFINITY;
}

function i32Constant(value: number): { instructions: Uint8Array; functionReferences: readonly number[] } {
  const instructions = new WasmWriter().byte(OPCODE.i32Const).s32(value).finish();
  return { instructions, functionReferences: [] };
}
