// What a module asks for in memory, tables and the types of its border, held against what it may have. A lowered maximum is written into
// the module, so that the engine enforces it; a maximum is never raised.
import { RekindleError } from '../errors.ts';
import { MAX_BORDER_TYPES, MAX_TABLE_ENTRIES, WASM_PAGE_SIZE } from '../limits.ts';
import type { ModuleStructure, SizeLimits } from './module-structure.ts';

/** Pages a 32-bit memory can have. */
export const MEMORY_MAX_PAGES = 65536;

export interface BoundedLimits {
  readonly initial: number;
  readonly maximum: number;
  readonly is64: boolean;
}

/**
 * Limits of all memories in pages, with maxima lowered so that they come to the quota together: what is left beyond the initial sizes is
 * shared out alike.
 *
 * @throws RekindleError MODULE_OVER_QUOTA when the initial sizes are over it.
 */
export function boundMemories(
  memories: readonly SizeLimits[],
  quotaBytes: number,
  moduleName: string,
): readonly BoundedLimits[] {
  const quotaPages = Math.floor(quotaBytes / WASM_PAGE_SIZE);
  const initialPages = totalOf(memories);
  if (initialPages > quotaPages) {
    const detail = `it starts with ${initialPages} pages of memory; its quota is ${quotaPages}`;
    throw new RekindleError('MODULE_OVER_QUOTA', moduleName, detail);
  }
  return shareOut(memories, Math.min(quotaPages, MEMORY_MAX_PAGES * Math.max(1, memories.length)));
}

function totalOf(all: readonly SizeLimits[]): number {
  return all.reduce((sum, { initial }) => sum + initial, 0);
}

function shareOut(all: readonly SizeLimits[], total: number): readonly BoundedLimits[] {
  const share = Math.floor((total - totalOf(all)) / Math.max(1, all.length));
  return all.map(({ initial, maximum, is64 }) => ({
    initial,
    maximum: Math.min(maximum ?? Number.POSITIVE_INFINITY, initial + share),
    is64,
  }));
}

/**
 * Limits of all tables in entries, with maxima lowered so that they come to MAX_TABLE_ENTRIES together: what is left beyond the initial sizes
 * is shared out alike.
 *
 * @throws RekindleError MODULE_OVER_QUOTA when the initial sizes are over it.
 */
export function boundTables(tables: readonly SizeLimits[], moduleName: string): readonly BoundedLimits[] {
  const initialEntries = totalOf(tables);
  if (initialEntries > MAX_TABLE_ENTRIES) {
    const detail = `its tables start with ${initialEntries} entries; they may have ${MAX_TABLE_ENTRIES}`;
    throw new RekindleError('MODULE_OVER_QUOTA', moduleName, detail);
  }
  return shareOut(tables, MAX_TABLE_ENTRIES);
}

/** @throws RekindleError MODULE_UNSUPPORTED when the types of what it imports and exports are more than a layout can name. */
export function boundBorder(
  { imports, exports, types, functionTypes }: ModuleStructure,
  moduleName: string,
): void {
  let typeCount = 0;
  const add = (functionIndex: number): void => {
    const definition = types[functionTypes[functionIndex] ?? -1];
    typeCount += 1;
    if (definition?.kind === 'function')
      typeCount += definition.type.params.length + definition.type.results.length;
  };
  const importedCount = imports.filter(({ kind }) => kind === 'function').length;
  for (let index = 0; index < importedCount; index += 1) add(index);
  for (const { kind, index } of exports) if (kind === 'function') add(index);
  if (typeCount <= MAX_BORDER_TYPES) return;
  const detail = `what it imports and exports has more than ${MAX_BORDER_TYPES} parameters and results`;
  throw new RekindleError('MODULE_UNSUPPORTED', moduleName, detail);
}
