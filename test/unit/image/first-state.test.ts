// The first state of a module beside what the engine makes of it: values of globals, bit by bit, for random constant expressions; and how much
// of linear memory is stored.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstContent } from '#runtime/image/first-state.js';
import { FunctionReferences } from '#runtime/image/function-references.js';
import { accessGlobal } from '#runtime/image/global-access.js';
import { type PreparedModule, prepareModule } from '#runtime/image/prepare.js';
import { assemble, type Bytes, ins, type ModuleSource } from '#test/support/wasm-assembler.js';

const PAGE = 65536;
const prepare = (source: ModuleSource): PreparedModule =>
  prepareModule(assemble(source), 'm.wasm', { memoryQuotaBytes: 16 * PAGE });

type Global = NonNullable<ModuleSource['globals']>[number];

/** What the engine says, of an instance that nobody has touched. */
function valuesOf({ module, layout }: PreparedModule): unknown[] {
  const { exports } = new WebAssembly.Instance(module);
  const functions = new FunctionReferences(exports, layout.functionTable);
  return layout.globals.map((slot) => accessGlobal(exports, slot, functions).capture('m'));
}

const i32 = fc.oneof(fc.integer(), fc.constantFrom(0, -1, 63, 64, -64, -65, 2 ** 31 - 1, -(2 ** 31)));
const i64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(0n, -1n, 2n ** 63n - 1n, -(2n ** 63n)),
);
const mutable = (type: Global['type'], initializer: Bytes): Global => ({ type, mutable: true, initializer });
const anyGlobal: fc.Arbitrary<Global> = fc.oneof(
  i32.map((value) => mutable('i32', ins.i32Const(value))),
  i64.map((value) => mutable('i64', ins.i64Const(value))),
  fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }).map((bits) => mutable('f32', ins.f32Bits(bits))),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((bits) => mutable('f64', ins.f64Bits(bits))),
  fc.tuple(i64, i64).map(([low, high]) => mutable('v128', ins.v128Const(low, high))),
  fc.constantFrom(0, 1).map((index) => mutable('funcref', ins.refFunc(index))),
  fc.constantFrom('funcref' as const, 'externref' as const).map((type) => mutable(type, ins.refNull(type))),
);
const functions: ModuleSource = {
  types: [[[], []]],
  functions: [
    { type: 0, code: [] },
    { type: 0, code: [] },
  ],
};

describe('globals', () => {
  it('have the values the engine gives them', () => {
    fc.assert(
      fc.property(fc.array(anyGlobal, { maxLength: 6 }), (globals) => {
        const prepared = prepare({ ...functions, globals });
        expect(prepared.first.state.globals).toEqual(valuesOf(prepared));
      }),
      { numRuns: 400 },
    );
  });

  const [ADD, SUB, MUL] = [0, 1, 2];
  const operation = fc.constantFrom(ADD, SUB, MUL);
  const calculation = (type: 'i32' | 'i64'): fc.Arbitrary<Bytes> => {
    const literal =
      type === 'i32' ? i32.map((value) => ins.i32Const(value)) : i64.map((value) => ins.i64Const(value));
    const first = type === 'i32' ? 0x6a : 0x7c;
    // Global 0 is an i32, global 1 an i64.
    const leaf = fc.oneof(literal, fc.constant(ins.globalGet(type === 'i32' ? 0 : 1)));
    return fc
      .tuple(leaf, fc.array(fc.tuple(leaf, operation), { maxLength: 4 }))
      .map(([start, steps]) => [...start, ...steps.flatMap(([operand, op]) => [...operand, first + op])]);
  };
  const CALCULATES = WebAssembly.validate(
    assemble({
      globals: [
        { type: 'i32', initializer: ins.i32Const(1) },
        { type: 'i32', initializer: [...ins.globalGet(0), ...ins.i32Const(1), ...ins.i32Add] },
      ],
    }),
  );
  it.runIf(CALCULATES)('are calculated as the engine does it, where it does', () => {
    fc.assert(
      fc.property(i32, i64, calculation('i32'), calculation('i64'), (a, b, narrow, wide) => {
        const prepared = prepare({
          globals: [
            { type: 'i32', initializer: ins.i32Const(a) },
            { type: 'i64', initializer: ins.i64Const(b) },
            mutable('i32', narrow),
            mutable('i64', wide),
          ],
        });
        expect(prepared.first.state.globals).toEqual(valuesOf(prepared));
      }),
      { numRuns: 400 },
    );
  });
});

describe('linear memory', () => {
  const stored = (data: NonNullable<ModuleSource['data']>) => {
    const { first } = prepare({ memories: [{ initial: 2 }], data });
    const storedBytes = first.memories[0]?.storedBytes;
    expect(first.memories).toMatchObject([{ memoryBytes: 2 * PAGE }]);
    return { storedBytes, memory: firstContent(first, 'm.wasm') };
  };
  const at = (offset: number, ...bytes: number[]) => ({ offset: ins.i32Const(offset), bytes });

  it('is stored as far as it holds anything, in whole pages of the bank', () => {
    expect(stored([]).storedBytes).toBe(0);
    expect(stored([at(0, 0, 0, 0)]).storedBytes).toBe(0);
    expect(stored([at(100, 1)]).storedBytes).toBe(4096);
    expect(stored([at(4095, 1)]).storedBytes).toBe(4096);
    expect(stored([at(4095, 1, 0, 0)]).storedBytes).toBe(4096);
    expect(stored([at(4095, 1, 2)]).storedBytes).toBe(8192);
    expect(stored([at(2 * PAGE - 1, 1), at(5, 1)]).storedBytes).toBe(2 * PAGE);
  });

  it('holds zeros that a later segment has put over an earlier one', () => {
    const { memory, storedBytes } = stored([at(4094, 1, 2, 3, 4), at(4095, 0, 0)]);
    expect(storedBytes).toBe(8192);
    expect([...memory.subarray(4093, 4099)]).toEqual([0, 1, 0, 0, 4, 0]);
    expect(memory.byteLength).toBe(storedBytes);
  });
});
