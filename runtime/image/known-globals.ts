// Tells which mutable globals have a meaning known to the host, from the exports or else from the name section. A name section that
// cannot be read must never make a module invalid: the specification gives custom sections no say in that.
import { EXPORT_STACK_POINTER } from '../../abi/hr.ts';
import { RekindleError } from '../errors.ts';
import type { GlobalSlot, ModuleLayout } from './layout.ts';
import type { ModuleStructure } from './module-structure.ts';
import { NAME_SECTION, NAME_SUBSECTION_GLOBAL, SECTION } from './wasm-format.ts';
import { WasmReader } from './wasm-reader.ts';

/** What AssemblyScript's library calls its note that Math.random has a seed, behind the path of the source file. */
const RANDOM_SEEDED = '~lib/math/random_seeded';

/** Positions in `slots`, each null where no mutable i32 global is known to be the one. */
export function findKnownGlobals(
  structure: ModuleStructure,
  slots: readonly GlobalSlot[],
  moduleName: string,
): Pick<ModuleLayout, 'stackPointer' | 'randomSeeded'> {
  const names = readGlobalNames(structure, moduleName);
  // AssemblyScript puts the path of the source file before a name.
  const named = (wanted: string) =>
    [...names].filter(([, name]) => name === wanted || name.endsWith(`/${wanted}`)).map(([index]) => index);
  const exported = structure.exports
    .filter((entry) => entry.kind === 'global' && entry.name === EXPORT_STACK_POINTER)
    .map((entry) => entry.index);
  return {
    stackPointer: firstSlot(slots, [...exported, ...named(EXPORT_STACK_POINTER)]),
    randomSeeded: firstSlot(slots, named(RANDOM_SEEDED)),
  };
}

function firstSlot(slots: readonly GlobalSlot[], globalIndices: readonly number[]): number | null {
  for (const index of globalIndices) {
    const position = slots.findIndex((slot) => slot.index === index && slot.type === 'i32');
    if (position !== -1) return position;
  }
  return null;
}

//  The name section:  subsection*        A subsection:  id u8 | size u32 | size bytes
//  Subsection 7:      count u32, then count times:  global index u32 | name
function readGlobalNames(structure: ModuleStructure, moduleName: string): ReadonlyMap<number, string> {
  for (const section of structure.sections) {
    if (section.id !== SECTION.custom) continue;
    try {
      const reader = new WasmReader(section.payload, moduleName);
      if (reader.name() === NAME_SECTION) return readGlobalSubsection(reader);
    } catch (error) {
      if (!(error instanceof RekindleError && error.code === 'MODULE_MALFORMED')) throw error;
    }
  }
  return new Map();
}

function readGlobalSubsection(reader: WasmReader): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  while (!reader.atEnd) {
    const id = reader.byte();
    const subsection = reader.nested(reader.u32());
    if (id !== NAME_SUBSECTION_GLOBAL) continue;
    for (let rest = subsection.count(); rest > 0; rest--) names.set(subsection.u32(), subsection.name());
  }
  return names;
}
