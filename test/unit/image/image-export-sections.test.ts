// Exported images, section by section: custom sections that stay true, globals to the last bit, and segments of random modules, in places
// where code can name them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RekindleError } from '#runtime/errors.js';
import { instanceOf, startModule } from '#test/support/exported-image.js';
import {
  assemble,
  type Bytes,
  ins,
  littleEndian,
  type ModuleSource,
  text,
  u32,
} from '#test/support/wasm-assembler.js';
import { source as anySource, seen, shape, TABLE_SIZE } from './any-segments.js';
import { callExport } from './state-zoo.js';

const bytesOf = (source: ModuleSource) => assemble(source);

/** One function of type () -> i32 with that code, exported as `run`, and what else is given. */
const running = (code: Bytes, rest: Partial<ModuleSource> = {}): ModuleSource => ({
  types: [
    [[], ['i32']],
    [[], []],
  ],
  functions: [{ type: 0, code }],
  exports: { run: ['function', 0] },
  ...rest,
});
const stubbed = (rest: Partial<ModuleSource>): ModuleSource => running([], rest);

describe('custom sections', () => {
  const nameSection = [
    ...[0, ...u32(4), ...text('own')],
    ...[1, ...u32(6), 1, 0, ...text('run')],
    ...[9, ...u32(4), 1, 0, ...text('d')],
  ];
  const source = (customs: NonNullable<ModuleSource['customs']>) =>
    bytesOf(running(ins.i32Const(1), { customs }));
  const customsOf = (bytes: Uint8Array<ArrayBuffer>, name: string) =>
    WebAssembly.Module.customSections(new WebAssembly.Module(bytes), name).map((each) => [
      ...new Uint8Array(each),
    ]);

  it('stay where they say what is still so', () => {
    const { exported } = startModule(
      source([
        { name: 'name', payload: nameSection },
        { name: 'producers', payload: [0] },
        { name: '.debug_info', payload: [1, 2] },
        { name: 'sourceMappingURL', payload: text('m.map') },
        { name: "somebody's own", payload: [4] },
      ]),
    );
    const bytes = exported();
    expect(customsOf(bytes, 'name')).toEqual([nameSection.slice(0, -6)]);
    const names = ['producers', '.debug_info', 'sourceMappingURL', "somebody's own"];
    expect(names.map((name) => customsOf(bytes, name))).toEqual([[[0]], [], [], [[4]]]);
  });

  it('that cannot be read fail nothing', () => {
    const { exported } = startModule(source([{ name: 'name', payload: [1, 99] }]));
    expect(callExport(instanceOf(exported()), 'run')).toBe(1);
  });

  it('of the name of the note on maxima are the guest’s', () => {
    const { exported } = startModule(source([{ name: 'rekindle.maxima', payload: [9, 9] }]));
    expect(customsOf(exported(), 'rekindle.maxima')).toEqual([[9, 9]]);
  });
});

it('every bit of a global stays, and an immutable one is what it was', () => {
  const patterns = fc.record({
    i32: fc.integer(),
    i64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    f32: fc.oneof(fc.nat(2 ** 32 - 1), fc.constantFrom(0x7fa00001, 0xffc12345)).map(BigInt),
    f64: fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.constant(0xfff4123456789abcn)),
    low: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    high: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    mutable: fc.boolean(),
  });
  fc.assert(
    fc.property(patterns, ({ i32, i64, f32, f64, low, high, mutable }) => {
      const source = stubbed({
        types: [
          [[], ['i32']],
          [[], ['i64']],
        ],
        functions: [
          { type: 0, code: ins.globalGet(0) },
          { type: 1, code: ins.globalGet(1) },
          { type: 0, code: [...ins.globalGet(2), ...ins.i32ReinterpretF32] },
          { type: 1, code: [...ins.globalGet(3), ...ins.i64ReinterpretF64] },
          { type: 1, code: [...ins.globalGet(4), ...ins.i64x2ExtractLane(0)] },
          { type: 1, code: [...ins.globalGet(4), ...ins.i64x2ExtractLane(1)] },
        ],
        globals: [
          { type: 'i32', mutable, initializer: ins.i32Const(i32) },
          { type: 'i64', mutable, initializer: ins.i64Const(i64) },
          { type: 'f32', mutable, initializer: ins.f32Bits(f32) },
          { type: 'f64', mutable, initializer: ins.f64Bits(f64) },
          { type: 'v128', mutable, initializer: ins.v128Const(low, high) },
        ],
        exports: Object.fromEntries([0, 1, 2, 3, 4, 5].map((index) => [`${index}`, ['function', index]])),
      });
      const copy = instanceOf(startModule(bytesOf(source)).exported());
      const seen = [0, 1, 2, 3, 4, 5].map((index) => callExport(copy, `${index}`));
      const [bits32, ...bits64] = [f32, f64, low, high];
      expect(seen).toEqual([
        i32,
        i64,
        Buffer.from(littleEndian(bits32 ?? 0n, 4)).readInt32LE(),
        ...bits64.map((bits) => BigInt.asIntN(64, bits)),
      ]);
    }),
    { numRuns: 100 },
  );
});

