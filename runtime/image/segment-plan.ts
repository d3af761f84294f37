// Which segments have a "dropped" flag that is part of an instance's state, and how it is reached. It must leave out those whose flag no
// code can observe, since a probe of one that is dropped traps, which is slow.
import {
  type AppendedFunction,
  type SegmentReference,
  segmentDropper,
  segmentProbe,
} from './appended-functions.ts';
import type { SegmentSlot } from './layout.ts';
import {
  findSection,
  type ModuleStructure,
  type ReferenceType,
  type TableDefinition,
} from './module-structure.ts';
import { SECTION } from './wasm-format.ts';

/** What the dropped flags of a module's segments come to. */
export interface SegmentPlan {
  readonly slots: readonly SegmentSlot[];
  readonly functions: readonly AppendedFunction[];
  /** Heap types of tables without entries that are appended, from `firstProbeTable` on, only to be named by probes. */
  readonly probeTables: readonly Uint8Array[];
  /** The module has no memory, and is to have one without pages, only to be named by probes. */
  readonly needsMemory: boolean;
}

//  mode in the guest's module    flag once an instance is ready     what is added, where code can observe the flag
//  active                        dropped, for good                  nothing
//  passive                       a part of the state                slot, probe, drop
//  declarative                   dropped from the start             nothing
export function planSegments(
  structure: ModuleStructure,
  changingTables: readonly TableDefinition[],
  prefix: string,
  firstProbeTable: number,
): SegmentPlan {
  const slots: SegmentSlot[] = [];
  const functions: AppendedFunction[] = [];
  const probeTables: Uint8Array[] = [];
  const addPassive = (segment: SegmentReference, tableIndex: number) => {
    const stem = `${prefix}${segment.kind}_${segment.index}`;
    const slot = { ...segment, probe: `${stem}_probe`, drop: `${stem}_drop` };
    slots.push(slot);
    const is64 = structure.memories[0]?.is64 === true;
    functions.push(
      segmentProbe(slot.probe, segment, { tableIndex, is64 }),
      segmentDropper(slot.drop, segment),
    );
  };
  /** `table.init` takes a segment only into a table of its type, or of one above that: a table of its own type will always do. */
  const probeTableOf = ({ heapType }: ReferenceType): number => {
    const isSame = (other: Uint8Array) => Buffer.compare(other, heapType) === 0;
    const own = structure.tables.findIndex(
      ({ elementType, limits }) => !limits.is64 && elementType.nullable && isSame(elementType.heapType),
    );
    if (own !== -1) return own;
    const added = probeTables.findIndex(isSame);
    if (added !== -1) return firstProbeTable + added;
    probeTables.push(heapType);
    return firstProbeTable + probeTables.length - 1;
  };
  // An array can be made of a segment, without a table or a memory.
  const hasArrays = structure.types.some(({ kind }) => kind === 'array');
  // No code can tell whether a segment of length zero is dropped, nor one of elements that nothing copies anywhere.
  structure.elements.forEach(({ mode, elementType, entryCount }, index) => {
    if (mode !== 'passive' || entryCount === 0) return;
    const isCopied = hasArrays || changingTables.some((table) => table.elementType.top === elementType.top);
    if (isCopied) addPassive({ kind: 'element', index }, probeTableOf(elementType));
  });
  // What names a data segment is valid only in a module that states how many it has.
  const hasMemory = structure.memories.length > 0;
  const canObserveData = (hasMemory || hasArrays) && findSection(structure, SECTION.dataCount) !== null;
  structure.data.forEach(({ target, sizeBytes }, index) => {
    if (canObserveData && sizeBytes > 0 && target === null) addPassive({ kind: 'data', index }, 0);
  });
  const needsMemory = !hasMemory && slots.some(({ kind }) => kind === 'data');
  return { slots, functions, probeTables, needsMemory };
}
