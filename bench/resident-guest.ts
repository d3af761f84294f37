// A guest of a given size, made here: it fills its memory when it is initialised and afterwards stores to as many pages of it as it is
// told. It imports nothing, so that a cold start of it is as cheap as one can be.
import { assemble, ins } from '#test/support/wasm-assembler.js';

export const WASM_PAGE_BYTES = 65536;
const PAGE_BYTES = 4096;
/** What every byte holds after initialisation. */
const FILLING = 1;

const PAGES = 0;
const STRIDE = 1;
const SUM = 2;
const code = {
  unreachable: [0x00],
  loop: [0x03, 0x40],
  end: [0x0b],
  branchIf: (depth: number) => [0x0d, depth],
  localSet: (index: number) => [0x21, index],
  load8: [0x2d, 0, 0],
  store8: [0x3a, 0, 0],
  subtract: [0x6b],
  multiply: [0x6c],
  memoryFill: [0xfc, 11, 0],
} as const;
const ADDRESS = [...ins.localGet(PAGES), ...ins.localGet(STRIDE), ...code.multiply];

/** `before` for a byte every STRIDE bytes, PAGES of them from the last to the first; returns their sum. */
function sumEach(before: readonly number[]): number[] {
  return [
    ...code.loop,
    ...[...ins.localGet(PAGES), ...ins.i32Const(1), ...code.subtract, ...code.localSet(PAGES)],
    ...before,
    ...[...ins.localGet(SUM), ...ADDRESS, ...code.load8, ...ins.i32Add, ...code.localSet(SUM)],
    ...[...ins.localGet(PAGES), ...code.branchIf(0)],
    ...code.end,
    ...ins.localGet(SUM),
  ];
}

/**
 * Exports: `_initialize`; `touch(pages, stride, 0)`, which adds one to a byte every `stride` bytes, `pages` of them, and returns their
 * sum; `readAll(pages, stride, 0)`, which only reads them; `crash`, which traps. With `initialization` `start` the start function does what
 * `_initialize` does else.
 */
export function residentModule(
  sizeBytes: number,
  initialization: 'export' | 'start' = 'export',
): Uint8Array<ArrayBuffer> {
  const pages = sizeBytes / WASM_PAGE_BYTES;
  return assemble({
    types: [
      [[], []],
      [['i32', 'i32', 'i32'], ['i32']],
    ],
    functions: [
      {
        type: 0,
        code: [...ins.i32Const(0), ...ins.i32Const(FILLING), ...ins.i32Const(sizeBytes), ...code.memoryFill],
      },
      {
        type: 1,
        code: sumEach([
          ...ADDRESS,
          ...ADDRESS,
          ...code.load8,
          ...ins.i32Const(1),
          ...ins.i32Add,
          ...code.store8,
        ]),
      },
      { type: 1, code: sumEach([]) },
      { type: 0, code: [...code.unreachable] },
    ],
    memories: [{ initial: pages, maximum: pages }],
    ...(initialization === 'start' ? { start: 0 } : {}),
    exports: {
      memory: ['memory', 0],
      ...(initialization === 'export' ? { _initialize: ['function', 0] } : {}),
      touch: ['function', 1],
      readAll: ['function', 2],
      crash: ['function', 3],
    },
  });
}

/** Arguments of `readAll` for all pages there are. */
export function readAllArguments(sizeBytes: number): readonly [number, number, number] {
  return touchArguments(sizeBytes, sizeBytes / PAGE_BYTES);
}

/** Arguments of `touch` for `pageCount` pages spread over the memory. */
export function touchArguments(sizeBytes: number, pageCount: number): readonly [number, number, number] {
  return [pageCount, sizeBytes / pageCount, 0];
}

/**
 * What a `touch` of `pageCount` pages returns after initialisation, or after a restore to that moment, and after so many others of the same
 * pages.
 */
export function touchedSum(pageCount: number, earlierTouches = 0): number {
  return pageCount * ((FILLING + earlierTouches + 1) % 256);
}
