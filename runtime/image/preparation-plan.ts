// Decides what is added to a module so that the whole state of an instance can be reached, and describes it as the module's
// layout. Pure: it looks at the structure and writes nothing.
import { RekindleError } from '../errors.ts';
import {
  type AppendedFunction,
  globalAccessors,
  needsAccessors,
  tableAccessors,
} from './appended-functions.ts';
import { reasonAgainstImages } from './hidden-objects.ts';
import { type GivenGlobals, importGlobals } from './imported-globals.ts';
import { findKnownGlobals } from './known-globals.ts';
import type { FunctionType, GlobalSlot, MemorySlot, ModuleLayout, TableSlot } from './layout.ts';
import type { ModuleStructure, TableDefinition } from './module-structure.ts';
import { type BoundedLimits, boundBorder, boundMemories, boundTables } from './quota.ts';
import { planSegments, type SegmentPlan } from './segment-plan.ts';
import { hasFixedTables } from './table-writes.ts';

/** What the names of all added exports begin with. A guest may not use it. */
export const HIDDEN_PREFIX = '__hr_';

export interface PreparationPlan {
  readonly layout: ModuleLayout;
  /** Why an instance could not be captured whole; null when it can. If not, it has no state but its memories. */
  readonly uncapturable: string | null;
  readonly memories: readonly BoundedLimits[];
  /** Of the guest's tables; the appended one is in the layout. */
  readonly tables: readonly BoundedLimits[];
  /** Appended behind the module's own functions, in this order, each exported under its name. */
  readonly functions: readonly AppendedFunction[];
  readonly probes: Pick<SegmentPlan, 'probeTables' | 'needsMemory'>;
}

/** @throws RekindleError MODULE_UNSUPPORTED for a reserved export name, MODULE_OVER_QUOTA, and what importGlobals throws. */
export function planPreparation(
  structure: ModuleStructure,
  moduleName: string,
  memoryQuotaBytes: number,
  given: GivenGlobals,
): PreparationPlan {
  refuseReservedNames(structure, moduleName);
  const uncapturable = reasonAgainstImages(structure);
  const memories = boundMemories(structure.memories, memoryQuotaBytes, moduleName);
  const tables = boundTables(
    structure.tables.map(({ limits }) => limits),
    moduleName,
  );
  boundBorder(structure, moduleName);
  const globals = uncapturable === null ? planGlobals(structure) : [];
  const hasState = uncapturable === null && !hasFixedTables(structure, moduleName);
  const changingTables = hasState ? structure.tables : [];
  const tableSlots = changingTables.map(planTable);
  const functionTable = planFunctionTable(structure, globals, changingTables);
  const firstProbeTable = structure.tables.length + (functionTable === null ? 0 : 1);
  const segments =
    uncapturable === null
      ? planSegments(structure, changingTables, HIDDEN_PREFIX, firstProbeTable)
      : NO_SEGMENTS;
  const globalImports = importGlobals(structure, given, moduleName);
  const layout: ModuleLayout = {
    functionImports: describeFunctionImports(structure, moduleName),
    functionExports: structure.exports
      .filter((entry) => entry.kind === 'function')
      .map((entry) => ({ name: entry.name, type: functionType(structure, entry.index, moduleName) })),
    ...(globalImports.length > 0 && { globalImports }),
    memories: memories.map(planMemory),
    linearMemory: findLinearMemory(structure),
    globals,
    tables: tableSlots,
    segments: segments.slots,
    functionTable,
    start: structure.startFunction === null ? null : `${HIDDEN_PREFIX}start`,
    ...findKnownGlobals(structure, globals, moduleName),
  };
  const functions = [
    ...globals.flatMap(globalAccessors),
    ...tableSlots.flatMap((slot) => tableAccessors(slot, structure.tables[slot.index]?.limits.is64 === true)),
    ...segments.functions,
  ];
  return { layout, uncapturable, memories, tables, functions, probes: segments };
}

const NO_SEGMENTS: SegmentPlan = { slots: [], functions: [], probeTables: [], needsMemory: false };

function refuseReservedNames(structure: ModuleStructure, moduleName: string): void {
  const reserved = structure.exports.find((entry) => entry.name.startsWith(HIDDEN_PREFIX));
  if (reserved === undefined) return;
  const detail = `exports ${reserved.name}, and names that begin with ${HIDDEN_PREFIX} are reserved`;
  throw new RekindleError('MODULE_UNSUPPORTED', moduleName, detail);
}

function functionType(structure: ModuleStructure, functionIndex: number, moduleName: string): FunctionType {
  const typeIndex = structure.functionTypes[functionIndex];
  const definition = typeIndex === undefined ? undefined : structure.types[typeIndex];
  if (definition?.kind === 'function') return definition.type;
  throw new RekindleError('MODULE_MALFORMED', moduleName, `function ${functionIndex} has no type`);
}

function describeFunctionImports(structure: ModuleStructure, moduleName: string) {
  return structure.imports
    .filter((entry) => entry.kind === 'function')
    .map(({ module, name }, index) => ({ module, name, type: functionType(structure, index, moduleName) }));
}

function planMemory({ initial, maximum, is64 }: BoundedLimits, index: number): MemorySlot {
  return {
    exportName: `${HIDDEN_PREFIX}memory_${index}`,
    initialPages: initial,
    maximumPages: maximum,
    ...(is64 && { is64: true as const }),
  };
}

/** The one exported by the name that WASI asks for, else the first. */
function findLinearMemory({ exports, memories }: ModuleStructure): number | null {
  if (memories.length === 0) return null;
  return exports.find(({ kind, name }) => kind === 'memory' && name === 'memory')?.index ?? 0;
}

function planGlobals(structure: ModuleStructure): GlobalSlot[] {
  const slots: GlobalSlot[] = [];
  structure.globals.forEach(({ type, mutable }, index) => {
    if (!mutable) return;
    const exportName = `${HIDDEN_PREFIX}global_${index}`;
    const accessors = needsAccessors(type) ? { get: `${exportName}_get`, set: `${exportName}_set` } : null;
    slots.push({ index, type, exportName, accessors });
  });
  return slots;
}

function planTable({ elementType: { top } }: TableDefinition, index: number): TableSlot {
  const exportName = `${HIDDEN_PREFIX}table_${index}`;
  const accessors = {
    isNull: `${exportName}_is_null`,
    clear: `${exportName}_clear`,
    grow: `${exportName}_grow`,
  };
  return { index, exportName, elementType: top, ...(top === 'exnref' && { accessors }) };
}

/**
 * Lists every function a reference to which may exist. The specification lets code take a reference only of functions that
 * occur outside of code: in element segments, exports, and initialisers of globals and tables.
 */
function planFunctionTable(
  structure: ModuleStructure,
  globals: readonly GlobalSlot[],
  changingTables: readonly TableDefinition[],
): ModuleLayout['functionTable'] {
  const canHold =
    changingTables.some((table) => table.elementType.top === 'funcref') ||
    globals.some((slot) => slot.type === 'funcref');
  if (!canHold) return null;
  const functions = new Set<number>();
  const add = (references: readonly number[] = []) => {
    for (const index of references) functions.add(index);
  };
  for (const segment of structure.elements) add(segment.functionReferences);
  for (const global of structure.globals) add(global.initializer?.functionReferences);
  for (const table of structure.tables) add(table.initializer?.functionReferences);
  for (const entry of structure.exports) if (entry.kind === 'function') functions.add(entry.index);
  if (functions.size === 0) return null;
  return { exportName: `${HIDDEN_PREFIX}functions`, indices: [...functions].sort((a, b) => a - b) };
}
