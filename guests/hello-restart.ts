// The first thing to read: a command that fails on purpose, is restarted, and knows it because of one number in persistent
// memory (reference, section 6.1). It must call HR_EXIT_HDL before every wanted exit, or it would be restarted for ever.
import {
  BlockPointer,
  DeletionKey,
  exit,
  HR_EXIT_HDL,
  K_OK,
  PmmName,
  pmmAllocate,
  pmmFree,
  print,
} from '../abi/assemblyscript/index.ts';

export { __stack_pointer } from 'memory';

/** No linear memory of less than 4 GiB reaches this far: a guaranteed bad pointer. */
const BAD_POINTER: usize = 0xfffffffc;

const name = new PmmName('PM1');
const counter = new BlockPointer();
const result = pmmAllocate(counter, name, sizeof<i32>(), new DeletionKey('HELLO_GROUP'));
if (result !== K_OK) {
  print(`Cannot allocate the block: error ${result}.`);
  HR_EXIT_HDL();
  exit(1);
}

// A fresh block reads as zero, so zero says that this is the first run.
if (load<i32>(counter.address) === 0) {
  print('Hello world!');
  store<i32>(counter.address, 1);
  store<i32>(BAD_POINTER, 1);
}

print('Hello again! I have been restarted.');
pmmFree(name);
HR_EXIT_HDL();
exit(0);
