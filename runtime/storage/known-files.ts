// Remembers of module files what their content was, so that one that has not changed need not be read again. It must never vouch for a file
// that may have changed: whenever the file system could not tell, it knows nothing.
import { type BigIntStats, statSync } from 'node:fs';
import { MAX_KNOWN_FILES } from '../limits.ts';

/**
 * A file changed so shortly before it was read may change again without its times showing it: they tell no finer than some milliseconds, and
 * some file systems no finer than two seconds.
 */
const UNSETTLED_MS = 3000;
const NS_PER_MS = 1_000_000n;

interface KnownFile {
  readonly status: BigIntStats;
  readonly digest: string;
}

export class KnownFiles {
  readonly #files = new Map<string, KnownFile>();

  /** `status`: of the opened file, from before it was read, at `nowMs` of the clock of the file system. */
  remember(path: string, status: BigIntStats, digest: string, nowMs: number): void {
    this.#files.delete(path);
    if (nowMs - Number(status.ctimeNs / NS_PER_MS) < UNSETTLED_MS) return;
    for (const oldest of this.#files.keys()) {
      if (this.#files.size < MAX_KNOWN_FILES) break;
      this.#files.delete(oldest);
    }
    this.#files.set(path, { status, digest });
  }

  /** Digest of what lies at `path` if it is the file that was read from there, unchanged; null when only reading it can tell. */
  digestOf(path: string): string | null {
    const known = this.#files.get(path);
    if (known === undefined) return null;
    const status = statusOf(path);
    return status !== null && isUnchanged(known.status, status) ? known.digest : null;
  }
}

/** Null for whatever cannot be looked at: whoever reads it will be told why. */
function statusOf(path: string): BigIntStats | null {
  try {
    return statSync(path, { bigint: true });
  } catch {
    return null;
  }
}

function isUnchanged(before: BigIntStats, now: BigIntStats): boolean {
  return (
    before.ino === now.ino &&
    before.dev === now.dev &&
    before.size === now.size &&
    before.mtimeNs === now.mtimeNs &&
    before.ctimeNs === now.ctimeNs
  );
}
