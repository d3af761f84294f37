// Everything preparing refuses, each with its code and the thing named. Where this engine does not know a proposal, the parser is asked
// directly: the next engine will let such a module through to it.

import { describe, expect, it } from 'vitest';
import { type ErrorCode, RekindleError } from '#runtime/errors.js';
import { parseModule } from '#runtime/image/module-parser.js';
import { prepareModule } from '#runtime/image/prepare.js';
import { MAX_TABLE_ENTRIES } from '#runtime/limits.js';
import {
  assemble,
  ins,
  type ModuleSource,
  PREAMBLE,
  section,
  u32,
  vector,
} from '#test/support/wasm-assembler.js';

const PAGE = 65536;

function refusal(action: () => unknown): { code: ErrorCode; culprit: string; message: string } {
  try {
    action();
  } catch (error) {
    if (!(error instanceof RekindleError)) throw error;
    return { code: error.code, culprit: error.culprit, message: error.message };
  }
  throw new Error('it was not refused');
}

const prepare = (bytes: Uint8Array) => prepareModule(bytes, 'm.wasm', { memoryQuotaBytes: 4 * PAGE });
const raw = (...parts: (readonly number[])[]) => Uint8Array.from([...PREAMBLE, ...parts.flat()]);

describe('prepareModule refuses', () => {
  const malformed: readonly [what: string, bytes: Uint8Array, detail: RegExp][] = [
    ['nothing at all', new Uint8Array(0), /does not begin as a WebAssembly module/],
    ['text', new TextEncoder().encode('(module)'), /does not begin as a WebAssembly module/],
    ['a preamble cut off', Uint8Array.from(PREAMBLE.slice(0, 6)), /its version is \[1, 0\], not 1/],
    ['a component', Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0), /a component, not a module/],
    ['another version', Uint8Array.of(0, 0x61, 0x73, 0x6d, 2, 0, 0, 0), /its version is \[2, 0, 0, 0\]/],
    [
      'code that does not validate',
      assemble({ types: [[[], ['i32']]], functions: [{ type: 0, code: [] }] }),
      /function #0 failed/,
    ],
    ['a section cut off', raw([1, 5, 1]), /section.*at byte|@\+/],
  ];
  it.each(malformed)('%s', (_, bytes, detail) => {
    const { code, culprit, message } = refusal(() => prepare(bytes));
    expect([code, culprit]).toEqual(['MODULE_MALFORMED', 'm.wasm']);
    expect(message).toMatch(detail);
  });

  it("invalid code with the engine's own error as the cause", () => {
    const bytes = assemble({ types: [[[], ['i32']]], functions: [{ type: 0, code: [] }] });
    expect(() => prepare(bytes)).toThrow(
      expect.objectContaining({ cause: expect.any(WebAssembly.CompileError) }),
    );
  });

  const importing = (entry: NonNullable<ModuleSource['imports']>[number]) =>
    assemble({ types: [[[], []]], imports: [entry] });
  const env = { module: 'env', name: 'it' };
  const unsupported: readonly [what: string, bytes: Uint8Array, detail: RegExp][] = [
    [
      'an imported shared memory',
      importing({ ...env, kind: 'memory', limits: { initial: 1, maximum: 1, flags: 3 } }),
      /shared memory$/,
    ],
    ['a shared memory', assemble({ memories: [{ initial: 1, maximum: 1, flags: 3 }] }), /shared memory$/],
    [
      'a reserved export name',
      assemble({ memories: [{ initial: 1 }], exports: { __hr_memory: ['memory', 0] } }),
      /exports __hr_memory, and names that begin with __hr_/,
    ],
  ];
  it.each(unsupported)('%s', (_, bytes, detail) => {
    expect(WebAssembly.validate(Uint8Array.from(bytes))).toBe(true);
    const { code, culprit, message } = refusal(() => prepare(bytes));
    expect([code, culprit]).toEqual(['MODULE_UNSUPPORTED', 'm.wasm']);
    expect(message).toMatch(detail);
  });

  const overQuota: readonly [what: string, source: ModuleSource, detail: RegExp][] = [
    ['memory', { memories: [{ initial: 5 }] }, /starts with 5 pages of memory; its quota is 4$/],
    [
      'imported memory',
      { imports: [{ ...env, kind: 'memory', limits: { initial: 5 } }] },
      /starts with 5 pages/,
    ],
    [
      'a table',
      { tables: [{ elementType: 'funcref', limits: { initial: MAX_TABLE_ENTRIES + 1 } }] },
      /its tables start with 1000001 entries; they may have 1000000$/,
    ],
  ];
  it.each(overQuota)('%s over its quota', (_, source, detail) => {
    const { code, message } = refusal(() => prepare(assemble(source)));
    expect(code).toBe('MODULE_OVER_QUOTA');
    expect(message).toMatch(detail);
  });
});

