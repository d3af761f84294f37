// A reactor that calls a function of its embedder, which is meant to fail there: the fault then lies with the host. It must be
// started with an `embedder.fail` among its imports.
import { fail } from './embedder.ts';

export { __stack_pointer } from 'memory';

let pings: i32 = 0;

/** How often it was called since the process was last put back. */
export function ping(): i32 {
  pings += 1;
  return pings;
}

/** Calls the embedder; returns when the embedder does. */
export function callHost(): void {
  fail();
}
