// Exported images against the instances they were made of: a plain engine instantiates the module, and it must answer as the original
// going on does, for every kind of state, and hold nothing that the guest's own module does not have.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { instanceOf, startModule } from '#test/support/exported-image.js';
import { assemble, type Bytes, ins, type ModuleSource } from '#test/support/wasm-assembler.js';
import { callExport, observe, ZOO, type Zoo } from './state-zoo.js';

const PAGE = 65_536;
const bytesOf = (source: ModuleSource) => assemble(source);

/** Calls that change the zoo, each another kind of state. */
const CHANGES: readonly (readonly [name: string, ...args: number[]])[] = [
  ['mutate'],
  ['growTables'],
  ['dropData'],
  ['dropElements'],
  ['growMemory', 3],
  ['useData'],
  ['useElements'],
  ['callEntry', 0],
];

function zooOf(instance: WebAssembly.Instance): Zoo {
  return { instance, call: (name, ...args) => callExport(instance, name, args), starts: () => 0 };
}

/** Calls that trap are part of a history: what they did before they trapped stays. */
function change(instance: WebAssembly.Instance, name: string, args: readonly number[]): void {
  try {
    callExport(instance, name, [...args]);
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
  }
}

const host = { host: { started: () => undefined } };

describe('the zoo', () => {
  it('answers as the original after any history, and so does an export of the export', () => {
    const history = fc.array(fc.constantFrom(...CHANGES), { maxLength: 8 });
    fc.assert(
      fc.property(history, history, (before, after) => {
        const original = startModule(bytesOf(ZOO), host);
        for (const [name, ...args] of before) change(original.instance, name, args);
        const exported = original.exported();
        const again = startModule(exported).exported();
        const copies = [
          original.instance,
          instanceOf(exported),
          instanceOf(again),
          startModule(exported).instance,
        ];
        for (const copy of copies) for (const [name, ...args] of after) change(copy, name, args);
        const [expected, ...actual] = copies.map((copy) => observe(zooOf(copy)));
        expect(actual).toEqual([expected, expected, expected]);
      }),
      { numRuns: 150 },
    );
  });

  it('does not run its start function again', () => {
    let starts = 0;
    const started = (): void => {
      starts += 1;
    };
    const { exported } = startModule(bytesOf(ZOO), { host: { started } });
    const copy = instanceOf(exported('keep'), { host: { started } });
    expect([starts, callExport(copy, 'global_i32')]).toEqual([1, 1000]);
  });

  it('exports what the guest exports, in its order, and imports nothing', () => {
    const { exported } = startModule(bytesOf(ZOO), host);
    const original = new WebAssembly.Module(bytesOf(ZOO));
    const trapping = new WebAssembly.Module(exported());
    expect(WebAssembly.Module.exports(trapping)).toEqual(WebAssembly.Module.exports(original));
    expect(WebAssembly.Module.imports(trapping)).toEqual([]);
    const keeping = new WebAssembly.Module(exported('keep'));
    expect(WebAssembly.Module.exports(keeping)).toEqual(WebAssembly.Module.exports(original));
    expect(WebAssembly.Module.imports(keeping)).toEqual(WebAssembly.Module.imports(original));
  });

  it('is as large as the guest and what it holds', () => {
    const { exported } = startModule(bytesOf(ZOO), host);
    expect(exported('keep').byteLength).toBeLessThan(bytesOf(ZOO).byteLength + 8);
    expect(Buffer.from(exported()).includes('__hr_')).toBe(false);
    expect(Buffer.from(exported()).includes('rekindle')).toBe(false);
  });
});

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

