// The hand-written set, of what lies on the engine's own heap: small integers as references, structs and arrays. What can be kept of them, and what
// cannot.
import { vector } from '#test/support/wasm-assembler.js';
import { add, drop, END, GIVES, get, i32, isNull, NOTHING, raw, set, TYPES } from './raw-module.js';
import type { Specimen } from './specimen.js';

export const SPECIMENS_OF_OBJECTS: readonly Specimen[] = [
  {
    name: 'small integers as references, in all their hierarchies',
    features: ['gc', 'reference-types', 'mutable-globals'],
    bytes: raw({
      tables: [
        [0x6e, 1, 2, 9],
        [0x6f, 1, 2, 9],
      ],
      globals: [
        [0x6c, 1, ...i32(-5), 0xfb, 28, END],
        [0x6e, 1, 0xd0, 0x71, END],
        [0x6d, 1, ...i32(2 ** 30 - 1), 0xfb, 28, END],
        [0x6f, 1, ...i32(-(2 ** 30)), 0xfb, 28, 0xfb, 27, END],
        [0x64, 0x6e, 1, ...i32(3), 0xfb, 28, END],
      ],
      functions: [
        [NOTHING, [...i32(77), 0xfb, 28, ...set(0), ...get(0), ...set(1), ...get(1), 0xfb, 27, ...set(3)]],
        [NOTHING, [...i32(1), ...i32(-1), 0xfb, 28, 0x26, 0, ...i32(0), ...get(3), 0x26, 1]],
        [NOTHING, [...i32(8), 0xfb, 28, ...i32(1), 0xfc, 15, 0, ...drop]],
        [
          GIVES,
          [...get(0), 0xfb, 29, ...get(2), 0xfb, 22, 0x6c, 0xfb, 29, ...add, ...get(1), ...isNull, ...add],
        ],
      ],
      exports: {
        change: ['function', 0],
        put: ['function', 1],
        grow: ['function', 2],
        read: ['function', 3],
        small: ['global', 0],
        host: ['global', 3],
        any: ['table', 0],
        extern: ['table', 1],
      },
    }),
    expected: 'captured',
  },
  {
    name: 'objects that code puts into a global and a table',
    features: ['gc', 'reference-types', 'mutable-globals'],
    bytes: raw({
      types: [...TYPES, [0x5f, 1, 0x7f, 1]],
      tables: [[0x63, 3, 1, 2, 9]],
      globals: [[0x63, 3, 1, 0xd0, 3, END]],
      functions: [
        [NOTHING, [...i32(5), 0xfb, 0, 3, ...set(0)]],
        [NOTHING, [...i32(0), ...get(0), 0x26, 0]],
        [NOTHING, [0xd0, 3, ...set(0), ...i32(0), 0xd0, 3, 0x26, 0]],
        [GIVES, [...get(0), 0xfb, 2, 3, 0]],
      ],
      exports: { make: ['function', 0], read: ['function', 3], put: ['function', 1], clear: ['function', 2] },
    }),
    expected: 'sometimes not captured',
  },
  {
    name: 'objects that cannot change, in globals that cannot either',
    features: ['gc', 'extended-const'],
    bytes: raw({
      // A recursive group of an array and a struct that holds one, and a type below that.
      types: [
        ...TYPES,
        [0x4e, 2, 0x5e, 0x78, 0, 0x50, 0, 0x5f, 2, 0x63, 3, 0, 0x7f, 0],
        [0x4f, 1, 4, 0x5f, 2, 0x63, 3, 0, 0x7f, 0],
      ],
      globals: [
        [0x64, 3, 0, ...i32(1), ...i32(2), ...i32(3), 0xfb, 8, 3, 3, END],
        [0x63, 4, 0, ...get(0), ...i32(20), ...i32(2), 0x6a, 0xfb, 0, 5, END],
        [0x7f, 1, ...i32(0), END],
      ],
      functions: [
        [GIVES, [...get(0), ...get(2), 0xfb, 13, 3, ...get(1), 0xfb, 2, 4, 1, ...add]],
        [NOTHING, [...get(2), ...i32(1), ...add, ...set(2)]],
      ],
      exports: { read: ['function', 0], next: ['function', 1] },
    }),
    expected: 'captured',
  },
  {
    name: 'an object that may change, there from the start',
    features: ['gc'],
    bytes: raw({
      types: [...TYPES, [0x5f, 1, 0x7f, 1]],
      globals: [[0x64, 3, 0, ...i32(4), 0xfb, 0, 3, END]],
      functions: [
        [GIVES, [...get(0), 0xfb, 2, 3, 0]],
        [NOTHING, [...get(0), ...get(0), 0xfb, 2, 3, 0, ...i32(1), ...add, 0xfb, 5, 3, 0]],
      ],
      exports: { read: ['function', 0], change: ['function', 1] },
    }),
    expected: 'plain only',
  },
  {
    name: 'segments that only arrays are made of, without a table or a memory',
    features: ['gc', 'bulk-memory', 'reference-types'],
    bytes: raw({
      types: [...TYPES, [0x5e, 0x78, 1], [0x5e, 0x70, 1]],
      functions: [
        [GIVES, [...i32(1), ...i32(1), 0xfb, 9, 3, 0, ...i32(0), 0xfb, 13, 3]],
        [NOTHING, [0xfc, 9, 0]],
        [GIVES, [...i32(0), ...i32(2), 0xfb, 10, 4, 0, 0xfb, 15]],
        [NOTHING, [0xfc, 13, 0]],
      ],
      exports: {
        bytes: ['function', 0],
        functions: ['function', 2],
        dropData: ['function', 1],
        dropElements: ['function', 3],
      },
      elements: [[1, 0, ...vector([[0], [1]])]],
      data: [[1, ...vector([[11], [12]])]],
    }),
    expected: 'captured',
  },
];
