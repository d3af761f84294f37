// Tables of an exported image and their element segments: present sizes and present entries. It must never renumber a segment that code
// may name, and never take away what makes it valid for code to take a reference of a function.
import { NULL_REFERENCE } from './function-references.ts';
import { type ExportedValues, isPlainFuncref, offsetOf, vectorOf } from './image-export-values.ts';
import { writeLimits } from './module-emitter.ts';
import type { ElementSegment, ModuleStructure, TableDefinition } from './module-structure.ts';
import {
  ELEMENT_FLAG,
  ELEMENT_KIND_FUNCTION,
  OPCODE,
  TABLE_WITH_INITIALIZER,
  TYPE_CODE,
} from './wasm-format.ts';
import { LEB32_MAX_BYTES } from './wasm-reader.ts';
import { WasmWriter } from './wasm-writer.ts';

/** A table with its present size and entries, as numbers, -1 for null; null when it is as its module defines it in every state. */
export interface ExportedTable {
  readonly definition: TableDefinition;
  readonly entries: readonly number[] | null;
}

export function exportTable(
  definition: TableDefinition,
  entries: readonly number[] | null,
  values: ExportedValues,
  where: string,
): ExportedTable {
  const { elementType, limits, initializer } = definition;
  const settled = initializer && values.settled(initializer, elementType, where);
  if (entries === null) return { definition: { ...definition, initializer: settled }, entries };
  const sized = { ...definition, limits: { ...limits, initial: entries.length } };
  // Where all entries are written down, nothing is left for an initialiser to do, but to be there where an entry cannot be null.
  if (elementType.nullable) return { definition: { ...sized, initializer: null }, entries };
  const [first] = entries;
  const any = first === undefined ? settled : values.constant(elementType, first, `${where} entry 0`);
  return { definition: { ...sized, initializer: any }, entries };
}

export function writeTables(tables: readonly ExportedTable[]): WasmWriter {
  const writer = new WasmWriter().u32(tables.length);
  for (const { definition } of tables) {
    const { elementType, limits, initializer } = definition;
    if (initializer !== null) writer.byte(TABLE_WITH_INITIALIZER, 0);
    writer.bytes(elementType.bytes);
    writeLimits(writer, limits);
    if (initializer !== null) writer.bytes(initializer.instructions).byte(OPCODE.end);
  }
  return writer;
}

//  segment of the module     in the exported image
//  passive                   as it is, or empty when it is dropped
//  declarative               as it is
//  active                    where code can change a table: active and empty, so dropped once there is an instance; else as it is
//
//  Behind them, for each table that can change and has an entry that is not null, one active segment from its first such entry to its last.
//  "As it is": but for reading globals that were imported.

/** @param isDropped of the passive segment with that index. */
export function exportElements(
  segments: readonly ElementSegment[],
  tables: readonly ExportedTable[],
  isDropped: (index: number) => boolean,
  values: ExportedValues,
): ElementSegment[] {
  const isChanging = tables.some(({ entries }) => entries !== null);
  const is64 = (tableIndex: number) => tables[tableIndex]?.definition.limits.is64 === true;
  const own = segments.map((segment, index) => {
    const { mode, target } = segment;
    const isEmptied = mode === 'active' ? isChanging : mode === 'passive' && isDropped(index);
    if (isEmptied) return emptied(segment, target !== null && is64(target.index));
    const settled = values.settledEntries(segment, `element segment ${index}`);
    if (target === null) return settled;
    return {
      ...settled,
      target: { ...target, offset: values.settledOffset(target.offset, is64(target.index)) },
    };
  });
  return [...own, ...tables.flatMap((table, index) => presentEntries(table, index, values))];
}

function emptied(segment: ElementSegment, is64: boolean): ElementSegment {
  const { target, hasExpressions } = segment;
  return {
    ...segment,
    target: target && { ...target, offset: offsetOf(0, is64) },
    ...vectorOf([]),
    hasExpressions,
  };
}

function presentEntries(
  { definition: { elementType, limits }, entries }: ExportedTable,
  tableIndex: number,
  values: ExportedValues,
): ElementSegment[] {
  const isReference = (value: number): boolean => value !== NULL_REFERENCE;
  const first = entries?.findIndex(isReference) ?? -1;
  if (entries === null || first === -1) return [];
  const present = entries.slice(first, entries.findLastIndex(isReference) + 1);
  const isShort = isPlainFuncref(elementType) && present.every(isReference);
  const content = isShort
    ? ofFunctions(present)
    : vectorOf(
        present.map((value, position) =>
          values.constant(elementType, value, `table ${tableIndex} entry ${first + position}`),
        ),
      );
  return [
    {
      mode: 'active',
      target: { index: tableIndex, offset: offsetOf(first, limits.is64) },
      elementType,
      makesObjects: false,
      ...content,
    },
  ];
}

function ofFunctions(functionReferences: readonly number[]): ReturnType<typeof vectorOf> {
  const vector = new WasmWriter().u32(functionReferences.length);
  for (const index of functionReferences) vector.u32(index);
  return {
    hasExpressions: false,
    entryCount: functionReferences.length,
    functionReferences,
    globals: [],
    vector: vector.finish(),
  };
}

const FUNCREF = Uint8Array.of(TYPE_CODE.funcref);

/** A segment that does nothing but say that code may take references of these functions. */
export function declarativeSegment(functionReferences: readonly number[]): ElementSegment {
  return {
    mode: 'declarative',
    target: null,
    elementType: { top: 'funcref', nullable: true, bytes: FUNCREF, heapType: FUNCREF },
    makesObjects: false,
    ...ofFunctions(functionReferences),
  };
}

/** In the shortest form there is, which for the first table is that of the first version of WebAssembly. */
export function writeElements(segments: readonly ElementSegment[]): WasmWriter {
  const writer = new WasmWriter().u32(segments.length);
  for (const { mode, target, elementType, hasExpressions, vector } of segments) {
    const isPlain = isPlainFuncref(elementType);
    const asExpressions = hasExpressions || !isPlain;
    const expressions = asExpressions ? ELEMENT_FLAG.expressions : 0;
    const isShort = target?.index === 0 && isPlain;
    if (target === null) {
      const declarative = mode === 'declarative' ? ELEMENT_FLAG.explicitOrDeclarative : 0;
      writer.byte(ELEMENT_FLAG.notActive | declarative | expressions);
    } else {
      writer.byte((isShort ? 0 : ELEMENT_FLAG.explicitOrDeclarative) | expressions);
      if (!isShort) writer.u32(target.index);
      writer.bytes(target.offset.instructions).byte(OPCODE.end);
    }
    if (asExpressions && !isShort) writer.bytes(elementType.bytes);
    else if (!isShort) writer.byte(ELEMENT_KIND_FUNCTION);
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
  for (const { initializer } of globals) add(initializer?.functionReferences);
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
