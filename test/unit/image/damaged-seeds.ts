// Valid modules, small ones with state of every kind, that tests of hostile input damage. They hold nothing that makes one of them invalid.
import { SPECIMENS } from '#test/differential/specimens.js';
import { assemble, ins } from '#test/support/wasm-assembler.js';
import { ZOO } from './state-zoo.js';

export const DAMAGED_SEEDS: readonly Uint8Array[] = [
  assemble(ZOO),
  assemble({
    types: [[['i32'], ['i32']]],
    imports: [
      { module: 'env', name: 'memory', kind: 'memory', limits: { initial: 1, maximum: 9 } },
      { module: 'env', name: 'table', kind: 'table', elementType: 'funcref', limits: { initial: 2 } },
      { module: 'env', name: 'f', kind: 'function', type: 0 },
    ],
    functions: [{ type: 0, code: ins.localGet(0) }],
    globals: [{ type: 'f32', mutable: true, initializer: ins.f32Bits(0n) }],
    exports: { f: ['function', 1] },
    elements: [{ mode: 'active', table: 0, offset: ins.i32Const(0), entries: [0, 1] }],
    data: [{ offset: ins.i32Const(8), bytes: [1, 2, 3] }],
    customs: [{ name: 'name', payload: [7, 4, 1, 0, 1, 0x67] }],
  }),
  assemble({}),
  // Nothing is appended to it, so that only its prepared form is compiled.
  assemble({
    types: [
      [['i32'], ['i32']],
      [[], []],
    ],
    imports: [{ module: 'env', name: 'f', kind: 'function', type: 0 }],
    functions: [
      { type: 0, code: [...ins.localGet(0), ...ins.localGet(0), ...ins.callIndirect(0, 0)] },
      { type: 1, code: [...ins.globalGet(0), ...ins.call(1), ...ins.globalSet(0)] },
      { type: 1, code: [...ins.refFunc(1), ...ins.drop, ...ins.i32Const(0), ...ins.call(0), ...ins.drop] },
    ],
    tables: [{ elementType: 'funcref', limits: { initial: 2, maximum: 2 } }],
    memories: [{ initial: 1, maximum: 3 }],
    globals: [{ type: 'i32', mutable: true, initializer: ins.i32Const(65536) }],
    exports: { run: ['function', 2], memory: ['memory', 0] },
    elements: [{ mode: 'active', offset: ins.i32Const(0), entries: [1, 0] }],
    data: [{ offset: ins.i32Const(8), bytes: [1, 2, 3] }, { bytes: [4] }],
  }),
  // Of what the engine does not know, the parser alone has something to read.
  ...SPECIMENS.map(({ bytes }) => bytes),
];
