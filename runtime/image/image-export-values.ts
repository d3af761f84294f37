// Values in an exported image as constant expressions, bit by bit. A float must never pass through a JavaScript number here; and no expression may
// read a global that was imported and is the module's own now, for that is more than every engine allows.
import { invariant } from '../invariant.ts';
import { readConstExpression } from './const-expression.ts';
import { evaluate } from './const-value.ts';
import { firstGlobals } from './first-state.ts';
import { NULL_REFERENCE } from './function-references.ts';
import type { GlobalState } from './global-access.ts';
import { type OwnModule, refusal } from './image-export-module.ts';
import type { ModuleLayout, ValueType } from './layout.ts';
import type { ConstExpression, ElementSegment, ReferenceType } from './module-structure.ts';
import { signedI31 } from './reference-values.ts';
import { COLLECTED, OPCODE, REFERENCE_FORM, SIMD, TYPE_CODE } from './wasm-format.ts';
import { WasmReader } from './wasm-reader.ts';
import { WasmWriter } from './wasm-writer.ts';

const F32_BYTES = 4;
const I64_BYTES = 8;

/** A value type, and how it stands in the module. */
export interface WrittenType {
  readonly top: ValueType;
  readonly bytes: Uint8Array;
}

const ADDRESS_32: WrittenType = { top: 'i32', bytes: Uint8Array.of(TYPE_CODE.i32) };
const ADDRESS_64: WrittenType = { top: 'i64', bytes: Uint8Array.of(TYPE_CODE.i64) };

/** The values of one module. What cannot be written in it is refused with CHECKPOINT_REFUSED. */
export class ExportedValues {
  readonly #own: OwnModule;
  readonly #processName: string;
  readonly #importedCount: number;
  /** What constant expressions read: globals that never change. */
  readonly #globals: readonly GlobalState[];
  readonly #hasCollected: boolean;

  constructor(own: OwnModule, layout: ModuleLayout, processName: string) {
    this.#own = own;
    this.#processName = processName;
    this.#importedCount = layout.globalImports?.length ?? 0;
    this.#globals = firstGlobals(own, layout, processName);
    this.#hasCollected =
      own.types.some(({ kind }) => kind !== 'function') ||
      own.globals.some(({ type }) => type === 'anyref') ||
      own.tables.some(({ elementType }) => elementType.top === 'anyref');
  }