describe('random segments', () => {
  const FIRST_PROBE = 6;

  /** With a function for each segment that uses it, and one that drops it. */
  function probed(source: ModuleSource): ModuleSource {
    const data = source.dataCount === true ? (source.data ?? []) : [];
    const elements = source.elements ?? [];
    const range = [...ins.i32Const(0), ...ins.i32Const(0), ...ins.i32Const(1)];
    const codes: [string, Bytes][] = [
      ...data.flatMap((_, index): [string, Bytes][] => [
        [`useData${index}`, [...range, ...ins.memoryInit(index)]],
        [`dropData${index}`, ins.dataDrop(index)],
      ]),
      ...elements.flatMap((_, index): [string, Bytes][] => [
        [`useElements${index}`, [...range, ...ins.tableInit(index, 0)]],
        [`dropElements${index}`, ins.elemDrop(index)],
      ]),
    ];
    return {
      ...source,
      functions: [...(source.functions ?? []), ...codes.map(([, code]) => ({ type: 1, code }))],
      exports: {
        ...source.exports,
        ...Object.fromEntries(
          codes.map(([name], index) => [name, ['function', FIRST_PROBE + index] as const]),
        ),
      },
    };
  }

  const outcome = (instance: WebAssembly.Instance, name: string): string => {
    try {
      return String(callExport(instance, name));
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      return error.message;
    }
  };

  it('are used and dropped as in the original going on, and of its export', () => {
    const counts = { compared: 0, refused: 0 };
    fc.assert(
      fc.property(
        shape,
        fc.array(fc.nat(1000), { maxLength: 8 }),
        fc.array(fc.nat(1000), { maxLength: 8 }),
        (any, before, after) => {
          const bytes = bytesOf(probed(anySource(any)));
          const names = WebAssembly.Module.exports(new WebAssembly.Module(bytes))
            .filter(({ kind }) => kind === 'function')
            .map(({ name }) => name);
          const pick = (numbers: readonly number[]): readonly string[] =>
            names.length === 0 ? [] : numbers.map((number) => names[number % names.length] ?? '');
          let original: ReturnType<typeof startModule>;
          try {
            original = startModule(bytes);
          } catch (error) {
            if (!(error instanceof RekindleError)) throw error;
            counts.refused += 1;
            return;
          }
          for (const name of pick(before)) outcome(original.instance, name);
          const copy = instanceOf(original.exported());
          const again = startModule(original.exported());
          for (const name of pick(after)) {
            const expected = outcome(original.instance, name);
            expect([name, outcome(copy, name), outcome(again.instance, name)]).toEqual([
              name,
              expected,
              expected,
            ]);
          }
          const expected = seen(original.instance);
          for (const actual of [seen(copy), seen(again.instance), seen(instanceOf(again.exported()))]) {
            expect(Buffer.compare(actual.memory, expected.memory)).toBe(0);
            expect({ ...actual, memory: null }).toEqual({ ...expected, memory: null });
            expect(actual.tables[0]).toHaveLength(TABLE_SIZE);
          }
          counts.compared += 1;
        },
      ),
      { numRuns: 300 },
    );
    expect(Math.min(counts.compared, counts.refused)).toBeGreaterThan(10);
  });
});
