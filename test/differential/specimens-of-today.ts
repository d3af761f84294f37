// The hand-written set, of what every engine knows: one module for each kind of state and each feature, small enough to be read. Each changes what it is
// there for by some of its exports and shows it by others.
import { assemble, type Bytes, vector } from '#test/support/wasm-assembler.js';
import { ZOO } from '#test/unit/image/state-zoo.js';
import {
  add,
  drop,
  END,
  GIVES,
  get,
  i32,
  i64,
  imported,
  KINDS,
  MAPS,
  NOTHING,
  raw,
  set,
  TYPES,
} from './raw-module.js';
import type { Specimen } from './specimen.js';

export const SPECIMENS_OF_TODAY: readonly Specimen[] = [
  {
    name: 'globals of every type, tables, segments and memory',
    features: ['simd', 'reference-types', 'bulk-memory'],
    bytes: assemble(ZOO),
    expected: 'captured',
  },
  {
    name: 'memory, table and globals that are imported, and a start function',
    features: ['mutable-globals'],
    bytes: raw({
      imports: [
        imported('memory', KINDS.memory, 0, 1),
        imported('table', KINDS.table, 0x70, 0, 12),
        imported('base', KINDS.global, 0x7f, 0),
        imported('pointer', KINDS.global, 0x7f, 1),
        imported('wide', KINDS.global, 0x7e, 1),
        imported('half', KINDS.global, 0x7d, 1),
        imported('whole', KINDS.global, 0x7c, 0),
      ],
      globals: [[0x7f, 1, ...get(0), END]],
      functions: [
        [NOTHING, [...get(1), ...i32(3), ...add, ...set(1), ...i64(-9), ...set(2), ...get(1), ...set(5)]],
        [GIVES, [...get(1), ...get(5), ...add, ...get(0), 0x2d, 0, 0, ...add]],
        [
          NOTHING,
          [...get(0), ...get(0), 0x2d, 0, 0, ...i32(1), ...add, 0x3a, 0, 0, 0x43, 1, 2, 3, 4, ...set(3)],
        ],
        [MAPS, [0x20, 0, 0x11, GIVES, 0]],
        [NOTHING, [...i32(1), 0x40, 0, ...drop]],
      ],
      exports: {
        change: ['function', 0],
        read: ['function', 1],
        store: ['function', 2],
        indirect: ['function', 3],
        grow: ['function', 4],
        memory: ['memory', 0],
        table: ['table', 0],
        pointer: ['global', 1],
        half: ['global', 3],
      },
      start: 0,
      elements: [[0, ...get(0), END, ...vector([[1], [0]])]],
      data: [[0, ...get(0), END, ...vector([[200]])]],
    }),
    expected: 'captured',
  },
  {
    name: 'a start function that traps',
    features: [],
    bytes: raw({ functions: [[NOTHING, [0x00]]], exports: { again: ['function', 0] }, start: 0 }),
    expected: 'traps',
  },
  {
    name: 'a segment that does not fit',
    features: [],
    bytes: raw({
      functions: [],
      memories: [[0, 1]],
      exports: {},
      data: [[0, ...i32(65536), END, ...vector([[1]])]],
    }),
    expected: 'traps',
  },
  {
    name: 'tail calls, several results, sign extension and conversions that saturate',
    features: ['tail-call', 'multivalue', 'sign-ext', 'nontrapping-float-to-int'],
    bytes: raw({
      types: [...TYPES, [0x60, 1, 0x7f, 2, 0x7f, 0x7f]],
      globals: [[0x7f, 1, ...i32(0), END]],
      functions: [
        [3, [...get(0), 0x20, 0, ...add, ...set(0), ...get(0), 0x20, 0, 0xc0]],
        [3, [0x20, 0, 0x12, 0]],
        [GIVES, [0x43, 0, 0, 0xc0, 0x7f, 0xfc, 0, ...get(0), ...add]],
      ],
      exports: {
        two: ['function', 0],
        tail: ['function', 1],
        saturated: ['function', 2],
        sum: ['global', 0],
      },
    }),
    expected: 'captured',
  },
  {
    name: 'exceptions of the first kind, and a tag that is imported',
    features: ['legacy-exceptions', 'mutable-globals'],
    bytes: raw({
      types: [...TYPES, [0x60, 1, 0x7f, 0]],
      imports: [imported('tag', KINDS.tag, 0, 3)],
      tags: [[0, 3]],
      globals: [[0x7f, 1, ...i32(0), END]],
      functions: [
        [NOTHING, [...i32(5), 0x08, 0]],
        [NOTHING, [...i32(7), 0x08, 1]],
        // try (result i32) call throwing i32.const 0 catch tag end: what was caught is added to the sum
        ...[0, 1].map((tag): [number, Bytes] => [
          NOTHING,
          [0x06, 0x7f, 0x10, tag, ...i32(0), 0x07, tag, END, ...get(0), ...add, ...set(0)],
        ]),
        [NOTHING, [0x06, 0x40, 0x10, 0, 0x07, 1, ...set(0), END]],
      ],
      exports: {
        throwFirst: ['function', 0],
        throwSecond: ['function', 1],
        catchFirst: ['function', 2],
        catchSecond: ['function', 3],
        catchOther: ['function', 4],
        sum: ['global', 0],
        tag: ['tag', 0],
      },
    }),
    expected: 'captured',
  },
];
