// One of two reactors that must be restarted together: it puts into its account what pair-teller took out of the other. It
// must credit only what was agreed in the session it knows itself.
import {
  amountUnderWay,
  credit,
  debit,
  ledgerAccount,
  REFUSED,
  sessionOfTransfer,
  sumOfAccounts,
} from './pair-accounts.ts';

export { __stack_pointer } from 'memory';

// In plain memory on purpose: a restart forgets it, here as in the teller.
let currentSession: i32 = 0;

// A transfer that was agreed before a failure is due. Both halves, whichever of the two starts first: the teller agrees on
// nothing new before `credit` has been done, so its own `debit` can only repeat this one.
debit();
credit();

/** Begins a session, which is any number but 0. The host opens the same one in the teller. */
export function open(session: i32): void {
  currentSession = session;
}

/** The session under way, 0 when there is none. */
export function session(): i32 {
  return currentSession;
}

/**
 * The ledger's half of a transfer: what its account then holds. -1 without a session, or when no transfer of this amount, agreed
 * in this session, is under way.
 */
export function transfer(amount: i32): i32 {
  if (currentSession === 0 || sessionOfTransfer() !== currentSession) return REFUSED;
  if (amount <= 0 || amount !== amountUnderWay()) return REFUSED;
  credit();
  return ledgerAccount();
}

/** Fails on purpose in the ledger's half of a transfer, before its account has seen it. */
export function crashMidTransfer(): void {
  unreachable();
}

/** The sum of both accounts: short by the amount of a transfer that is debited and not yet credited. */
export function balance(): i32 {
  return sumOfAccounts();
}
