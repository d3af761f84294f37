// A reactor whose memory can be made such that nothing but failure comes of it: every call traps, and so does the restart from a
// checkpoint of that memory. It must keep nothing anywhere else, or an older checkpoint would not be sound.
export { __stack_pointer } from 'memory';

let poisoned: bool = false;
let calls: i32 = 0;

/** The number of this call among those since generation 0. */
export function serve(): i32 {
  if (poisoned) unreachable();
  calls += 1;
  return calls;
}

/** A bad request: fails, and leaves nothing behind. */
export function fail(): void {
  unreachable();
}

/** The last call that is answered. */
export function poison(): void {
  poisoned = true;
}

export function hr_restarted(_cause: i32): void {
  if (poisoned) unreachable();
}
