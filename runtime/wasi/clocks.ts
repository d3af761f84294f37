// WASI's clocks. The time itself comes from the context, and so does its epoch: no function here may ask the system.
import type { WasiClock, WasiContext } from './context.ts';
import { EFAULT, EINVAL, ESUCCESS } from './errno.ts';
import { GuestView } from './guest-view.ts';

interface Clock {
  readonly resolutionNs: bigint;
  readonly nowNs: (clock: WasiClock) => bigint;
}

// By clock ID. The CPU time clocks (2 and 3) are left out, as the specification allows: one thread serves many guests.
const CLOCKS: ReadonlyMap<number, Clock> = new Map([
  // JavaScript's Date counts milliseconds; a context that knows the time better is still within this.
  [0, { resolutionNs: 1_000_000n, nowNs: (clock: WasiClock) => clock.realtimeNs() }],
  [1, { resolutionNs: 1n, nowNs: (clock: WasiClock) => clock.monotonicNs() }],
]);

/** clock_time_get and clock_res_get. An unknown clock is EINVAL. */
export function clockFunctions(context: Pick<WasiContext, 'memory' | 'clock'>) {
  const answer = (timestamp: number, valueNs: () => bigint): number => {
    const guest = new GuestView(context.memory());
    if (!guest.holds(timestamp, 8)) return EFAULT;
    guest.writeU64(timestamp, valueNs());
    return ESUCCESS;
  };
  return {
    clock_time_get(clockId: number, _precisionNs: bigint, timestamp: number): number {
      const clock = CLOCKS.get(clockId);
      return clock === undefined ? EINVAL : answer(timestamp, () => clock.nowNs(context.clock));
    },
    clock_res_get(clockId: number, resolution: number): number {
      const clock = CLOCKS.get(clockId);
      return clock === undefined ? EINVAL : answer(resolution, () => clock.resolutionNs);
    },
  };
}
