// Makes a module of its own of an executing image: the guest's own module, with the present state in place of its first one. It must add
// nothing that the guest did not have, but for what stands in for its imports; and it must never write to what it is given.
import { EXPORT_REACTOR_ENTRY } from '../../abi/hr.ts';
import { RekindleError } from '../errors.ts';
import { MAX_EXPORTED_BYTES, WASM_PAGE_SIZE } from '../limits.ts';
import { findDeclaredMaxima } from './declared-maxima.ts';
import { exportCustom } from './image-export-customs.ts';
import { writeGlobals } from './image-export-globals.ts';
import { exportData } from './image-export-memory.ts';
import {
  declarativeSegment,
  declaredFunctions,
  type ExportedTable,
  exportElements,
  referencedInCode,
  writeElements,
  writeTables,
} from './image-export-tables.ts';
import type { InstanceState } from './instance-state.ts';
import type { ModuleLayout } from './layout.ts';
import { assemble, type Parts } from './module-emitter.ts';
import { parseModule } from './module-parser.ts';
import { findSection, type ModuleStructure } from './module-structure.ts';
import { HIDDEN_PREFIX } from './preparation-plan.ts';
import { readFunctionType } from './type-reader.ts';
import { EXTERNAL, OPCODE, SECTION } from './wasm-format.ts';
import { WasmReader } from './wasm-reader.ts';
import { WasmWriter } from './wasm-writer.ts';

export interface ExportSubject {
  /** Named in errors. */
  readonly processName: string;
  /** The prepared module. */
  readonly module: Uint8Array;
  readonly layout: ModuleLayout;
  readonly state: InstanceState;
  /** Linear memory; null when there is none. */
  readonly memory: Uint8Array | null;
  /** `trap`: an imported function becomes one of the module's own, which traps. `keep`: it stays imported. */
  readonly imports: 'trap' | 'keep';
}

/** A function without locals that traps:  size u32 | 00 | unreachable | end */
const TRAP_BODY: readonly number[] = [3, 0, OPCODE.unreachable, OPCODE.end];

/**
 * A module whose instances begin in that state. All indices, and the bodies of functions, are those of the guest's own module. The start
 * function and `_initialize` are left out: in this state they have been run.
 *
 * @throws RekindleError CHECKPOINT_REFUSED when engines would not take what it comes to.
 */
export function exportModule(subject: ExportSubject): Uint8Array<ArrayBuffer> {
  const { processName, module, layout, memory } = subject;
  const prepared = parseModule(module, processName);
  const own = withoutAdditions(prepared, layout, processName);
  const replacements = new Map<number, Parts>([
    [SECTION.type, types(own, processName)],
    ...functions(own, subject.imports, processName),
    [SECTION.memory, memorySection(own, memory)],
    [SECTION.global, globals(own, subject)],
    [SECTION.export, exports(own)],
    [SECTION.element, elements(own, subject)],
  ]);
  if (memory !== null) {
    const isCounted = findSection(own, SECTION.dataCount) !== null;
    const data = exportData(own, memory, droppedIn(subject, 'data'), isCounted);
    if (data === null) throw refusal(processName, 'there is no room for another data segment');
    if (module.byteLength + data.sizeBytes > MAX_EXPORTED_BYTES)
      throw refusal(processName, `it would take ${module.byteLength + data.sizeBytes} bytes`);
    const count = new WasmWriter().u32(data.count).finish();
    replacements.set(SECTION.data, data.count === 0 ? [] : [count, ...data.parts]);
    if (isCounted) replacements.set(SECTION.dataCount, [count]);
  }
  replacements.set(
    SECTION.table,
    own.tables.length === 0 ? [] : [writeTables(exportedTables(own, subject)).finish()],
  );
  try {
    return assemble(own.sections, replacements);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw refusal(processName, `the host has no room for it: ${cause.message}`, cause);
  }
}

/** The guest's own module again, as far as it is written down, with the maxima it had declared. */
interface OwnModule extends ModuleStructure {
  readonly memoryMaximum: number | null;
  readonly tableMaxima: readonly (number | null)[];
}

/** Whatever was added stands at the end of its index space. */
function withoutAdditions(prepared: ModuleStructure, layout: ModuleLayout, moduleName: string): OwnModule {
  const accessors = layout.globals.filter((slot) => slot.accessors !== null);
  const functionCount = prepared.functionTypes.length - 2 * (accessors.length + layout.segments.length);
  const firstAdded = prepared.functionTypes.slice(functionCount);
  const typeCount = firstAdded.reduce((least, type) => Math.min(least, type), prepared.types.length);
  const last = layout.functionTable === null ? undefined : -1;
  const found = findDeclaredMaxima(prepared, moduleName);
  const tables = prepared.tables.slice(0, last);
  return {
    ...prepared,
    types: prepared.types.slice(0, typeCount),
    functionTypes: prepared.functionTypes.slice(0, functionCount),
    tables,
    elements: prepared.elements.slice(0, last),
    exports: prepared.exports.filter(({ name }) => !name.startsWith(HIDDEN_PREFIX)),
    sections: prepared.sections.flatMap((section) => {
      if (section === found?.section) return [];
      if (section.id !== SECTION.custom) return [section];
      return exportCustom(section, moduleName) ?? [];
    }),
    memoryMaximum: maximumOf(found?.maxima.memories, 0, prepared.memory?.maximum),
    tableMaxima: tables.map(({ limits }, index) => maximumOf(found?.maxima.tables, index, limits.maximum)),
  };
}

