// What is said of code that may change a table, and what comes of it: a restore that does not look at tables must leave them as one that
// does. Said wrongly of code that writes, a restored guest would call the wrong function, so every doubt must count as a write.

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StateAccess } from '#runtime/image/instance-state.js';
import { parseModule } from '#runtime/image/module-parser.js';
import type { ModuleStructure } from '#runtime/image/module-structure.js';
import { prepareModule } from '#runtime/image/prepare.js';
import { hasFixedTables } from '#runtime/image/table-writes.js';
import { QUICKJS_MODULE } from '#test/support/quickjs-guest.js';
import {
  assemble,
  type Bytes,
  ins,
  littleEndian,
  type ModuleSource,
  u32,
} from '#test/support/wasm-assembler.js';
import { callExport, zoo } from './state-zoo.js';

/** ID of the code section. */
const CODE = 10;
const QUOTA = { memoryQuotaBytes: 64 * 1024 * 1024 } as const;
const NOTHING: Bytes = [];
const i32 = ins.i32Const;
const tableCopy = (to: number, from: number): Bytes => [0xfc, 14, ...u32(to), ...u32(from)];
const tableFill = (table: number): Bytes => [0xfc, 17, ...u32(table)];
const nullFunction = ins.refNull('funcref');

/** A module with two tables, a passive segment and a memory; `code` is that of one function without parameters and results. */
function source(code: Bytes): ModuleSource {
  return {
    types: [
      [[], []],
      [[], ['i32']],
    ],
    functions: [
      { type: 1, code: i32(1) },
      { type: 1, code: i32(2) },
      { type: 0, code },
    ],
    tables: [
      { elementType: 'funcref', limits: { initial: 4, maximum: 8 } },
      { elementType: 'funcref', limits: { initial: 2, maximum: 8 } },
    ],
    memories: [{ initial: 1, maximum: 2 }],
    exports: { change: ['function', 2], one: ['function', 0], two: ['function', 1], table: ['table', 0] },
    elements: [
      { mode: 'active', entries: [0, 1, 0] },
      { mode: 'passive', entries: [1, 0] },
    ],
  };
}

function keepsNoTables(bytes: Uint8Array): boolean {
  return prepareModule(bytes, 'm.wasm', QUOTA).layout.tables.length === 0;
}

function isFixed(code: Bytes): boolean {
  const bytes = assemble(source(code));
  expect(WebAssembly.validate(bytes)).toBe(true);
  return keepsNoTables(bytes);
}

const WRITES: readonly (readonly [name: string, code: Bytes])[] = [
  ['table.set', [...i32(0), ...nullFunction, ...ins.tableSet(0)]],
  ['table.set of the second table', [...i32(0), ...nullFunction, ...ins.tableSet(1)]],
  ['table.set with a long index', [...i32(0), ...nullFunction, 0x26, 0x81, 0x80, 0x00]],
  ['table.init', [...i32(0), ...i32(0), ...i32(1), ...ins.tableInit(1, 0)]],
  ['table.copy', [...i32(0), ...i32(1), ...i32(1), ...tableCopy(0, 1)]],
  ['table.copy with a long opcode', [...i32(0), ...i32(1), ...i32(1), 0xfc, 0x8e, 0x80, 0x00, 1, 0]],
  ['table.grow', [...nullFunction, ...i32(1), ...ins.tableGrow(1), ...ins.drop]],
  ['table.fill', [...i32(0), ...nullFunction, ...i32(1), ...tableFill(0)]],
];

/** Instructions that leave the stack as it was, many of them with bytes inside that look like a write. */
const HARMLESS: readonly (readonly [name: string, code: Bytes])[] = [
  ['nothing', NOTHING],
  ['a constant', [...i32(0x26), ...ins.drop]],
  [
    'constants that look like table.set',
    [...ins.i64Const(0x13n), ...ins.drop, ...i32(0x26), 0x45, ...ins.drop],
  ],
  ['f32.const', [0x43, 0x26, 0x00, 0x26, 0x01, ...ins.drop]],
  ['f64.const', [...ins.f64Bits(0x0000_11fc_000f_fc26n), ...ins.drop]],
  ['v128.const', [...ins.v128Const(0x2600_0cfc_0000n, 0xfc0f_0026_0000n), ...ins.drop]],
  ['a store', [...i32(0), ...i32(0), 0x36, 0x02, 0x26]],
  ['a load at an odd place', [...i32(0), 0x28, 0x02, 0xa6, 0x00, ...ins.drop]],
  ['a block', [0x02, 0x40, 0x0b]],
  ['a loop in a typed block', [0x02, 0x7f, 0x03, 0x40, 0x0b, ...i32(38), 0x0b, ...ins.drop]],
  ['if and else', [...i32(1), 0x04, 0x40, 0x01, 0x05, 0x01, 0x0b]],
  ['br_table', [0x02, 0x40, ...i32(0), 0x0e, 2, 0, 0, 0, 0x0b]],
  ['select with a type', [...i32(1), ...i32(2), ...i32(0), 0x1c, 1, 0x7f, ...ins.drop]],
  ['call_indirect', [...i32(0), ...ins.callIndirect(1, 0), ...ins.drop]],
  ['table.get', [...i32(0), 0x25, 0, ...ins.drop]],
  ['table.size', [...ins.tableSize(1), ...ins.drop]],
  ['ref.func', [...ins.refFunc(0), ...ins.refIsNull, ...ins.drop]],
  ['elem.drop', ins.elemDrop(1)],
  [
    'memory.copy and memory.fill',
    [...i32(0), ...i32(0), ...i32(0), 0xfc, 10, 0, 0, ...i32(0), ...i32(0), ...i32(0), 0xfc, 11, 0],
  ],
  ['a saturating conversion', [0x43, ...littleEndian(0n, 4), 0xfc, 0, ...ins.drop]],
  ['a lane', [...ins.v128Const(1n, 2n), ...ins.i64x2ExtractLane(1), ...ins.drop]],
  [
    'a shuffle',
    [
      ...ins.v128Const(1n, 2n),
      ...ins.v128Const(1n, 2n),
      0xfd,
      13,
      ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
      ...ins.drop,
    ],
  ],
  ['a lane of memory', [...i32(0), ...ins.v128Const(1n, 2n), 0xfd, 84, 0, 0x26, 0, ...ins.drop]],
  ['vector arithmetic', [...ins.v128Const(1n, 2n), ...ins.v128Const(1n, 2n), 0xfd, 0xae, 0x01, ...ins.drop]],
  [
    'memory.size and memory.grow',
    [...ins.memorySize, ...ins.drop, ...i32(0), ...ins.memoryGrow, ...ins.drop],
  ],
];
/** Has every byte that could be met looked at: a constant with the bytes of table.set inside, so that its function is decoded. */
const SUSPECT: Bytes = [...ins.f32Bits(0x0026_0026n), ...ins.drop];

