// What preparing makes of a module, part by part: conversions, quotas, names, and what is left alone. That the result behaves like the
// original is tested elsewhere, by comparison.

import { describe, expect, it } from 'vitest';
import { StateAccess } from '#runtime/image/instance-state.js';
import type { ModuleLayout } from '#runtime/image/layout.js';
import { type PreparedModule, prepareModule } from '#runtime/image/prepare.js';
import { MAX_TABLE_ENTRIES } from '#runtime/limits.js';
import {
  assemble,
  ins,
  type ModuleSource,
  section,
  text,
  u32,
  vector,
} from '#test/support/wasm-assembler.js';
import { callExport, openZoo, zoo } from './state-zoo.js';

const PAGE = 65536;

function prepare(
  source: ModuleSource | Uint8Array<ArrayBuffer>,
  memoryQuotaBytes = 16 * PAGE,
): PreparedModule {
  const bytes = source instanceof Uint8Array ? source : assemble(source);
  expect(WebAssembly.validate(bytes)).toBe(true);
  const prepared = prepareModule(bytes, 'm.wasm', { memoryQuotaBytes });
  expect(WebAssembly.validate(prepared.bytes)).toBe(true);
  return prepared;
}

function instantiate(prepared: PreparedModule, imports: WebAssembly.Imports = {}): WebAssembly.Instance {
  return new WebAssembly.Instance(prepared.module, imports);
}

const names = (layout: ModuleLayout) => layout.functionExports.map((entry) => entry.name);

describe('layout', () => {
  it('describes every kind of state', () => {
    expect(zoo.layout.globals.map(({ index, type, accessors }) => [index, type, accessors !== null])).toEqual(
      [
        [0, 'i32', false],
        [1, 'i64', false],
        [3, 'f32', true],
        [4, 'f64', true],
        [5, 'v128', true],
        [6, 'funcref', false],
        [7, 'externref', false],
      ],
    );
    expect(zoo.layout.tables.map(({ index, elementType }) => [index, elementType])).toEqual([
      [0, 'funcref'],
      [1, 'externref'],
    ]);
    expect(zoo.layout.segments.map(({ kind, index }) => [kind, index])).toEqual([
      ['element', 1],
      ['data', 1],
    ]);
    expect(zoo.layout.memories).toMatchObject([{ initialPages: 1, maximumPages: 10 }]);
    expect(zoo.layout.linearMemory).toBe(0);
    expect(zoo.layout.functionImports).toEqual([
      { module: 'host', name: 'started', type: { params: [], results: [] } },
    ]);
    expect(zoo.layout.functionExports).toContainEqual({
      name: 'callEntry',
      type: { params: ['i32'], results: ['i32'] },
    });
    expect(zoo.layout.functionExports).toHaveLength(23);
    expect(zoo.layout.functionTable?.indices.slice(0, 4)).toEqual([1, 2, 3, 5]);
  });

  it('can be sent to a worker', () => {
    expect(structuredClone(zoo.layout)).toEqual(zoo.layout);
  });

  it('is empty for an empty module', () => {
    const { layout } = prepare({});
    expect(layout).toEqual({
      functionImports: [],
      functionExports: [],
      memories: [],
      linearMemory: null,
      globals: [],
      tables: [],
      segments: [],
      functionTable: null,
      start: null,
      stackPointer: null,
      randomSeeded: null,
    });
  });

  const function0 = { types: [[[], []]], functions: [{ type: 0, code: [] }] } satisfies ModuleSource;
  const table = { elementType: 'funcref', limits: { initial: 1 } } as const;
  const copying = (segment: number) => [
    {
      type: 0,
      code: [...ins.i32Const(0), ...ins.i32Const(0), ...ins.i32Const(0), ...ins.tableInit(segment, 0)],
    },
  ];
  const memories = [{ initial: 1 }];
  const activeData = { offset: ins.i32Const(0), bytes: [1] };
  const passive = { tables: [table], elements: [{ mode: 'passive', entries: [0] }] } satisfies ModuleSource;
  const flags: readonly (readonly [what: string, source: ModuleSource, slots: readonly string[]])[] = [
    ['active data', { memories, data: [activeData], dataCount: true }, []],
    ['passive data', { memories, data: [{ bytes: [1] }], dataCount: true }, ['data 0']],
    ['active data that is not counted', { memories, data: [activeData] }, []],
    ['passive data that is not counted', { memories, data: [{ bytes: [1] }] }, []],
    ['passive data without a memory', { data: [{ bytes: [1] }], dataCount: true }, []],
    [
      'data of length zero',
      { memories, data: [{ bytes: [] }, { ...activeData, bytes: [] }], dataCount: true },
      [],
    ],
    [
      'active elements',
      { functions: copying(0), tables: [table], elements: [{ mode: 'active', entries: [0] }] },
      [],
    ],
    ['passive elements', { ...passive, functions: copying(0) }, ['element 0']],
    ['passive elements that no code copies', passive, []],
    ['passive elements without a table', { elements: passive.elements }, []],
    [
      'passive elements without a table of their type',
      { ...passive, tables: [{ ...table, elementType: 'externref' }] },
      [],
    ],
    [
      'declarative elements',
      { ...passive, functions: copying(0), elements: [{ mode: 'declarative', entries: [0] }] },
      [],
    ],
    [
      'elements of length zero',
      {
        functions: copying(0),
        tables: [table],
        elements: [
          { mode: 'passive', entries: [] },
          { mode: 'active', entries: [] },
        ],
      },
      [],
    ],
  ];
  it.each(flags)('asks for what the dropped flag of %s can show', (_, source, slots) => {
    const { layout } = prepare({ ...function0, ...source });
    expect(layout.segments.map(({ kind, index }) => `${kind} ${index}`)).toEqual(slots);
  });

  it.each([true, false])('adds no export for one more active segment, counted: %s', (dataCount) => {
    const exportsWith = (count: number) => {
      const data = Array.from({ length: count }, () => activeData);
      return WebAssembly.Module.exports(new WebAssembly.Module(prepare({ memories, data, dataCount }).bytes));
    };
    expect(exportsWith(100)).toEqual(exportsWith(1));
  });
});

