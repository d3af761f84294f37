// A bank with volumes and guests that mount one, for tests that need no guest code: requests are served as the controller would serve
// them. The bank is in memory or in a directory that can be opened again.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BankDirectory } from '#runtime/bank/bank-directory.js';
import { HostFiles } from '#runtime/files/host-files.js';
import { VolumeFileSystem } from '#runtime/files/volume-file-system.js';
import { Volumes } from '#runtime/files/volumes.js';
import { Bank } from '#runtime/memory/bank.js';
import { FileError } from '#runtime/wasi/errno.js';

export const MiB = 1024 * 1024;
export const PAGE = 4096;
export const VOLUME = 'v';

export interface Place {
  readonly backend: 'mapped' | 'copied';
  readonly in: 'memory' | 'directory';
}

export const PLACES: readonly Place[] = [
  { backend: 'mapped', in: 'memory' },
  { backend: 'copied', in: 'memory' },
  { backend: 'mapped', in: 'directory' },
  { backend: 'copied', in: 'directory' },
];

export class VolumeFixture implements Disposable {
  readonly #place: Place;
  readonly #quotaBytes: number;
  readonly #sizeBytes: number;
  readonly #path = mkdtempSync(join(tmpdir(), 'rekindle-volume-'));
  #nowMs = 1_700_000_000_000;
  bank: Bank;
  volumes: Volumes;

  constructor(
    place: Place,
    { quotaBytes = 8 * MiB, sizeBytes = 8 * MiB }: { quotaBytes?: number; sizeBytes?: number } = {},
  ) {
    this.#place = place;
    this.#quotaBytes = quotaBytes;
    this.#sizeBytes = sizeBytes;
    this.bank = this.#openBank();
    this.volumes = this.#makeVolumes();
  }

  get canReopen(): boolean {
    return this.#place.in === 'directory';
  }

  get files(): HostFiles {
    return new HostFiles(this.volumes);
  }

  mount(pid = 1, volume = VOLUME, access: 'read-only' | 'read-write' = 'read-write'): VolumeFileSystem {
    return new VolumeFileSystem({
      access,
      volume,
      view: this.bank.view,
      call: (request) => this.volumes.serve(pid, request),
      nowNs: () => BigInt(this.#nowMs++) * 1_000_000n,
    });
  }

  /** The site ends, in order or not, and another one finds the bank. Only for one in a directory. */
  reopen(): ReturnType<Volumes['adopt']> {
    this.bank[Symbol.dispose]();
    this.bank = this.#openBank();
    this.volumes = this.#makeVolumes();
    const past = this.volumes.adopt();
    this.bank.ledger.commit(past.changes);
    this.bank.releaseHoles();
    return past;
  }

  /** Bytes in use and bytes that volumes know of. */
  get books(): { readonly usedBytes: number; readonly ofVolumes: number } {
    const ofVolumes = this.volumes.list().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    return { usedBytes: this.bank.sizeBytes - this.bank.freeBytes, ofVolumes };
  }

  [Symbol.dispose](): void {
    this.bank[Symbol.dispose]();
    rmSync(this.#path, { recursive: true, force: true });
  }

  #openBank(): Bank {
    const { backend } = this.#place;
    const sizeBytes = this.#sizeBytes;
    if (this.#place.in === 'memory') return Bank.create({ backend, sizeBytes });
    const directory = BankDirectory.open({
      path: join(this.#path, 'bank'),
      sizeBytes,
      start: 'hot',
      sync: 'none',
      owner: { pid: process.pid, startedAt: '', program: 'test' },
      newBankId: () => new Uint8Array(16),
      nowMs: () => this.#nowMs,
      lost: (reason) => {
        throw new Error(`the bank is lost: ${reason}`);
      },
    });
    return Bank.open(directory, backend);
  }

  #makeVolumes(): Volumes {
    return new Volumes({
      bank: this.bank,
      volumeQuotaBytes: this.#quotaBytes,
      nowMs: () => this.#nowMs++,
    });
  }
}

/** The errno that something is refused with; null when it is not. */
export function refusal(action: () => unknown): number | null {
  try {
    action();
    return null;
  } catch (error) {
    if (error instanceof FileError) return error.errno;
    throw error;
  }
}
