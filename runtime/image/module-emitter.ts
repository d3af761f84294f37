// Writes the prepared module: sections that change are built anew, all others and the code are copied as they stand. It must
// never renumber anything, or references in code and in custom sections would go astray.
import { invariant } from '../invariant.ts';
import type { AppendedFunction } from './appended-functions.ts';
import { declaredMaximaSection } from './declared-maxima.ts';
import type { NumberType } from './layout.ts';
import {
  findSection,
  type ModuleImport,
  type ModuleStructure,
  type Section,
  type SizeLimits,
} from './module-structure.ts';
import type { PreparationPlan } from './preparation-plan.ts';
import type { BoundedLimits } from './quota.ts';
import {
  ELEMENT_FLAG,
  ELEMENT_KIND_FUNCTION,
  EXTERNAL,
  LIMITS_FLAG,
  MODULE_MAGIC,
  MODULE_VERSION,
  OPCODE,
  REFERENCE_FORM,
  SECTION,
  SECTION_ORDER,
  TABLE_WITH_INITIALIZER,
  TOP_BY_CODE,
  TYPE_CODE,
  TYPE_FORM,
} from './wasm-format.ts';
import { WasmReader } from './wasm-reader.ts';
import { WasmWriter } from './wasm-writer.ts';

/** Pieces of a section's payload, in order. No pieces at all: the section is left out. */
export type Parts = readonly Uint8Array[];

/** The module of `structure` with everything `plan` decided. `moduleName` only serves in errors. */
export function emitModule(
  structure: ModuleStructure,
  plan: PreparationPlan,
  moduleName: string,
): Uint8Array<ArrayBuffer> {
  const extend = (id: number, addedCount: number, added: WasmWriter): Parts =>
    extendVector(findSection(structure, id), addedCount, added, moduleName);
  const replacements = new Map<number, Parts>([[SECTION.start, []]]);
  if (!structure.imports.every(isKept)) replacements.set(SECTION.import, keptImports(structure));
  const tags = structure.imports.filter((entry) => entry.kind === 'tag');
  if (tags.length > 0)
    replacements.set(SECTION.tag, prependVector(findSection(structure, SECTION.tag), tags, moduleName));
  if (plan.functions.length > 0) {
    const signatures = collectSignatures(plan.functions, structure.types.length);
    replacements.set(SECTION.type, extend(SECTION.type, signatures.count, signatures.types));
    replacements.set(SECTION.function, extend(SECTION.function, plan.functions.length, signatures.uses));
    replacements.set(
      SECTION.code,
      extend(SECTION.code, plan.functions.length, functionBodies(plan.functions)),
    );
  }
  const hasTables =
    plan.tables.length > 0 || plan.layout.functionTable !== null || plan.probes.probeTables.length > 0;
  if (hasTables) {
    replacements.set(SECTION.table, [tables(structure, plan)]);
  }
  const memories = plan.probes.needsMemory ? [EMPTY] : plan.memories;
  if (memories.length > 0) {
    const writer = new WasmWriter().u32(memories.length);
    for (const limits of memories) writeLimits(writer, limits);
    replacements.set(SECTION.memory, [writer.finish()]);
  }
  const added = hiddenExports(structure, plan);
  if (added.count > 0) replacements.set(SECTION.export, extend(SECTION.export, added.count, added.entries));
  if (plan.layout.functionTable !== null) {
    const segment = functionTableSegment(structure.tables.length, plan.layout.functionTable.indices);
    replacements.set(SECTION.element, extend(SECTION.element, 1, segment));
  }
  if (structure.data.length > 0) replacements.set(SECTION.data, emptiedData(structure));
  return assemble([...structure.sections, declaredMaximaSection(structure)], replacements);
}

/**
 * Joins the sections. One that is new goes where the order demands, yet not behind the custom sections that end a module,
 * which name what came before them.
 */
