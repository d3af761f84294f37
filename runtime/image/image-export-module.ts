// The guest's own module again, as far as it can be told from the prepared one. Whatever preparing appends must be taken away here: all of it stands at
// the end of its index space.
import { RekindleError } from '../errors.ts';
import { findDeclaredMaxima } from './declared-maxima.ts';
import { exportCustom } from './image-export-customs.ts';
import type { ModuleLayout } from './layout.ts';
import type { ModuleStructure, SizeLimits } from './module-structure.ts';
import { HIDDEN_PREFIX } from './preparation-plan.ts';
import { SECTION } from './wasm-format.ts';

/** Its limits have the maxima that were declared. Imported memories, tables and tags are its own. */
export type OwnModule = ModuleStructure;

//  index space    appended, in this order                                                      how many is told by
//  functions      accessors of globals and tables, probes and droppers of segments             the layout
//  types          those of these functions                                                     the least of them
//  tables         the table of functions, empty ones that probes name                          declared maxima
//  memories       an empty one that probes name, where there is no other                       declared maxima
//  elements       what fills the table of functions                                            the layout
//  exports        all with the hidden prefix                                                   their names
//
//  A prepared module without declared maxima is of a version that appended neither empty tables nor an empty memory.

export function withoutAdditions(
  prepared: ModuleStructure,
  layout: ModuleLayout,
  moduleName: string,
): OwnModule {
  const functionCount = prepared.functionTypes.length - countAppendedFunctions(layout);
  const firstAdded = prepared.functionTypes.slice(functionCount);
  const typeCount = firstAdded.reduce((least, type) => Math.min(least, type), prepared.types.length);
  const found = findDeclaredMaxima(prepared, moduleName);
  const withoutLast = layout.functionTable === null ? undefined : -1;
  const tables = prepared.tables.slice(0, found?.maxima.tables.length ?? withoutLast);
  const memories = prepared.memories.slice(0, found?.maxima.memories.length);
  return {
    ...prepared,
    types: prepared.types.slice(0, typeCount),
    functionTypes: prepared.functionTypes.slice(0, functionCount),
    memories: memories.map((limits, index) => asDeclared(limits, found?.maxima.memories[index])),
    tables: tables.map((table, index) => ({
      ...table,
      limits: asDeclared(table.limits, found?.maxima.tables[index]),
    })),
    elements: prepared.elements.slice(0, withoutLast),
    exports: prepared.exports.filter(({ name }) => !name.startsWith(HIDDEN_PREFIX)),
    sections: prepared.sections.flatMap((section) => {
      if (section === found?.section) return [];
      if (section.id !== SECTION.custom) return [section];
      return exportCustom(section, moduleName) ?? [];
    }),
  };
}

function countAppendedFunctions({ globals, tables, segments }: ModuleLayout): number {
  const ofGlobals = globals.flatMap(({ accessors }) => Object.values(accessors ?? {}));
  const ofTables = tables.flatMap(({ accessors }) => Object.values(accessors ?? {}));
  return ofGlobals.length + ofTables.length + 2 * segments.length;
}

/** With the maximum that was declared, null for none; where nothing is known of that, with the prepared one. */
function asDeclared(limits: SizeLimits, declared: number | null | undefined): SizeLimits {
  return declared === undefined ? limits : { ...limits, maximum: declared };
}

export function refusal(processName: string, why: string, cause?: unknown): RekindleError {
  return new RekindleError('CHECKPOINT_REFUSED', processName, `its image cannot be exported: ${why}`, {
    cause,
  });
}
