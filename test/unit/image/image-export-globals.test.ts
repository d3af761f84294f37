// Exported images of modules that import globals, and of what later engines know: values that were given become the module's own, 64-bit sizes
// stay what they were declared, and what cannot be written down is refused by name.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RekindleError } from '#runtime/errors.js';
import { parseModule } from '#runtime/image/module-parser.js';
import { WasmReader } from '#runtime/image/wasm-reader.js';
import { WasmWriter } from '#runtime/image/wasm-writer.js';
import { ENGINE_FEATURES, type EngineFeature } from '#test/differential/engine-features.js';
import { END, GIVES, get, i32, NOTHING, raw, set, VOID } from '#test/differential/raw-module.js';
import { instanceOf, startModule } from '#test/support/exported-image.js';
import { assemble, ins, type ModuleSource, text, u32 } from '#test/support/wasm-assembler.js';
import { callExport } from './state-zoo.js';

function refusal(attempt: () => unknown): readonly string[] {
  try {
    attempt();
    return [];
  } catch (error) {
    if (!(error instanceof RekindleError)) throw error;
    return [error.code, error.message];
  }
}

/** What it returns, or the message of the trap: an entry may have been set to null by now. */
function outcome(instance: WebAssembly.Instance, name: string): unknown {
  try {
    return callExport(instance, name);
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    return error.message;
  }
}

/** Imports globals that are set, read, start another, place segments, and are handed on. */
function importing(mutable: boolean): ModuleSource {
  const own = (type: 'i32' | 'i64' | 'f32' | 'f64', name: string) =>
    ({ module: 'env', name, kind: 'global', type, mutable }) as const;
  const base = 4;
  return {
    types: [
      [[], ['i32']],
      [[], ['i64']],
      [[], []],
      [['i32'], []],
    ],
    imports: [
      { module: 'env', name: 'told', kind: 'function', type: 0 },
      own('i32', 'a'),
      own('i64', 'b'),
      own('f32', 'c'),
      own('f64', 'd'),
      { module: 'env', name: 'base', kind: 'global', type: 'i32', mutable: false },
      { module: 'env', name: 'nothing', kind: 'global', type: 'funcref', mutable: false },
    ],
    tables: [{ elementType: 'funcref', limits: { initial: 8 } }],
    memories: [{ initial: 1 }],
    globals: [
      { type: 'i32', initializer: ins.globalGet(base) },
      { type: 'i32', mutable: true, initializer: ins.globalGet(base) },
    ],
    functions: [
      { type: 0, code: ins.globalGet(0) },
      { type: 1, code: ins.globalGet(1) },
      { type: 0, code: [...ins.globalGet(2), ...ins.i32ReinterpretF32] },
      { type: 1, code: [...ins.globalGet(3), ...ins.i64ReinterpretF64] },
      { type: 0, code: ins.globalGet(6) },
      { type: 0, code: ins.globalGet(7) },
      { type: 3, code: [...ins.localGet(0), ...ins.globalSet(mutable ? 0 : 7)] },
      { type: 0, code: [...ins.globalGet(base), ...ins.i32Load] },
      { type: 0, code: [...ins.globalGet(base), ...ins.callIndirect(0, 0)] },
      {
        type: 2,
        code: [...ins.i32Const(0), ...ins.i32Const(0), ...ins.i32Const(1), ...ins.tableInit(1, 0)],
      },
    ],
    elements: [
      { mode: 'active', offset: ins.globalGet(base), entries: [1] },
      { mode: 'passive', elementType: 'funcref', entries: [ins.globalGet(5), ins.refFunc(2)] },
    ],
    data: [{ offset: ins.globalGet(base), bytes: [1, 2, 3, 4] }],
    exports: {
      ...Object.fromEntries(READERS.map((name, index) => [name, ['function', index + 1]] as const)),
      change: ['function', 7],
      load: ['function', 8],
      call: ['function', 9],
      init: ['function', 10],
      base: ['global', base],
      table: ['table', 0],
    },
  };
}
const READERS = ['a', 'b', 'c', 'd', 'copied', 'counted'] as const;

describe('imported globals', () => {
  it('are the module’s own, with the values that are state, and so is what reads them', () => {
    const given = fc.record({
      a: fc.integer(),
      b: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      c: fc.float(),
      d: fc.double(),
      base: fc.nat(7),
      nothing: fc.constant(null),
    });
    fc.assert(
      fc.property(given, fc.boolean(), fc.option(fc.integer()), fc.boolean(), (env, mutable, value, init) => {
        const told = () => 77;
        const original = startModule(assemble(importing(mutable)), { env: { told } }, 4, { env });
        if (value !== null) callExport(original.instance, 'change', [value]);
        if (init) callExport(original.instance, 'init');
        const seen = (instance: WebAssembly.Instance) =>
          [...READERS, 'load', 'call'].map((name) => outcome(instance, name));
        const sees = seen(original.instance);
        const trapping = original.exported();
        const keeping = original.exported('keep');
        expect(WebAssembly.Module.imports(new WebAssembly.Module(trapping))).toEqual([]);
        expect(WebAssembly.Module.imports(new WebAssembly.Module(keeping)).map(({ name }) => name)).toEqual([
          'told',
        ]);
        const again = startModule(trapping);
        const copies = [
          instanceOf(trapping),
          instanceOf(keeping, { env: { told } }),
          again.instance,
          instanceOf(again.exported()),
        ];
        for (const copy of copies) {
          expect(seen(copy)).toEqual(sees);
          const { base } = copy.exports;
          expect(base instanceof WebAssembly.Global && base.value).toBe(env.base);
        }
        for (const copy of [original.instance, ...copies]) {
          callExport(copy, 'change', [5]);
          callExport(copy, 'init');
        }
        for (const copy of copies) expect(seen(copy)).toEqual(seen(original.instance));
      }),
      { numRuns: 150 },
    );
  });

  it('place the segments of tables that no code changes', () => {
    const source = importing(false);
    const functions = (source.functions ?? []).map((each, index) =>
      index === 9 ? { ...each, code: [] } : each,
    );
    const env = { a: 41, b: 0n, c: 0, d: 0, base: 3, nothing: null };
    const original = startModule(assemble({ ...source, functions }), { env: { told: () => 0 } }, 4, { env });
    const bytes = original.exported();
    expect([callExport(instanceOf(bytes), 'call'), callExport(original.instance, 'call')]).toEqual([41, 41]);
    expect(parseModule(bytes, 'm').elements).toHaveLength(2);
  });
});

