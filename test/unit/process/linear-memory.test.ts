// Reads and writes of linear memory by pointers that are the guest's word: each limit from both sides, then any pointers and
// lengths at all against a plain model. Pointers arrive as signed or unsigned 32-bit numbers and must mean the same.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BadAddress,
  BadString,
  bytesAt,
  stringAt,
  stringsAt,
  viewAt,
} from '#runtime/process/linear-memory.js';

const SIZE = 64;
const encode = (text: string) => new TextEncoder().encode(text);

/** A memory of 64 bytes that reads as 0xff but for what is placed in it. */
function memoryWith(placed: Readonly<Record<number, Uint8Array | readonly number[]>>): Uint8Array {
  const memory = new Uint8Array(SIZE).fill(0xff);
  for (const [address, bytes] of Object.entries(placed)) memory.set(bytes, Number(address));
  return memory;
}

function pointers(...addresses: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(addresses).buffer);
}

function outcome(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    if (error instanceof BadAddress) return 'bad address';
    if (error instanceof BadString) return error.reason;
    throw error;
  }
}

describe('bytes', () => {
  const memory = memoryWith({});
  test.each([
    ['all', 0, SIZE, SIZE],
    ['none at the start', 0, 0, 0],
    ['none at the very end', SIZE, 0, 0],
    ['the last', SIZE - 1, 1, 1],
    ['one beyond the end', SIZE, 1, 'bad address'],
    ['one more than there are', 0, SIZE + 1, 'bad address'],
    ['none beyond the end', SIZE + 1, 0, 'bad address'],
    ['at -1', -1, 1, 'bad address'],
    ['a sum that wraps at 2^32', -1, 2, 'bad address'],
    ['a sum that wraps to zero', -SIZE, SIZE, 'bad address'],
    ['a negative length', 0, -1, 'bad address'],
    ['a length that is the whole space', 1, 0xffffffff, 'bad address'],
  ] as const)('%s', (_title, pointer, sizeBytes, expected) => {
    expect(outcome(() => bytesAt(memory, pointer, sizeBytes).byteLength)).toBe(expected);
    expect(outcome(() => viewAt(memory, pointer, sizeBytes).byteLength)).toBe(expected);
  });

  test('are a live view, also in a memory that does not begin at its buffer', () => {
    const part = new Uint8Array(new ArrayBuffer(SIZE), 16, 32);
    bytesAt(part, 4, 2).set([1, 2]);
    viewAt(part, 6, 2).setUint16(0, 0x0403, true);
    expect([...part.subarray(4, 8)]).toEqual([1, 2, 3, 4]);
  });

  test('any pointer and length: exactly what lies inside, and nothing else', () => {
    const i32 = fc.oneof(fc.integer(), fc.integer({ min: -SIZE - 2, max: SIZE + 2 }));
    fc.assert(
      fc.property(i32, i32, (pointer, sizeBytes) => {
        const start = BigInt.asUintN(32, BigInt(pointer));
        const end = start + BigInt.asUintN(32, BigInt(sizeBytes));
        const inside = end <= BigInt(SIZE);
        const seen = outcome(() => {
          const bytes = bytesAt(memory, pointer, sizeBytes);
          return [BigInt(bytes.byteOffset), BigInt(bytes.byteOffset + bytes.byteLength)];
        });
        expect(seen).toEqual(inside ? [start, end] : 'bad address');
      }),
    );
  });
});

