// One mutable global of one instance: its value to and from the form it has in an image, bit by bit. Floats and vectors go
// through the appended accessors; they must never pass through a JavaScript number.
import { RekindleError } from '../errors.ts';
import { invariant, unreachable } from '../invariant.ts';
import { type FunctionReferences, NULL_REFERENCE } from './function-references.ts';
import { exportedFunction, exportedGlobal } from './instance-exports.ts';
import type { GlobalSlot } from './layout.ts';
import { type ReferenceValues, referenceValues } from './reference-values.ts';

/**
 * A global's value in an image. number: i32, the bits of an f32 as i32, a reference as reference-values.ts says;
 * bigint: i64, the bits of an f64 as i64; a pair: the low and the high half of a v128, as i64.
 */
export type GlobalState = number | bigint | readonly [bigint, bigint];

export interface GlobalAccess {
  /** @throws RekindleError CHECKPOINT_REFUSED for a reference that cannot be kept. */
  capture(culprit: string): GlobalState;
  restore(state: GlobalState): void;
  /** Whether `restore` will take it. */
  accepts(state: GlobalState): boolean;
}

export function accessGlobal(
  exports: WebAssembly.Exports,
  slot: GlobalSlot,
  functions: FunctionReferences,
): GlobalAccess {
  switch (slot.type) {
    case 'i32':
    case 'i64':
      return accessByValue(exportedGlobal(exports, slot.exportName), slot.type === 'i32' ? isI32 : isI64);
    case 'f32':
      return accessByBits(exports, slot, isI32);
    case 'f64':
      return accessByBits(exports, slot, isI64);
    case 'v128':
      return accessByHalves(exports, slot);
    case 'funcref':
    case 'externref':
    case 'anyref':
      return accessReference(
        exportedGlobal(exports, slot.exportName),
        slot.index,
        referenceValues(slot.type, functions),
      );
    case 'exnref':
      return accessException(exports, slot, referenceValues(slot.type, functions));
    default:
      return unreachable(slot.type);
  }
}

const isI32 = (value: unknown): value is number => typeof value === 'number' && Object.is(value | 0, value);
const isI64 = (value: unknown): value is bigint =>
  typeof value === 'bigint' && BigInt.asIntN(64, value) === value;
const isPair = (value: unknown): value is readonly [bigint, bigint] =>
  Array.isArray(value) && value.length === 2 && value.every(isI64);

type Scalar = number | bigint;

function accessByValue(
  global: WebAssembly.Global,
  isScalar: (value: unknown) => value is Scalar,
): GlobalAccess {
  return {
    capture: () => {
      const value: unknown = global.value;
      invariant(isScalar(value), 'a global has a value of its type');
      return value;
    },
    restore: (state) => {
      global.value = state;
    },
    accepts: isScalar,
  };
}

function accessors(exports: WebAssembly.Exports, slot: GlobalSlot) {
  invariant(slot.accessors !== null, `global ${slot.index} of type ${slot.type} has accessors`);
  return {
    get: exportedFunction(exports, slot.accessors.get),
    set: exportedFunction(exports, slot.accessors.set),
  };
}

function accessByBits(
  exports: WebAssembly.Exports,
  slot: GlobalSlot,
  isScalar: (value: unknown) => value is Scalar,
): GlobalAccess {
  const { get, set } = accessors(exports, slot);
  return {
    capture: () => {
      const bits = get();
      invariant(isScalar(bits), `the accessor of global ${slot.index} returns its bits`);
      return bits;
    },
    restore: (state) => {
      invariant(isScalar(state), `the state of global ${slot.index} is its bits`);
      set(state);
    },
    accepts: isScalar,
  };
}

function accessByHalves(exports: WebAssembly.Exports, slot: GlobalSlot): GlobalAccess {
  const { get, set } = accessors(exports, slot);
  return {
    capture: () => {
      const halves = get();
      invariant(isPair(halves), `the accessor of global ${slot.index} returns two halves`);
      return halves;
    },
    restore: (state) => {
      invariant(isPair(state), `the state of global ${slot.index} is two halves`);
      set(state[0], state[1]);
    },
    accepts: isPair,
  };
}

function accessReference(global: WebAssembly.Global, index: number, values: ReferenceValues): GlobalAccess {
  return {
    capture: (culprit) => values.numberOf(global.value) ?? refuse(culprit, index, values),
    restore: (state) => {
      invariant(isI32(state), `the state of global ${index} is a reference`);
      global.value = values.referenceOf(state);
    },
    accepts: (state) => isI32(state) && values.has(state),
  };
}

/** JavaScript cannot see it; the accessors tell whether it is null, and make it so. */
function accessException(
  exports: WebAssembly.Exports,
  slot: GlobalSlot,
  values: ReferenceValues,
): GlobalAccess {
  const { get, set } = accessors(exports, slot);
  return {
    capture: (culprit) => (get() === 1 ? NULL_REFERENCE : refuse(culprit, slot.index, values)),
    restore: () => void set(),
    accepts: (state) => isI32(state) && values.has(state),
  };
}

function refuse(culprit: string, index: number, { unkept }: ReferenceValues): never {
  throw new RekindleError('CHECKPOINT_REFUSED', culprit, `global ${index} holds ${unkept}`);
}
