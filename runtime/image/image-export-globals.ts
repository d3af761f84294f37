// Globals of an exported image: the present values as initialisers, bit by bit. A float must never pass through a JavaScript number here, and
// what is immutable keeps the initialiser it has.
import { invariant } from '../invariant.ts';
import { NULL_REFERENCE } from './function-references.ts';
import type { GlobalState } from './global-access.ts';
import type { ValueType } from './layout.ts';
import type { GlobalDefinition } from './module-structure.ts';
import { OPCODE, SIMD, TYPE_CODE } from './wasm-format.ts';
import { WasmWriter } from './wasm-writer.ts';

const F32_BYTES = 4;
const I64_BYTES = 8;

/** The global section. `values`: of the mutable ones, by index. */
export function writeGlobals(
  globals: readonly GlobalDefinition[],
  values: ReadonlyMap<number, GlobalState | undefined>,
): WasmWriter {
  const writer = new WasmWriter().u32(globals.length);
  globals.forEach(({ type, mutable, initializer }, index) => {
    writer.byte(TYPE_CODE[type], mutable ? 1 : 0);
    if (mutable) writeConstant(writer, type, values.get(index));
    else writer.bytes(initializer.instructions);
    writer.byte(OPCODE.end);
  });
  return writer;
}

function writeConstant(writer: WasmWriter, type: ValueType, value: GlobalState | undefined): void {
  switch (type) {
    case 'v128': {
      invariant(typeof value === 'object', 'the state of a v128 is two halves');
      const [low, high] = value;
      writer.byte(OPCODE.simdPrefix).u32(SIMD.v128Const);
      return void writer.bytes(littleEndian(low)).bytes(littleEndian(high));
    }
    case 'i64':
    case 'f64':
      invariant(typeof value === 'bigint', `the state of an ${type} is 64 bits`);
      if (type === 'i64') writer.byte(OPCODE.i64Const).s64(value);
      else writer.byte(OPCODE.f64Const).bytes(littleEndian(value));
      return;
    default:
      invariant(typeof value === 'number', `the state of an ${type} is a number`);
      if (type === 'i32') writer.byte(OPCODE.i32Const).s32(value);
      else if (type === 'f32')
        writer.byte(OPCODE.f32Const).bytes(littleEndian(BigInt(value)).subarray(0, F32_BYTES));
      else if (value === NULL_REFERENCE) writer.byte(OPCODE.refNull, TYPE_CODE[type]);
      else writer.byte(OPCODE.refFunc).u32(value);
  }
}

function littleEndian(bits: bigint): Uint8Array {
  const bytes = new Uint8Array(I64_BYTES);
  new DataView(bytes.buffer).setBigInt64(0, bits, true);
  return bytes;
}
