// Constant expressions: the few instructions that initialise globals, table entries and segments. They are found here and evaluated
// elsewhere; what is not known is refused, because passing over an instruction of unknown length would misread all that follows.
import { RekindleError } from '../errors.ts';
import type { ConstExpression } from './module-structure.ts';
import { type KnownTypes, readHeapType } from './type-reader.ts';
import { COLLECTED, OPCODE, SIMD } from './wasm-format.ts';
import { LEB32_MAX_BYTES, LEB64_MAX_BYTES, type WasmReader } from './wasm-reader.ts';

/**
 * Reads up to and including `end`.
 *
 * @throws RekindleError MODULE_MALFORMED, or MODULE_UNSUPPORTED for an instruction of a proposal that cannot be kept in an image.
 */
export function readConstExpression(reader: WasmReader, known: KnownTypes): ConstExpression {
  const start = reader.offset;
  const functionReferences: number[] = [];
  const globals: number[] = [];
  let makes: ConstExpression['makes'] = 'nothing';
  for (;;) {
    const opcode = reader.byte();
    switch (opcode) {
      case OPCODE.end:
        return { instructions: reader.since(start, 1), functionReferences, globals, makes };
      case OPCODE.i32Const:
        reader.skipLeb(LEB32_MAX_BYTES);
        break;
      case OPCODE.globalGet:
        globals.push(reader.u32());
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
        readHeapType(reader, known, 'a constant expression');
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
        {
          const made = readCollected(reader, known);
          if (made !== 'nothing' && makes !== 'objects') makes = made;
        }
        break;
      default:
        refuse(reader, `the instruction 0x${opcode.toString(16)}`);
    }
  }
}

function readCollected(reader: WasmReader, known: KnownTypes): ConstExpression['makes'] {
  const second = reader.u32();
  switch (second) {
    case COLLECTED.refI31:
    case COLLECTED.anyConvertExtern:
    case COLLECTED.externConvertAny:
      return 'nothing';
    case COLLECTED.structNew:
    case COLLECTED.structNewDefault:
    case COLLECTED.arrayNew:
    case COLLECTED.arrayNewDefault:
    case COLLECTED.arrayNewFixed: {
      const type = known(reader.u32());
      if (second === COLLECTED.arrayNewFixed) reader.u32();
      return type !== undefined && type.kind !== 'function' && type.constant ? 'constants' : 'objects';
    }
    default:
      return refuse(reader, `the instruction 0xfb ${second}`);
  }
}

function refuse(reader: WasmReader, what: string): never {
  const detail = `${what} in a constant expression, at byte ${reader.offset}`;
  throw new RekindleError('MODULE_UNSUPPORTED', reader.moduleName, detail);
}
