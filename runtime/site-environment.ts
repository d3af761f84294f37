// What a site takes from the world beside its options: clock, randomness, the files of a bank, and who it is for others. It decides
// nothing; a test can put something else in the place of each.
import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import type { OpenBankFiles } from './bank/bank-directory.ts';
import type { BankOwner } from './bank/bank-lock.ts';
import { DirectoryFiles } from './bank/directory-files.ts';

export interface SiteEnvironment {
  /** Milliseconds since 1970, with a fraction; never goes back while this program runs. */
  readonly nowMs: () => number;
  /** 16 random bytes. */
  readonly newBankId: () => Uint8Array;
  readonly openBankFiles: OpenBankFiles;
  /** How a bank names the site that has it open. */
  readonly owner: () => BankOwner;
}

export const SYSTEM_ENVIRONMENT: SiteEnvironment = Object.freeze({
  nowMs: () => performance.timeOrigin + performance.now(),
  newBankId: () => randomBytes(16),
  openBankFiles: DirectoryFiles.open,
  owner: () => ({
    pid: process.pid,
    startedAt: new Date(performance.timeOrigin).toISOString(),
    program: [basename(process.execPath), ...process.argv.slice(1)].join(' '),
  }),
});
