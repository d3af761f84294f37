// A guest that looks at the clock first thing at its entry point, made here. It imports nothing but that clock, so that nothing has to be
// loaded into a new worker for it; what it noted must be asked for before its next restart.
import { assemble, ins } from '#test/support/wasm-assembler.js';

const NS_PER_US = 1000;
const CLOCK_MONOTONIC = 1;
/** Address of the time of the entry. */
const ENTERED_NS = 8;
const NO_PRECISION = 0n;

const code = {
  loop: [0x03, 0x40],
  end: [0x0b],
  branch: (depth: number) => [0x0c, depth],
} as const;
export const I64_LOAD = [0x29, 3, 0] as const;

/** The clock as a guest imports it, as its first function. */
export const CLOCK = {
  module: 'wasi_snapshot_preview1',
  name: 'clock_time_get',
  type: [['i32', 'i64', 'i32'], ['i32']],
} as const;

/** Code that writes the time to an address, in nanoseconds. */
export function clockAt(address: number): readonly number[] {
  return [
    ...[...ins.i32Const(CLOCK_MONOTONIC), ...ins.i64Const(NO_PRECISION), ...ins.i32Const(address)],
    ...[...ins.call(0), ...ins.drop],
  ];
}

/** Exports: `_initialize`; `spin`, which never returns; `enteredNs`, the machine's monotonic clock at the last entry. */
export function clockModule(): Uint8Array<ArrayBuffer> {
  return assemble({
    types: [[[], []], CLOCK.type, [[], ['i64']]],
    imports: [{ module: CLOCK.module, name: CLOCK.name, kind: 'function', type: 1 }],
    functions: [
      { type: 0, code: clockAt(ENTERED_NS) },
      { type: 0, code: [...code.loop, ...code.branch(0), ...code.end] },
      { type: 2, code: [...ins.i32Const(ENTERED_NS), ...I64_LOAD] },
    ],
    memories: [{ initial: 1, maximum: 1 }],
    exports: {
      memory: ['memory', 0],
      _initialize: ['function', 1],
      spin: ['function', 2],
      enteredNs: ['function', 3],
    },
  });
}

/** The answer of `enteredNs`, or of another export that tells a time, in microseconds of the clock of marks.ts. */
export function timeUs(answer: unknown): number {
  if (typeof answer !== 'bigint') throw new Error(`the guest answered ${String(answer)}, no time`);
  return Number(answer) / NS_PER_US;
}
