// Modules made to be large where it costs the host, and not the engine: each is refused by name, or passed over, before anything is made of
// its entries. None of them may take the host down.
import { describe, expect, it } from 'vitest';
import { RekindleError } from '#runtime/errors.js';
import { prepareModule } from '#runtime/image/prepare.js';
import { isOutsized } from '#runtime/image/section-survey.js';
import {
  MAX_ELEMENT_SEGMENTS,
  MAX_MODULE_SECTIONS,
  MAX_TABLE_ENTRIES,
  MAX_UNVALIDATED_ENTRY_BYTES,
} from '#runtime/limits.js';
import { PREAMBLE, u32 } from '#test/support/wasm-assembler.js';

/** Too large for the assembler, which handles lists of numbers. */
function moduleOf(...sections: readonly (readonly [id: number, ...payload: Uint8Array[]])[]): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.from(PREAMBLE)];
  for (const [id, ...payload] of sections) {
    const content = Buffer.concat(payload);
    parts.push(Uint8Array.from([id, ...u32(content.length)]), content);
  }
  return new Uint8Array(Buffer.concat(parts));
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const count = (value: number): Uint8Array => Uint8Array.from(u32(value));
function repeated(pattern: readonly number[], times: number): Uint8Array {
  const all = new Uint8Array(pattern.length * times);
  for (let at = 0; at < all.length; at += pattern.length) all.set(pattern, at);
  return all;
}

const [CUSTOM, TYPE, FUNCTION, TABLE, GLOBAL, EXPORT, ELEMENT, CODE, DATA] = [0, 1, 3, 4, 6, 7, 9, 10, 11];
const VOID_TYPE = [TYPE, bytes(1, 0x60, 0, 0)] as const;
const ONE_FUNCTION = [FUNCTION, bytes(1, 0)] as const;
const EMPTY_BODY = [CODE, bytes(1, 2, 0, 0x0b)] as const;

function verdict(module: Uint8Array): string {
  try {
    prepareModule(module, 'm.wasm', { memoryQuotaBytes: 65536 });
    return 'accepted';
  } catch (error) {
    if (!(error instanceof RekindleError)) throw error;
    return error.message;
  }
}

describe('what there is to be read entry by entry', () => {
  const functions = (size: number) => moduleOf([FUNCTION, new Uint8Array(size)]);
  it('is outsized beyond a bound of bytes, but for code, data and custom sections', () => {
    expect(isOutsized(functions(MAX_UNVALIDATED_ENTRY_BYTES), 'm')).toBe(false);
    expect(isOutsized(functions(MAX_UNVALIDATED_ENTRY_BYTES + 1), 'm')).toBe(true);
    const size = 3 * MAX_UNVALIDATED_ENTRY_BYTES;
    expect(isOutsized(moduleOf([CODE, new Uint8Array(size)]), 'm')).toBe(false);
    expect(isOutsized(moduleOf([CUSTOM, new Uint8Array(size)]), 'm')).toBe(false);
    expect(
      isOutsized(moduleOf([DATA, bytes(1, 0, 0x41, 0, 0x0b), count(size), new Uint8Array(size)]), 'm'),
    ).toBe(false);
    expect(isOutsized(moduleOf([DATA, count(1_000_000), new Uint8Array(8)]), 'm')).toBe(true);
  });
  it('is outsized with too many sections', () => {
    const sections = (number: number) =>
      new Uint8Array(Buffer.concat([bytes(...PREAMBLE), repeated([0, 1, 0], number)]));
    expect(isOutsized(sections(MAX_MODULE_SECTIONS), 'm')).toBe(false);
    expect(isOutsized(sections(MAX_MODULE_SECTIONS + 1), 'm')).toBe(true);
    expect(verdict(sections(MAX_MODULE_SECTIONS))).toBe('accepted');
    expect(verdict(sections(MAX_MODULE_SECTIONS + 1))).toMatch(
      /^MODULE_UNSUPPORTED: .* more than 16384 sections/,
    );
  });
});