describe('function table', () => {
  const functions = Array.from({ length: 9 }, () => ({ type: 0, code: [] }));
  const referencing: ModuleSource = {
    types: [[[], []]],
    functions,
    globals: [
      { type: 'funcref', initializer: ins.refFunc(6) },
      { type: 'funcref', mutable: true, initializer: ins.refFunc(2) },
    ],
    exports: { seventh: ['function', 7] },
    elements: [
      { mode: 'declarative', entries: [5] },
      { mode: 'passive', elementType: 'funcref', entries: [ins.refFunc(3), ins.refNull('funcref')] },
    ],
  };
  it('lists every function a reference can be taken of', () => {
    expect(prepare(referencing).layout.functionTable?.indices).toEqual([2, 3, 5, 6, 7]);
  });
  it('is left out where nothing can hold a function', () => {
    const { layout } = prepare({ ...referencing, globals: [] });
    expect(layout.functionTable).toBeNull();
  });
  it('is left out where no function can be referenced', () => {
    const { layout } = prepare({ tables: [{ elementType: 'funcref', limits: { initial: 1 } }] });
    expect(layout.functionTable).toBeNull();
  });
});

describe('start', () => {
  it('is not run by instantiation, and is there to be run', () => {
    const opened = openZoo();
    expect(opened.starts()).toBe(0);
    opened.call(zoo.layout.start ?? '');
    expect(opened.starts()).toBe(1);
  });
});

