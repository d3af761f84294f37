// The block that a till shares with its printer: what was sold, as one number. Neither may keep it anywhere else, or the two
// would disagree after a restart.
import { BlockPointer, HR_GROUP_KEY, K_OK, PmmName, pmmAllocate } from '../abi/assemblyscript/index.ts';

/** The address of the block `name`, made at its first use, which goes with the group. Traps when there is none to be had. */
export function groupBlock(name: string, sizeBytes: usize): usize {
  const block = new BlockPointer();
  const result = pmmAllocate(block, new PmmName(name), sizeBytes, HR_GROUP_KEY);
  assert(result === K_OK, `cannot allocate ${name}: error ${result}`);
  return block.address;
}

//  TILL_TAKINGS
//
//   0       4
//  +-------+
//  | cents |     all sales of the group's life. One store a sale, so that a failure finds it before or after, never half way.
//  +-------+
const takings = groupBlock('TILL_TAKINGS', sizeof<i32>());

export function takingsCents(): i32 {
  return load<i32>(takings);
}

export function takeIn(cents: i32): void {
  store<i32>(takings, load<i32>(takings) + cents);
}
