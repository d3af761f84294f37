// Opens the bank a site was asked for: one in memory, or the one that lies in a directory. It must never leave a bank open that it does
// not hand out.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  BankDirectory,
  type BankDirectoryOptions,
  type OpenBankFiles,
  SUPERBLOCK_NAME,
} from './bank/bank-directory.ts';
import { LOST_END_NAME } from './bank/ledger-reader.ts';
import { RekindleError } from './errors.ts';
import { WASM_PAGE_SIZE } from './limits.ts';
import { Bank } from './memory/bank.ts';
import type { SiteEnvironment } from './site-environment.ts';
import type { CheckedSiteOptions } from './site-options.ts';

/** Key that says that a cold start came to its end: a bank without it holds nothing anybody has been told of. */
const STARTED_KEY = 'started';

export interface OpenedBank {
  readonly bank: Bank;
  readonly directory: BankDirectory | null;
  /** `hot`: it has a past. */
  readonly start: 'cold' | 'hot';
}

/** Whether these options lead to a past, as far as can be told without opening anything. */
export function hasPast({ bank }: CheckedSiteOptions): boolean {
  return bank !== null && bank.start === 'hot' && existsSync(join(bank.path, SUPERBLOCK_NAME));
}

/** From now on the bank is one to come back to. */
export function markStarted({ ledger }: Bank): void {
  ledger.commit([{ key: STARTED_KEY, value: true }]);
}

/** A bank that is taken away is found out about at the next commit, or after this long. */
const WATCH_PERIOD_MS = 1000;

/** Looks now and then whether the bank is still there; whoever opened it is told when it is not. */
export function watchBank(directory: BankDirectory): Disposable {
  const timer = setInterval(() => {
    if (!directory.isPresent()) clearInterval(timer);
  }, WATCH_PERIOD_MS).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** @param lost is told once, when a directory's files have been taken away or can no longer be written. */
export function openBank(
  { backend, bank, limits, bankSizeIsGiven }: CheckedSiteOptions,
  { newBankId, nowMs, openBankFiles, owner }: SiteEnvironment,
  lost: (reason: string) => void,
): OpenedBank {
  if (bank === null) {
    const { bankSizeBytes: sizeBytes } = limits;
    return { bank: Bank.create({ backend, sizeBytes }), directory: null, start: 'cold' };
  }
  const sizeBytes = Math.ceil(limits.bankSizeBytes / WASM_PAGE_SIZE) * WASM_PAGE_SIZE;
  const { path, start, sync } = bank;
  const options = { path, start, sync, sizeBytes, owner: owner(), newBankId, nowMs, lost };
  if (start === 'cold') Bank.requireBackend(backend);
  const directory = openStarted(options, openBankFiles);
  try {
    if (bankSizeIsGiven && directory.sizeBytes !== sizeBytes) {
      const detail = `the bank has ${directory.sizeBytes} bytes and keeps them; open it with that, or begin anew`;
      throw new RekindleError('OPTION_INVALID', 'limits.bankSizeBytes', detail);
    }
    const start = directory.isNew ? 'cold' : 'hot';
    return { bank: Bank.open(directory, backend), directory, start };
  } catch (error) {
    directory[Symbol.dispose]();
    throw error;
  }
}

/** A cold start that was cut off is begun anew. */
function openStarted(options: BankDirectoryOptions, openBankFiles: OpenBankFiles): BankDirectory {
  const directory = BankDirectory.open(options, openBankFiles);
  if (directory.isNew || directory.ledger.get(STARTED_KEY) === true) return directory;
  directory[Symbol.dispose]();
  if (directory.losses.some(({ name }) => name === LOST_END_NAME)) {
    const detail = 'that it was begun may be among what is missing at the end of its ledger';
    throw new RekindleError('BANK_DAMAGED', directory.path, detail);
  }
  return BankDirectory.open({ ...options, start: 'cold' }, openBankFiles);
}
