// Opens a bank as a site does, up to where its processes are about to be started, and tells what is there as plain data. It takes no
// error for an answer but those that refuse a bank by name; everything else goes on to whoever counts the failures.
import type { OpenBankFiles } from '#runtime/bank/bank-directory.js';
import type { BankLoss } from '#runtime/bank/bank-loss.js';
import type { JsonValue } from '#runtime/bank/ledger-records.js';
import type { ControllerObserver } from '#runtime/controller/observer.js';
import { RekindleError } from '#runtime/errors.js';
import { openBank } from '#runtime/site-bank.js';
import { buildParts } from '#runtime/site-parts.js';
import { StableStorage } from '#runtime/storage/stable-storage.js';
import { type Backend, fixedEnvironment, optionsOf, REOPEN_MS } from './specimens.js';

export interface Opened {
  readonly kind: 'opened';
  readonly start: 'hot' | 'cold';
  readonly losses: readonly BankLoss[];
  readonly ledger: ReadonlyMap<string, JsonValue>;
  /** Names of those that would be taken over, sorted. */
  readonly processes: readonly string[];
  /** `number of quarantined groups`/`number of all`. */
  readonly groups: string;
  /** The user blocks, each as a line. */
  readonly blocks: readonly string[];
  readonly usedBytes: number;
  /** What the check of the content has come to. */
  readonly contentProblem: string | null;
}

/** Looks at the content as the site sees it. What is wrong, or null. */
export type CheckContent = (ledger: ReadonlyMap<string, JsonValue>, content: Uint8Array) => string | null;

export type Outcome = Opened | { readonly kind: 'refused'; readonly code: string; readonly message: string };

const nothing = (): void => undefined;
const SILENT: ControllerObserver = {
  started: nothing,
  faulted: nothing,
  restarted: nothing,
  exited: nothing,
  rolledBack: nothing,
  blocked: nothing,
  escalated: nothing,
  quarantined: nothing,
  siteRestarted: nothing,
  output: nothing,
};

/** What a bank may be refused with. */
export function isRefusal(error: unknown): error is RekindleError {
  return error instanceof RekindleError && error.code.startsWith('BANK_');
}

export function openForInspection(
  { path, backend, storage }: { readonly path: string; readonly backend: Backend; readonly storage: string },
  openBankFiles: OpenBankFiles,
  checkContent: CheckContent = () => null,
): Outcome {
  const options = optionsOf(path, storage, backend);
  const environment = fixedEnvironment(openBankFiles, { bankNumber: 99, nowMs: REOPEN_MS });
  try {
    const opened = openBank(options, environment, (reason) => {
      throw new Error(`the bank was lost while it was opened: ${reason}`);
    });
    try {
      const stable = new StableStorage(options.stableStorage, options.limits);
      const parts = buildParts(options, environment, stable, opened, SILENT);
      const { bank, controller, losses, pastProcesses, pmm } = parts;
      const groups = [...controller.groups.values()];
      const ledger = new Map(bank.ledger.entries(''));
      return {
        kind: 'opened',
        start: opened.start,
        losses,
        ledger,
        processes: pastProcesses.map(({ record }) => record.identity.name).sort(),
        groups: `${groups.filter(({ phase }) => phase === 'quarantined').length}/${groups.length}`,
        blocks: pmm
          .list()
          .flatMap(({ name, sizeBytes, group, owner, system }) =>
            system ? [] : [`${name} ${sizeBytes} ${group} ${owner}`],
          ),
        usedBytes: pmm.usage().usedBytes,
        contentProblem: checkContent(ledger, bank.view.bytes(0, bank.sizeBytes)),
      };
    } finally {
      opened.bank[Symbol.dispose]();
    }
  } catch (error) {
    if (isRefusal(error)) return { kind: 'refused', code: error.code, message: error.message };
    throw error;
  }
}
