// Readers of the small things every section is made of: value types, entries of the type section, limits. They must refuse by name what
// neither an image nor a process could have, so that the author of a module learns which feature stands in the way.
import { RekindleError } from '../errors.ts';
import type { FunctionType, ReferenceTop, ValueType } from './layout.ts';
import type { ReferenceType, SizeLimits, TypeDefinition } from './module-structure.ts';
import {
  LIMITS_FLAG,
  NUMBER_BY_CODE,
  PACKED_TYPES,
  REFERENCE_FORM,
  TOP_BY_CODE,
  TYPE_FORM,
  UNSUPPORTED_FORM_NAMES,
  UNSUPPORTED_TYPE_NAMES,
} from './wasm-format.ts';
import type { WasmReader } from './wasm-reader.ts';

/** What a type index leads to, as far as it has been read. */
export type KnownTypes = (typeIndex: number) => TypeDefinition | undefined;

/** Throws MODULE_UNSUPPORTED with `what` as the detail. */
export function refuseUnsupported(reader: WasmReader, what: string): never {
  throw new RekindleError('MODULE_UNSUPPORTED', reader.moduleName, what);
}

/** `where` says whose type it is, e.g. `global 3`. */
export function readValueType(reader: WasmReader, known: KnownTypes, where: string): ValueType {
  const number = NUMBER_BY_CODE.get(reader.peek());
  if (number === undefined) return readReference(reader, known, where).top;
  reader.skip(1);
  return number;
}

export function readReferenceType(reader: WasmReader, known: KnownTypes, where: string): ReferenceType {
  const number = NUMBER_BY_CODE.get(reader.peek());
  if (number !== undefined) reader.fail(`${number} is no reference type`);
  return readReference(reader, known, where);
}

function readReference(reader: WasmReader, known: KnownTypes, where: string): ReferenceType {
  const start = reader.offset;
  const form = reader.peek();
  const isLong = form === REFERENCE_FORM.nullable || form === REFERENCE_FORM.nonNull;
  if (isLong) reader.skip(1);
  const heapStart = reader.offset;
  const top = readHeapType(reader, known, where, isLong);
  return {
    top,
    nullable: form !== REFERENCE_FORM.nonNull,
    bytes: reader.since(start),
    heapType: reader.since(heapStart),
  };
}

/** The top of its hierarchy. `mayBeIndex`: where a type index can stand. */
export function readHeapType(
  reader: WasmReader,
  known: KnownTypes,
  where: string,
  mayBeIndex = true,
): ReferenceTop {
  const code = reader.peek();
  const top = TOP_BY_CODE.get(code);
  if (top !== undefined) {
    reader.skip(1);
    return top;
  }
  // A negative number of one byte that is no type, or not known to this room.
  const isIndex = mayBeIndex && (code >= 0x80 || code < 0x40);
  if (!isIndex) {
    const name = UNSUPPORTED_TYPE_NAMES.get(code) ?? `0x${code.toString(16)}`;
    return refuseUnsupported(reader, `the type ${name} in ${where}`);
  }
  return known(reader.u32())?.kind === 'function' ? 'funcref' : 'anyref';
}

/**
 * All types of the type section, those of recursive groups one by one. A type may refer to one that comes later, and is read again then.
 */
export function readTypes(reader: WasmReader): TypeDefinition[] {
  const first = readTypesOnce(reader.copy(), () => undefined);
  return readTypesOnce(reader, (index) => first[index]);
}

function readTypesOnce(reader: WasmReader, known: KnownTypes): TypeDefinition[] {
  const types: TypeDefinition[] = [];
  for (let entries = reader.count(); entries > 0; entries--) readEntry(reader, known, types);
  reader.expectEnd('a section');
  return types;
}

/** Adds the type, or all types of the recursive group, that stand there. */
function readEntry(reader: WasmReader, known: KnownTypes, types: TypeDefinition[]): void {
  let groupSize = 1;
  if (reader.peek() === TYPE_FORM.recursive) {
    reader.skip(1);
    groupSize = reader.count();
  }
  for (let rest = groupSize; rest > 0; rest--) types.push(readSubtype(reader, known, `type ${types.length}`));
}

/** Passes over the entries of so many types. Returns how many entries that are, for a recursive group is one. */
export function passTypes(reader: WasmReader, typeCount: number): number {
  const types: TypeDefinition[] = [];
  let entries = 0;
  for (; types.length < typeCount; entries++) readEntry(reader, () => undefined, types);
  return entries;
}

function readSubtype(reader: WasmReader, known: KnownTypes, where: string): TypeDefinition {
  const form = reader.peek();
  if (form === TYPE_FORM.sub || form === TYPE_FORM.finalSub) {
    reader.skip(1);
    reader.u32s(reader.count());
  }
  switch (reader.byte()) {
    case TYPE_FORM.function:
      return { kind: 'function', type: readFunctionType(reader, known, where) };
    case TYPE_FORM.struct:
      return { kind: 'struct', constant: readFields(reader, reader.count(), known, where) };
    case TYPE_FORM.array:
      return { kind: 'array', constant: readFields(reader, 1, known, where) };
    default:
      return refuseForm(reader, where);
  }
}

function refuseForm(reader: WasmReader, where: string): never {
  const form = reader.since(reader.offset - 1)[0] ?? 0;
  const name = UNSUPPORTED_FORM_NAMES.get(form) ?? `0x${form.toString(16)}`;
  return refuseUnsupported(reader, `the type form ${name} in ${where}`);
}

/** Whether none of them is mutable. */
function readFields(reader: WasmReader, count: number, known: KnownTypes, where: string): boolean {
  let constant = true;
  for (let rest = count; rest > 0; rest--) {
    if (PACKED_TYPES.includes(reader.peek())) reader.skip(1);
    else readValueType(reader, known, where);
    if (reader.byte() !== 0) constant = false;
  }
  return constant;
}

function readFunctionType(reader: WasmReader, known: KnownTypes, where: string): FunctionType {
  const readAll = (): ValueType[] => {
    const types: ValueType[] = [];
    for (let rest = reader.count(); rest > 0; rest--) types.push(readValueType(reader, known, where));
    return types;
  };
  return { params: readAll(), results: readAll() };
}

/** Limits of a memory or a table, in pages or entries. `noun` is `memory` or `table`. */
export function readLimits(reader: WasmReader, noun: 'memory' | 'table'): SizeLimits {
  const flags = reader.byte();
  if (flags & LIMITS_FLAG.shared) refuseUnsupported(reader, `shared ${noun}`);
  if (flags & LIMITS_FLAG.customPageSize) refuseUnsupported(reader, `${noun} with a page size of its own`);
  if (flags > (LIMITS_FLAG.hasMaximum | LIMITS_FLAG.is64))
    refuseUnsupported(reader, `${noun} limits 0x${flags.toString(16)}`);
  const is64 = (flags & LIMITS_FLAG.is64) !== 0;
  const read = (): number => (is64 ? reader.u64() : reader.u32());
  const initial = read();
  return { initial, maximum: flags & LIMITS_FLAG.hasMaximum ? read() : null, is64 };
}
