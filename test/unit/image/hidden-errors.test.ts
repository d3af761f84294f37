// What is wrong with a module and would be right after it has been rewritten: code that names what is appended, what is left out or lowered,
// what is exported. The engine takes none of these as they are, so none may be accepted.
import { describe, expect, it } from 'vitest';
import { RekindleError } from '#runtime/errors.js';
import { prepareModule } from '#runtime/image/prepare.js';
import { assemble, type Bytes, ins, type ModuleSource } from '#test/support/wasm-assembler.js';

const TYPES = {
  types: [
    [[], []],
    [['i32'], ['i32']],
    [[], ['i32']],
  ],
} satisfies ModuleSource;
const funcref = { elementType: 'funcref', limits: { initial: 1, maximum: 4 } } as const;
const float = { type: 'f64', mutable: true, initializer: ins.f64Bits(0n) } as const;
const memory = [{ initial: 1 }];
const run = (code: Bytes, more: ModuleSource = {}): ModuleSource => ({
  ...TYPES,
  functions: [{ type: 0, code }],
  ...more,
});
const writesTable = [...ins.i32Const(0), ...ins.refNull('funcref'), ...ins.tableSet(0)];

const CASES: readonly (readonly [what: string, source: ModuleSource])[] = [
  ['a call of an accessor of a global', run([...ins.call(1), ...ins.drop], { globals: [float] })],
  ['a call of a probe', run(ins.call(1), { memories: memory, data: [{ bytes: [1] }], dataCount: true })],
  ['a call behind the last function', run(ins.call(1), { memories: memory })],
  [
    'a read of the appended table',
    run([...writesTable, ...ins.tableSize(1), ...ins.drop], {
      tables: [funcref],
      exports: { run: ['function', 0] },
    }),
  ],
  ['an export of an accessor', { globals: [float], exports: { get: ['function', 0] } }],
  [
    'a reference of an accessor in a segment',
    { globals: [float], elements: [{ mode: 'passive', entries: [0] }] },
  ],
  [
    'memory.init without a count of segments',
    run([...ins.i32Const(0), ...ins.i32Const(0), ...ins.i32Const(0), ...ins.memoryInit(0)], {
      memories: memory,
      data: [{ bytes: [1] }],
    }),
  ],
  [
    'data.drop without a count of segments',
    run(ins.dataDrop(0), { memories: memory, data: [{ offset: ins.i32Const(0), bytes: [1] }] }),
  ],
  ['data without a memory', { data: [{ offset: ins.i32Const(0), bytes: [1] }] }],
  [
    'data at an offset of another type',
    { memories: memory, data: [{ offset: ins.i64Const(0n), bytes: [1] }] },
  ],
  [
    'data at the place in a global that is not there',
    { memories: memory, data: [{ offset: ins.globalGet(3), bytes: [1] }] },
  ],
  [
    'elements without a table',
    {
      ...TYPES,
      functions: [{ type: 0, code: [] }],
      elements: [{ mode: 'active', offset: ins.i32Const(0), entries: [0] }],
    },
  ],
  [
    'elements of a function that is not there',
    { tables: [funcref], elements: [{ mode: 'active', offset: ins.i32Const(0), entries: [7] }] },
  ],
  ['a reference of a function that is only started', run([...ins.refFunc(0), ...ins.drop], { start: 0 })],
  [
    'a start function with a parameter',
    { ...TYPES, functions: [{ type: 1, code: ins.localGet(0) }], start: 0 },
  ],
  ['a start function with a result', { ...TYPES, functions: [{ type: 2, code: ins.i32Const(0) }], start: 0 }],
  ['a start function that is not there', { start: 0 }],
  ['a maximum beyond what there can be of memory', { memories: [{ initial: 1, maximum: 65537 }] }],
  ['a maximum below the size of memory', { memories: [{ initial: 3, maximum: 2 }] }],
  ['a maximum below the size of a table', { tables: [{ ...funcref, limits: { initial: 3, maximum: 2 } }] }],
  [
    'an imported memory with a maximum below its size',
    { imports: [{ module: 'env', name: 'm', kind: 'memory', limits: { initial: 3, maximum: 2 } }] },
  ],
  [
    'an imported memory with a maximum that is too large',
    { imports: [{ module: 'env', name: 'm', kind: 'memory', limits: { initial: 1, maximum: 65537 } }] },
  ],
];

function verdict(bytes: Uint8Array): string {
  try {
    prepareModule(bytes, 'm.wasm', { memoryQuotaBytes: 64 * 65536 });
    return 'accepted';
  } catch (error) {
    if (!(error instanceof RekindleError)) throw error;
    return error.code;
  }
}

describe('malformed however it is rewritten:', () => {
  it.each(CASES)('%s', (_, source) => {
    const bytes = assemble(source);
    expect(WebAssembly.validate(bytes)).toBe(false);
    expect(verdict(bytes)).toBe('MODULE_MALFORMED');
  });

  it('two exports of one name', () => {
    const bytes = assemble({ memories: memory, exports: { a: ['memory', 0], b: ['memory', 0] } });
    bytes[bytes.lastIndexOf('b'.charCodeAt(0))] = 'a'.charCodeAt(0);
    expect(WebAssembly.validate(bytes)).toBe(false);
    expect(verdict(bytes)).toBe('MODULE_MALFORMED');
  });
});
