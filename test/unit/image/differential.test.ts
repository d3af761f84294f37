// The oracle for preparing: a module as the engine instantiates it, and the same module prepared, put at its first state and started, must
// leave memory, tables and globals alike; where instantiation would trap, preparing must refuse. Modules are random; a failure prints its seed.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RekindleError } from '#runtime/errors.js';
import { firstMemory } from '#runtime/image/first-state.js';
import { StateAccess } from '#runtime/image/instance-state.js';
import { type PreparedModule, prepareModule } from '#runtime/image/prepare.js';
import {
  assemble,
  type DataSegment,
  type ElementSegment,
  ins,
  type ModuleSource,
} from '#test/support/wasm-assembler.js';
import { callExport } from './state-zoo.js';

const PAGE = 65536;
const TABLE_SIZE = 6;
/** Offsets near both ends of what there is, so that segments overlap, and some lie out of bounds. */
const memoryOffset = fc.oneof(
  { weight: 6, arbitrary: fc.nat(12) },
  { weight: 1, arbitrary: fc.integer({ min: PAGE - 4, max: PAGE + 1 }) },
  { weight: 1, arbitrary: fc.constant(-1) },
);
const tableOffset = fc.oneof(
  { weight: 8, arbitrary: fc.nat(TABLE_SIZE - 2) },
  { weight: 1, arbitrary: fc.integer({ min: TABLE_SIZE - 1, max: TABLE_SIZE + 1 }) },
);
const FUNCTIONS = 5;

const dataSegment: fc.Arbitrary<DataSegment> = fc
  .record({
    offset: fc.option(memoryOffset, { nil: undefined, freq: 4 }),
    bytes: fc.array(fc.nat(255), { maxLength: 8 }),
  })
  .map(({ offset, bytes }) => (offset === undefined ? { bytes } : { offset: ins.i32Const(offset), bytes }));

const indices = fc.array(fc.nat(FUNCTIONS - 1), { maxLength: 3 });
const expressions = fc.array(
  fc.oneof(
    fc.nat(FUNCTIONS - 1).map((index) => ins.refFunc(index)),
    fc.constant(ins.refNull('funcref')),
  ),
  { maxLength: 3 },
);
const mode = fc.constantFrom('active', 'active', 'active', 'passive', 'declarative');
const explicitTable = fc.constantFrom(undefined, 0, 1);
const elementSegment: fc.Arbitrary<ElementSegment> = fc
  .record({
    mode,
    offset: tableOffset,
    table: explicitTable,
    entries: indices,
    expressions,
    hasExpressions: fc.boolean(),
  })
  .map(({ mode, offset, table, entries, expressions, hasExpressions }) => ({
    mode,
    offset: ins.i32Const(offset),
    ...(table === undefined ? {} : { table }),
    ...(hasExpressions ? { elementType: 'funcref' as const, entries: expressions } : { entries }),
  }));

interface Shape {
  readonly data: readonly DataSegment[];
  readonly elements: readonly ElementSegment[];
  readonly hasStart: boolean;
  readonly dataCount: boolean;
}

const shape: fc.Arbitrary<Shape> = fc.record({
  data: fc.array(dataSegment, { maxLength: 6 }),
  elements: fc.array(elementSegment, { maxLength: 5 }),
  hasStart: fc.boolean(),
  dataCount: fc.boolean(),
});

/** Table 0 is imported: whoever provides it could write it, so tables are a part of the state. */
function source({ data, elements, hasStart, dataCount }: Shape): ModuleSource {
  const functions = Array.from({ length: FUNCTIONS }, (_, index) => ({ type: 0, code: ins.i32Const(index) }));
  const startCode = [
    ...ins.globalGet(0),
    ...ins.i32Const(7),
    ...ins.i32Add,
    ...ins.globalSet(0),
    ...ins.i32Const(0),
    ...ins.i32Const(0),
    ...ins.i32Load,
    ...ins.i32Const(1),
    ...ins.i32Add,
    ...ins.i32Store,
  ];
  return {
    types: [
      [[], ['i32']],
      [[], []],
    ],
    imports: [
      { module: 'env', name: 'memory', kind: 'memory', limits: { initial: 1 } },
      {
        module: 'env',
        name: 'table',
        kind: 'table',
        elementType: 'funcref',
        limits: { initial: TABLE_SIZE },
      },
    ],
    functions: [...functions, { type: 1, code: startCode }],
    tables: [{ elementType: 'funcref', limits: { initial: TABLE_SIZE } }],
    globals: [
      { type: 'i32', mutable: true, initializer: ins.i32Const(5) },
      { type: 'funcref', mutable: true, initializer: ins.refFunc(2) },
    ],
    exports: { global: ['global', 0], table0: ['table', 0], table1: ['table', 1], memory: ['memory', 0] },
    ...(hasStart ? { start: FUNCTIONS } : {}),
    elements,
    data,
    dataCount,
  };
}

