// A guest for calls in both directions, made here. What it does is next to nothing, so that the call is what is measured; its answers tell
// how many calls there were.
import { assemble, ins } from '#test/support/wasm-assembler.js';

const WASM_PAGES = 1;
const ROUNDS = 0;
const SUM = 1;

const code = {
  loop: [0x03, 0x40],
  end: [0x0b],
  branchIf: (depth: number) => [0x0d, depth],
  localSet: (index: number) => [0x21, index],
  localTee: (index: number) => [0x22, index],
  subtract: [0x6b],
} as const;

const IMPORTS = { work: 0, pid: 1 } as const;

/** The module of `work`, for guests that are given it as a module of imports. */
export const WORK_URL = new URL('host-work.js', import.meta.url).href;

/** Calls `call`, which leaves an i32, ROUNDS times, and adds up what it leaves. */
function addEach(call: readonly number[]): readonly number[] {
  return [
    ...code.loop,
    ...[...ins.localGet(SUM), ...call, ...ins.i32Add, ...code.localSet(SUM)],
    ...[...ins.localGet(ROUNDS), ...ins.i32Const(1), ...code.subtract, ...code.localTee(ROUNDS)],
    ...[...code.branchIf(0), ...code.end, ...ins.localGet(SUM)],
  ];
}

/**
 * Exports: `_initialize`; `add(a, b)`; `callWork(rounds, 0)`, which adds up `host.work(1, 1)`, and `callPid(rounds, 0)`, which adds up
 * `hr.agetId()`, each asked so many times.
 */
export function callingModule(): Uint8Array<ArrayBuffer> {
  return assemble({
    types: [
      [[], []],
      [['i32', 'i32'], ['i32']],
      [[], ['i32']],
    ],
    imports: [
      { module: 'host', name: 'work', kind: 'function', type: 1 },
      { module: 'hr', name: 'agetId', kind: 'function', type: 2 },
    ],
    functions: [
      { type: 0, code: [] },
      { type: 1, code: [...ins.localGet(0), ...ins.localGet(1), ...ins.i32Add] },
      { type: 1, code: addEach([...ins.i32Const(1), ...ins.i32Const(1), ...ins.call(IMPORTS.work)]) },
      { type: 1, code: addEach(ins.call(IMPORTS.pid)) },
    ],
    memories: [{ initial: WASM_PAGES, maximum: WASM_PAGES }],
    exports: {
      memory: ['memory', 0],
      _initialize: ['function', 2],
      add: ['function', 3],
      callWork: ['function', 4],
      callPid: ['function', 5],
    },
  });
}
