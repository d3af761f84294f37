// Modules of any size with real code in them: the functions of a module that exists, many times over. What is added is never called; it is
// there to be read, checked and compiled.
import { PREAMBLE, u32 } from '#test/support/wasm-assembler.js';

const FUNCTION_SECTION = 3;
const CODE_SECTION = 10;

interface Section {
  readonly id: number;
  readonly payload: Uint8Array;
}

/** The number at `offset`, and where it ends. */
function readU32(bytes: Uint8Array, offset: number): readonly [value: number, end: number] {
  let value = 0;
  for (let at = offset, factor = 1; ; at += 1, factor *= 0x80) {
    const byte = bytes[at];
    if (byte === undefined) throw new Error('the module ends within a number');
    value += (byte % 0x80) * factor;
    if (byte < 0x80) return [value, at + 1];
  }
}

function readSections(module: Uint8Array): readonly Section[] {
  const sections: Section[] = [];
  let offset = PREAMBLE.length;
  while (offset < module.length) {
    const id = module[offset] ?? 0;
    const [sizeBytes, start] = readU32(module, offset + 1);
    offset = start + sizeBytes;
    sections.push({ id, payload: module.subarray(start, offset) });
  }
  return sections;
}

/** A vector with its entries `times` times. */
function repeated(vector: Uint8Array, times: number): Uint8Array {
  const [count, start] = readU32(vector, 0);
  const entries = vector.subarray(start);
  return Buffer.concat([Uint8Array.from(u32(count * times)), ...Array<Uint8Array>(times).fill(entries)]);
}

/** The module with every function it defines `times` times: the first are its own, the others stand behind them. */
export function withFunctionsRepeated(module: Uint8Array, times: number): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.from(PREAMBLE)];
  for (const { id, payload } of readSections(module)) {
    const changes = id === FUNCTION_SECTION || id === CODE_SECTION;
    const content = changes ? repeated(payload, times) : payload;
    parts.push(Uint8Array.from([id, ...u32(content.length)]), content);
  }
  return Buffer.concat(parts);
}
