// The maxima a module declares for its memories and its tables, kept in the prepared module because preparing lowers them. It is a note for
// whoever makes a module of an image again; nothing of how a process runs may depend on it.
import type { ModuleStructure, Section, SizeLimits } from './module-structure.ts';
import { SECTION } from './wasm-format.ts';
import { WasmReader } from './wasm-reader.ts';
import { WasmWriter } from './wasm-writer.ts';

//  A custom section, the last one of a prepared module:
//
//   name "rekindle.maxima" | memory count u32 | maximum, for each | table count u32 | maximum, for each
//
//   maximum:  00, there is none,  or  01 | pages or entries u64, at most 2^53 - 1: nothing ever reaches more
const NAME = 'rekindle.maxima';

/** Null: there is no maximum. */
export interface DeclaredMaxima {
  readonly memories: readonly (number | null)[];
  readonly tables: readonly (number | null)[];
}

/** `structure`: of the module as it was loaded. */
export function declaredMaximaSection({ memories, tables }: ModuleStructure): Section {
  const content = new WasmWriter().name(NAME);
  writeMaxima(content, memories);
  writeMaxima(
    content,
    tables.map(({ limits }) => limits),
  );
  const payload = content.finish();
  const bytes = new WasmWriter().byte(SECTION.custom).u32(payload.byteLength).bytes(payload).finish();
  return { id: SECTION.custom, bytes, payload };
}

/** The section in a prepared module; null in one that an earlier version has prepared. */
export function findDeclaredMaxima(
  { sections }: ModuleStructure,
  moduleName: string,
): { readonly section: Section; readonly maxima: DeclaredMaxima } | null {
  const section = sections.at(-1);
  if (section?.id !== SECTION.custom) return null;
  const reader = new WasmReader(section.payload, moduleName);
  if (reader.name() !== NAME) return null;
  return { section, maxima: { memories: readMaxima(reader), tables: readMaxima(reader) } };
}

function writeMaxima(writer: WasmWriter, limits: readonly SizeLimits[]): void {
  writer.u32(limits.length);
  for (const { maximum } of limits) {
    if (maximum === null) writer.byte(0);
    else writer.byte(1).u64(Math.min(maximum, Number.MAX_SAFE_INTEGER));
  }
}

function readMaxima(reader: WasmReader): (number | null)[] {
  return Array.from({ length: reader.count() }, () => (reader.byte() === 0 ? null : reader.u64()));
}