describe('references', () => {
  it('that are numbers of the host are refused where the module has no way to make one', () => {
    const source: ModuleSource = {
      types: [[['externref'], []]],
      functions: [
        { type: 0, code: [...ins.localGet(0), ...ins.globalSet(0)] },
        { type: 0, code: [...ins.i32Const(1), ...ins.localGet(0), ...ins.tableSet(0)] },
      ],
      tables: [{ elementType: 'externref', limits: { initial: 2 } }],
      globals: [{ type: 'externref', mutable: true, initializer: ins.refNull('externref') }],
      exports: { global: ['function', 0], entry: ['function', 1] },
    };
    const { instance, exported } = startModule(assemble(source));
    for (const [name, where] of [
      ['global', 'global 0'],
      ['entry', 'table 0 entry 1'],
    ] as const) {
      callExport(instance, name, [5]);
      const said = `${where} holds a number, and the module has no way to make one`;
      expect(refusal(exported)).toEqual([
        'CHECKPOINT_REFUSED',
        `CHECKPOINT_REFUSED: m: its image cannot be exported: ${said}`,
      ]);
      callExport(instance, name, [null]);
      expect(refusal(exported)).toEqual([]);
    }
  });
});

const needs = (feature: EngineFeature): boolean => ENGINE_FEATURES.includes(feature);

describe('what later engines know', () => {
  it.runIf(needs('typed-references') && needs('gc'))('an imported function known by another type', () => {
    const types = [
      [0x50, 0, ...VOID],
      [0x50, 1, 0, ...VOID],
    ];
    const provider = raw({ types, functions: [[1, []]], exports: { f: ['function', 0] } });
    const { f } = instanceOf(provider).exports;
    const source = raw({
      types,
      imports: [0, 1].map((type) => [...text('env'), ...text(`f${type}`), 0, type]),
      globals: [[0x63, 1, 1, 0xd0, 1, END]],
      functions: [[0, [0xd2, 1, ...set(0)]]],
      exports: { hold: ['function', 2], f0: ['function', 0], f1: ['function', 1] },
    });
    const { instance, exported } = startModule(source, {
      env: { f0: f, f1: f } as WebAssembly.ModuleImports,
    });
    instanceOf(exported());
    callExport(instance, 'hold');
    expect(refusal(exported).join()).toContain('global 0 holds an imported function by another type');
  });

  // Engines allow a memory no more than that today, but a table whatever can be written.
  it.runIf(needs('memory64') && needs('table64'))('maxima that no 32 bits hold', () => {
    const huge = (exponent: number): number[] => u32(2 ** exponent);
    const source = raw({
      memories: [[5, 1, ...huge(18)]],
      tables: [[0x70, 5, 2, ...huge(62)]],
      functions: [[GIVES, i32(1)]],
      exports: { run: ['function', 0] },
    });
    const { memories, tables } = parseModule(startModule(source).exported(), 'm');
    expect(memories).toEqual([{ initial: 1, maximum: 2 ** 18, is64: true }]);
    expect(tables[0]?.limits).toEqual({ initial: 2, maximum: Number.MAX_SAFE_INTEGER, is64: true });
  });

  it.runIf(needs('gc'))('numbers of 31 bits are written down bit by bit', () => {
    const source = raw({
      types: [
        [0x60, 1, 0x7f, 0],
        [0x60, 0, 1, 0x7f],
      ],
      globals: [[0x6c, 1, 0xd0, 0x6c, END]],
      tables: [[0x6e, 1, 2, 3]],
      functions: [
        [NOTHING, [0x20, 0, 0xfb, 28, ...set(0), ...i32(1), ...get(0), 0x26, 0]],
        [GIVES, [...get(0), 0xfb, 29]],
        [GIVES, [...i32(1), 0x25, 0, 0xfb, 22, 0x6c, 0xfb, 29]],
      ],
      exports: { keep: ['function', 0], global: ['function', 1], entry: ['function', 2] },
    });
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 30), max: 2 ** 30 - 1 }), (value) => {
        const { instance, exported } = startModule(source);
        callExport(instance, 'keep', [value]);
        const copy = instanceOf(exported());
        expect([callExport(copy, 'global'), callExport(copy, 'entry')]).toEqual([value, value]);
      }),
      { numRuns: 50 },
    );
  });
});

it('unsigned integers of 64 bits are read as they were written', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (value) => {
      const reader = new WasmReader(new WasmWriter().u64(value).finish(), 'm');
      expect([reader.u64(), reader.atEnd]).toEqual([value, true]);
    }),
  );
});