/** What was declared; where nothing is known of that, what the prepared module says. */
function maximumOf(
  declared: readonly (number | null)[] | undefined,
  index: number,
  prepared: number | null | undefined,
): number | null {
  const maximum = declared === undefined ? prepared : declared[index];
  return maximum ?? null;
}

/** As they are encoded: only counted, and cut off behind the last of the guest's own. */
function types({ sections, types }: OwnModule, moduleName: string): Parts {
  const section = sections.find(({ id }) => id === SECTION.type);
  if (section === undefined || types.length === 0) return [];
  const reader = new WasmReader(section.payload, moduleName);
  reader.u32();
  const start = reader.offset;
  for (const index of types.keys()) readFunctionType(reader, `type ${index}`);
  return [new WasmWriter().u32(types.length).finish(), section.payload.subarray(start, reader.offset)];
}

/** Imported functions have the first indices, and so have those that stand in for them. */
function functions(own: OwnModule, imports: 'trap' | 'keep', moduleName: string): [number, Parts][] {
  const { functionTypes, importedFunctionCount } = own;
  const stubCount = imports === 'trap' ? importedFunctionCount : 0;
  const definedTypes = functionTypes.slice(importedFunctionCount - stubCount);
  const sections: [number, Parts][] = imports === 'trap' ? [[SECTION.import, []]] : [];
  if (definedTypes.length === 0) return [...sections, [SECTION.function, []], [SECTION.code, []]];
  const uses = new WasmWriter().u32(definedTypes.length);
  for (const type of definedTypes) uses.u32(type);
  const stubs = new WasmWriter().u32(definedTypes.length);
  for (let index = 0; index < stubCount; index += 1) stubs.byte(...TRAP_BODY);
  const bodies = ownBodies(own, definedTypes.length - stubCount, moduleName);
  return [...sections, [SECTION.function, [uses.finish()]], [SECTION.code, [stubs.finish(), bodies]]];
}

function ownBodies(own: OwnModule, count: number, moduleName: string): Uint8Array {
  const code = findSection(own, SECTION.code)?.payload ?? Uint8Array.of(0);
  const reader = new WasmReader(code, moduleName);
  reader.u32();
  const start = reader.offset;
  for (let remaining = count; remaining > 0; remaining -= 1) reader.skip(reader.u32());
  return code.subarray(start, reader.offset);
}

function memorySection({ memoryMaximum }: OwnModule, memory: Uint8Array | null): Parts {
  if (memory === null) return [];
  const writer = new WasmWriter().u32(1).byte(memoryMaximum === null ? 0 : 1);
  writer.u32(memory.byteLength / WASM_PAGE_SIZE);
  if (memoryMaximum !== null) writer.u32(memoryMaximum);
  return [writer.finish()];
}

function globals(own: OwnModule, { layout, state }: ExportSubject): Parts {
  if (own.globals.length === 0) return [];
  const values = new Map(layout.globals.map(({ index }, position) => [index, state.globals[position]]));
  return [writeGlobals(own.globals, values).finish()];
}

/** What a host calls once to initialise the guest has been called: a second time would undo the state. */
function keptExports({ exports }: ModuleStructure): ModuleStructure['exports'] {
  return exports.filter(({ name, kind }) => name !== EXPORT_REACTOR_ENTRY || kind !== 'function');
}

function exports(own: OwnModule): Parts {
  const kept = keptExports(own);
  if (kept.length === 0) return [];
  const writer = new WasmWriter().u32(kept.length);
  for (const { name, kind, index } of kept) writer.name(name).byte(EXTERNAL[kind]).u32(index);
  return [writer.finish()];
}

function exportedTables(
  { tables, tableMaxima }: OwnModule,
  { layout, state }: ExportSubject,
): ExportedTable[] {
  return tables.map((definition, index) => {
    const position = layout.tables.findIndex((slot) => slot.index === index);
    return { definition, maximum: tableMaxima[index] ?? null, entries: state.tables[position] ?? null };
  });
}

function elements(own: OwnModule, subject: ExportSubject): Parts {
  const { layout } = subject;
  const tables = exportedTables(own, subject);
  const segments = exportElements(own.elements, tables, droppedIn(subject, 'element'));
  const isMutable = new Set(layout.globals.map(({ index }) => index));
  const declared = declaredFunctions({
    elements: segments,
    exports: keptExports(own),
    globals: own.globals.filter((_, index) => !isMutable.has(index)),
    tables: tables.flatMap(({ definition, entries }) => (entries === null ? [definition] : [])),
  });
  const lost = new Set([...declaredFunctions(own)].filter((index) => !declared.has(index)));
  const code = findSection(own, SECTION.code)?.payload ?? Uint8Array.of(0);
  const referenced = referencedInCode(code, lost);
  const all = referenced.length === 0 ? segments : [...segments, declarativeSegment(referenced)];
  return all.length === 0 ? [] : [writeElements(all).finish()];
}

/** Whether a passive segment is dropped; one that has no part in the state may as well not be. */
function droppedIn({ layout, state }: ExportSubject, kind: 'data' | 'element'): (index: number) => boolean {
  const dropped = new Set(
    layout.segments.flatMap((slot, position) =>
      slot.kind === kind && state.dropped[position] === true ? [slot.index] : [],
    ),
  );
  return (index) => dropped.has(index);
}

function refusal(processName: string, why: string, cause?: unknown): RekindleError {
  return new RekindleError('CHECKPOINT_REFUSED', processName, `its image cannot be exported: ${why}`, {
    cause,
  });
}