describe('imports', () => {
  const importing = stubbed({
    imports: [
      { module: 'host', name: 'seven', kind: 'function', type: 0 },
      { module: 'host', name: 'memory', kind: 'memory', limits: { initial: 1, maximum: 3 } },
      { module: 'host', name: 'unused', kind: 'function', type: 1 },
      {
        module: 'host',
        name: 'table',
        kind: 'table',
        elementType: 'funcref',
        limits: { initial: 2, maximum: 5 },
      },
    ],
    functions: [
      { type: 0, code: ins.call(0) },
      { type: 0, code: ins.i32Const(5) },
      { type: 0, code: [...ins.i32Const(1), ...ins.callIndirect(0, 0)] },
    ],
    elements: [{ mode: 'active', offset: ins.i32Const(0), entries: [3, 0] }],
    exports: {
      run: ['function', 2],
      own: ['function', 3],
      indirect: ['function', 4],
      passedOn: ['function', 0],
      memory: ['memory', 0],
      table: ['table', 0],
    },
  });
  const provided = { host: { seven: () => 7, unused: () => undefined } };

  it('trap where they are called, by name, by reference and from outside', () => {
    const copy = instanceOf(startModule(bytesOf(importing), provided).exported());
    for (const name of ['run', 'indirect', 'passedOn'])
      expect(() => callExport(copy, name)).toThrow(WebAssembly.RuntimeError);
    expect(callExport(copy, 'own')).toBe(5);
  });

  it('are kept when asked for, but for memory and tables, which hold the state', () => {
    const bytes = startModule(bytesOf(importing), provided).exported('keep');
    expect(WebAssembly.Module.imports(new WebAssembly.Module(bytes)).map(({ name }) => name)).toEqual([
      'seven',
      'unused',
    ]);
    const copy = instanceOf(bytes, { host: { seven: () => 8, unused: () => undefined } });
    expect(['run', 'indirect', 'passedOn', 'own'].map((name) => callExport(copy, name))).toEqual([
      8, 8, 8, 5,
    ]);
  });

  it('leave a module valid that has nothing else', () => {
    const source: ModuleSource = {
      types: [[[], ['i32']]],
      imports: [{ module: 'host', name: 'seven', kind: 'function', type: 0 }],
      exports: { seven: ['function', 0] },
    };
    const started = startModule(bytesOf(source), provided);
    expect(() => callExport(instanceOf(started.exported()), 'seven')).toThrow('unreachable');
    expect(callExport(instanceOf(started.exported('keep'), provided), 'seven')).toBe(7);
  });
});

describe('sizes', () => {
  const maximumPages = (maximum?: number): unknown => {
    const limits = maximum === undefined ? { initial: 1 } : { initial: 1, maximum };
    const source = stubbed({
      functions: [{ type: 0, code: [...ins.i32Const(6), ...ins.memoryGrow] }],
      memories: [limits],
    });
    const started = startModule(bytesOf(source), {}, 3);
    // Over the quota it ran under.
    expect(callExport(started.instance, 'run')).toBe(-1);
    return callExport(instanceOf(started.exported()), 'run');
  };

  it('of memory are bounded by what the module declares, not by a quota', () => {
    expect([maximumPages(), maximumPages(7), maximumPages(6)]).toEqual([1, 1, -1]);
  });

  it('of tables are the present ones, bounded by what the module declares', () => {
    const grow = (delta: number): Bytes => [
      ...ins.refNull('funcref'),
      ...ins.i32Const(delta),
      ...ins.tableGrow(0),
    ];
    const source = stubbed({
      functions: [
        { type: 0, code: grow(3) },
        { type: 0, code: grow(2_000_000) },
      ],
      tables: [{ elementType: 'funcref', limits: { initial: 1 } }],
      exports: { run: ['function', 0], much: ['function', 1] },
    });
    const { instance, exported } = startModule(bytesOf(source));
    expect([callExport(instance, 'run'), callExport(instance, 'much')]).toEqual([1, -1]);
    const copy = instanceOf(exported());
    expect([callExport(copy, 'run'), callExport(copy, 'much')]).toEqual([4, 7]);
  });
});

