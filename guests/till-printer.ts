// The printer of the till: an indirect process that prints receipts and numbers them without a gap, because the last number is in a
// block of persistent memory. It must store a number only when the receipt is out: one that is cut off is printed again.
import { print } from '../abi/assemblyscript/index.ts';
import { groupBlock, takingsCents } from './till-takings.ts';

export { __stack_pointer } from 'memory';

const lastReceipt = groupBlock('TILL_RECEIPTS', sizeof<i32>());

/** Prints the next receipt; its number. */
export function printReceipt(): i32 {
  const receipt = load<i32>(lastReceipt) + 1;
  print(`receipt ${receipt}: takings ${takingsCents()} cents`);
  store<i32>(lastReceipt, receipt);
  return receipt;
}
