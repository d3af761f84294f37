// A guest of which there can be very many, made here: when it is initialised it stores to a few pages of its memory and leaves the others
// alone. It imports nothing.
import { assemble, ins } from '#test/support/wasm-assembler.js';
import { WASM_PAGE_BYTES } from './resident-guest.ts';

const PAGE_BYTES = 4096;
/** Pages it stores to. */
export const DIRTY_PAGES = 2;
export const DIRTY_BYTES = DIRTY_PAGES * PAGE_BYTES;

const UNREACHABLE = [0x00];

/** Exports: `_initialize`; `crash`, which traps; `pages`, how many pages hold what `_initialize` has stored there. */
export function denseModule(sizeBytes: number): Uint8Array<ArrayBuffer> {
  const pages = sizeBytes / WASM_PAGE_BYTES;
  const addresses = Array.from({ length: DIRTY_PAGES }, (_, page) => page * PAGE_BYTES);
  return assemble({
    types: [
      [[], []],
      [[], ['i32']],
    ],
    functions: [
      {
        type: 0,
        code: addresses.flatMap((address) => [...ins.i32Const(address), ...ins.i32Const(1), ...ins.i32Store]),
      },
      { type: 0, code: UNREACHABLE },
      {
        type: 1,
        code: [
          ...ins.i32Const(0),
          ...addresses.flatMap((address) => [...ins.i32Const(address), ...ins.i32Load, ...ins.i32Add]),
        ],
      },
    ],
    memories: [{ initial: pages, maximum: pages }],
    exports: {
      memory: ['memory', 0],
      _initialize: ['function', 0],
      crash: ['function', 1],
      pages: ['function', 2],
    },
  });
}
