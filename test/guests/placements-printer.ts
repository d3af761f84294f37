// A reactor that prints numbers and keeps the last one in persistent memory. It must store a number only when its line is out, so that
// at any instant every number up to the stored one has been printed.
import {
  BlockPointer,
  HR_GROUP_KEY,
  K_OK,
  PmmName,
  pmmAllocate,
  print,
} from '../../abi/assemblyscript/index.ts';

export { __stack_pointer } from 'memory';

const block = new BlockPointer();
const result = pmmAllocate(block, new PmmName('PRINTED'), sizeof<i32>(), HR_GROUP_KEY);
assert(result === K_OK, `cannot allocate PRINTED: error ${result}`);

/** Prints one number after another, each on its line, until somebody stops it. */
export function printForEver(): void {
  while (true) {
    const next = load<i32>(block.address) + 1;
    print(next.toString());
    store<i32>(block.address, next);
  }
}
