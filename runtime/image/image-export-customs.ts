// Which custom sections of a module stay true in an exported image. What speaks of places in the file goes, since they have moved; it must
// never fail a module for a custom section that cannot be read, for the specification gives those no say in that.
import { RekindleError } from '../errors.ts';
import type { Section } from './module-structure.ts';
import { NAME_SECTION, NAME_SUBSECTION_DATA, SECTION } from './wasm-format.ts';
import { WasmReader } from './wasm-reader.ts';
import { WasmWriter } from './wasm-writer.ts';

/** Debugging information, source maps, and what linkers leave for other linkers. */
const SPEAKS_OF_PLACES =
  /^(?:\.debug_.*|sourceMappingURL|external_debug_info|linking|reloc\..*|dylink(?:\.0)?)$/;

/** The section as it is to be kept, or null. */
export function exportCustom(section: Section, moduleName: string): Section | null {
  try {
    const reader = new WasmReader(section.payload, moduleName);
    const name = reader.name();
    if (SPEAKS_OF_PLACES.test(name)) return null;
    return name === NAME_SECTION ? withoutDataNames(section, reader) : section;
  } catch (error) {
    if (!(error instanceof RekindleError && error.code === 'MODULE_MALFORMED')) throw error;
    return null;
  }
}

/** Functions, globals and tables are what they were; data segments are others. */
function withoutDataNames({ payload }: Section, reader: WasmReader): Section {
  const kept = new WasmWriter().bytes(payload.subarray(0, reader.offset));
  while (!reader.atEnd) {
    const start = reader.offset;
    const id = reader.byte();
    reader.nested(reader.u32());
    if (id !== NAME_SUBSECTION_DATA) kept.bytes(reader.since(start));
  }
  const content = kept.finish();
  const bytes = new WasmWriter().byte(SECTION.custom).u32(content.byteLength).bytes(content).finish();
  return { id: SECTION.custom, bytes, payload: content };
}
