// What a module asks for in memory and tables, held against what it may have. The lowered maximum is written into the module,
// so that the engine enforces it; a maximum is never raised.
import { RekindleError } from '../errors.ts';
import { MAX_TABLE_ENTRIES, WASM_PAGE_SIZE } from '../limits.ts';
import type { SizeLimits } from './module-structure.ts';

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
 * Limits of a table in entries, with the maximum lowered to MAX_TABLE_ENTRIES.
 *
 * @throws RekindleError MODULE_OVER_QUOTA when the initial size is over it.
 */
export function boundTable(limits: SizeLimits, index: number, moduleName: string): BoundedLimits {
  if (limits.initial > MAX_TABLE_ENTRIES) {
    const detail = `table ${index} starts with ${limits.initial} entries; a table may have ${MAX_TABLE_ENTRIES}`;
    throw new RekindleError('MODULE_OVER_QUOTA', moduleName, detail);
  }
  return {
    initial: limits.initial,
    maximum: Math.min(limits.maximum ?? MAX_TABLE_ENTRIES, MAX_TABLE_ENTRIES),
  };
}
