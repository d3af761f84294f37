// A member of a group that is restarted a thousand times: it counts its starts in a block of its own, and in every run spawns the
// members it is told to. Arguments: [name of its block] [name of a child]..., a child's name being that of its block too.
import {
  argv,
  BlockPointer,
  errno,
  HR_GROUP_KEY,
  hrfexecv,
  K_OK,
  PmmName,
  pmmAllocate,
} from '../../abi/assemblyscript/index.ts';

export { __stack_pointer } from 'memory';

const args = argv();
const block = new BlockPointer();
const result = pmmAllocate(block, new PmmName(args[1]), sizeof<i32>(), HR_GROUP_KEY);
assert(result === K_OK, `cannot allocate ${args[1]}: error ${result}`);
store<i32>(block.address, load<i32>(block.address) + 1);

for (let index = 2; index < args.length; index++) {
  const pid = hrfexecv(new PmmName(args[index]), args[0], null, null, [args[0], args[index]]);
  assert(pid > 0, `cannot spawn ${args[index]}: errno ${errno()}`);
}

let calls: i32 = 0;

/** How often the process has been started since its group was made. */
export function starts(): i32 {
  return load<i32>(block.address);
}

/** How often this was called since the process was last started. */
export function touch(): i32 {
  calls += 1;
  return calls;
}

/** The arguments, with spaces between them. */
export function commandLine(): string {
  return args.join(' ');
}

/** Fails on purpose. */
export function crash(): void {
  unreachable();
}
