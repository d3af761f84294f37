// The clocks and the randomness of the machine. The only place of the runtime where guests' time and random numbers come from.
import { randomFillSync } from 'node:crypto';
import type { Circumstances } from './guest-imports.ts';

const NS_PER_MS = 1_000_000n;

export const systemCircumstances: Circumstances = Object.freeze({
  realtimeNs: () => BigInt(Date.now()) * NS_PER_MS,
  monotonicNs: () => process.hrtime.bigint(),
  fillRandom: (bytes: Uint8Array) => {
    randomFillSync(bytes);
  },
});