describe('code', () => {
  it.each(WRITES)('that has %s writes', (_name, code) => {
    expect(isFixed(code)).toBe(false);
    expect(isFixed([...SUSPECT, ...code])).toBe(false);
  });

  it.each(HARMLESS)('that has %s does not', (_name, code) => {
    expect(isFixed(code)).toBe(true);
    expect(isFixed([...code, ...SUSPECT])).toBe(true);
  });

  it('writes when any of its instructions does, wherever that is', () => {
    const harmless = fc.constantFrom(...HARMLESS.map(([, code]) => code), SUSPECT);
    const all = fc.array(harmless, { maxLength: 12 });
    fc.assert(
      fc.property(all, fc.option(fc.constantFrom(...WRITES)), all, (before, write, after) => {
        const code = [...before.flat(), ...(write?.[1] ?? []), ...after.flat()];
        expect(isFixed(code)).toBe(write === null);
      }),
    );
  });

  it('that is not understood counts as writing, where it is looked at', () => {
    const atomicFence: Bytes = [0xfe, 3, 0];
    expect(isFixed([...SUSPECT, ...atomicFence])).toBe(false);
    expect(isFixed(atomicFence)).toBe(true);
  });

  it('with more bytes that could begin a write than are worth the time counts as writing', () => {
    const structure = parseModule(assemble(source(NOTHING)), 'm.wasm');
    const withCandidates = (count: number): ModuleStructure => {
      const payload = new Uint8Array(3 * count);
      for (let at = 0; at < payload.length; at += 3) payload.set([0x41, 0x26, 0x1a], at);
      const sections = structure.sections.map((each) => (each.id === CODE ? { ...each, payload } : each));
      return { ...structure, sections };
    };
    expect(hasFixedTables(withCandidates(300_000), 'm.wasm')).toBe(true);
    expect(hasFixedTables(withCandidates(1_000_001), 'm.wasm')).toBe(false);
  });

  it('with more suspicions than are worth the time counts as writing', () => {
    expect(isFixed(Array.from({ length: 5000 }, () => SUSPECT).flat())).toBe(false);
  });
});

describe('modules', () => {
  it('without tables, or without code, have nothing to write', () => {
    expect(keepsNoTables(assemble({}))).toBe(true);
    const tableOnly = { tables: source(NOTHING).tables ?? [] };
    expect(keepsNoTables(assemble(tableOnly))).toBe(true);
  });

  it('of many kinds of state are found to write, a compiled C program is not', () => {
    expect(zoo.layout.tables).toHaveLength(2);
    expect(keepsNoTables(new Uint8Array(readFileSync(QUICKJS_MODULE)))).toBe(true);
  });
});

describe('instances', () => {
  const open = (code: Bytes) => {
    const prepared = prepareModule(assemble(source(code)), 'm.wasm', QUOTA);
    const instance = new WebAssembly.Instance(prepared.module);
    return { prepared, instance, access: new StateAccess(instance, prepared.layout) };
  };

  it('have their tables from the module where no code can change them, and no state speaks of them', () => {
    const { prepared, instance, access } = open(SUSPECT);
    expect(prepared.first.state.tables).toEqual([]);
    expect(access.restore(prepared.first.state)).toBe(true);
    expect(access.capture('m')).toEqual(prepared.first.state);
    expect(Object.keys(instance.exports).filter((name) => name.startsWith('__hr_table'))).toEqual([]);
    const { table } = instance.exports;
    if (!(table instanceof WebAssembly.Table)) throw new Error('the table is exported');
    const names = [0, 1, 2, 3].map((position) => (table.get(position) as { name: string } | null)?.name);
    expect(names).toEqual(['0', '1', '0', undefined]);
  });

  it.each(WRITES)('are put back after %s', (_name, code) => {
    const { prepared, instance, access } = open(code);
    const before = prepared.first.state;
    expect(before.tables).toEqual([
      [0, 1, 0, -1],
      [-1, -1],
    ]);
    access.restore(before);
    expect(access.capture('m')).toEqual(before);
    callExport(instance, 'change');
    const after = access.capture('m');
    // A table that has grown takes a fresh instance.
    if (!access.restore(before)) return expect(after.tables[1]).toHaveLength(3);
    expect(access.capture('m')).toEqual(before);
    expect(access.restore(after)).toBe(true);
    expect(access.capture('m')).toEqual(after);
  });
});
