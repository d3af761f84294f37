// What the tests of a bank's directory share: a directory of their own on each kind of file system, options, and processes that own a
// bank. It must leave no directory and no process behind.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { BankDirectory, type BankDirectoryOptions } from '#runtime/bank/bank-directory.js';
import { RekindleError } from '#runtime/errors.js';

const MEMORY = '/dev/shm';
/** In memory where there is such a thing, and wherever temporary files are kept. */
export const PLACES: readonly string[] = existsSync(MEMORY) ? [MEMORY, tmpdir()] : [tmpdir()];
/** What a whole bank is made of. */
export const BANK_PARTS: readonly string[] = ['content', 'ledger', 'lock', 'superblock'];
export const SIZE_BYTES = 1024 * 1024;

/** A new directory that is gone afterwards. */
export class TemporaryDirectory implements Disposable {
  readonly path: string;

  constructor(place: string = PLACES[0] ?? tmpdir()) {
    this.path = mkdtempSync(join(place, 'rekindle-test-'));
  }

  at(name: string): string {
    return join(this.path, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export const OWNER = { pid: process.pid, startedAt: '2026-01-01T00:00:00.000Z', program: 'node server.js' };

let bankCount = 0;

export function bankOptions(path: string, changes: Partial<BankDirectoryOptions> = {}): BankDirectoryOptions {
  return {
    path,
    sizeBytes: SIZE_BYTES,
    start: 'hot',
    sync: 'none',
    owner: OWNER,
    newBankId: () => {
      bankCount += 1;
      return new Uint8Array(16).fill(bankCount);
    },
    nowMs: () => 1_700_000_000_000,
    lost: (reason) => {
      throw new Error(`lost: ${reason}`);
    },
    ...changes,
  };
}

/** A bank with one record and one byte of content, closed again. */
export function makeBank(path: string): void {
  using bank = BankDirectory.open(bankOptions(path));
  bank.ledger.commit([{ key: 'group/1', value: 'kept' }]);
  bank.content.write(new Uint8Array([42]), 4096);
}

/** What opening a bank that its site has lost is refused with. */
export const LOST =
  'BANK_DAMAGED: <path>: its site lost it: what was written down last is older than its content; only a cold start makes a bank of this again';

/** What an action refuses with: `CODE: detail`, with every `path` in it written as `<path>`. */
export function refusalOf(path: string, action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof RekindleError) return error.message.replaceAll(path, '<path>');
    throw error;
  }
  return 'no refusal';
}

/** A process that tries to own the lock in a directory, and keeps it until it is ended. */
export class OwnerProcess implements AsyncDisposable {
  readonly pid: number;
  /** `owned`, with the bystander's process ID where there is one, or the message of the refusal. */
  readonly answer: Promise<string>;
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;

  /** @param bystander Whether it starts a child process of its own, which lives on until it is killed. */
  constructor(path: string, bystander = false) {
    const program = fileURLToPath(new URL('./owner-program.js', import.meta.url));
    const child = spawn(process.execPath, [program, path, String(bystander)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    if (child.pid === undefined) throw new Error('a process could not be started');
    this.pid = child.pid;
    this.#child = child;
    this.#exit = once(child, 'exit');
    const lines = createInterface({ input: child.stdout });
    this.answer = Promise.race([
      once(lines, 'line').then(([line]) => String(line)),
      this.#exit.then(() => 'it ended'),
    ]);
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
