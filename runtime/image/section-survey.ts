// How much of a module there is to be read entry by entry, told from its section headers alone. It must never read the entries: it decides
// whether the engine, which refuses in no time what is beyond its limits, is to look at the module first.
import { MAX_MODULE_SECTIONS, MAX_UNVALIDATED_ENTRY_BYTES } from '../limits.ts';
import { MODULE_PREAMBLE_SIZE, SECTION } from './wasm-format.ts';
import { WasmReader } from './wasm-reader.ts';

/** What a data segment counts for: what is read of it, without its content. */
const DATA_SEGMENT_BYTES = 8;
/** Not read entry by entry. */
const SKIPPED: readonly number[] = [SECTION.code, SECTION.custom, SECTION.data];

/** @throws RekindleError MODULE_MALFORMED where there are no sections to be found. */
export function isOutsized(bytes: Uint8Array, moduleName: string): boolean {
  const reader = new WasmReader(bytes, moduleName, MODULE_PREAMBLE_SIZE);
  let entryBytes = 0;
  for (let sectionCount = 1; !reader.atEnd; sectionCount += 1) {
    const id = reader.byte();
    const sizeBytes = reader.u32();
    const payload = reader.nested(sizeBytes);
    if (id === SECTION.data) entryBytes += payload.u32() * DATA_SEGMENT_BYTES;
    else if (!SKIPPED.includes(id)) entryBytes += sizeBytes;
    if (sectionCount > MAX_MODULE_SECTIONS || entryBytes > MAX_UNVALIDATED_ENTRY_BYTES) return true;
  }
  return false;
}
