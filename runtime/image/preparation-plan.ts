// Decides what is added to a module so that the whole state of an instance can be reached, and describes it as the module's
// layout. Pure: it looks at the structure and writes nothing.
import { RekindleError } from '../errors.ts';
import {
  type AppendedFunction,
  globalAccessors,
  needsAccessors,
  type SegmentReference,
  segmentDropper,
  segmentProbe,
} from './appended-functions.ts';
import { findKnownGlobals } from './known-globals.ts';
import type { FunctionType, GlobalSlot, ModuleLayout, SegmentSlot } from './layout.ts';
import { findSection, type ModuleStructure, type TableDefinition } from './module-structure.ts';
import { type BoundedLimits, boundBorder, boundMemory, boundTables } from './quota.ts';
import { hasFixedTables } from './table-writes.ts';
import { SECTION } from './wasm-format.ts';

/** What the names of all added exports begin with. A guest may not use it. */
export const HIDDEN_PREFIX = '__hr_';

export interface PreparationPlan {
  readonly layout: ModuleLayout;
  readonly memory: BoundedLimits | null;
  /** Of the guest's tables; the appended one is in the layout. */
  readonly tables: readonly BoundedLimits[];
  /** Appended behind the module's own functions, in this order, each exported under its name. */
  readonly functions: readonly AppendedFunction[];
}

/** @throws RekindleError MODULE_UNSUPPORTED for a reserved export name, MODULE_OVER_QUOTA. */
export function planPreparation(
  structure: ModuleStructure,
  moduleName: string,
  memoryQuotaBytes: number,
): PreparationPlan {
  refuseReservedNames(structure, moduleName);
  const memory = structure.memory && boundMemory(structure.memory, memoryQuotaBytes, moduleName);
  const tables = boundTables(
    structure.tables.map(({ limits }) => limits),
    moduleName,
  );
  boundBorder(structure, moduleName);
  const globals = planGlobals(structure);
  const changingTables = hasFixedTables(structure, moduleName) ? [] : structure.tables;
  const segments = planSegments(structure, changingTables);
  const layout: ModuleLayout = {
    functionImports: describeFunctionImports(structure, moduleName),
    functionExports: structure.exports
      .filter((entry) => entry.kind === 'function')
      .map((entry) => ({ name: entry.name, type: functionType(structure, entry.index, moduleName) })),
    memory: memory && {
      exportName: `${HIDDEN_PREFIX}memory`,
      initialPages: memory.initial,
      maximumPages: memory.maximum,
    },
    globals,
    tables: changingTables.map(({ elementType }, index) => ({
      index,
      exportName: `${HIDDEN_PREFIX}table_${index}`,
      elementType,
    })),
    segments: segments.slots,
    functionTable: planFunctionTable(structure, globals, changingTables),
    start: structure.startFunction === null ? null : `${HIDDEN_PREFIX}start`,
    ...findKnownGlobals(structure, globals, moduleName),
  };
  const functions = [...globals.flatMap(globalAccessors), ...segments.functions];
  return { layout, memory, tables, functions };
}

function refuseReservedNames(structure: ModuleStructure, moduleName: string): void {
  const reserved = structure.exports.find((entry) => entry.name.startsWith(HIDDEN_PREFIX));
  if (reserved === undefined) return;
  const detail = `exports ${reserved.name}, and names that begin with ${HIDDEN_PREFIX} are reserved`;
  throw new RekindleError('MODULE_UNSUPPORTED', moduleName, detail);
}

function functionType(structure: ModuleStructure, functionIndex: number, moduleName: string): FunctionType {
  const typeIndex = structure.functionTypes[functionIndex];
  const type = typeIndex === undefined ? undefined : structure.types[typeIndex];
  if (type !== undefined) return type;
  throw new RekindleError('MODULE_MALFORMED', moduleName, `function ${functionIndex} has no type`);
}

function describeFunctionImports(structure: ModuleStructure, moduleName: string) {
  return structure.imports
    .filter((entry) => entry.kind === 'function')
    .map(({ module, name }, index) => ({ module, name, type: functionType(structure, index, moduleName) }));
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

/** What the dropped flags of a module's segments come to. */
interface SegmentPlan {
  readonly slots: readonly SegmentSlot[];
  readonly functions: readonly AppendedFunction[];
}

//  mode in the guest's module    flag once an instance is ready     what is added, where code can observe the flag
//  active                        dropped, for good                  nothing
//  passive                       a part of the state                slot, probe, drop
//  declarative                   dropped from the start             nothing
function planSegments(structure: ModuleStructure, changingTables: readonly TableDefinition[]): SegmentPlan {
  const slots: SegmentSlot[] = [];
  const functions: AppendedFunction[] = [];
  const addPassive = (segment: SegmentReference, tableIndex: number) => {
    const stem = `${HIDDEN_PREFIX}${segment.kind}_${segment.index}`;
    const slot = { ...segment, probe: `${stem}_probe`, drop: `${stem}_drop` };
    slots.push(slot);
    functions.push(segmentProbe(slot.probe, segment, tableIndex), segmentDropper(slot.drop, segment));
  };
  // No code can tell whether a segment of length zero is dropped, nor one of elements that nothing copies to a table.
  structure.elements.forEach(({ mode, elementType, entryCount }, index) => {
    const tableIndex = changingTables.findIndex((table) => table.elementType === elementType);
    if (mode === 'passive' && entryCount > 0 && tableIndex !== -1)
      addPassive({ kind: 'element', index }, tableIndex);
  });
  // memory.init and data.drop are valid only with a memory, and only in a module that states how many data segments it has.
  const canObserveData = structure.memory !== null && findSection(structure, SECTION.dataCount) !== null;
  structure.data.forEach(({ target, sizeBytes }, index) => {
    if (canObserveData && sizeBytes > 0 && target === null) addPassive({ kind: 'data', index }, 0);
  });
  return { slots, functions };
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
    changingTables.some((table) => table.elementType === 'funcref') ||
    globals.some((slot) => slot.type === 'funcref');
  if (!canHold) return null;
  const functions = new Set<number>();
  const add = (references: readonly number[] = []) => {
    for (const index of references) functions.add(index);
  };
  for (const segment of structure.elements) add(segment.functionReferences);
  for (const global of structure.globals) add(global.initializer.functionReferences);
  for (const table of structure.tables) add(table.initializer?.functionReferences);
  for (const entry of structure.exports) if (entry.kind === 'function') functions.add(entry.index);
  if (functions.size === 0) return null;
  return { exportName: `${HIDDEN_PREFIX}functions`, indices: [...functions].sort((a, b) => a - b) };
}
