// Tells which mutable globals have a meaning known to the host, from the exports, the imports or else from the name section. A name section that
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
  const positions = new Map(slots.flatMap(({ index, type }, at) => (type === 'i32' ? [[index, at]] : [])));
  const names = readGlobalNames(structure, moduleName);
  // AssemblyScript puts the path of the source file before a name.
  const named = (wanted: string) =>
    [...names].filter(([, name]) => name === wanted || name.endsWith(`/${wanted}`)).map(([index]) => index);
  const exported = structure.exports
    .filter((entry) => entry.kind === 'global' && entry.name === EXPORT_STACK_POINTER)
    .map((entry) => entry.index);
  const imported = structure.imports
    .filter(({ kind }) => kind === 'global')
    .flatMap(({ name }, index) => (name === EXPORT_STACK_POINTER ? [index] : []));
  return {
    stackPointer: firstOf(positions, [...exported, ...imported, ...named(EXPORT_STACK_POINTER)]),
    randomSeeded: firstOf(positions, named(RANDOM_SEEDED)),
  };
}

function firstOf(positions: ReadonlyMap<number, number>, globalIndices: readonly number[]): number | null {
  for (const index of globalIndices) {
    const position = positions.get(index);
    if (position !== undefined) return position;
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
      if (reader.name() === NAME_SECTION) return readGlobalSubsection(reader, structure.globals.length);
    } catch (error) {
      if (!(error instanceof RekindleError && error.code === 'MODULE_MALFORMED')) throw error;
    }
  }
  return new Map();
}

/** `globalCount`: more names than that are no names of globals. */
function readGlobalSubsection(reader: WasmReader, globalCount: number): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  while (!reader.atEnd) {
    const id = reader.byte();
    const subsection = reader.nested(reader.u32());
    if (id !== NAME_SUBSECTION_GLOBAL) continue;
    const nameCount = subsection.count();
    if (nameCount > globalCount) reader.fail(`${nameCount} names for ${globalCount} globals`);
    for (let rest = nameCount; rest > 0; rest--) names.set(subsection.u32(), subsection.name());
  }
  return names;
}