describe('a string', () => {
  test.each([
    ['plain', memoryWith({ 8: encode('ping\0') }), 8, 16, 'ping'],
    ['empty', memoryWith({ 8: [0] }), 8, 16, ''],
    ['beyond ASCII', memoryWith({ 8: encode('zażółć 🔥\0') }), 8, 40, 'zażółć 🔥'],
    ['that just fits its place', memoryWith({ 8: encode('ping\0') }), 8, 5, 'ping'],
    ['one byte too long for its place', memoryWith({ 8: encode('ping\0') }), 8, 4, 'too-long'],
    ['that ends with memory', memoryWith({ 60: encode('end\0') }), 60, 16, 'end'],
    ['that memory ends before', memoryWith({ 60: encode('endx') }), 60, 16, 'bad address'],
    ['that fills its place at the end of memory', memoryWith({ 60: encode('endx') }), 60, 4, 'too-long'],
    ['at the end of memory', memoryWith({}), SIZE, 16, 'bad address'],
    ['at -1', memoryWith({}), -1, 16, 'bad address'],
    ['cut in the middle of a character', memoryWith({ 8: [0xc3, 0] }), 8, 16, 'not-utf8'],
    ['of bytes that are no character', memoryWith({ 8: [0x66, 0xfe, 0] }), 8, 16, 'not-utf8'],
    ['with an overlong encoding', memoryWith({ 8: [0xc0, 0xaf, 0] }), 8, 16, 'not-utf8'],
    ['with half a surrogate pair', memoryWith({ 8: [0xed, 0xa0, 0x80, 0] }), 8, 16, 'not-utf8'],
  ] as const)('%s', (_title, memory, pointer, maxBytes, expected) => {
    expect(outcome(() => stringAt(memory, pointer, maxBytes))).toBe(expected);
  });

  test('keeps a byte order mark: a name is its bytes', () => {
    expect(stringAt(memoryWith({ 0: [0xef, 0xbb, 0xbf, 0x61, 0] }), 0, 8)).toBe('\ufeffa');
  });

  test('any text that was written is read back, and its bytes are all that counts', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 8 }).filter((each) => !each.includes('\0'));
    fc.assert(
      fc.property(
        text,
        fc.nat({ max: SIZE }),
        fc.integer({ min: 1, max: SIZE }),
        (value, pointer, maxBytes) => {
          const bytes = encode(value);
          const memory = new Uint8Array(pointer + bytes.length + 1);
          memory.set(bytes, pointer);
          const expected = bytes.length < maxBytes ? value : 'too-long';
          expect(outcome(() => stringAt(memory, pointer, maxBytes))).toBe(expected);
        },
      ),
    );
  });

  test('any bytes and any pointer: a string or one of the named refusals', () => {
    const i32 = fc.oneof(fc.integer(), fc.integer({ min: -2, max: SIZE + 2 }));
    fc.assert(
      fc.property(fc.uint8Array({ minLength: SIZE, maxLength: SIZE }), i32, (memory, pointer) => {
        const refusals = ['bad address', 'too-long', 'not-utf8'];
        const seen = outcome(() => stringAt(memory, pointer, 16));
        const start = pointer >>> 0;
        const end = memory.indexOf(0, start);
        const readable = start < SIZE && end >= 0 && end - start < 16;
        if (!readable || refusals.includes(String(seen))) expect(refusals).toContain(seen);
        else expect(encode(String(seen))).toEqual(memory.slice(start, end));
      }),
    );
  });
});

describe('an array of strings', () => {
  const two = { 0: pointers(16, 20, 0), 16: encode('a\0'), 20: encode('bc\0') };
  test.each([
    ['two', memoryWith(two), 0, 8, 64, ['a', 'bc']],
    ['none', memoryWith({ 0: pointers(0) }), 0, 8, 64, []],
    ['the same one twice', memoryWith({ ...two, 0: pointers(16, 16, 0) }), 0, 8, 64, ['a', 'a']],
    ['as many as allowed', memoryWith(two), 0, 2, 64, ['a', 'bc']],
    ['one more than allowed', memoryWith(two), 0, 1, 64, 'too-long'],
    ['longer together than allowed', memoryWith(two), 0, 8, 4, 'too-long'],
    ['without an end', memoryWith({ 56: pointers(16, 16), 16: [0] }), 56, 8, 64, 'bad address'],
    ['that begins beyond the end', memoryWith({}), SIZE, 8, 64, 'bad address'],
    ['that lies across the end', memoryWith({}), SIZE - 2, 8, 64, 'bad address'],
    ['with a pointer beyond the end', memoryWith({ 0: pointers(SIZE, 0) }), 0, 8, 64, 'bad address'],
    [
      'with a string that is not text',
      memoryWith({ 0: pointers(16, 0), 16: [0xff, 0] }),
      0,
      8,
      64,
      'not-utf8',
    ],
    ['at -4', memoryWith({}), -4, 8, 64, 'bad address'],
  ] as const)('%s', (_title, memory, pointer, maxCount, maxBytes, expected) => {
    expect(outcome(() => stringsAt(memory, pointer, maxCount, maxBytes))).toEqual(expected);
  });

  test('may take exactly the bytes allowed, NULs included', () => {
    expect(outcome(() => stringsAt(memoryWith(two), 0, 8, 5))).toEqual(['a', 'bc']);
  });

  test('any memory and any pointer: strings within the limits, or one of the named refusals', () => {
    const i32 = fc.oneof(fc.integer(), fc.integer({ min: -4, max: SIZE }));
    const sparse = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 63 })), {
      minLength: SIZE,
      maxLength: SIZE,
    });
    fc.assert(
      fc.property(sparse, i32, (memory, pointer) => {
        const seen = outcome(() => stringsAt(Uint8Array.from(memory), pointer, 4, 20));
        if (!Array.isArray(seen)) {
          expect(['bad address', 'too-long', 'not-utf8']).toContain(seen);
          return;
        }
        expect(seen.length).toBeLessThanOrEqual(4);
        const sizeBytes = seen.reduce((sum, each) => sum + Buffer.byteLength(each) + 1, 0);
        expect(sizeBytes).toBeLessThanOrEqual(20);
      }),
    );
  });
});
