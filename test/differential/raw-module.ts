// Modules written down entry by entry, with the bytes of each as they lie there: for features that the assembler of the other tests knows nothing of. It
// checks nothing.
import { type Bytes, PREAMBLE, section, signed, text, u32, vector } from '#test/support/wasm-assembler.js';

export const KINDS = { function: 0, table: 1, memory: 2, global: 3, tag: 4 } as const;
export const END = 0x0b;

/** Entries of sections as they lie there; code without locals and `end`. */
export interface RawModule {
  readonly types?: readonly Bytes[];
  readonly imports?: readonly Bytes[];
  readonly functions: readonly (readonly [type: number, code: Bytes])[];
  readonly tables?: readonly Bytes[];
  readonly memories?: readonly Bytes[];
  readonly tags?: readonly Bytes[];
  readonly globals?: readonly Bytes[];
  readonly exports: Readonly<Record<string, readonly [kind: keyof typeof KINDS, index: number]>>;
  readonly start?: number;
  readonly elements?: readonly Bytes[];
  readonly data?: readonly Bytes[];
}

export const VOID: Bytes = [0x60, 0, 0];
export const TO_I32: Bytes = [0x60, 0, 1, 0x7f];
export const I32_TO_I32: Bytes = [0x60, 1, 0x7f, 1, 0x7f];
/** The types most modules here begin with, by these names. */
export const TYPES: readonly Bytes[] = [VOID, TO_I32, I32_TO_I32];
export const [NOTHING, GIVES, MAPS] = [0, 1, 2];

export function raw(source: RawModule): Uint8Array<ArrayBuffer> {
  const { types = TYPES, imports, functions, tables, memories, tags, globals, exports, start } = source;
  const { elements, data } = source;
  const some = (id: number, entries: readonly Bytes[] | undefined) =>
    entries === undefined || entries.length === 0 ? [] : section(id, vector(entries));
  const exported = Object.entries(exports).map(([name, [kind, index]]) => [
    ...text(name),
    KINDS[kind],
    ...u32(index),
  ]);
  return Uint8Array.from([
    ...PREAMBLE,
    ...some(1, types),
    ...some(2, imports),
    ...some(
      3,
      functions.map(([type]) => u32(type)),
    ),
    ...some(4, tables),
    ...some(5, memories),
    ...some(13, tags),
    ...some(6, globals),
    ...some(7, exported),
    ...(start === undefined ? [] : section(8, u32(start))),
    ...some(9, elements),
    ...(data === undefined ? [] : section(12, u32(data.length))),
    ...some(
      10,
      functions.map(([, code]) => [...u32(code.length + 2), 0, ...code, END]),
    ),
    ...some(11, data),
  ]);
}

export const imported = (name: string, ...description: readonly number[]): Bytes => [
  ...text('env'),
  ...text(name),
  ...description,
];
export const i32 = (value: number): Bytes => [0x41, ...signed(value)];
export const i64 = (value: number): Bytes => [0x42, ...signed(value)];
export const get = (index: number): Bytes => [0x23, index];
export const set = (index: number): Bytes => [0x24, index];
export const add = [0x6a];
export const drop = [0x1a];
export const isNull = [0xd1];
