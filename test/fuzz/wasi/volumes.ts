// The volume a fuzzed guest has mounted, small enough to be filled, in a bank that has next to nothing else. Each run that mounts it ends the one
// before, as the controller would; what the guest did to the volume is never put back.
import { VolumeFileSystem } from '#runtime/files/volume-file-system.js';
import { Volumes } from '#runtime/files/volumes.js';
import { Bank } from '#runtime/memory/bank.js';
import { demand } from '../tally.js';

const NAME = 'kept';
const BANK_BYTES = 2 ** 20;
const QUOTA_BYTES = 128 * 1024;
const NS_PER_MS = 1_000_000n;

export class FuzzedVolumes {
  readonly #bank = Bank.create({ backend: 'copied', sizeBytes: BANK_BYTES });
  readonly #freeBytes = this.#bank.freeBytes;
  #nowNs: () => bigint = () => 0n;
  readonly #volumes = new Volumes({
    bank: this.#bank,
    volumeQuotaBytes: QUOTA_BYTES,
    nowMs: () => Number(this.#nowNs() / NS_PER_MS),
  });
  #run = 0;

  /** Nothing is mounted, and there is no volume. */
  renew(): void {
    this.#volumes.release(this.#run);
    this.#volumes.remove(NAME);
  }

  mount(nowNs: () => bigint): VolumeFileSystem {
    this.#volumes.release(this.#run);
    this.#run += 1;
    this.#nowNs = nowNs;
    const run = this.#run;
    return new VolumeFileSystem({
      volume: NAME,
      access: 'read-write',
      view: this.#bank.view,
      call: (request) => this.#volumes.serve(run, request),
      nowNs,
    });
  }

  /** Whether the volume has what the bank misses, and no more than it may: to be asked when its run is over. */
  demandInOrder(): void {
    this.#volumes.release(this.#run);
    const row = this.#volumes.list().find(({ name }) => name === NAME);
    const takenBytes = this.#freeBytes - this.#bank.freeBytes;
    demand(row !== undefined, () => 'the volume is gone');
    demand(row.sizeBytes <= QUOTA_BYTES, () => `the volume takes ${row.sizeBytes} bytes`);
    demand(
      row.sizeBytes === takenBytes,
      () => `the volume has ${row.sizeBytes} bytes, ${takenBytes} are gone`,
    );
    demand(row.mounts === 0, () => 'the volume is mounted though its run is over');
  }
}
