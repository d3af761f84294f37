// One module with every kind of state an instance can have, and what a guest can observe of it. Tests change the state, capture it,
// and compare what two instances show; the module itself never hides anything from `observe`.
import { prepareModule } from '#runtime/image/prepare.js';
import { assemble, ins, type ModuleSource } from '#test/support/wasm-assembler.js';

const VOID = 0;
const RETURNS_I32 = 1;
const RETURNS_I64 = 2;
const TAKES_EXTERNREF = 3;
const I32_TO_I32 = 4;
const TAKES_I32 = 5;
const RETURNS_EXTERNREF = 6;

export const ZOO: ModuleSource = {
  types: [
    [[], []],
    [[], ['i32']],
    [[], ['i64']],
    [['externref'], []],
    [['i32'], ['i32']],
    [['i32'], []],
    [[], ['externref']],
  ],
  imports: [{ module: 'host', name: 'started', kind: 'function', type: VOID }],
  tables: [
    { elementType: 'funcref', limits: { initial: 3, maximum: 10 } },
    { elementType: 'externref', limits: { initial: 2 } },
  ],
  memories: [{ initial: 1, maximum: 10 }],
  globals: [
    { type: 'i32', mutable: true, initializer: ins.i32Const(1) },
    { type: 'i64', mutable: true, initializer: ins.i64Const(2n) },
    { type: 'i32', initializer: ins.i32Const(5) },
    { type: 'f32', mutable: true, initializer: ins.f32Bits(0x7fa00001n) },
    { type: 'f64', mutable: true, initializer: ins.f64Bits(0x7ff4000000000001n) },
    { type: 'v128', mutable: true, initializer: ins.v128Const(1n, 2n) },
    { type: 'funcref', mutable: true, initializer: ins.refFunc(1) },
    { type: 'externref', mutable: true, initializer: ins.refNull('externref') },
  ],
  functions: [
    { type: RETURNS_I32, code: ins.i32Const(11) }, // 1
    { type: RETURNS_I32, code: ins.i32Const(22) }, // 2
    { type: RETURNS_I32, code: ins.i32Const(33) }, // 3
    { type: VOID, code: [...ins.call(0), ...ins.i32Const(1000), ...ins.globalSet(0)] }, // 4, start
    {
      type: VOID, // 5, mutate: scalars, references, memory
      code: [
        ...ins.i32Const(-5),
        ...ins.globalSet(0),
        ...ins.i64Const(-(2n ** 63n)),
        ...ins.globalSet(1),
        ...ins.f32Bits(0xffa12345n),
        ...ins.globalSet(3),
        ...ins.f64Bits(0xfff4123456789abcn),
        ...ins.globalSet(4),
        ...ins.v128Const(0x1122334455667788n, 0xffeeddccbbaa9988n),
        ...ins.globalSet(5),
        ...ins.refFunc(3),
        ...ins.globalSet(6),
        ...ins.i32Const(0),
        ...ins.refFunc(3),
        ...ins.tableSet(0),
        ...ins.i32Const(1),
        ...ins.refNull('funcref'),
        ...ins.tableSet(0),
      ],
    },
    {
      type: VOID, // 6, grow the tables
      code: [
        ...ins.refFunc(2),
        ...ins.i32Const(2),
        ...ins.tableGrow(0),
        ...ins.drop,
        ...ins.refNull('externref'),
        ...ins.i32Const(1),
        ...ins.tableGrow(1),
        ...ins.drop,
      ],
    },
    { type: VOID, code: ins.dataDrop(1) }, // 7
    { type: VOID, code: ins.elemDrop(1) }, // 8
    { type: I32_TO_I32, code: [...ins.localGet(0), ...ins.callIndirect(RETURNS_I32, 0)] }, // 9
    { type: RETURNS_I32, code: ins.globalGet(0) }, // 10
    { type: RETURNS_I64, code: ins.globalGet(1) }, // 11
    { type: RETURNS_I32, code: [...ins.globalGet(3), ...ins.i32ReinterpretF32] }, // 12
    { type: RETURNS_I64, code: [...ins.globalGet(4), ...ins.i64ReinterpretF64] }, // 13
    { type: RETURNS_I64, code: [...ins.globalGet(5), ...ins.i64x2ExtractLane(0)] }, // 14
    { type: RETURNS_I64, code: [...ins.globalGet(5), ...ins.i64x2ExtractLane(1)] }, // 15
    {
      type: RETURNS_I32, // 16, calls the function in the global by way of the last entry of the table
      code: [
        ...ins.i32Const(2),
        ...ins.globalGet(6),
        ...ins.tableSet(0),
        ...ins.i32Const(2),
        ...ins.callIndirect(RETURNS_I32, 0),
        ...ins.i32Const(2),
        ...ins.refNull('funcref'),
        ...ins.tableSet(0),
      ],
    },
    { type: RETURNS_EXTERNREF, code: ins.globalGet(7) }, // 17
    { type: TAKES_EXTERNREF, code: [...ins.localGet(0), ...ins.globalSet(7)] }, // 18
    { type: TAKES_EXTERNREF, code: [...ins.i32Const(1), ...ins.localGet(0), ...ins.tableSet(1)] }, // 19
    { type: RETURNS_I32, code: ins.tableSize(0) }, // 20
    { type: RETURNS_I32, code: ins.tableSize(1) }, // 21
    { type: I32_TO_I32, code: [...ins.localGet(0), ...ins.memoryGrow] }, // 22
    ...[0, 1].map((segment) => ({
      type: VOID, // 23, 24
      code: [...ins.i32Const(0), ...ins.i32Const(0), ...ins.i32Const(1), ...ins.memoryInit(segment)],
    })),
    ...[0, 1, 2].map((segment) => ({
      type: VOID, // 25, 26, 27
      code: [...ins.i32Const(2), ...ins.i32Const(0), ...ins.i32Const(1), ...ins.tableInit(segment, 0)],
    })),
    {
      type: TAKES_I32,
      code: [...ins.localGet(0), ...ins.localGet(0), ...ins.i32Load, ...ins.i32Store],
    },
  ],
  exports: {
    mutate: ['function', 5],
    growTables: ['function', 6],
    dropData: ['function', 7],
    dropElements: ['function', 8],
    callEntry: ['function', 9],
    global_i32: ['function', 10],
    global_i64: ['function', 11],
    global_f32: ['function', 12],
    global_f64: ['function', 13],
    global_v128_low: ['function', 14],
    global_v128_high: ['function', 15],
    global_funcref: ['function', 16],
    global_externref: ['function', 17],
    setExternGlobal: ['function', 18],
    setExternEntry: ['function', 19],
    tableSize: ['function', 20],
    externTableSize: ['function', 21],
    growMemory: ['function', 22],
    useActiveData: ['function', 23],
    useData: ['function', 24],
    useActiveElements: ['function', 25],
    useElements: ['function', 26],
    useDeclaredElements: ['function', 27],
    table: ['table', 0],
  },
  start: 4,
  elements: [
    { mode: 'active', offset: ins.i32Const(0), entries: [1, 2] },
    { mode: 'passive', entries: [2, 3] },
    { mode: 'declarative', entries: [3] },
  ],
  data: [{ offset: ins.i32Const(100), bytes: [1, 2, 3] }, { bytes: [4, 5, 6] }, { bytes: [] }],
  dataCount: true,
};