export function assemble(
  sections: readonly Section[],
  replacements: ReadonlyMap<number, Parts>,
): Uint8Array<ArrayBuffer> {
  const output: Uint8Array[] = [Uint8Array.from([...MODULE_MAGIC, ...MODULE_VERSION])];
  const emit = (id: number, parts: Parts) => {
    const size = parts.reduce((sum, part) => sum + part.length, 0);
    if (size === 0) return;
    output.push(new WasmWriter().byte(id).u32(size).finish());
    // One by one: there may be more parts than a call can have arguments.
    for (const part of parts) output.push(part);
  };
  const isNew = (id: number) => !sections.some((section) => section.id === id);
  const waiting = SECTION_ORDER.filter((id) => isNew(id));
  const emitWaiting = (before: number) => {
    while (waiting[0] !== undefined && SECTION_ORDER.indexOf(waiting[0]) < before) {
      const id = waiting[0];
      waiting.shift();
      emit(id, replacements.get(id) ?? []);
    }
  };
  const lastPosition = sections.findLastIndex((section) => section.id !== SECTION.custom);
  sections.forEach((section, position) => {
    if (section.id !== SECTION.custom) emitWaiting(SECTION_ORDER.indexOf(section.id));
    const replacement = replacements.get(section.id);
    if (replacement === undefined) output.push(section.bytes);
    else emit(section.id, replacement);
    if (position === lastPosition) emitWaiting(SECTION_ORDER.length);
  });
  return concatenate(output);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** The vector that is a section's payload, with entries added at its end. */
function extendVector(
  section: Section | null,
  addedCount: number,
  added: WasmWriter,
  moduleName: string,
): Parts {
  if (section === null) return [new WasmWriter().u32(addedCount).finish(), added.finish()];
  const reader = new WasmReader(section.payload, moduleName);
  const count = reader.u32();
  const entries = section.payload.subarray(reader.offset);
  return [new WasmWriter().u32(count + addedCount).finish(), entries, added.finish()];
}

/** The vector that is a section's payload, with what was imported in front of it. */
function prependVector(
  section: Section | null,
  imported: readonly ModuleImport[],
  moduleName: string,
): Parts {
  const added = imported.map(({ description }) => description);
  if (section === null) return [new WasmWriter().u32(added.length).finish(), ...added];
  const reader = new WasmReader(section.payload, moduleName);
  const count = reader.u32() + added.length;
  return [new WasmWriter().u32(count).finish(), ...added, section.payload.subarray(reader.offset)];
}

/** Memories, tables and tags that were imported are defined here, in front of the module's own: so indices stay what they were. */
function isKept({ kind }: ModuleImport): boolean {
  return kind === 'function' || kind === 'global';
}

function keptImports(structure: ModuleStructure): Parts {
  const entries = structure.imports.filter(isKept).map((entry) => entry.bytes);
  return entries.length === 0 ? [] : [new WasmWriter().u32(entries.length).finish(), ...entries];
}

/** The distinct types of the added functions, and for each function the index of its type. */
function collectSignatures(functions: readonly AppendedFunction[], firstTypeIndex: number) {
  const types = new WasmWriter();
  const uses = new WasmWriter();
  const indices = new Map<string, number>();
  for (const { params, results } of functions) {
    const key = `${params.join()}>${results.join()}`;
    let index = indices.get(key);
    if (index === undefined) {
      index = firstTypeIndex + indices.size;
      indices.set(key, index);
      types.byte(TYPE_FORM.function);
      writeValueTypes(types, params);
      writeValueTypes(types, results);
    }
    uses.u32(index);
  }
  return { types, uses, count: indices.size };
}

function writeValueTypes(writer: WasmWriter, types: readonly NumberType[]): void {
  writer.u32(types.length).byte(...types.map((type) => TYPE_CODE[type]));
}

//  A body:  size u32 | 00 (no locals) | instructions | end
function functionBodies(functions: readonly AppendedFunction[]): WasmWriter {
  const writer = new WasmWriter();
  for (const { body } of functions) {
    writer
      .u32(body.length + 2)
      .byte(0)
      .bytes(body)
      .byte(OPCODE.end);
  }
  return writer;
}

/** No pages, or no entries, and never any. */
const EMPTY: BoundedLimits = { initial: 0, maximum: 0, is64: false };

/** A maximum beyond 2^53, which nothing ever reaches, is written as about that. */
export function writeLimits(writer: WasmWriter, { initial, maximum, is64 }: SizeLimits): void {
  writer.byte((maximum === null ? 0 : LIMITS_FLAG.hasMaximum) | (is64 ? LIMITS_FLAG.is64 : 0));
  writer.u64(initial);
  if (maximum !== null) writer.u64(Math.min(maximum, Number.MAX_SAFE_INTEGER));
}

function tables(structure: ModuleStructure, plan: PreparationPlan): Uint8Array {
  const { functionTable } = plan.layout;
  const { probeTables } = plan.probes;
  const writer = new WasmWriter();
  writer.u32(plan.tables.length + probeTables.length + (functionTable === null ? 0 : 1));
  plan.tables.forEach((limits, index) => {
    const definition = structure.tables[index];
    invariant(definition !== undefined, 'the plan has one entry for every table');
    const { elementType, initializer } = definition;
    if (initializer !== null) writer.byte(TABLE_WITH_INITIALIZER, 0);
    writer.bytes(elementType.bytes);
    writeLimits(writer, limits);
    if (initializer !== null) writer.bytes(initializer.instructions).byte(OPCODE.end);
  });
  if (functionTable !== null) {
    const size = functionTable.indices.length;
    writer.byte(TYPE_CODE.funcref);
    writeLimits(writer, { initial: size, maximum: size, is64: false });
  }
  for (const heapType of probeTables) {
    // The long form of a type that has a short one is not known to every engine.
    if (!TOP_BY_CODE.has(heapType[0] ?? 0)) writer.byte(REFERENCE_FORM.nullable);
    writer.bytes(heapType);
    writeLimits(writer, EMPTY);
  }
  return writer.finish();
}

function hiddenExports(structure: ModuleStructure, { layout, functions }: PreparationPlan) {
  const entries = new WasmWriter();
  let count = 0;
  const add = (name: string, kind: number, index: number) => {
    entries.name(name).byte(kind).u32(index);
    count += 1;
  };
  layout.memories.forEach(({ exportName }, index) => {
    add(exportName, EXTERNAL.memory, index);
  });
  for (const slot of layout.globals) add(slot.exportName, EXTERNAL.global, slot.index);
  for (const slot of layout.tables) add(slot.exportName, EXTERNAL.table, slot.index);
  if (layout.functionTable !== null) {
    add(layout.functionTable.exportName, EXTERNAL.table, structure.tables.length);
  }
  if (layout.start !== null && structure.startFunction !== null) {
    add(layout.start, EXTERNAL.function, structure.startFunction);
  }
  functions.forEach(({ name }, position) => {
    add(name, EXTERNAL.function, structure.functionTypes.length + position);
  });
  return { entries, count };
}

/** Fills the appended table. It is active: guest code cannot reach that table, so every instance is to have it filled. */
function functionTableSegment(tableIndex: number, functions: readonly number[]): WasmWriter {
  const writer = new WasmWriter().byte(ELEMENT_FLAG.explicitOrDeclarative).u32(tableIndex);
  writer.byte(OPCODE.i32Const).s32(0).byte(OPCODE.end, ELEMENT_KIND_FUNCTION).u32(functions.length);
  for (const index of functions) writer.u32(index);
  return writer;
}

/**
 * Active segments keep all but their bytes: memories come from an image, and an active segment is dropped before any code could tell
 * how long it was. So the engine still checks their offsets, and their number.
 */
function emptiedData(structure: ModuleStructure): Parts {
  const parts: Uint8Array[] = [new WasmWriter().u32(structure.data.length).finish()];
  const noBytes = Uint8Array.of(0);
  for (const { target, bytes, vector } of structure.data) {
    if (target === null) parts.push(bytes);
    else parts.push(bytes.subarray(0, bytes.byteLength - vector.byteLength), noBytes);
  }
  return parts;
}