describe('imported memory and tables', () => {
  const source: ModuleSource = {
    types: [
      [[], ['i32']],
      [['i32'], ['i32']],
    ],
    imports: [
      {
        module: 'env',
        name: 'table',
        kind: 'table',
        elementType: 'funcref',
        limits: { initial: 2, maximum: 4 },
      },
      { module: 'env', name: 'answer', kind: 'function', type: 0 },
      { module: 'env', name: 'memory', kind: 'memory', limits: { initial: 2, maximum: 5 } },
    ],
    tables: [{ elementType: 'funcref', limits: { initial: 7 } }],
    functions: [
      { type: 1, code: [...ins.localGet(0), ...ins.callIndirect(0, 0)] },
      { type: 0, code: ins.tableSize(1) },
    ],
    exports: { callEntry: ['function', 1], ownTableSize: ['function', 2], memory: ['memory', 0] },
    elements: [{ mode: 'active', offset: ins.i32Const(1), entries: [0] }],
  };
  it("become the module's own, with their indices", () => {
    const prepared = prepare(source);
    expect(WebAssembly.Module.imports(prepared.module)).toEqual([
      { module: 'env', name: 'answer', kind: 'function' },
    ]);
    const instance = instantiate(prepared, { env: { answer: () => 42 } });
    new StateAccess(instance, prepared.layout).restore(prepared.first.state);
    expect(callExport(instance, 'callEntry', [1])).toBe(42);
    expect(callExport(instance, 'ownTableSize')).toBe(7);
    expect(prepared.layout.tables).toHaveLength(2);
    expect(prepared.layout.memories).toMatchObject([{ initialPages: 2, maximumPages: 5 }]);
    expect(prepared.layout.functionImports.map(({ name }) => name)).toEqual(['answer']);
  });
  it('leave no import section behind when nothing else is imported', () => {
    const prepared = prepare({
      imports: [{ module: 'env', name: 'memory', kind: 'memory', limits: { initial: 1 } }],
    });
    expect(WebAssembly.Module.imports(new WebAssembly.Module(prepared.bytes))).toEqual([]);
    expect(instantiate(prepared)).toBeInstanceOf(WebAssembly.Instance);
  });
});

describe('quota', () => {
  const growing: ModuleSource = {
    types: [[['i32'], ['i32']]],
    functions: [
      { type: 0, code: [...ins.localGet(0), ...ins.memoryGrow] },
      { type: 0, code: [...ins.refNull('funcref'), ...ins.localGet(0), ...ins.tableGrow(0)] },
    ],
    tables: [{ elementType: 'funcref', limits: { initial: 1 } }],
    memories: [{ initial: 1 }],
    exports: { growMemory: ['function', 0], growTable: ['function', 1] },
  };
  it('is enforced by the engine, for memory', () => {
    const instance = instantiate(prepare(growing, 3 * PAGE + 100));
    expect(callExport(instance, 'growMemory', [2])).toBe(1);
    expect(callExport(instance, 'growMemory', [1])).toBe(-1);
  });
  it('is enforced by the engine, for tables', () => {
    const instance = instantiate(prepare(growing));
    expect(callExport(instance, 'growTable', [MAX_TABLE_ENTRIES])).toBe(-1);
    expect(callExport(instance, 'growTable', [9])).toBe(1);
  });
  it('is shared by all tables', () => {
    const initial = 1000;
    const tables = Array.from(
      { length: 4 },
      () => ({ elementType: 'funcref', limits: { initial } }) as const,
    );
    const instance = instantiate(prepare({ ...growing, tables }));
    const share = (MAX_TABLE_ENTRIES - 4 * initial) / 4;
    expect(callExport(instance, 'growTable', [share + 1])).toBe(-1);
    expect(callExport(instance, 'growTable', [share])).toBe(initial);
  });
  it("never raises the guest's own maximum", () => {
    const { layout } = prepare({ ...growing, memories: [{ initial: 1, maximum: 2 }] });
    expect(layout.memories[0]?.maximumPages).toBe(2);
  });
  it("lowers the guest's own maximum", () => {
    const { layout } = prepare({ ...growing, memories: [{ initial: 1, maximum: 100 }] }, 3 * PAGE);
    expect(layout.memories[0]?.maximumPages).toBe(3);
  });
  it('may be met exactly', () => {
    const { layout } = prepare({ memories: [{ initial: 3 }] }, 3 * PAGE);
    expect(layout.memories).toMatchObject([{ initialPages: 3, maximumPages: 3 }]);
  });
});

