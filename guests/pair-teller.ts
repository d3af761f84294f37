// One of two reactors that must be restarted together: it takes money out of its account for pair-ledger to put into the
// other. It works only in a session both know, and it must never begin a transfer while another is under way.
import { agree, amountUnderWay, debit, REFUSED, sumOfAccounts, tellerAccount } from './pair-accounts.ts';

export { __stack_pointer } from 'memory';

// In plain memory on purpose: a restart forgets it. If only one of the two were restarted, their sessions would differ and
// the ledger would refuse every transfer from then on.
let currentSession: i32 = 0;

// A transfer that was agreed before a failure is due. The ledger does its half when it starts.
debit();

/** Begins a session, which is any number but 0. The host opens the same one in the ledger. */
export function open(session: i32): void {
  currentSession = session;
}

/** The session under way, 0 when there is none. */
export function session(): i32 {
  return currentSession;
}

/**
 * The teller's half of a transfer: what its account then holds. -1 without a session, while another transfer is under way, or
 * for an amount that is not positive or not there.
 */
export function transfer(amount: i32): i32 {
  if (currentSession === 0 || amountUnderWay() !== 0) return REFUSED;
  if (amount <= 0 || amount > tellerAccount()) return REFUSED;
  agree(amount, currentSession);
  debit();
  return tellerAccount();
}

/** Fails on purpose when a transfer of 1 has been agreed and neither account has seen it. */
export function crashMidTransfer(): void {
  agree(1, currentSession);
  unreachable();
}

/** The sum of both accounts: short by the amount of a transfer that is debited and not yet credited. */
export function balance(): i32 {
  return sumOfAccounts();
}
