// Text of any code points, for properties. It stands for fast-check's own unit 'binary', which must never be used: that builds a table of
// all code points in every process that asks for it, and takes seconds to.
import fc from 'fast-check';

const SURROGATES_FROM = 0xd800;
const SURROGATES_COUNT = 0x800;
const MAX_CODE_POINT = 0x10ffff;

const codePoint = fc
  .nat({ max: MAX_CODE_POINT - SURROGATES_COUNT })
  .map((number) => String.fromCodePoint(number < SURROGATES_FROM ? number : number + SURROGATES_COUNT));

/** Lengths count code points. */
export function anyText(lengths: { readonly minLength?: number; readonly maxLength?: number } = {}) {
  return fc.string({ ...lengths, unit: codePoint });
}
