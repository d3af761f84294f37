// References as numbers and back again, by the top of their hierarchy. What only means something in one instance, or in one program, must
// never become a number: it is refused where it is met.
import { type FunctionReferences, NULL_REFERENCE } from './function-references.ts';
import type { ReferenceTop } from './layout.ts';

//  top of the hierarchy     not null, in an image it is
//  funcref                  the index of a function of the instance
//  externref, anyref        an i31: its 31 bits as they are; nothing else
//  exnref                   nothing
const I31_BITS = 31;
const I31_MASK = 0x7fffffff;

export interface ReferenceValues {
  /** Undefined for what cannot be kept. */
  numberOf(reference: unknown): number | undefined;
  /** Of a number that `has` knows. */
  referenceOf(value: number): unknown;
  has(value: number): boolean;
  /** What it is that cannot be kept. */
  readonly unkept: string;
}

/** The 31 bits of an i31. */
export function bitsOfI31(value: number): number {
  return value & I31_MASK;
}

/** Whether it is a value that an i31 can have. */
export function isI31(value: unknown): value is number {
  return typeof value === 'number' && Object.is(signedI31(value & I31_MASK), value);
}

/** The number that an i31 of these 31 bits is. */
export function signedI31(bits: number): number {
  const unused = 32 - I31_BITS;
  return (bits << unused) >> unused;
}

/** A number is no object: whoever put it there, it is the same everywhere. */
const small: Omit<ReferenceValues, 'unkept'> = {
  numberOf(reference) {
    if (reference === null) return NULL_REFERENCE;
    return isI31(reference) ? bitsOfI31(reference) : undefined;
  },
  referenceOf: (value) => (value === NULL_REFERENCE ? null : signedI31(value)),
  has: (value) => (value | 0) === value && value >= NULL_REFERENCE,
};

export function referenceValues(top: ReferenceTop, functions: FunctionReferences): ReferenceValues {
  switch (top) {
    case 'funcref':
      return {
        numberOf: (reference) => functions.indexOf(reference),
        referenceOf: (value) => functions.reference(value),
        has: (value) => functions.has(value),
        unkept: 'a function of another instance',
      };
    case 'externref':
      return { ...small, unkept: 'a host object' };
    case 'anyref':
      return { ...small, unkept: 'a garbage-collected or host object' };
    case 'exnref':
      return {
        numberOf: (reference) => (reference === null ? NULL_REFERENCE : undefined),
        referenceOf: () => null,
        has: (value) => value === NULL_REFERENCE,
        unkept: 'an exception',
      };
  }
}
