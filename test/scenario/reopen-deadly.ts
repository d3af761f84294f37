// Two reactors for the test of a guest that takes its host down: one that answers, one that calls `host.die` whenever it is entered.
import { assemble, ins } from '#test/support/wasm-assembler.js';

export const SOUND = 'sound.wasm';
export const DEADLY = 'deadly.wasm';
export const ANSWER = 42;

export function soundModule(): Uint8Array {
  return assemble({
    types: [[[], ['i32']]],
    functions: [{ type: 0, code: ins.i32Const(ANSWER) }],
    exports: { answer: ['function', 0] },
  });
}

export function deadlyModule(): Uint8Array {
  return assemble({
    types: [[[], []]],
    imports: [{ module: 'host', name: 'die', kind: 'function', type: 0 }],
    functions: [{ type: 0, code: ins.call(0) }],
    exports: { _initialize: ['function', 1] },
  });
}
