// Globals of an exported image: the present values as initialisers. What is immutable keeps the initialiser it has, unless that speaks of a
// global that was imported; and it must never be left to an importer to say what the state is.
import type { GlobalState } from './global-access.ts';
import type { ExportedValues } from './image-export-values.ts';
import type { GlobalDefinition } from './module-structure.ts';
import { OPCODE } from './wasm-format.ts';
import { WasmWriter } from './wasm-writer.ts';

//  global of the module        its initialiser in the exported image
//  mutable, imported or not    its present value
//  imported                    the value the process was given
//  its own                     as it is, or what it comes to where it reads one that was imported

/** @param present of the mutable ones, by index. */
export function exportGlobals(
  globals: readonly GlobalDefinition[],
  present: ReadonlyMap<number, GlobalState>,
  values: ExportedValues,
): readonly (GlobalDefinition & { readonly initializer: object })[] {
  return globals.map((definition, index) => {
    const { initializer, type, bytes } = definition;
    const written = { top: type, bytes };
    const where = `global ${index}`;
    const value = present.get(index);
    if (value !== undefined) return { ...definition, initializer: values.constant(written, value, where) };
    const settled =
      initializer === null
        ? values.constant(written, values.ofImport(index), where)
        : values.settled(initializer, written, where);
    return { ...definition, initializer: settled };
  });
}

/** The global section. */
export function writeGlobals(globals: ReturnType<typeof exportGlobals>): WasmWriter {
  const writer = new WasmWriter().u32(globals.length);
  for (const { bytes, mutable, initializer } of globals)
    writer
      .bytes(bytes)
      .byte(mutable ? 1 : 0)
      .bytes(initializer.instructions)
      .byte(OPCODE.end);
  return writer;
}
