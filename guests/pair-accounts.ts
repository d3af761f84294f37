// What pair-teller and pair-ledger share: two accounts in one block of persistent memory and the journal that lets an
// interrupted transfer be finished. The teller moves money out of its account, the ledger puts it into its own; the sum of
// both is the invariant. Neither may touch the block but through the functions here.
import { BlockPointer, HR_GROUP_KEY, K_OK, PmmName, pmmAllocate } from '../abi/assemblyscript/index.ts';

//  PAIR_ACCOUNTS: three running totals and the session of the transfer under way.
//
//   0        4         8          12        16
//  +--------+---------+----------+---------+
//  | agreed | debited | credited | session |
//  +--------+---------+----------+---------+
//
//  A transfer is agreed, then debited, then credited, each by one store to its own total. It is under way while `credited`
//  is not yet `agreed`; after the first store it can always be finished, by setting the other totals to `agreed`, and doing so
//  twice does no harm. A fresh block, all zero, is a pair of accounts that has seen no transfer.
const AGREED: usize = 0;
const DEBITED: usize = 4;
const CREDITED: usize = 8;
const SESSION: usize = 12;
const ACCOUNTS_SIZE: usize = 16;

/** What the teller's account holds at first; the ledger's is empty. */
const OPENING_BALANCE: i32 = 1000;
/** What transfer returns when it is refused. */
export const REFUSED: i32 = -1;

const block = new BlockPointer();
const result = pmmAllocate(block, new PmmName('PAIR_ACCOUNTS'), ACCOUNTS_SIZE, HR_GROUP_KEY);
assert(result === K_OK, 'pair: cannot allocate PAIR_ACCOUNTS');

export function tellerAccount(): i32 {
  return OPENING_BALANCE - load<i32>(block.address, DEBITED);
}

export function ledgerAccount(): i32 {
  return load<i32>(block.address, CREDITED);
}

/** The sum of both accounts: the same whenever no transfer is under way. */
export function sumOfAccounts(): i32 {
  return tellerAccount() + ledgerAccount();
}

/** What has left the teller's account, or is about to, and has not reached the ledger's: 0 when nothing is under way. */
export function amountUnderWay(): i32 {
  return load<i32>(block.address, AGREED) - load<i32>(block.address, CREDITED);
}

/** The session in which the last transfer was agreed. */
export function sessionOfTransfer(): i32 {
  return load<i32>(block.address, SESSION);
}

/** Puts a transfer on record. The store to `agreed` comes last: before it nothing has happened, after it the transfer is due. */
export function agree(amount: i32, session: i32): void {
  store<i32>(block.address, session, SESSION);
  store<i32>(block.address, load<i32>(block.address, AGREED) + amount, AGREED);
}

/** Takes the agreed amount out of the teller's account; no effect when that is done. */
export function debit(): void {
  store<i32>(block.address, load<i32>(block.address, AGREED), DEBITED);
}

/** Puts the agreed amount into the ledger's account; no effect when that is done. Only after debit. */
export function credit(): void {
  store<i32>(block.address, load<i32>(block.address, AGREED), CREDITED);
}