describe('known globals', () => {
  const globalNames = (entries: Record<number, string>) =>
    section(
      7,
      vector(Object.entries(entries).map(([index, name]) => [...u32(Number(index)), ...text(name)])),
    );
  const withGlobals = (exports: ModuleSource['exports'] = {}, nameSection?: number[]): ModuleSource => ({
    globals: [
      { type: 'i32', initializer: ins.i32Const(0) },
      { type: 'i64', mutable: true, initializer: ins.i64Const(0n) },
      { type: 'i32', mutable: true, initializer: ins.i32Const(0) },
      { type: 'i32', mutable: true, initializer: ins.i32Const(0) },
    ],
    exports,
    customs: nameSection === undefined ? [] : [{ name: 'name', payload: nameSection }],
  });
  // Positions are among the mutable globals: 1, 2 and 3 are at 0, 1 and 2.
  const cases: readonly [what: string, source: ModuleSource, position: number | null][] = [
    ['the export', withGlobals({ __stack_pointer: ['global', 3] }), 2],
    [
      'the export rather than the name',
      withGlobals({ __stack_pointer: ['global', 3] }, globalNames({ 2: '__stack_pointer' })),
      2,
    ],
    ['the name', withGlobals({}, globalNames({ 2: '__stack_pointer' })), 1],
    ['the name behind a path', withGlobals({}, globalNames({ 3: '~lib/memory/__stack_pointer' })), 2],
    [
      'the name, with other subsections before it',
      withGlobals({}, [...section(0, text('m')), ...globalNames({ 2: '__stack_pointer' })]),
      1,
    ],
    ['nothing when the name only ends alike', withGlobals({}, globalNames({ 2: 'my__stack_pointer' })), null],
    ['nothing when the export is immutable', withGlobals({ __stack_pointer: ['global', 0] }), null],
    ['nothing when the export is an i64', withGlobals({ __stack_pointer: ['global', 1] }), null],
    ['nothing when there are no names', withGlobals(), null],
    [
      'nothing when the name section is cut off',
      withGlobals({}, globalNames({ 2: '__stack_pointer' }).slice(0, -1)),
      null,
    ],
    ['nothing when the name section is noise', withGlobals({}, [255, 255, 255, 255, 255, 255]), null],
  ];
  it.each(cases)('the stack pointer is told by %s', (_, source, position) => {
    expect(prepare(source).layout.stackPointer).toBe(position);
  });
  it('the seed flag of AssemblyScript is told by its name', () => {
    const { layout } = prepare(withGlobals({}, globalNames({ 3: '~lib/math/random_seeded' })));
    expect(layout.randomSeeded).toBe(2);
  });
});

describe('what is left alone', () => {
  const nameSection = section(1, vector([[...u32(1), ...text('trapping')]]));
  const source: ModuleSource = {
    types: [[[], []]],
    imports: [{ module: 'env', name: 'noop', kind: 'function', type: 0 }],
    functions: [{ type: 0, code: [0x00] }],
    globals: [{ type: 'f64', mutable: true, initializer: ins.f64Bits(0n) }],
    exports: { trap: ['function', 1] },
    customs: [
      { name: 'name', payload: nameSection },
      { name: 'producers', payload: [1, 2, 3] },
    ],
  };
  it('the code, the custom sections, and the names in traps', () => {
    const prepared = prepare(source);
    const module = new WebAssembly.Module(prepared.bytes);
    expect(
      WebAssembly.Module.customSections(module, 'producers').map((bytes) => [...new Uint8Array(bytes)]),
    ).toEqual([[1, 2, 3]]);
    const instance = instantiate(prepared, { env: { noop: () => undefined } });
    try {
      callExport(instance, 'trap');
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(WebAssembly.RuntimeError);
      expect(String(error instanceof Error && error.stack)).toContain('trapping (wasm://');
    }
  });
  it('sections that are added stand before the custom sections at the end', () => {
    // No export, function or code section of its own; all three are added.
    const prepared = prepare({
      globals: [{ type: 'f64', mutable: true, initializer: ins.f64Bits(0n) }],
      customs: [{ name: 'last', payload: [7] }],
    });
    const tail = [...section(0, [...text('last'), 7]), ...section(0, [...text('rekindle.maxima'), 0, 0])];
    expect([...prepared.bytes.subarray(-tail.length)]).toEqual(tail);
  });
  it("the guest's own exports", () => {
    const before = WebAssembly.Module.exports(new WebAssembly.Module(assemble(source)));
    const prepared = prepare(source);
    const after = WebAssembly.Module.exports(new WebAssembly.Module(prepared.bytes));
    expect(after.slice(0, before.length)).toEqual(before);
    expect(after.slice(before.length).every(({ name }) => name.startsWith('__hr_'))).toBe(true);
    expect(names(prepared.layout)).toEqual(['trap']);
  });
  it('bytes in shared memory are read as they are', () => {
    const bytes = assemble(source);
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
    shared.set(bytes);
    const options = { memoryQuotaBytes: PAGE };
    expect(prepareModule(shared, 'm.wasm', options)).toEqual(prepareModule(bytes, 'm.wasm', options));
  });
});
