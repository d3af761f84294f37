// What the engine takes at most, held against a module with its additions. A module that is valid by itself must never become one that does
// not compile: it is refused here, by name. These are the engine's numbers, not a site's, hence not among its limits.
import { RekindleError } from '../errors.ts';
import type { ModuleStructure } from './module-structure.ts';
import type { PreparationPlan } from './preparation-plan.ts';

/** The least of what V8 11.3 to 13.6 (Node 20 to 24) take. */
const ENGINE_LIMITS = {
  types: 1_000_000,
  functions: 1_000_000,
  exports: 100_000,
  tables: 100_000,
} as const;

/** Distinct signatures of appended functions: nothing, an i32 for an i32, and a getter and a setter each for one i32, one i64, two i64. */
const APPENDED_TYPES_MAX = 8;

/** @throws RekindleError MODULE_UNSUPPORTED, naming what there would be too much of. */
export function checkEngineLimits(
  structure: ModuleStructure,
  { layout, functions, probes }: PreparationPlan,
  moduleName: string,
): void {
  const single = [layout.functionTable, layout.start].filter((item) => item !== null).length;
  const addedExports =
    layout.memories.length + layout.globals.length + layout.tables.length + functions.length + single;
  const demands: readonly (readonly [what: keyof typeof ENGINE_LIMITS, count: number])[] = [
    ['types', structure.types.length + (functions.length > 0 ? APPENDED_TYPES_MAX : 0)],
    ['functions', structure.functionTypes.length + functions.length],
    ['exports', structure.exports.length + addedExports],
    ['tables', structure.tables.length + probes.probeTables.length + (layout.functionTable === null ? 0 : 1)],
  ];
  for (const [what, count] of demands) {
    if (count <= ENGINE_LIMITS[what]) continue;
    const detail = `${count} ${what} with what its image needs; the engine takes ${ENGINE_LIMITS[what]}`;
    throw new RekindleError('MODULE_UNSUPPORTED', moduleName, detail);
  }
}
