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
}

/**
 * Limits of the memory in pages, with the maximum lowered to the quota.
 *
 * @throws RekindleError MODULE_OVER_QUOTA when the initial size is over it.
 */
export function boundMemory(limits: SizeLimits, quotaBytes: number, moduleName: string): BoundedLimits {
  const quotaPages = Math.floor(quotaBytes / WASM_PAGE_SIZE);
  if (limits.initial > quotaPages) {
    const detail = `it starts with ${limits.initial} pages of memory; its quota is ${quotaPages}`;
    throw new RekindleError('MODULE_OVER_QUOTA', moduleName, detail);
  }
  return { initial: limits.initial, maximum: Math.min(limits.maximum ?? MEMORY_MAX_PAGES, quotaPages) };
}

/**
 * Limits of all tables in entries, with maxima lowered so that they come to MAX_TABLE_ENTRIES together: what is left beyond the initial sizes
 * is shared out alike.
 *
 * @throws RekindleError MODULE_OVER_QUOTA when the initial sizes are over it.
 */
export function boundTables(tables: readonly SizeLimits[], moduleName: string): readonly BoundedLimits[] {
  const initialEntries = tables.reduce((sum, { initial }) => sum + initial, 0);
  if (initialEntries > MAX_TABLE_ENTRIES) {
    const detail = `its tables start with ${initialEntries} entries; they may have ${MAX_TABLE_ENTRIES}`;
    throw new RekindleError('MODULE_OVER_QUOTA', moduleName, detail);
  }
  const share = Math.floor((MAX_TABLE_ENTRIES - initialEntries) / Math.max(1, tables.length));
  return tables.map(({ initial, maximum }) => ({
    initial,
    maximum: Math.min(maximum ?? MAX_TABLE_ENTRIES, initial + share),
  }));
}

/** @throws RekindleError MODULE_UNSUPPORTED when the types of what it imports and exports are more than a layout can name. */
export function boundBorder(
  { imports, exports, types, functionTypes }: ModuleStructure,
  moduleName: string,
): void {
  let typeCount = 0;
  const add = (functionIndex: number): void => {
    const type = types[functionTypes[functionIndex] ?? -1];
    typeCount += 1 + (type?.params.length ?? 0) + (type?.results.length ?? 0);
  };
  const importedCount = imports.filter(({ kind }) => kind === 'function').length;
  for (let index = 0; index < importedCount; index += 1) add(index);
  for (const { kind, index } of exports) if (kind === 'function') add(index);
  if (typeCount <= MAX_BORDER_TYPES) return;
  const detail = `what it imports and exports has more than ${MAX_BORDER_TYPES} parameters and results`;
  throw new RekindleError('MODULE_UNSUPPORTED', moduleName, detail);
}