describe('linear memory', () => {
  const source = (data: ModuleSource['data'], dataCount: boolean): ModuleSource =>
    stubbed({
      functions: [{ type: 0, code: ins.memorySize }],
      memories: [{ initial: 3 }],
      exports: { run: ['function', 0], memory: ['memory', 0] },
      data: data ?? [],
      dataCount,
    });
  const contentOf = ({ exports: { memory } }: WebAssembly.Instance): Uint8Array => {
    if (!(memory instanceof WebAssembly.Memory)) throw new Error('memory');
    return new Uint8Array(memory.buffer);
  };

  it('is the same byte for byte, whatever lies in it', () => {
    const stretch = fc.record({
      at: fc.oneof(fc.nat(3 * PAGE - 1), fc.nat(2000), fc.constantFrom(0, 4095, PAGE - 1, 3 * PAGE - 1)),
      bytes: fc.uint8Array({ maxLength: 300 }),
    });
    const passive = { bytes: [1, 2, 3] };
    const active = { offset: ins.i32Const(5000), bytes: [9, 9] };
    fc.assert(
      fc.property(fc.array(stretch, { maxLength: 12 }), fc.boolean(), (stretches, dataCount) => {
        const started = startModule(bytesOf(source([active, passive, active], dataCount)));
        const memory = contentOf(started.instance);
        for (const { at, bytes } of stretches) memory.set(bytes.subarray(0, memory.byteLength - at), at);
        const exported = started.exported();
        expect(Buffer.compare(contentOf(instanceOf(exported)), memory)).toBe(0);
        const written = stretches.reduce((sum, { bytes }) => sum + bytes.byteLength + 300, 1000);
        expect(exported.byteLength).toBeLessThan(written);
      }),
      { numRuns: 100 },
    );
  });

  it('takes as many segments as engines take when it is full of holes', () => {
    const pages = 400;
    const started = startModule(bytesOf({ ...source([], false), memories: [{ initial: pages }] }), {}, pages);
    const memory = contentOf(started.instance);
    for (let at = 0; at < memory.byteLength; at += 200) memory[at] = 1;
    const copy = instanceOf(started.exported());
    expect(Buffer.compare(contentOf(copy), memory)).toBe(0);
  });

  it('needs no more of an engine than the module did', () => {
    const { exported } = startModule(bytesOf(source([{ offset: ins.i32Const(8), bytes: [7] }], false)));
    // No count of segments, and each begins with 0: as the first version of WebAssembly has it.
    const bytes = Buffer.from(exported());
    expect(bytes.subarray(-14).toString('hex')).toMatch(/0b0a010041080b0407000000$/);
  });
});

describe('references of functions', () => {
  const counted = [1, 2, 3].map((value) => ({ type: 0, code: ins.i32Const(value) }));

  it('may be taken by code of what only an initialiser or an entry had named', () => {
    const source = stubbed({
      functions: [
        ...counted,
        {
          type: 1,
          code: [
            ...ins.refNull('funcref'),
            ...ins.globalSet(0),
            ...ins.i32Const(0),
            ...ins.refNull('funcref'),
            ...ins.tableSet(0),
          ],
        },
        {
          type: 0,
          code: [
            ...ins.i32Const(0),
            ...ins.refFunc(1),
            ...ins.tableSet(0),
            ...ins.i32Const(0),
            ...ins.callIndirect(0, 0),
            ...ins.refFunc(2),
            ...ins.globalSet(0),
          ],
        },
      ],
      tables: [{ elementType: 'funcref', limits: { initial: 1, maximum: 1 } }],
      globals: [{ type: 'funcref', mutable: true, initializer: ins.refFunc(2) }],
      elements: [{ mode: 'active', entries: [1] }],
      exports: { forget: ['function', 3], run: ['function', 4] },
    });
    const { instance, exported } = startModule(bytesOf(source));
    callExport(instance, 'forget');
    expect(callExport(instanceOf(exported()), 'run')).toBe(2);
  });

  it('may be taken of what a host was to call first, which is exported no more', () => {
    const source = stubbed({
      functions: [
        { type: 1, code: [...ins.i32Const(1), ...ins.globalSet(0)] },
        { type: 0, code: [...ins.refFunc(0), ...ins.refIsNull, ...ins.globalGet(0), ...ins.i32Add] },
      ],
      globals: [{ type: 'i32', mutable: true, initializer: ins.i32Const(0) }],
      exports: { _initialize: ['function', 0], run: ['function', 1] },
    });
    const { instance, exported } = startModule(bytesOf(source));
    callExport(instance, '_initialize');
    const copy = instanceOf(exported());
    expect(Object.keys(copy.exports)).toEqual(['run']);
    expect(callExport(copy, 'run')).toBe(1);
  });

  it('stay where they are in tables that no code changes', () => {
    const source = stubbed({
      functions: [...counted, { type: 0, code: [...ins.i32Const(2), ...ins.callIndirect(0, 0)] }],
      tables: [{ elementType: 'funcref', limits: { initial: 3 } }],
      elements: [{ mode: 'active', offset: ins.i32Const(1), entries: [0, 2] }],
      exports: { run: ['function', 3] },
    });
    const { exported } = startModule(bytesOf(source));
    expect(callExport(instanceOf(exported()), 'run')).toBe(3);
    expect(Buffer.from(exported()).equals(bytesOf(source))).toBe(true);
  });
});
