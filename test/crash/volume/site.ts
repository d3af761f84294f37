// A bank with volumes and nothing else, in a directory: opened as a site opens it, on real files or recorded ones.
import { BankDirectory, type OpenBankFiles } from '#runtime/bank/bank-directory.js';
import type { BankLoss } from '#runtime/bank/bank-loss.js';
import { RekindleError } from '#runtime/errors.js';
import { HostFiles } from '#runtime/files/host-files.js';
import { VolumeFileSystem } from '#runtime/files/volume-file-system.js';
import { Volumes } from '#runtime/files/volumes.js';
import { Bank } from '#runtime/memory/bank.js';

export const VOLUME = 'v';
const BANK_BYTES = 1024 * 1024;
const QUOTA_BYTES = 512 * 1024;
const FIRST_MS = 1_700_000_000_000;

export interface VolumeSiteOptions {
  readonly path: string;
  readonly backend: 'mapped' | 'copied';
  readonly sync: 'commit' | 'none';
  readonly openBankFiles?: OpenBankFiles;
}

export class VolumeSite implements Disposable {
  readonly bank: Bank;
  readonly volumes: Volumes;
  readonly losses: readonly BankLoss[];
  #nowMs = FIRST_MS;

  constructor({ path, backend, sync, openBankFiles }: VolumeSiteOptions) {
    const directory = BankDirectory.open(
      {
        path,
        sync,
        sizeBytes: BANK_BYTES,
        start: 'hot',
        owner: { pid: process.pid, startedAt: '', program: 'test' },
        newBankId: () => new Uint8Array(16).fill(7),
        nowMs: () => FIRST_MS,
        lost: (reason) => {
          throw new Error(`the bank is lost: ${reason}`);
        },
      },
      openBankFiles,
    );
    this.bank = Bank.open(directory, backend);
    this.volumes = new Volumes({
      bank: this.bank,
      volumeQuotaBytes: QUOTA_BYTES,
      nowMs: () => this.#nowMs++,
    });
    const { losses, changes } = this.volumes.adopt();
    this.bank.ledger.commit(changes);
    this.bank.releaseHoles();
    this.losses = [...directory.losses, ...losses];
  }

  mount(pid: number): VolumeFileSystem {
    return new VolumeFileSystem({
      access: 'read-write',
      volume: VOLUME,
      view: this.bank.view,
      call: (request) => this.volumes.serve(pid, request),
      nowNs: () => BigInt(this.#nowMs++) * 1_000_000n,
    });
  }

  /** As the host does it. */
  write(name: string, bytes: Uint8Array): void {
    try {
      new HostFiles(this.volumes).write(VOLUME, name, bytes);
    } catch (error) {
      // There may be no room.
      if (!(error instanceof RekindleError) || error.code !== 'VOLUME_LIMIT') throw error;
    }
  }

  [Symbol.dispose](): void {
    this.bank[Symbol.dispose]();
  }
}

/** What is in use is the volumes', and nothing else is. */
export function bookFaults({ bank, volumes, losses }: VolumeSite): readonly string[] {
  const faults = losses.map(({ kind, name, reason }) => `lost ${kind} ${name}: ${reason}`);
  const usedBytes = bank.sizeBytes - bank.freeBytes;
  const ofVolumes = volumes.list().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return usedBytes === ofVolumes
    ? faults
    : [...faults, `${usedBytes} bytes in use, ${ofVolumes} of them known`];
}