describe('a module that is valid by itself, but not with what its image needs', () => {
  /** A section of many equal entries, which an array of numbers would be too slow for. */
  function repeated(id: number, entry: readonly number[], count: number): Uint8Array {
    const entries = new Uint8Array(entry.length * count);
    for (let position = 0; position < count; position++) entries.set(entry, position * entry.length);
    const head = [id, ...u32(u32(count).length + entries.length), ...u32(count)];
    return Buffer.concat([Uint8Array.from(head), entries]);
  }
  const join = (...parts: Uint8Array[]) =>
    new Uint8Array(Buffer.concat([Uint8Array.from(PREAMBLE), ...parts]));
  const floatGlobal = [0x7d, 1, 0x43, 0, 0, 0, 0, 0x0b];
  const oneMemory = Uint8Array.from(section(5, vector([[0, 1]])));
  const manyData = (entry: readonly number[], count: number, isCounted = false) =>
    join(oneMemory, Uint8Array.from(isCounted ? section(12, u32(count)) : []), repeated(11, entry, count));

  it('is refused with a count', () => {
    const bytes = join(repeated(6, floatGlobal, 33_334));
    const { code, message } = refusal(() => prepare(bytes));
    expect(code).toBe('MODULE_UNSUPPORTED');
    expect(message).toMatch(/100002 exports with what its image needs; the engine takes 100000$/);
  });

  it.each([
    ['globals', join(repeated(6, floatGlobal, 33_333))],
    ['empty data segments', manyData([0, 0x41, 0, 0x0b, 0], 100_000)],
    ['data segments', manyData([0, 0x41, 0, 0x0b, 1, 1], 100_000)],
    ['counted data segments', manyData([0, 0x41, 0, 0x0b, 1, 1], 100_000, true)],
    ['counted passive data segments', manyData([1, 1, 1], 49_999, true)],
  ])('compiles up to the limit: %s', (_, bytes) => {
    expect(WebAssembly.validate(prepare(bytes).bytes)).toBe(true);
  });
});

describe('the parser refuses what later engines accept', () => {
  const typeEntry = (...entry: number[]) => raw(section(1, vector([entry])));
  const cases: readonly [what: string, bytes: Uint8Array, detail: RegExp][] = [
    [
      'shared tables',
      assemble({ tables: [{ elementType: 'funcref', limits: { initial: 1, flags: 2 } }] }),
      /shared table$/,
    ],
    [
      'custom page sizes',
      assemble({ memories: [{ initial: 1, flags: 8 }] }),
      /memory with a page size of its own$/,
    ],
    ['unknown limits', assemble({ memories: [{ initial: 1, flags: 16 }] }), /memory limits 0x10$/],
    ['unknown type forms', typeEntry(0x42), /the type form 0x42 in type 0$/],
    ['shared types', typeEntry(0x65, 0x5f, 0), /the type form shared in type 0$/],
    ['continuations', typeEntry(0x5d, 0), /the type form continuation in type 0$/],
    ['strings', typeEntry(0x60, 1, 0x67, 0), /the type stringref in type 0$/],
    ['exact references', typeEntry(0x60, 1, 0x63, 0x62, 0, 0), /the type exact reference in type 0$/],
    ['unknown types', typeEntry(0x60, 1, 0x41, 0), /the type 0x41 in type 0$/],
    ['shared globals', raw(section(6, vector([[0x7f, 2, 0x41, 0, 0x0b]]))), /the mutability of global 0$/],
    [
      'null strings',
      assemble({ globals: [{ type: 'funcref', initializer: [0xd0, 0x67] }] }),
      /the type stringref in a constant expression$/,
    ],
    [
      'other objects in initialisers',
      assemble({ globals: [{ type: 'i32', initializer: [0xfb, 2, 0] }] }),
      /the instruction 0xfb 2 in a constant expression/,
    ],
    [
      'imported tables whose entries cannot be null',
      raw(section(2, vector([[1, 0x6d, 1, 0x74, 1, 0x64, 0x70, 0, 1]]))),
      /the imported table m\.t, whose entries cannot be null$/,
    ],
    [
      'other instructions in initialisers',
      assemble({ globals: [{ type: 'i32', initializer: [0x01] }] }),
      /the instruction 0x1 in a constant expression/,
    ],
    [
      'vector arithmetic in initialisers',
      assemble({ globals: [{ type: 'v128', initializer: [0xfd, 0x6e] }] }),
      /a vector instruction in a constant expression/,
    ],
    [
      'other kinds of imports',
      raw(section(2, vector([[0, 0, 5, 0]]))),
      /an import or export of the unknown kind 5$/,
    ],
    ['other forms of tables', raw(section(4, vector([[0x40, 1, 0x70, 0, 0]]))), /the form of table 0$/],
    [
      'other kinds of elements',
      raw(section(9, vector([[1, 9, 0]]))),
      /the element kind of element segment 0$/,
    ],
    ['other element segments', raw(section(9, vector([[8]]))), /the segment flags 8 in element segment 0$/],
    ['other data segments', raw(section(11, vector([[3]]))), /the segment flags 3 in data segment 0$/],
    ['unknown sections', raw(section(14, [])), /the section 14$/],
  ];
  it.each(cases)('%s', (_, bytes, detail) => {
    const { code, culprit, message } = refusal(() => parseModule(bytes, 'm.wasm'));
    expect([code, culprit]).toEqual(['MODULE_UNSUPPORTED', 'm.wasm']);
    expect(message).toMatch(detail);
  });

  const malformed: readonly [what: string, bytes: Uint8Array, detail: RegExp][] = [
    ['sections out of order', raw(section(7, [0]), section(1, [0])), /section 1 is out of order/],
    ['a section twice', raw(section(1, [0]), section(1, [0])), /section 1 is out of order/],
    ['a section with bytes left over', raw(section(1, [0, 0])), /1 bytes too many in a section/],
    ['a table of numbers', raw(section(4, vector([[0x7f, 0, 0]]))), /i32 is no reference type/],
  ];
  it.each(malformed)('%s, as malformed', (_, bytes, detail) => {
    const { code, message } = refusal(() => parseModule(bytes, 'm.wasm'));
    expect(code).toBe('MODULE_MALFORMED');
    expect(message).toMatch(detail);
  });

  it('but not a table with an initialiser of a kind that can be kept', () => {
    const source: ModuleSource = {
      tables: [{ elementType: 'funcref', limits: { initial: 1 }, initializer: ins.refFunc(3) }],
    };
    const [table] = parseModule(assemble(source), 'm.wasm').tables;
    expect(table?.initializer?.functionReferences).toEqual([3]);
  });
});
