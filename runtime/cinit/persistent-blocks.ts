// Persistent blocks as the host's own code sees them: listed, read, freed. The host is a trusted caller without a restart group; it
// maps nothing, and what it reads is a copy.
import { K_EINVAL, K_EPRIV, K_EUNKNOWN, K_OK } from '../../abi/errors.ts';
import { PMM_MEDIUM_RAM } from '../../abi/pmm.ts';
import { RekindleError } from '../errors.ts';
import type { Bank } from '../memory/bank.ts';
import type {
  BankUsage,
  BlockClient,
  BlockRow,
  PersistentMemoryManager,
} from '../memory/persistent-memory-manager.ts';

const HOST: BlockClient = {
  processName: 'host',
  pid: 0,
  credentials: { uid: 0, gid: 0, groups: [], trusted: true },
  group: null,
};

/** `site.pmm`. After the site's shutdown `read`, `free` and `freeAll` throw SITE_CLOSED. */
export class PersistentBlocks {
  readonly #pmm: PersistentMemoryManager;
  readonly #bank: Bank;

  readonly #refuseWhenClosed: () => void;

  /** `refuseWhenClosed` throws SITE_CLOSED once the site has been closed, and with it the bank. */
  constructor(pmm: PersistentMemoryManager, bank: Bank, refuseWhenClosed: () => void) {
    this.#pmm = pmm;
    this.#bank = bank;
    this.#refuseWhenClosed = refuseWhenClosed;
  }

  /** Every block there is, system blocks included: a copy. */
  list(): readonly BlockRow[] {
    return this.#pmm.list();
  }

  /** How full the bank is. */
  usage(): BankUsage {
    return this.#pmm.usage();
  }

  /** A copy of a block's present content, or null when there is no such block. */
  read(name: string): Uint8Array | null {
    this.#refuseWhenClosed();
    const extent = this.#pmm.find(name);
    return extent === null ? null : this.#bank.view.bytes(extent.offset, extent.sizeBytes).slice();
  }

  /** pmmFree (reference, section 2.3). Throws OPTION_INVALID for a name that is none; false when there is no such block. */
  free(name: string): boolean {
    this.#refuseWhenClosed();
    return outcome(name, this.#pmm.free(HOST, { medium: PMM_MEDIUM_RAM, name }));
  }

  /** pmmFreeAll (reference, section 2.4): false when no block carries the key. Throws PERMISSION_DENIED for a key of the system's. */
  freeAll(key: Uint8Array): boolean {
    this.#refuseWhenClosed();
    return outcome('deletion key', this.#pmm.freeAll(HOST, key));
  }
}

function outcome(culprit: string, status: number): boolean {
  switch (status) {
    case K_OK:
      return true;
    case K_EUNKNOWN:
      return false;
    case K_EPRIV:
      throw new RekindleError('PERMISSION_DENIED', culprit);
    case K_EINVAL:
      throw new RekindleError('OPTION_INVALID', culprit);
    default:
      throw new RekindleError('OPTION_INVALID', culprit, `KnError ${status}`);
  }
}
