// Constant expressions: the few instructions that initialise globals, table entries and segments. They are found here and evaluated
// elsewhere; what is not known is refused, because passing over an instruction of unknown length would misread all that follows.
import { RekindleError } from '../errors.ts';
import { OPCODE, SIMD, TYPE_BY_CODE, UNSUPPORTED_TYPE_NAMES } from './wasm-format.ts';
import { LEB32_MAX_BYTES, LEB64_MAX_BYTES, type WasmReader } from './wasm-reader.ts';

export interface ConstExpression {
  /** The instructions without the closing `end`. */
  readonly instructions: Uint8Array;
  /** Indices of the functions it takes references of. */
  readonly functionReferences: readonly number[];
}

/**
 * Reads up to and including `end`.
 *
 * @throws RekindleError MODULE_MALFORMED, or MODULE_UNSUPPORTED for an instruction of a proposal that cannot be kept in an image.
 */
export function readConstExpression(reader: WasmReader): ConstExpression {
  const start = reader.offset;
  const functionReferences: number[] = [];
  for (;;) {
    const opcode = reader.byte();
    switch (opcode) {
      case OPCODE.end:
        return { instructions: reader.since(start, 1), functionReferences };
      case OPCODE.i32Const:
      case OPCODE.globalGet:
        reader.skipLeb(LEB32_MAX_BYTES);
        break;
      case OPCODE.i64Const:
        reader.skipLeb(LEB64_MAX_BYTES);
        break;
      case OPCODE.f32Const:
        reader.skip(4);
        break;
      case OPCODE.f64Const:
        reader.skip(8);
        break;
      case OPCODE.refFunc:
        functionReferences.push(reader.u32());
        break;
      case OPCODE.refNull:
        readHeapType(reader);
        break;
      case OPCODE.simdPrefix:
        if (reader.u32() !== SIMD.v128Const) refuse(reader, 'a vector instruction');
        reader.skip(16);
        break;
      case OPCODE.i32Add:
      case OPCODE.i32Sub:
      case OPCODE.i32Mul:
      case OPCODE.i64Add:
      case OPCODE.i64Sub:
      case OPCODE.i64Mul:
        break;
      case OPCODE.garbageCollectionPrefix:
        refuse(reader, 'a garbage collection instruction');
        break;
      default:
        refuse(reader, `the instruction 0x${opcode.toString(16)}`);
    }
  }
}

function readHeapType(reader: WasmReader): void {
  const code = reader.byte();
  const type = TYPE_BY_CODE.get(code);
  if (type === 'funcref' || type === 'externref') return;
  refuse(reader, `a reference of type ${UNSUPPORTED_TYPE_NAMES.get(code) ?? `0x${code.toString(16)}`}`);
}

function refuse(reader: WasmReader, what: string): never {
  const detail = `${what} in a constant expression, at byte ${reader.offset}`;
  throw new RekindleError('MODULE_UNSUPPORTED', reader.moduleName, detail);
}
