// The clocks and the randomness of the machine. The only place of the runtime where guests' time and random numbers come from.
import { randomFillSync } from 'node:crypto';
import type { Circumstances } from './guest-imports.ts';

const NS_PER_MS = 1_000_000n;
/** Nobody else has it: to wait for it is to sleep. */
const NEVER_NOTIFIED = new Int32Array(new SharedArrayBuffer(4));

export const systemCircumstances: Circumstances = Object.freeze({
  realtimeNs: () => BigInt(Date.now()) * NS_PER_MS,
  monotonicNs: () => process.hrtime.bigint(),
  sleep: (milliseconds: number) => {
    Atomics.wait(NEVER_NOTIFIED, 0, 0, milliseconds);
  },
  fillRandom: (bytes: Uint8Array) => {
    randomFillSync(bytes);
  },
});
