// The hand-written set, of what engines came to know later: addresses of 64 bits, exceptions and typed references, more memories. One module each, as in
// the first part.
import { type Bytes, vector } from '#test/support/wasm-assembler.js';
import {
  add,
  drop,
  END,
  GIVES,
  get,
  i32,
  i64,
  imported,
  isNull,
  KINDS,
  NOTHING,
  raw,
  set,
} from './raw-module.js';
import type { Specimen } from './specimen.js';

/** memory.init of the only segment, data.drop, a load of what was copied. */
function segmentsOfMemory(address: (value: number) => Bytes): readonly (readonly [number, Bytes])[] {
  return [
    [NOTHING, [...address(8), ...i32(0), ...i32(2), 0xfc, 8, 1, 0]],
    [NOTHING, [0xfc, 9, 1]],
    [GIVES, [...address(8), 0x2d, 0, 0, ...address(70_000), 0x2d, 0, 0, ...add]],
    [NOTHING, [...address(1), 0x40, 0, ...drop]],
    [NOTHING, [...address(70_000), ...i32(9), 0x3a, 0, 0]],
  ];
}

export const SPECIMENS_OF_PROPOSALS: readonly Specimen[] = [
  {
    name: 'memory with 64-bit addresses',
    features: ['memory64', 'bulk-memory'],
    bytes: raw({
      memories: [[5, 1, 9]],
      functions: segmentsOfMemory(i64),
      exports: {
        init: ['function', 0],
        grow: ['function', 3],
        store: ['function', 4],
        read: ['function', 2],
        dropData: ['function', 1],
        memory: ['memory', 0],
      },
      data: [
        [0, ...i64(100), END, ...vector([[1], [2]])],
        [1, ...vector([[3], [4]])],
      ],
    }),
    expected: 'captured',
  },
  {
    name: 'a table with 64-bit positions',
    features: ['table64', 'reference-types'],
    bytes: raw({
      tables: [[0x70, 5, 2, 20]],
      functions: [
        [GIVES, i32(41)],
        [NOTHING, [...i64(1), 0xd2, 0, 0x26, 0]],
        [NOTHING, [0xd2, 0, ...i64(2), 0xfc, 15, 0, ...drop]],
        [GIVES, [...i64(1), 0x11, GIVES, 0]],
      ],
      exports: {
        some: ['function', 0],
        put: ['function', 1],
        grow: ['function', 2],
        call: ['function', 3],
        table: ['table', 0],
      },
      elements: [[0, ...i64(0), END, ...vector([[0]])]],
    }),
    expected: 'captured',
  },
  {
    name: 'exceptions as references, in a global and a table that grows',
    features: ['exception-handling', 'reference-types', 'mutable-globals'],
    bytes: raw({
      tags: [[0, NOTHING]],
      tables: [[0x69, 1, 2, 9]],
      globals: [[0x69, 1, 0xd0, 0x69, END]],
      functions: [
        [NOTHING, [0x08, 0]],
        // block (result exnref) try_table (catch_all_ref 0) call 0 end unreachable end
        [NOTHING, [0x02, 0x69, 0x1f, 0x40, 1, 3, 0, 0x10, 0, END, 0x00, END, ...set(0)]],
        [NOTHING, [...i32(1), ...get(0), 0x26, 0]],
        [NOTHING, [0xd0, 0x69, ...i32(1), 0xfc, 15, 0, ...drop]],
        [GIVES, [...get(0), ...isNull, ...i32(1), 0x25, 0, ...isNull, ...add, 0xfc, 16, 0, ...add]],
        [NOTHING, [0xd0, 0x69, ...set(0), ...i32(1), 0xd0, 0x69, 0x26, 0]],
      ],
      exports: {
        grow: ['function', 3],
        read: ['function', 4],
        catch: ['function', 1],
        put: ['function', 2],
        clear: ['function', 5],
      },
    }),
    expected: 'sometimes not captured',
  },
  {
    name: 'references of one function type, also where none can be null',
    features: ['typed-references', 'reference-types', 'mutable-globals'],
    bytes: raw({
      tables: [
        [0x63, GIVES, 1, 2, 9],
        [0x40, 0, 0x64, GIVES, 1, 1, 9, 0xd2, 0, END],
      ],
      globals: [
        [0x63, GIVES, 1, 0xd0, GIVES, END],
        [0x64, GIVES, 1, 0xd2, 0, END],
      ],
      functions: [
        [GIVES, i32(1)],
        [GIVES, i32(2)],
        [NOTHING, [0xd2, 1, ...set(0), 0xd2, 1, ...set(1), ...i32(1), 0xd2, 1, 0x26, 0]],
        [NOTHING, [0xd2, 1, ...i32(2), 0xfc, 15, 1, ...drop]],
        [GIVES, [...get(1), 0x14, GIVES, ...i32(0), 0x25, 1, 0x14, GIVES, ...add]],
        [GIVES, [...get(0), 0x14, GIVES]],
        [NOTHING, [...i32(0), ...i32(0), ...i32(1), 0xfc, 12, 1, 0]],
        [NOTHING, [0xfc, 13, 1]],
      ],
      exports: {
        change: ['function', 2],
        grow: ['function', 3],
        read: ['function', 4],
        call: ['function', 5],
        init: ['function', 6],
        dropElements: ['function', 7],
        table: ['table', 0],
        some: ['global', 1],
      },
      elements: [
        [3, 0, ...vector([[0], [1]])],
        [5, 0x64, GIVES, ...vector([[0xd2, 1, END]])],
      ],
    }),
    expected: 'captured',
  },
  {
    name: 'extended constant expressions in offsets',
    features: ['extended-const', 'mutable-globals'],
    bytes: raw({
      imports: [imported('base', KINDS.global, 0x7f, 0)],
      memories: [[0, 1]],
      globals: [[0x7f, 1, ...get(0), ...i32(3), 0x6c, ...i32(1), 0x6b, END]],
      functions: [
        [GIVES, [...i32(12), 0x2d, 0, 0, ...get(1), ...add]],
        [NOTHING, [...i32(12), ...i32(9), 0x3a, 0, 0, ...i32(0), ...set(1)]],
      ],
      exports: { read: ['function', 0], change: ['function', 1], memory: ['memory', 0] },
      data: [[0, ...get(0), ...i32(5), ...add, END, ...vector([[44]])]],
    }),
    expected: 'captured',
  },
  {
    name: 'relaxed vector instructions',
    features: ['relaxed-simd', 'mutable-globals'],
    bytes: raw({
      globals: [[0x7b, 1, 0xfd, 12, ...new Array<number>(16).fill(3), END]],
      functions: [
        [NOTHING, [...get(0), ...get(0), 0xfd, 0x80, 0x02, ...get(0), 0xfd, 0x6e, ...set(0)]],
        [GIVES, [...get(0), 0xfd, 27, 1]],
      ],
      exports: { change: ['function', 0], read: ['function', 1] },
    }),
    expected: 'captured',
  },
  {
    name: 'two memories',
    features: ['multimemory', 'bulk-memory'],
    bytes: raw({
      memories: [
        [0, 1],
        [0, 1],
      ],
      functions: [
        [GIVES, [...i32(4), 0x2d, 0x40, 1, 0, ...i32(4), 0x2d, 0, 0, ...add]],
        [NOTHING, [...i32(4), ...i32(99), 0x3a, 0x40, 1, 0]],
        [NOTHING, [...i32(1), 0x40, 1, ...drop]],
      ],
      exports: {
        read: ['function', 0],
        store: ['function', 1],
        grow: ['function', 2],
        first: ['memory', 0],
        second: ['memory', 1],
      },
      data: [
        [0, ...i32(4), END, ...vector([[1]])],
        [2, 1, ...i32(4), END, ...vector([[50]])],
      ],
    }),
    expected: 'captured',
  },
];
