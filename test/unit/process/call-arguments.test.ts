// The check of a call before it reaches the guest: every type of parameter against every sort of argument, as one matrix, then
// counts, results and what the refusal says. What passes must be exactly what WebAssembly takes without converting.
import { describe, expect, test } from 'vitest';
import { RekindleError } from '#runtime/errors.js';
import type { ValueType } from '#runtime/image/layout.js';
import { checkCall } from '#runtime/process/call-arguments.js';
import type { Argument, CallRequest, ReturnKind } from '#runtime/process/program.js';

const I32_MAX = 2 ** 31 - 1;
const U32_MAX = 2 ** 32 - 1;

type Functions = Parameters<typeof checkCall>[1];

/** A guest that exports one function, `act`. */
function guestWith(params: readonly ValueType[], results: readonly ValueType[] = []): Functions {
  return new Map([['act', { name: 'act', type: { params, results } }]]);
}

function check(
  functions: Functions,
  args: readonly unknown[],
  returns: unknown = 'value',
  name = 'act',
): CallRequest {
  return checkCall('guest#1', functions, name, args as readonly Argument[], returns as ReturnKind);
}

function refusal(action: () => unknown): RekindleError | null {
  try {
    action();
  } catch (error) {
    if (error instanceof RekindleError) return error;
    throw error;
  }
  return null;
}

const TYPES = ['i32', 'i64', 'f32', 'f64', 'v128', 'funcref', 'externref'] as const;

//                                                                i32 i64 f32 f64 v128 funcref externref
const MATRIX: readonly (readonly [title: string, argument: unknown, accepted: string])[] = [
  ['zero', 0, /*                                              */ 'x   -   x   x   -    -       -'],
  ['the largest i32', I32_MAX, /*                             */ 'x   -   x   x   -    -       -'],
  ['the largest u32', U32_MAX, /*                             */ 'x   -   x   x   -    -       -'],
  ['one more than the largest u32', U32_MAX + 1, /*           */ '-   -   x   x   -    -       -'],
  ['the least i32', -I32_MAX - 1, /*                          */ 'x   -   x   x   -    -       -'],
  ['one less than the least i32', -I32_MAX - 2, /*            */ '-   -   x   x   -    -       -'],
  ['a fraction', 0.5, /*                                      */ '-   -   x   x   -    -       -'],
  ['NaN', Number.NaN, /*                                      */ '-   -   x   x   -    -       -'],
  ['infinity', Number.POSITIVE_INFINITY, /*                   */ '-   -   x   x   -    -       -'],
  ['a bigint', 1n, /*                                         */ '-   x   -   -   -    -       -'],
  ['the largest u64', 2n ** 64n - 1n, /*                      */ '-   x   -   -   -    -       -'],
  ['one more than the largest u64', 2n ** 64n, /*             */ '-   -   -   -   -    -       -'],
  ['the least i64', -(2n ** 63n), /*                          */ '-   x   -   -   -    -       -'],
  ['one less than the least i64', -(2n ** 63n) - 1n, /*       */ '-   -   -   -   -    -       -'],
  ['a string', 'text', /*                                     */ 'x   -   -   -   -    -       -'],
  ['an array of strings', ['a', 'b'], /*                      */ 'x   -   -   -   -    -       -'],
  ['an empty array', [], /*                                   */ 'x   -   -   -   -    -       -'],
  ['an array with a number among strings', ['a', 1], /*       */ '-   -   -   -   -    -       -'],
  ['a typed array', Int32Array.of(1), /*                      */ 'x   -   -   -   -    -       -'],
  ['a typed array of bigints', BigInt64Array.of(1n), /*       */ 'x   -   -   -   -    -       -'],
  ['a DataView', new DataView(new ArrayBuffer(4)), /*         */ '-   -   -   -   -    -       -'],
  ['an ArrayBuffer', new ArrayBuffer(4), /*                   */ '-   -   -   -   -    -       -'],
  ['null', null, /*                                           */ '-   -   -   -   -    -       -'],
  ['undefined', undefined, /*                                 */ '-   -   -   -   -    -       -'],
  ['true', true, /*                                           */ '-   -   -   -   -    -       -'],
  ['an object', {}, /*                                        */ '-   -   -   -   -    -       -'],
  ['an object with valueOf', { valueOf: () => 1 }, /*         */ '-   -   -   -   -    -       -'],
  ['a function', () => 1, /*                                  */ '-   -   -   -   -    -       -'],
  ['a symbol', Symbol('s'), /*                                */ '-   -   -   -   -    -       -'],
];

describe('an argument', () => {
  const rows = MATRIX.map(([title, argument, accepted]) => ({
    title,
    argument,
    accepted: accepted.split(/ +/),
  }));
  test.each(rows)('$title', ({ argument, accepted }) => {
    const seen = TYPES.map((type) => {
      const error = refusal(() => check(guestWith([type]), [argument]));
      if (error !== null) expect(error).toMatchObject({ code: 'ARGUMENT_INVALID', culprit: 'guest#1 act' });
      return error === null ? 'x' : '-';
    });
    expect(seen).toEqual(accepted);
  });

  test('is named by its position when it is refused', () => {
    const error = refusal(() => check(guestWith(['i32', 'i64', 'f64']), [1, 2, 3]));
    expect(error?.message).toBe('ARGUMENT_INVALID: guest#1 act: argument 1 is not a bigint');
  });
});

describe('the number of arguments', () => {
  const guest = guestWith(['i32', 'i32']);
  test.each([[[]], [[1]], [[1, 2, 3]]])('%j instead of two', (args) => {
    expect(refusal(() => check(guest, args))?.message).toMatch(/takes 2 arguments, not \d/);
  });

  test('a hole counts as an argument that is missing', () => {
    const holed: unknown[] = [1];
    holed.length = 2;
    expect(refusal(() => check(guest, holed))?.code).toBe('ARGUMENT_INVALID');
  });

  test.each([null, 'ab', { length: 2 }])('%o is no array of arguments', (args) => {
    const act = () => checkCall('guest#1', guest, 'act', args as unknown as Argument[], 'value');
    expect(refusal(act)?.message).toMatch(/the arguments are not an array$/);
  });
});

describe('the function', () => {
  test.each(['missing', '', 'toString', '__proto__', 'Act'])('"%s" is not exported', (name) => {
    const error = refusal(() => check(guestWith([]), [], 'value', name));
    expect(error).toMatchObject({ code: 'EXPORT_MISSING', culprit: `guest#1 ${name}` });
  });

  test.each(TYPES)('may not return %s unless the host can take it', (type) => {
    const error = refusal(() => check(guestWith([], [type]), []));
    const takes = ['i32', 'i64', 'f32', 'f64'].includes(type);
    expect(error?.message ?? null).toBe(
      takes ? null : `ARGUMENT_INVALID: guest#1 act: returns ${type}, which the host cannot take`,
    );
  });

  test.each(['value', 'string', 'strings', 'array'])('may be read as %s', (returns) => {
    expect(check(guestWith([], ['i32']), [], returns).returns).toBe(returns);
  });

  test.each(['text', '', null, 1])('may not be read as %o', (returns) => {
    expect(refusal(() => check(guestWith([], ['i32']), [], returns))?.code).toBe('ARGUMENT_INVALID');
  });
});

test('what passes is handed on as it is, in a list of its own', () => {
  const args = [1, 2n, 0.5, 'text'];
  const request = check(guestWith(['i32', 'i64', 'f64', 'i32']), args, 'string');
  expect(request).toEqual({ exportName: 'act', args, returns: 'string' });
  expect(request.args).not.toBe(args);
});
