// The two blocks that restart-parent and restart-child share, drawn, and how to get at them. Each block has one writer, the
// process it is named after, and is only read by the other. Both carry HR_GROUP_KEY: they go when the group ends.
// `restarted` is 0 in the very first run of its process only.
import {
  BlockPointer,
  exit,
  HR_EXIT_HDL,
  HR_GROUP_KEY,
  K_OK,
  monotonicUs,
  PmmName,
  pmmAllocate,
  print,
} from '../abi/assemblyscript/index.ts';

//  PARENT_PM
//
//   0           4         8      12
//  +-----------+---------+------+
//  | restarted | counter | calm |     counter: crashes so far. calm: 1 when there will be no more of them.
//  +-----------+---------+------+
export const PARENT_RESTARTED: usize = 0;
export const PARENT_COUNTER: usize = 4;
export const PARENT_CALM: usize = 8;
export const PARENT_SIZE: usize = 12;

//  CHILD_PM
//
//   0           4            8      12
//  +-----------+------------+------+
//  | restarted | checkpoint | done |  checkpoint: steps completed, 0 to 3. done: 1 when the message is on the console.
//  +-----------+------------+------+
export const CHILD_RESTARTED: usize = 0;
export const CHILD_CHECKPOINT: usize = 4;
export const CHILD_DONE: usize = 8;
export const CHILD_SIZE: usize = 12;

export const STEP_COUNT: i32 = 4;

/** The address of the group's block `name`. Ends the process cleanly, with status 1, when there is none to be had. */
export function groupBlock(name: string, sizeBytes: usize): usize {
  const block = new BlockPointer();
  const result = pmmAllocate(block, new PmmName(name), sizeBytes, HR_GROUP_KEY);
  if (result !== K_OK) fail(`cannot allocate ${name}: error ${result}`);
  return block.address;
}

/** Says why and ends the process cleanly: a restart would meet the same obstacle. */
export function fail(reason: string): void {
  print(reason);
  HR_EXIT_HDL();
  exit(1);
}

/** The whole number at `position` of `args`, or `otherwise` when there is none. */
export function numberArgument(args: string[], position: i32, otherwise: i32): i32 {
  return position < args.length ? I32.parseInt(args[position]) : otherwise;
}

/** The instant `durationMs` from now, on the clock of monotonicUs. */
export function deadlineUs(durationMs: i32): u64 {
  return monotonicUs() + <u64>durationMs * 1000;
}