/** A function shows itself by what it returns. */
function contents(table: WebAssembly.Table): unknown[] {
  return Array.from({ length: table.length }, (_, position) => {
    const entry: unknown = table.get(position);
    return typeof entry === 'function' ? entry() : entry;
  });
}

interface Seen {
  readonly memory: Uint8Array;
  readonly tables: unknown[][];
  readonly global: unknown;
}

function seen({ exports }: WebAssembly.Instance): Seen {
  const { memory, table0, table1, global } = exports;
  if (!(memory instanceof WebAssembly.Memory && global instanceof WebAssembly.Global))
    throw new Error('exports');
  if (!(table0 instanceof WebAssembly.Table && table1 instanceof WebAssembly.Table))
    throw new Error('exports');
  return {
    memory: new Uint8Array(memory.buffer),
    tables: [contents(table0), contents(table1)],
    global: global.value,
  };
}

/** Null when it traps. */
function runOriginal(bytes: Uint8Array<ArrayBuffer>): Seen | null {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const table = new WebAssembly.Table({ element: 'anyfunc', initial: TABLE_SIZE });
  try {
    return seen(new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory, table } }));
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    return null;
  }
}

/** Null when it is refused for segments that do not fit. */
function runPrepared(bytes: Uint8Array): Seen | null {
  let prepared: PreparedModule;
  try {
    prepared = prepareModule(bytes, 'm.wasm', { memoryQuotaBytes: 4 * PAGE });
  } catch (error) {
    if (!(error instanceof RekindleError)) throw error;
    expect(error.message).toMatch(/^MODULE_MALFORMED: m.wasm: its segments do not fit/);
    return null;
  }
  const instance = new WebAssembly.Instance(prepared.module);
  const { memory } = instance.exports;
  if (!(memory instanceof WebAssembly.Memory)) throw new Error('exports');
  const bytesOfMemory = new Uint8Array(memory.buffer);
  expect(bytesOfMemory.some((byte) => byte !== 0)).toBe(false);
  const access = new StateAccess(instance, prepared.layout);
  expect(access.restore(prepared.first.state)).toBe(true);
  expect(access.capture('m')).toEqual(prepared.first.state);
  expect(prepared.first.memoryBytes).toBe(bytesOfMemory.byteLength);
  bytesOfMemory.set(firstMemory(prepared.first, 'm.wasm'));
  if (prepared.layout.start !== null) callExport(instance, prepared.layout.start);
  return seen(instance);
}

function same(original: Seen | null, prepared: Seen | null): void {
  if (original === null || prepared === null) return expect(prepared).toBe(original);
  expect(Buffer.compare(prepared.memory, original.memory)).toBe(0);
  expect({ ...prepared, memory: null }).toEqual({ ...original, memory: null });
}

describe('prepared and original', () => {
  it('agree on random segments, overlapping, ordered and out of bounds', () => {
    const kinds = new Set<string>();
    fc.assert(
      fc.property(shape, (candidate) => {
        const bytes = assemble(source(candidate));
        const original = runOriginal(bytes);
        kinds.add(original === null ? 'trap' : 'ready');
        same(original, runPrepared(bytes));
      }),
      { numRuns: 600 },
    );
    expect([...kinds].sort()).toEqual(['ready', 'trap']);
  });

  const at = (offset: number, ...bytes: number[]): DataSegment => ({ offset: ins.i32Const(offset), bytes });
  const cases: readonly [what: string, shape: Partial<Shape>, kind: 'trap' | 'ready'][] = [
    ['nothing', {}, 'ready'],
    ['overlapping data, the later one on top', { data: [at(4, 1, 2, 3), at(5, 9)] }, 'ready'],
    ['data that ends where memory does', { data: [at(PAGE - 2, 1, 2)] }, 'ready'],
    [
      'data one byte too long, after data that fits',
      { data: [at(0, 1), at(PAGE - 1, 1, 2), at(1, 1)] },
      'trap',
    ],
    ['empty data at the very end', { data: [at(PAGE)] }, 'ready'],
    ['empty data behind the end', { data: [at(PAGE + 1)] }, 'trap'],
    ['data at an address with the top bit set', { data: [at(-1, 1)] }, 'trap'],
    [
      'elements out of bounds, and no data after them',
      { elements: [{ mode: 'active', offset: ins.i32Const(TABLE_SIZE), entries: [0] }], data: [at(0, 1)] },
      'trap',
    ],
    ['a start function that sees the data', { data: [at(0, 41)], hasStart: true }, 'ready'],
  ];
  it.each(cases)('agree on %s', (_, change, kind) => {
    const bytes = assemble(source({ data: [], elements: [], hasStart: false, dataCount: false, ...change }));
    const original = runOriginal(bytes);
    expect(original === null ? 'trap' : 'ready').toBe(kind);
    same(original, runPrepared(bytes));
  });
});
