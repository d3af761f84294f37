// A stable-storage directory beside an "outside" directory whose content must never be read, in a temporary place of its own.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RekindleError } from '#runtime/errors.js';

/** What the files outside hold; nothing that is read may contain it. */
export const SECRET = 'outside of stable storage';

export interface StorageFixture extends Disposable {
  /** The stable-storage directory. */
  readonly inside: string;
  readonly outside: string;
  /** Writes a file below `inside`, with its directories. */
  put(path: string, content: string | Uint8Array): void;
}

export function storageFixture(): StorageFixture {
  const base = mkdtempSync(join(tmpdir(), 'rekindle-storage-'));
  const inside = join(base, 'inside');
  const outside = join(base, 'outside');
  for (const directory of [inside, outside]) mkdirSync(directory);
  writeFileSync(join(outside, 'secret.wasm'), SECRET);
  return {
    inside,
    outside,
    put: (path, content) => {
      mkdirSync(join(inside, path, '..'), { recursive: true });
      writeFileSync(join(inside, path), content);
    },
    [Symbol.dispose]: () => {
      rmSync(base, { recursive: true, force: true });
    },
  };
}

/** The code of the RekindleError that `action` throws; anything else it throws passes through. */
export function thrownCode(action: () => unknown): string {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof RekindleError) return thrown.code;
    throw thrown;
  }
  return 'nothing thrown';
}