describe('refused:', () => {
  const cases: readonly (readonly [what: string, module: () => Uint8Array, message: RegExp])[] = [
    [
      '30 million functions',
      () => moduleOf(VOID_TYPE, [FUNCTION, count(30_000_000), new Uint8Array(30_000_000)]),
      /^MODULE_MALFORMED/,
    ],
    [
      '5 million globals',
      () => moduleOf([GLOBAL, count(5_000_000), repeated([0x7f, 0, 0x41, 0, 0x0b], 5_000_000)]),
      /^MODULE_MALFORMED/,
    ],
    [
      '30 million entries in a segment',
      () =>
        moduleOf(
          VOID_TYPE,
          ONE_FUNCTION,
          [ELEMENT, bytes(1, 1, 0), count(30_000_000), new Uint8Array(30_000_000)],
          EMPTY_BODY,
        ),
      /^MODULE_MALFORMED/,
    ],
    [
      'more entries in segments than any table holds',
      () =>
        moduleOf(
          VOID_TYPE,
          ONE_FUNCTION,
          [ELEMENT, bytes(1, 1, 0), count(4_000_001), new Uint8Array(4_000_001)],
          EMPTY_BODY,
        ),
      /^MODULE_UNSUPPORTED: .* entries in element segments/,
    ],
    [
      'more element segments than the engine takes of data',
      () =>
        moduleOf([ELEMENT, count(MAX_ELEMENT_SEGMENTS + 1), repeated([3, 0, 0], MAX_ELEMENT_SEGMENTS + 1)]),
      /^MODULE_UNSUPPORTED: .* element segments/,
    ],
    [
      'tables that are too large together',
      () =>
        moduleOf([
          TABLE,
          count(2),
          bytes(0x70, 0, ...u32(MAX_TABLE_ENTRIES / 2)),
          bytes(0x70, 0, ...u32(MAX_TABLE_ENTRIES / 2 + 1)),
        ]),
      /^MODULE_OVER_QUOTA: .* tables start with 1000001 entries/,
    ],
    [
      'exports whose types fill a bank',
      () => {
        const entries = Array.from({ length: 2000 }, (_, index) => [
          4,
          ...Buffer.from(`${index + 1000}`),
          0,
          0,
        ]).flat();
        return moduleOf(
          [TYPE, bytes(1, 0x60), count(1000), repeated([0x6f], 1000), bytes(0)],
          ONE_FUNCTION,
          [EXPORT, count(2000), Uint8Array.from(entries)],
          EMPTY_BODY,
        );
      },
      /^MODULE_UNSUPPORTED: .* more than 1000000 parameters and results/,
    ],
  ];
  it.each(cases)('%s', (_, module, message) => {
    expect(verdict(module())).toMatch(message);
  });
});

describe('names of globals', () => {
  const GLOBALS = 20_000;
  const globals = [GLOBAL, count(GLOBALS), repeated([0x7e, 1, 0x42, 0, 0x0b], GLOBALS)] as const;
  const stackPointer = Buffer.from('__stack_pointer');
  const names = (number: number): Uint8Array => {
    const entries = Array.from({ length: number }, (_, index) => [
      ...u32(index),
      stackPointer.length,
      ...stackPointer,
    ]).flat();
    const payload = [...u32(number), ...entries];
    return Buffer.concat([
      bytes(4, ...Buffer.from('name'), 7),
      count(payload.length),
      Uint8Array.from(payload),
    ]);
  };
  it('may all be the same, and of globals of another type', () => {
    expect(verdict(moduleOf(globals, [CUSTOM, names(GLOBALS)]))).toBe('accepted');
  });
  it('that are more than there are globals are passed over', () => {
    const one = [GLOBAL, bytes(1, 0x7f, 1, 0x41, 0, 0x0b)] as const;
    const { layout } = prepareModule(moduleOf(one, [CUSTOM, names(1)]), 'm.wasm', { memoryQuotaBytes: 0 });
    expect(layout.stackPointer).toBe(0);
    const more = prepareModule(moduleOf(one, [CUSTOM, names(2)]), 'm.wasm', { memoryQuotaBytes: 0 });
    expect(more.layout.stackPointer).toBeNull();
  });
});
