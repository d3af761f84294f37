// A directory for banks, in memory where the system has such a file system, and what there is room for. It owns all that lies in it and
// leaves nothing behind; it opens no bank.
import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';

const MEMORY_DIRECTORY = '/dev/shm';

export class BankPlace implements Disposable {
  readonly #path = mkdtempSync(
    join(existsSync(MEMORY_DIRECTORY) ? MEMORY_DIRECTORY : tmpdir(), `rekindle-bench-${process.pid}-`),
  );

  /** Path of a file or of a bank's directory, not made yet. */
  pathOf(name: string): string {
    return join(this.#path, name);
  }

  /** Bytes that memory and this place have left, roughly. */
  freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.#path);
    return Math.min(bavail * bsize, freemem());
  }

  [Symbol.dispose](): void {
    rmSync(this.#path, { recursive: true, force: true });
  }
}
