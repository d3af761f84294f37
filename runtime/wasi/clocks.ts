// WASI's clocks. The time itself comes from the context, and so does its epoch: no function here may ask the system.
import { answering, type FunctionContext } from './answer.ts';
import type { WasiClock } from './context.ts';
import { EINVAL, FileError } from './errno.ts';

interface Clock {
  readonly resolutionNs: bigint;
  readonly nowNs: (clock: WasiClock) => bigint;
}

export const CLOCK_REALTIME = 0;
export const CLOCK_MONOTONIC = 1;

// By clock ID. The CPU time clocks (2 and 3) are left out, as the specification allows: one thread serves many guests.
const CLOCKS: ReadonlyMap<number, Clock> = new Map([
  // JavaScript's Date counts milliseconds; a context that knows the time better is still within this.
  [CLOCK_REALTIME, { resolutionNs: 1_000_000n, nowNs: (clock: WasiClock) => clock.realtimeNs() }],
  [CLOCK_MONOTONIC, { resolutionNs: 1n, nowNs: (clock: WasiClock) => clock.monotonicNs() }],
]);

/** Throws FileError EINVAL for a clock there is not. */
export function clockWithId(id: number): Clock {
  const clock = CLOCKS.get(id);
  if (clock === undefined) throw new FileError(EINVAL);
  return clock;
}

/** clock_time_get and clock_res_get. */
export function clockFunctions(functions: FunctionContext) {
  const { clock } = functions.context;
  return {
    clock_time_get: answering(functions, (guest, id: number, _precisionNs: bigint, timestamp: number) => {
      guest.writeU64(timestamp, clockWithId(id).nowNs(clock));
    }),
    clock_res_get: answering(functions, (guest, id: number, resolution: number) => {
      guest.writeU64(resolution, clockWithId(id).resolutionNs);
    }),
  };
}
