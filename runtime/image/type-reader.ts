// Readers of the small things every section is made of: value types, function types, limits. They must refuse by name what
// an image cannot keep, so that the author of a module learns which feature stands in the way.
import { RekindleError } from '../errors.ts';
import type { FunctionType, ValueType } from './layout.ts';
import type { ReferenceType, SizeLimits } from './module-structure.ts';
import {
  FUNCTION_TYPE_FORM,
  LIMITS_FLAG,
  TYPE_BY_CODE,
  UNSUPPORTED_FORM_NAMES,
  UNSUPPORTED_TYPE_NAMES,
} from './wasm-format.ts';
import type { WasmReader } from './wasm-reader.ts';

/** Throws MODULE_UNSUPPORTED with `what` as the detail. */
export function refuseUnsupported(reader: WasmReader, what: string): never {
  throw new RekindleError('MODULE_UNSUPPORTED', reader.moduleName, what);
}

/** `where` says whose type it is, e.g. `global 3`. */
export function readValueType(reader: WasmReader, where: string): ValueType {
  const code = reader.byte();
  const type = TYPE_BY_CODE.get(code);
  if (type !== undefined) return type;
  const name = UNSUPPORTED_TYPE_NAMES.get(code) ?? `0x${code.toString(16)}`;
  return refuseUnsupported(reader, `the type ${name} in ${where}`);
}

export function readReferenceType(reader: WasmReader, where: string): ReferenceType {
  const type = readValueType(reader, where);
  if (type === 'funcref' || type === 'externref') return type;
  return reader.fail(`${type} is no reference type`);
}

export function readFunctionType(reader: WasmReader, where: string): FunctionType {
  const form = reader.byte();
  if (form !== FUNCTION_TYPE_FORM) {
    const name = UNSUPPORTED_FORM_NAMES.get(form) ?? `0x${form.toString(16)}`;
    refuseUnsupported(reader, `the type form ${name} in ${where}`);
  }
  return { params: readValueTypes(reader, where), results: readValueTypes(reader, where) };
}

function readValueTypes(reader: WasmReader, where: string): ValueType[] {
  const types: ValueType[] = [];
  for (let rest = reader.count(); rest > 0; rest--) types.push(readValueType(reader, where));
  return types;
}

/** Limits of a memory or a table, in pages or entries. `noun` is `memory` or `table`. */
export function readLimits(reader: WasmReader, noun: 'memory' | 'table'): SizeLimits {
  const flags = reader.byte();
  if (flags & LIMITS_FLAG.shared) refuseUnsupported(reader, `shared ${noun}`);
  if (flags & LIMITS_FLAG.is64) refuseUnsupported(reader, `64-bit ${noun}`);
  if (flags & LIMITS_FLAG.customPageSize) refuseUnsupported(reader, `${noun} with a page size of its own`);
  if (flags > LIMITS_FLAG.hasMaximum) refuseUnsupported(reader, `${noun} limits 0x${flags.toString(16)}`);
  const initial = reader.u32();
  return { initial, maximum: flags & LIMITS_FLAG.hasMaximum ? reader.u32() : null };
}
