// Random modules with segments of every kind, in bounds and out of them, and what there is to be seen in an instance of one. The modules
// import memory and a table, so that their tables are a part of the state.
import fc from 'fast-check';
import {
  type DataSegment,
  type ElementSegment,
  ins,
  type ModuleSource,
} from '#test/support/wasm-assembler.js';

export const PAGE = 65536;
export const TABLE_SIZE = 6;
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

export interface Shape {
  readonly data: readonly DataSegment[];
  readonly elements: readonly ElementSegment[];
  readonly hasStart: boolean;
  readonly dataCount: boolean;
}

export const shape: fc.Arbitrary<Shape> = fc.record({
  data: fc.array(dataSegment, { maxLength: 6 }),
  elements: fc.array(elementSegment, { maxLength: 5 }),
  hasStart: fc.boolean(),
  dataCount: fc.boolean(),
});

/** Table 0 is imported: whoever provides it could write it, so tables are a part of the state. */
export function source({ data, elements, hasStart, dataCount }: Shape): ModuleSource {
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

export interface Seen {
  readonly memory: Uint8Array;
  readonly tables: unknown[][];
  readonly global: unknown;
}

export function seen({ exports }: WebAssembly.Instance): Seen {
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