const QUOTA_BYTES = 64 * 65536;
export const zoo = prepareModule(assemble(ZOO), 'zoo.wasm', { memoryQuotaBytes: QUOTA_BYTES });

export interface Zoo {
  readonly instance: WebAssembly.Instance;
  readonly call: (name: string, ...args: unknown[]) => unknown;
  /** How often the start function called the host. */
  readonly starts: () => number;
}

/** A fresh instance of the prepared module: nothing of the guest has run in it, and its memory is empty. */
export function openZoo(): Zoo {
  return open(zoo.module);
}

/** An instance of the module as it is: its start function has run. */
export function openOriginalZoo(): Zoo {
  return open(new WebAssembly.Module(assemble(ZOO)));
}

function open(module: WebAssembly.Module): Zoo {
  let count = 0;
  const started = () => {
    count += 1;
  };
  const instance = new WebAssembly.Instance(module, { host: { started } });
  return { instance, call: (name, ...args) => callExport(instance, name, args), starts: () => count };
}

export function callExport(instance: WebAssembly.Instance, name: string, args: unknown[] = []): unknown {
  const value: unknown = instance.exports[name];
  if (typeof value !== 'function') throw new Error(`no exported function ${name}`);
  return Reflect.apply(value, undefined, args);
}

const READERS = [
  ...['i32', 'i64', 'f32', 'f64', 'v128_low', 'v128_high', 'funcref', 'externref'].map((type) => [
    `global_${type}`,
  ]),
  ...['tableSize', 'externTableSize'].map((name) => [name]),
  ...[0, 1, 2, 3, 4, 5].map((entry) => ['callEntry', entry]),
  ...['useActiveData', 'useData', 'useActiveElements', 'useElements', 'useDeclaredElements'].map((name) => [
    name,
  ]),
] as const;

/** Everything a guest can tell about its state, as text by name; the messages of traps included. Changes the instance. */
export function observe({ call }: Zoo): Record<string, string> {
  const seen: Record<string, string> = {};
  for (const [name, ...args] of READERS) {
    try {
      seen[`${name}(${args.join()})`] = String(call(String(name), ...args));
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      seen[`${name}(${args.join()})`] = error.message;
    }
  }
  return seen;
}
