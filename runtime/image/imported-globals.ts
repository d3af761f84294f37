// Globals that a module imports: whether the host can make them, their values as the embedder gives them, and the globals themselves. A value is
// part of the process image, so that the place of a segment may depend on it; it must never be asked for again.

import { createHash } from 'node:crypto';
import { RekindleError } from '../errors.ts';
import { NULL_REFERENCE } from './function-references.ts';
import type { GlobalState } from './global-access.ts';
import type { ImportedGlobal } from './layout.ts';
import type { GlobalDefinition, ModuleImport, ModuleStructure } from './module-structure.ts';
import { bitsOfI31, isI31 } from './reference-values.ts';
import { REFERENCE_FORM, TYPE_CODE } from './wasm-format.ts';

/**
 * What an embedder gives for the globals of its guests, by module and name: i64 as a bigint, a reference as null or, where that can be one, a
 * number of 31 bits.
 */
export type GivenGlobals = Readonly<Record<string, Readonly<Record<string, GivenGlobal>>>>;
export type GivenGlobal = number | bigint | null;

/** Types of references that JavaScript can make a mutable global of. */
const MAKEABLE: readonly number[] = [TYPE_CODE.funcref, TYPE_CODE.externref, TYPE_CODE.anyref];
/** Heap types that a number belongs to: extern, any, eq, i31. */
const HOLDS_NUMBERS: readonly number[] = [TYPE_CODE.externref, TYPE_CODE.anyref, 0x6d, 0x6c];
const I32_MIN = -(2 ** 31);
const U32_MAX = 2 ** 32 - 1;
const I64_MIN = -(2n ** 63n);
const U64_MAX = 2n ** 64n - 1n;

/**
 * In the order of the module.
 *
 * @throws RekindleError MODULE_UNSUPPORTED for a type that no host can make, IMPORT_UNRESOLVED for a value nobody gives, IMPORTS_INVALID for
 * one that does not fit.
 */
export function importGlobals(
  { imports, globals }: ModuleStructure,
  given: GivenGlobals,
  moduleName: string,
): readonly ImportedGlobal[] {
  return imports
    .filter(({ kind }) => kind === 'global')
    .map((entry, index) => importGlobal(entry, globals[index], given, moduleName));
}

function importGlobal(
  { module, name, description }: ModuleImport,
  definition: GlobalDefinition | undefined,
  given: GivenGlobals,
  moduleName: string,
): ImportedGlobal {
  const { type, mutable } = definition ?? { type: 'v128', mutable: false };
  const [form = 0, second = 0] = description;
  const isLong = form === REFERENCE_FORM.nullable || form === REFERENCE_FORM.nonNull;
  const holds: Holding = {
    null: form !== REFERENCE_FORM.nonNull,
    numbers: HOLDS_NUMBERS.includes(isLong ? second : form),
  };
  const cannotBeMade =
    type === 'v128' ||
    type === 'exnref' ||
    !(holds.null || holds.numbers) ||
    (type.endsWith('ref') && mutable && !MAKEABLE.includes(form));
  if (cannotBeMade) {
    const detail = `imports the global ${module}.${name}, of a type that no host can provide`;
    throw new RekindleError('MODULE_UNSUPPORTED', moduleName, detail);
  }
  const culprit = `${moduleName} import ${module}.${name}`;
  const members = Object.hasOwn(given, module) ? given[module] : undefined;
  const value = members !== undefined && Object.hasOwn(members, name) ? members[name] : undefined;
  if (value === undefined)
    throw new RekindleError('IMPORT_UNRESOLVED', culprit, 'it is a global, and no value is given');
  const kept = keep(type, value, holds);
  if (kept === undefined)
    throw new RekindleError('IMPORTS_INVALID', culprit, `${value} is no value of a global of type ${type}`);
  return { module, name, type, mutable, value: kept };
}

/** What a global of a reference type can have as its value. */
interface Holding {
  readonly null: boolean;
  readonly numbers: boolean;
}

/** In the form of a layout; undefined when it is no value of the type. */
function keep(
  type: ImportedGlobal['type'],
  value: GivenGlobal,
  holds: Holding,
): ImportedGlobal['value'] | undefined {
  const bits = new DataView(new ArrayBuffer(8));
  switch (type) {
    case 'i32':
      return Number.isInteger(value) && Number(value) >= I32_MIN && Number(value) <= U32_MAX
        ? Number(value) | 0
        : undefined;
    case 'i64':
      return typeof value === 'bigint' && value >= I64_MIN && value <= U64_MAX
        ? String(BigInt.asIntN(64, value))
        : undefined;
    case 'f32':
      if (typeof value !== 'number') return undefined;
      bits.setFloat32(0, value);
      return bits.getInt32(0);
    case 'f64':
      if (typeof value !== 'number') return undefined;
      bits.setFloat64(0, value);
      return String(bits.getBigInt64(0));
    default:
      if (value === null) return holds.null ? null : undefined;
      return holds.numbers && isI31(value) ? Number(value) : undefined;
  }
}

/** Tells one set of values from another; null when there are none. */
export function digestOfGlobals(given: GivenGlobals): string | null {
  const values = Object.entries(given).flatMap(([module, members]) =>
    Object.entries(members).map(([name, value]) => JSON.stringify([module, name, textOf(value)])),
  );
  return values.length === 0 ? null : createHash('sha256').update(values.sort().join()).digest('hex');
}

/** Other than `String`, tells -0 from 0. */
function textOf(value: GivenGlobal): string {
  return Object.is(value, -0) ? 'number -0' : `${typeof value} ${value}`;
}

/** What an image says of such a global as long as nothing has changed it. */
export function firstStateOf({ type, value }: ImportedGlobal): GlobalState {
  if (value === null) return NULL_REFERENCE;
  if (type.endsWith('ref')) return bitsOfI31(Number(value));
  return typeof value === 'string' ? BigInt(value) : value;
}

/** What an instance imports for it. Its content is that of no image yet. */
export function makeGlobal({ type, mutable, value }: ImportedGlobal): unknown {
  if (type.endsWith('ref')) {
    if (!mutable) return value;
    return new WebAssembly.Global({ value: type === 'funcref' ? 'anyfunc' : type, mutable }, value);
  }
  return new WebAssembly.Global({ value: type, mutable }, value === null ? undefined : numberOf(type, value));
}

function numberOf(type: ImportedGlobal['type'], value: number | string): number | bigint {
  const bits = new DataView(new ArrayBuffer(8));
  switch (type) {
    case 'f32':
      bits.setInt32(0, Number(value));
      return bits.getFloat32(0);
    case 'f64':
      bits.setBigInt64(0, BigInt(value));
      return bits.getFloat64(0);
    case 'i64':
      return BigInt(value);
    default:
      return Number(value);
  }
}
