// Makes a module of its own of an executing image: the guest's own module, with the present state in place of its first one. It must add
// nothing that the guest did not have, but for what stands in for its imports; and it must never write to what it is given.
import { EXPORT_REACTOR_ENTRY } from '../../abi/hr.ts';
import { invariant } from '../invariant.ts';
import { MAX_EXPORTED_BYTES, WASM_PAGE_SIZE } from '../limits.ts';
import type { GlobalState } from './global-access.ts';
import { reasonAgainstImages } from './hidden-objects.ts';
import { exportGlobals, writeGlobals } from './image-export-globals.ts';
import { exportData } from './image-export-memory.ts';
import { type OwnModule, refusal, withoutAdditions } from './image-export-module.ts';
import {
  declarativeSegment,
  declaredFunctions,
  type ExportedTable,
  exportElements,
  exportTable,
  referencedInCode,
  writeElements,
  writeTables,
} from './image-export-tables.ts';
import { ExportedValues } from './image-export-values.ts';
import type { InstanceState } from './instance-state.ts';
import type { ModuleLayout } from './layout.ts';
import { assemble, type Parts, writeLimits } from './module-emitter.ts';
import { parseModule } from './module-parser.ts';
import { findSection, type GlobalDefinition, type ModuleStructure } from './module-structure.ts';
import { passTypes } from './type-reader.ts';
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
  /** Contents of all memories, in the order of the module. */
  readonly memories: readonly Uint8Array[];
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
  const { processName, module, layout, memories } = subject;
  const own = withoutAdditions(parseModule(module, processName), layout, processName);
  const hidden = reasonAgainstImages(own);
  if (hidden !== null) throw refusal(processName, hidden);
  const values = new ExportedValues(own, layout, processName);
  const tables = exportedTables(own, subject, values);
  const globals = exportGlobals(own.globals, presentGlobals(subject), values);
  const replacements = new Map<number, Parts>([
    [SECTION.type, types(own, processName)],
    ...functions(own, subject.imports, processName),
    [SECTION.memory, memorySection(own, memories)],
    [SECTION.table, tables.length === 0 ? [] : [writeTables(tables).finish()]],
    [SECTION.global, globals.length === 0 ? [] : [writeGlobals(globals).finish()]],
    [SECTION.export, exports(own)],
    [SECTION.element, elements(own, subject, { tables, globals, values })],
  ]);
  const isCounted = findSection(own, SECTION.dataCount) !== null;
  if (memories.length > 0 || isCounted) {
    const data = exportData(own, memories, droppedIn(subject, 'data'), isCounted);
    if (data === null) throw refusal(processName, 'there is no room for another data segment');
    if (module.byteLength + data.sizeBytes > MAX_EXPORTED_BYTES)
      throw refusal(processName, `it would take ${module.byteLength + data.sizeBytes} bytes`);
    const count = new WasmWriter().u32(data.count).finish();
    replacements.set(SECTION.data, data.count === 0 ? [] : [count, ...data.parts]);
    if (isCounted) replacements.set(SECTION.dataCount, [count]);
  }
  try {
    return assemble(own.sections, replacements);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw refusal(processName, `the host has no room for it: ${cause.message}`, cause);
  }
}

/** As they are encoded: only counted, and cut off behind the last of the guest's own. */
function types({ sections, types }: OwnModule, moduleName: string): Parts {
  const section = sections.find(({ id }) => id === SECTION.type);
  if (section === undefined || types.length === 0) return [];
  const reader = new WasmReader(section.payload, moduleName);
  reader.u32();
  const start = reader.offset;
  const entryCount = passTypes(reader, types.length);
  return [new WasmWriter().u32(entryCount).finish(), section.payload.subarray(start, reader.offset)];
}

/** Imported functions have the first indices, and so have those that stand in for them. */
function functions(own: OwnModule, imports: 'trap' | 'keep', moduleName: string): [number, Parts][] {
  const { functionTypes, importedFunctionCount } = own;
  const stubCount = imports === 'trap' ? importedFunctionCount : 0;
  const definedTypes = functionTypes.slice(importedFunctionCount - stubCount);
  const sections: [number, Parts][] = [[SECTION.import, imports === 'trap' ? [] : keptImports(own)]];
  if (definedTypes.length === 0) return [...sections, [SECTION.function, []], [SECTION.code, []]];
  const uses = new WasmWriter().u32(definedTypes.length);
  for (const type of definedTypes) uses.u32(type);
  const stubs = new WasmWriter().u32(definedTypes.length);
  for (let index = 0; index < stubCount; index += 1) stubs.byte(...TRAP_BODY);
  const bodies = ownBodies(own, definedTypes.length - stubCount, moduleName);
  return [...sections, [SECTION.function, [uses.finish()]], [SECTION.code, [stubs.finish(), bodies]]];
}

/** Functions alone: what else is imported holds state. */
function keptImports({ imports }: OwnModule): Parts {
  const kept = imports.filter(({ kind }) => kind === 'function');
  if (kept.length === 0) return [];
  return [new WasmWriter().u32(kept.length).finish(), ...kept.map(({ bytes }) => bytes)];
}

function ownBodies(own: OwnModule, count: number, moduleName: string): Uint8Array {
  const code = findSection(own, SECTION.code)?.payload ?? Uint8Array.of(0);
  const reader = new WasmReader(code, moduleName);
  reader.u32();
  const start = reader.offset;
  for (let remaining = count; remaining > 0; remaining -= 1) reader.skip(reader.u32());
  return code.subarray(start, reader.offset);
}

function memorySection({ memories }: OwnModule, contents: readonly Uint8Array[]): Parts {
  if (contents.length === 0) return [];
  const writer = new WasmWriter().u32(contents.length);
  contents.forEach(({ byteLength }, index) => {
    const limits = memories[index];
    invariant(limits !== undefined, 'what is exported has the memories of its module');
    writeLimits(writer, { ...limits, initial: byteLength / WASM_PAGE_SIZE });
  });
  return [writer.finish()];
}

function presentGlobals({ layout, state }: ExportSubject): ReadonlyMap<number, GlobalState> {
  return new Map(
    layout.globals.flatMap(({ index }, position) => {
      const value = state.globals[position];
      return value === undefined ? [] : [[index, value]];
    }),
  );
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
  { tables }: OwnModule,
  { layout, state }: ExportSubject,
  values: ExportedValues,
): ExportedTable[] {
  return tables.map((definition, index) => {
    const position = layout.tables.findIndex((slot) => slot.index === index);
    return exportTable(definition, state.tables[position] ?? null, values, `table ${index}`);
  });
}

/** What names functions beside segments and exports, as it is exported. */
interface Exported {
  readonly tables: readonly ExportedTable[];
  readonly globals: readonly GlobalDefinition[];
  readonly values: ExportedValues;
}

function elements(own: OwnModule, subject: ExportSubject, { tables, globals, values }: Exported): Parts {
  const segments = exportElements(own.elements, tables, droppedIn(subject, 'element'), values);
  const declared = declaredFunctions({
    elements: segments,
    exports: keptExports(own),
    globals,
    tables: tables.map(({ definition }) => definition),
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