  /** Of an imported global that is not mutable. */
  ofImport(index: number): GlobalState {
    const value = this.#globals[index];
    invariant(index < this.#importedCount && value !== undefined, 'an imported global has its value');
    return value;
  }

  /** `where` says who has the value, e.g. `global 3`. */
  constant(type: WrittenType, value: GlobalState, where: string): ConstExpression {
    if (value !== NULL_REFERENCE && typeof value === 'number') {
      if (type.top === 'externref' && !this.#hasCollected)
        throw refusal(this.#processName, `${where} holds a number, and the module has no way to make one`);
      if (type.top === 'funcref') this.#requireKnownType(type, value, where);
    }
    return constant(type, value);
  }

  /** The expression as it is, or what it comes to where it reads a global that was imported. */
  settled(expression: ConstExpression, type: WrittenType, where: string): ConstExpression {
    if (expression.makes !== 'nothing' || !this.#readsImports(expression)) return expression;
    return this.constant(type, evaluate(expression, this.#globals, this.#processName), where);
  }

  settledOffset(offset: ConstExpression, is64: boolean): ConstExpression {
    return this.settled(offset, is64 ? ADDRESS_64 : ADDRESS_32, 'an offset');
  }

  /** The segment with its entries settled. */
  settledEntries(segment: ElementSegment, where: string): ElementSegment {
    if (!this.#readsImports(segment)) return segment;
    const reader = new WasmReader(segment.vector, this.#processName);
    const entries = Array.from({ length: reader.count() }, () =>
      this.settled(
        readConstExpression(reader, (index) => this.#own.types[index]),
        segment.elementType,
        where,
      ),
    );
    return { ...segment, ...vectorOf(entries) };
  }

  #readsImports({ globals }: Pick<ConstExpression, 'globals'>): boolean {
    return globals.some((index) => index < this.#importedCount);
  }

  /**
   * What is imported may be of a type below the one it is imported with, and be held as that; a function imported twice is known by its first
   * index. Then its index says less than the module has to know.
   */
  #requireKnownType({ bytes }: WrittenType, functionIndex: number, where: string): void {
    if (functionIndex >= this.#own.importedFunctionCount) return;
    const heapType = heapTypeOf(bytes);
    const [code = 0] = heapType;
    const isIndex = code >= 0x80 || code < 0x40;
    if (!isIndex) return;
    const typeIndex = new WasmReader(heapType, this.#processName).u32();
    if (this.#own.functionTypes[functionIndex] === typeIndex) return;
    throw refusal(this.#processName, `${where} holds an imported function by another type than its own`);
  }
}

/** An address, or a position in a table, unsigned. */
export function offsetOf(value: number, is64: boolean): ConstExpression {
  return is64 ? constant(ADDRESS_64, BigInt(value)) : constant(ADDRESS_32, value | 0);
}

export function vectorOf(
  entries: readonly ConstExpression[],
): Pick<ElementSegment, 'hasExpressions' | 'entryCount' | 'functionReferences' | 'globals' | 'vector'> {
  const vector = new WasmWriter().u32(entries.length);
  for (const { instructions } of entries) vector.bytes(instructions).byte(OPCODE.end);
  return {
    hasExpressions: true,
    entryCount: entries.length,
    functionReferences: entries.flatMap(({ functionReferences }) => functionReferences),
    globals: entries.flatMap(({ globals }) => globals),
    vector: vector.finish(),
  };
}

/** Whether nothing but the first form of references to functions is needed to name it. */
export function isPlainFuncref({ bytes }: Pick<ReferenceType, 'bytes'>): boolean {
  return bytes.byteLength === 1 && bytes[0] === TYPE_CODE.funcref;
}

function heapTypeOf(bytes: Uint8Array): Uint8Array {
  const isLong = bytes[0] === REFERENCE_FORM.nullable || bytes[0] === REFERENCE_FORM.nonNull;
  return isLong ? bytes.subarray(1) : bytes;
}

function constant(type: WrittenType, value: GlobalState): ConstExpression {
  const writer = new WasmWriter();
  writeConstant(writer, type, value);
  const isFunction = type.top === 'funcref' && value !== NULL_REFERENCE;
  return {
    instructions: writer.finish(),
    functionReferences: isFunction ? [Number(value)] : [],
    globals: [],
    makes: 'nothing',
  };
}

function writeConstant(writer: WasmWriter, { top, bytes }: WrittenType, value: GlobalState): void {
  switch (top) {
    case 'v128': {
      invariant(typeof value === 'object', 'the state of a v128 is two halves');
      const [low, high] = value;
      writer.byte(OPCODE.simdPrefix).u32(SIMD.v128Const);
      return void writer.bytes(littleEndian(low)).bytes(littleEndian(high));
    }
    case 'i64':
    case 'f64':
      invariant(typeof value === 'bigint', `the state of an ${top} is 64 bits`);
      if (top === 'i64') writer.byte(OPCODE.i64Const).s64(value);
      else writer.byte(OPCODE.f64Const).bytes(littleEndian(value));
      return;
    default:
      invariant(typeof value === 'number', `the state of an ${top} is a number`);
      if (top === 'i32') writer.byte(OPCODE.i32Const).s32(value);
      else if (top === 'f32')
        writer.byte(OPCODE.f32Const).bytes(littleEndian(BigInt(value)).subarray(0, F32_BYTES));
      else if (value === NULL_REFERENCE) writer.byte(OPCODE.refNull).bytes(heapTypeOf(bytes));
      else if (top === 'funcref') writer.byte(OPCODE.refFunc).u32(value);
      else writeI31(writer, top, value);
  }
}

function writeI31(writer: WasmWriter, top: ValueType, bits: number): void {
  invariant(top !== 'exnref', 'no exception is in a state');
  writer.byte(OPCODE.i32Const).s32(signedI31(bits));
  writer.byte(OPCODE.garbageCollectionPrefix).u32(COLLECTED.refI31);
  if (top === 'externref') writer.byte(OPCODE.garbageCollectionPrefix).u32(COLLECTED.externConvertAny);
}

function littleEndian(bits: bigint): Uint8Array {
  const bytes = new Uint8Array(I64_BYTES);
  new DataView(bytes.buffer).setBigInt64(0, bits, true);
  return bytes;
}
