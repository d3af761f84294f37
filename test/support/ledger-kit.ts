// What the tests of the ledger share: a ledger over files in memory, its state as plain data, and transactions for fast-check.
// It must not know how a ledger writes things down.
import fc from 'fast-check';
import { JournalLedger, type JsonValue, type LedgerChange } from '#runtime/bank/ledger.js';
import { RekindleError } from '#runtime/errors.js';
import { anyText } from '#test/support/any-text.js';
import { type BankImage, type BankStep, MemoryFiles, replay } from './memory-files.js';

export const BANK_ID = Uint8Array.from({ length: 16 }, (_, index) => index + 1);

export type State = readonly (readonly [key: string, value: JsonValue])[];
export type Transaction = readonly LedgerChange[];

export function ledgerOptions(reasons: string[] = []) {
  return { bankId: BANK_ID, lost: (reason: string) => void reasons.push(reason) };
}

/** The state after these transactions, by the plainest means there are. */
export function modelOf(transactions: readonly Transaction[]): State {
  const model = new Map<string, JsonValue>();
  for (const { key, value } of transactions.flat()) {
    if (value === null) model.delete(key);
    else model.set(key, value);
  }
  return [...model];
}

export type Outcome =
  | {
      readonly kind: 'open';
      readonly state: State;
      readonly losses: readonly string[];
      readonly files: MemoryFiles;
    }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string };

/** What opening these files comes to. Anything but a RekindleError is thrown on. */
export function reopen(image: BankImage): Outcome {
  const files = new MemoryFiles(image);
  try {
    using ledger = JournalLedger.open(files, ledgerOptions());
    const losses = ledger.losses.map(({ name, reason }) => `${name}: ${reason}`);
    return { kind: 'open', state: ledger.entries(''), losses, files };
  } catch (error) {
    if (error instanceof RekindleError) return { kind: 'refused', code: error.code, message: error.message };
    throw error;
  }
}

export const SECTOR_BYTES = 512;

/** The same write as writes of one sector each. */
function sectorsOf({
  file,
  offset,
  bytes,
}: Extract<BankStep, { kind: 'write' | 'stored' }>): readonly BankStep[] {
  const steps: BankStep[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = Math.min(bytes.length, start + SECTOR_BYTES - ((offset + start) % SECTOR_BYTES));
    steps.push({ kind: 'write', file, offset: offset + start, bytes: bytes.subarray(start, end) });
    start = end;
  }
  return steps;
}

/** What a loss of power leaves of one file after these steps, which rename nothing: what was synced, and of the rest any sectors. */
export function afterPowerLoss(
  image: BankImage,
  steps: readonly BankStep[],
  isKept: () => boolean,
): BankImage {
  const synced = steps.findLastIndex(({ kind }) => kind === 'sync') + 1;
  const pending = steps.slice(synced).flatMap((step) => (step.kind === 'write' ? sectorsOf(step) : [step]));
  return replay(image, [...steps.slice(0, synced), ...pending.filter(isKept)]);
}

export function ledgerWith(transactions: readonly Transaction[], files = new MemoryFiles()): MemoryFiles {
  using ledger = JournalLedger.create(files, ledgerOptions());
  for (const transaction of transactions) ledger.commit(transaction);
  return files;
}

const value = fc.oneof(
  fc.integer(),
  anyText(),
  fc.jsonValue({ maxDepth: 3 }),
  // Long enough for several sectors and pages, and for new files now and then.
  fc.integer({ min: 500, max: 40_000 }).map((length) => 'x'.repeat(length)),
) as fc.Arbitrary<JsonValue>;

const key = fc.oneof(
  fc.constantFrom('block/1', 'block/2', 'group/7', 'process/counter#1', '', 'null', '__proto__'),
  anyText({ maxLength: 8 }),
);

export const transaction: fc.Arbitrary<Transaction> = fc.array(
  fc.record({ key, value: fc.option(value, { freq: 4 }) }),
  { maxLength: 4 },
);

/** JSON has no negative zero: what is compared has been through it. */
export function throughJson(state: State): State {
  return JSON.parse(JSON.stringify(state));
}
