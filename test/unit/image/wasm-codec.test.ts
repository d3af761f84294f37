// The cursor over WebAssembly bytes and the writer: what one writes the other reads, and no input leads the cursor past its end.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RekindleError } from '#runtime/errors.js';
import { LEB32_MAX_BYTES, WasmReader } from '#runtime/image/wasm-reader.js';
import { WasmWriter } from '#runtime/image/wasm-writer.js';
import { signed, text, u32 } from '#test/support/wasm-assembler.js';

const reader = (...bytes: number[]) => new WasmReader(Uint8Array.from(bytes), 'm.wasm');

describe('reader', () => {
  const malformed: readonly [what: string, read: () => unknown, detail: RegExp][] = [
    ['a byte at the end', () => reader().byte(), /unexpected end, at byte 0/],
    ['a peek at the end', () => reader().peek(), /unexpected end, at byte 0/],
    ['a number cut off', () => reader(0x80).u32(), /unexpected end, at byte 1/],
    [
      'a number of six bytes',
      () => reader(0x80, 0x80, 0x80, 0x80, 0x80, 0).u32(),
      /too many bits, at byte 5/,
    ],
    ['a number of 33 bits', () => reader(0xff, 0xff, 0xff, 0xff, 0x1f).u32(), /too many bits, at byte 5/],
    [
      'a signed number of six bytes',
      () => reader(...Array(6).fill(0x80)).skipLeb(LEB32_MAX_BYTES),
      /too many bits/,
    ],
    ['bytes that are not there', () => reader(1, 2).bytes(3), /3 bytes are not there, at byte 0/],
    ['a negative skip', () => reader(1, 2).skip(-1), /-1 bytes are not there/],
    ['a count beyond what follows', () => reader(3, 0, 0).count(), /3 entries do not fit .*, at byte 1/],
    ['a name cut off', () => reader(2, 0x61).name(), /2 bytes are not there, at byte 1/],
    ['a name that is not UTF-8', () => reader(1, 0xff).name(), /not UTF-8, at byte 2/],
    ['bytes left over', () => reader(1).expectEnd('it'), /1 bytes too many in it/],
    ['a nested range too long', () => reader(1, 2).nested(3), /3 bytes are not there/],
    ['a range outside the file', () => new WasmReader(Uint8Array.of(1), 'm.wasm', 0, 2), /outside the file/],
  ];
  it.each(malformed)('refuses %s', (_, read, detail) => {
    expect(read).toThrow(RekindleError);
    expect(read).toThrow(expect.objectContaining({ code: 'MODULE_MALFORMED', culprit: 'm.wasm' }));
    expect(read).toThrow(detail);
  });

  it('stops a nested reader at its own end, and reports offsets of the whole file', () => {
    const outer = reader(9, 1, 2, 3);
    outer.byte();
    const nested = outer.nested(2);
    expect([nested.byte(), nested.byte(), nested.atEnd]).toEqual([1, 2, true]);
    expect(() => nested.byte()).toThrow(/at byte 3/);
    expect(outer.byte()).toBe(3);
  });

  it('keeps a byte order mark in a name', () => {
    expect(reader(...text('\ufeffname')).name()).toBe('\ufeffname');
  });
});

describe('writer', () => {
  it('writes numbers as the specification does, and the reader reads them', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), (value) => {
        const bytes = new WasmWriter().u32(value).finish();
        expect([...bytes]).toEqual(u32(value));
        expect(new WasmReader(bytes, 'm.wasm').u32()).toBe(value);
      }),
    );
  });

  it('writes signed numbers as the specification does', () => {
    fc.assert(
      fc.property(fc.integer(), (value) => {
        expect([...new WasmWriter().s32(value).finish()]).toEqual(signed(value));
      }),
    );
  });

  it('carries names through', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 400 }), (name) => {
        expect(new WasmReader(new WasmWriter().name(name).finish(), 'm.wasm').name()).toBe(name);
      }),
    );
  });

  it.each([-1, 2 ** 32, 0.5])('takes %d for a bug, not for a number to write', (value) => {
    expect(() => new WasmWriter().u32(value)).toThrow(/invariant/);
  });
});
