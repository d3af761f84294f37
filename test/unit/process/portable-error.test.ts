// Errors on their way between threads: what arrives must say what was said where it was thrown, code and culprit included, and
// anything at all may be thrown.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ERROR_CODES, type ErrorCode, RekindleError } from '#runtime/errors.js';
import { fromPortable, toPortable } from '#runtime/process/portable-error.js';

/** There and back, by the same cloning that a message port does. */
function carried(thrown: unknown): Error {
  return fromPortable(structuredClone(toPortable(thrown)));
}

const codes = Object.keys(ERROR_CODES) as ErrorCode[];

describe('a RekindleError', () => {
  test('arrives as one: code, culprit and message, whatever they are made of', () => {
    const code = fc.constantFrom(...codes);
    const detail = fc.option(fc.string(), { nil: undefined });
    fc.assert(
      fc.property(code, fc.string(), detail, (...args) => {
        const sent = new RekindleError(...args);
        const received = carried(sent);
        expect(received).toBeInstanceOf(RekindleError);
        expect(received).toMatchObject({ code: sent.code, culprit: sent.culprit, message: sent.message });
      }),
    );
  });

  test('is not changed by a culprit that looks like a message', () => {
    const sent = new RekindleError('NAME_RUNNING', 'NAME_RUNNING: a: b', 'a: b');
    expect(carried(sent).message).toBe(sent.message);
  });
});

describe('any other error', () => {
  test.each([
    ['an error', new Error('broken'), 'Error', 'broken'],
    ['one of another class', new RangeError('too big'), 'RangeError', 'too big'],
    ['one without words', new Error(), 'Error', ''],
    [
      'one with a name of its own',
      Object.assign(new Error('x'), { name: 'DatabaseError' }),
      'DatabaseError',
      'x',
    ],
    ['a string', 'text', 'Error', 'text'],
    ['a number', 7, 'Error', '7'],
    ['undefined', undefined, 'Error', 'undefined'],
    ['null', null, 'Error', 'null'],
    ['a symbol', Symbol('s'), 'Error', 'Symbol(s)'],
    ['an object without a prototype', Object.create(null), 'Error', expect.any(String)],
  ])('%s', (_title, thrown, name, message) => {
    const received = carried(thrown);
    expect(received).toBeInstanceOf(Error);
    expect(received).not.toBeInstanceOf(RekindleError);
    expect({ name: received.name, message: received.message }).toEqual({ name, message });
  });
});
