// What a constant expression comes to, in the form that values have in an image. It must never be asked about an expression the engine has
// not accepted: types and index bounds are not checked again.

import { invariant } from '../invariant.ts';
import { NULL_REFERENCE } from './function-references.ts';
import type { GlobalState } from './global-access.ts';
import type { ConstExpression } from './module-structure.ts';
import { bitsOfI31 } from './reference-values.ts';
import { COLLECTED, OPCODE } from './wasm-format.ts';
import { LEB32_MAX_BYTES, WasmReader } from './wasm-reader.ts';

const F32_BYTES = 4;
const F64_BYTES = 8;
const V128_BYTES = 16;

/** `globals`: the values of all globals defined before, by index. `moduleName` only serves in errors. */
export function evaluate(
  { instructions }: ConstExpression,
  globals: readonly GlobalState[],
  moduleName: string,
): GlobalState {
  const reader = new WasmReader(instructions, moduleName);
  const stack: GlobalState[] = [];
  while (!reader.atEnd) stack.push(step(reader, stack, globals));
  return onlyValue(stack);
}

/** The same of an offset: an address or a position in a table, beyond 2^53 only about that. */
export function evaluateOffset(
  expression: ConstExpression,
  globals: readonly GlobalState[],
  moduleName: string,
): number {
  const value = evaluate(expression, globals, moduleName);
  if (typeof value === 'bigint') return Number(BigInt.asUintN(64, value));
  invariant(typeof value === 'number', 'the offset of a segment is an i32 or an i64');
  return value >>> 0;
}

/** One instruction: what it leaves on the stack, having taken from it what it takes. */
function step(reader: WasmReader, stack: GlobalState[], globals: readonly GlobalState[]): GlobalState {
  const opcode = reader.byte();
  switch (opcode) {
    case OPCODE.i32Const:
      return reader.s32();
    case OPCODE.i64Const:
      return reader.s64();
    case OPCODE.f32Const:
      return view(reader.bytes(F32_BYTES)).getInt32(0, true);
    case OPCODE.f64Const:
      return view(reader.bytes(F64_BYTES)).getBigInt64(0, true);
    case OPCODE.simdPrefix: {
      reader.u32();
      const lanes = view(reader.bytes(V128_BYTES));
      return [lanes.getBigInt64(0, true), lanes.getBigInt64(F64_BYTES, true)];
    }
    case OPCODE.refNull:
      reader.skipLeb(LEB32_MAX_BYTES);
      return NULL_REFERENCE;
    case OPCODE.refFunc:
      return reader.u32();
    case OPCODE.garbageCollectionPrefix: {
      const second = reader.u32();
      const [operand] = stack.splice(-1);
      invariant(operand !== undefined, 'the operand of an instruction is there');
      // A conversion changes nothing about null, nor about an i31.
      if (second !== COLLECTED.refI31) return operand;
      invariant(typeof operand === 'number', 'an i31 is made of an i32');
      return bitsOfI31(operand);
    }
    case OPCODE.globalGet: {
      const value = globals[reader.u32()];
      invariant(value !== undefined, 'a constant expression reads globals that were defined before');
      return value;
    }
    default:
      return calculate(opcode, stack.splice(-2));
  }
}

function calculate(opcode: number, operands: readonly GlobalState[]): GlobalState {
  const [a, b] = operands;
  if (typeof a === 'number' && typeof b === 'number') {
    switch (opcode) {
      case OPCODE.i32Add:
        return (a + b) | 0;
      case OPCODE.i32Sub:
        return (a - b) | 0;
      case OPCODE.i32Mul:
        return Math.imul(a, b);
    }
  }
  invariant(
    typeof a === 'bigint' && typeof b === 'bigint',
    'the operands have the type of their instruction',
  );
  switch (opcode) {
    case OPCODE.i64Add:
      return BigInt.asIntN(64, a + b);
    case OPCODE.i64Sub:
      return BigInt.asIntN(64, a - b);
    default:
      invariant(opcode === OPCODE.i64Mul, 'a constant expression that was read can be evaluated');
      return BigInt.asIntN(64, a * b);
  }
}

function onlyValue(stack: readonly GlobalState[]): GlobalState {
  const [value] = stack;
  invariant(value !== undefined && stack.length === 1, 'a constant expression comes to one value');
  return value;
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
