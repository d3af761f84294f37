// The Persistent Memory Manager: named blocks of the bank, who may reach them, and when their pages are given back (reference,
// section 2). Lives in the host's main thread. It must never give away pages that a process may still have mapped, and must never
// throw for what a guest asks: a refusal is a KnError.
import { K_EINVAL, K_ENOMEM, K_EPRIV, K_EUNKNOWN, K_OK } from '../../abi/errors.ts';
import { PMM_MEDIUM_RAM, PMM_NAME_SIZE, SYSTEM_PREFIX } from '../../abi/pmm.ts';
import type { LedgerChange } from '../bank/ledger-records.ts';
import { RekindleError } from '../errors.ts';
import { invariant } from '../invariant.ts';
import { MAX_BLOCK_MAPPINGS } from '../limits.ts';
import type { Bank } from './bank.ts';
import {
  BLOCK_PREFIX,
  BLOCK_RECORD_BYTES,
  blockFromRecord,
  changeOfBlock,
  NEXT_BLOCK_KEY,
  removalOfBlock,
} from './block-record.ts';
import { type BlockRecord, BlockTable, type RestartGroup } from './block-table.ts';
import { type Credentials, sameUser } from './credentials.ts';
import { classifyDeletionKey, printableKey } from './deletion-key.ts';
import type { Extent } from './extents.ts';

/** The run of a process that asks for something. */
export interface BlockClient {
  readonly processName: string;
  readonly pid: number;
  readonly credentials: Credentials;
  /** Null: a plain process, not restartable. */
  readonly group: RestartGroup | null;
}

/** PmmName, decoded. */
export interface BlockName {
  readonly medium: string;
  readonly name: string;
}

export interface AllocateResult {
  /** KnError. */
  readonly status: number;
  /** What to map; null unless the status is K_OK. */
  readonly block: { readonly blockId: number; readonly extent: Extent } | null;
  /** The block is new and reads as zero. */
  readonly created: boolean;
}

/** A block of the system's own: an image, a group list. */
export interface SystemBlock {
  readonly blockId: number;
  readonly name: string;
  readonly extent: Extent;
}

export type SystemAllocation =
  | { readonly kind: 'allocated'; readonly block: SystemBlock }
  | { readonly kind: 'refused'; readonly reason: 'bank-full' | 'block-limit' };

/** One line of pmstat. */
export interface BlockRow {
  readonly name: string;
  readonly sizeBytes: number;
  /** The deletion key in printable characters; empty for a system block. */
  readonly key: string;
  /** ID of the creator's restart group; null for a plain creator and for a system block. */
  readonly group: number | null;
  /** Name of the creating process; empty for a system block. */
  readonly owner: string;
  readonly system: boolean;
  /** Processes that map it. */
  readonly mappings: number;
}

export interface BankUsage {
  /** Blocks there are, system blocks included. */
  readonly blocks: number;
  readonly maxBlocks: number;
  /** Bytes not free, those of freed blocks that are still mapped included. */
  readonly usedBytes: number;
  readonly sizeBytes: number;
}

/**
 * A *mapping* here is the fact that a process run may have a block in its linear memory. It begins with a successful `allocate` or
 * `reacquire`, counts once per process and block, and ends with `release` or `releaseOne`, which the caller invokes only after the
 * guest memory has let go of the block.
 */
export class PersistentMemoryManager {
  readonly #bank: Bank;
  readonly #maxBlocks: number;
  readonly #maxMappings: number;
  readonly #table = new BlockTable();

  /** `maxMappings`: appearances of blocks in linear memories, over all processes; one more is refused as K_ENOMEM. */
  constructor(bank: Bank, options: { readonly maxBlocks: number; readonly maxMappings?: number }) {
    this.#bank = bank;
    this.#maxMappings = options.maxMappings ?? MAX_BLOCK_MAPPINGS;
    this.#maxBlocks = options.maxBlocks;
  }

  /**
   * Takes over the blocks that an earlier site has written down, before any other is made. Those of groups that are no more are left
   * out: what is returned writes that down. Throws BANK_DAMAGED when the records contradict each other, and BANK_FULL.
   *
   * @param groupSerials of the restart groups there are.
   */
  adopt(groupSerials: ReadonlySet<number>): readonly LedgerChange[] {
    const { ledger } = this.#bank;
    const orphans: LedgerChange[] = [];
    for (const [key, value] of ledger.entries(BLOCK_PREFIX)) {
      const record = blockFromRecord(key, value);
      const { group, hasGroupKey } = record.user;
      const isOrphan = hasGroupKey && group !== null && !groupSerials.has(group.serial);
      if (isOrphan) orphans.push(removalOfBlock(record.blockId));
      else if (this.#table.userBlock(record.name) !== null || !this.#bank.adopt(record.extent)) {
        throw new RekindleError('BANK_DAMAGED', key, 'the block is in the way of another one');
      } else this.#table.restore(record);
    }
    const nextBlockId = ledger.get(NEXT_BLOCK_KEY);
    if (typeof nextBlockId === 'number') this.#table.skipTo(nextBlockId);
    return orphans;
  }

  /** A system block that an earlier site has written down; null when it is in the way of something else. Throws BANK_FULL. */
  adoptSystem(name: string, extent: Extent): SystemBlock | null {
    if (!this.#bank.adopt(extent)) return null;
    const { blockId } = this.#table.add({ name, extent, ownerProcess: '', user: null });
    return Object.freeze({ blockId, name, extent });
  }

  /** pmmAllocate: makes a block or finds it again (reference, sections 2.2 and 12 row 3). `sizeBytes` may be 0 for one that exists. */
  allocate(client: BlockClient, name: BlockName, sizeBytes: number, keyBytes: Uint8Array): AllocateResult {
    const nameStatus = checkName(name);
    if (nameStatus !== K_OK) return refused(nameStatus);
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) return refused(K_EINVAL);
    const key = classifyDeletionKey(keyBytes);
    if (key.kind === 'invalid') return refused(K_EINVAL);
    if (key.kind === 'reserved') return refused(K_EPRIV);
    if (key.kind === 'group' && client.group === null) return refused(K_EPRIV);

    const existing = this.#table.userBlock(name.name);
    if (existing !== null) return this.#retrieve(client, existing, sizeBytes, key.id);
    if (sizeBytes === 0) return refused(K_EINVAL);
    if (this.#table.size >= this.#maxBlocks || !this.#mayMap()) return refused(K_ENOMEM);
    if (!this.#bank.ledger.hasRoom(BLOCK_RECORD_BYTES)) return refused(K_ENOMEM);
    const extent = this.#bank.allocate(sizeBytes);
    if (extent === null) return refused(K_ENOMEM);
    const { credentials: creator, group, processName: ownerProcess } = client;
    const user = { keyId: key.id, hasGroupKey: key.kind === 'group', creator, group };
    const record = this.#table.add({ name: name.name, extent, ownerProcess, user });
    const { blockId } = record;
    this.#table.addMapping(client.pid, blockId);
    this.#bank.commit(changeOfBlock({ ...record, user }));
    return { status: K_OK, block: { blockId, extent }, created: true };
  }

  /** pmmFree: the name is gone at once, the pages when nobody maps them any longer (reference, section 2.3). */
  free(client: BlockClient, name: BlockName): number {
    const nameStatus = checkName(name);
    if (nameStatus !== K_OK) return nameStatus;
    const record = this.#table.userBlock(name.name);
    if (record === null) return K_EUNKNOWN;
    if (!mayAccess(client, record)) return K_EPRIV;
    this.#removeUserBlocks([record]);
    return K_OK;
  }

  /**
   * pmmFreeAll: frees every block of that key the caller may reach, whoever made it (reference, section 2.4). Blocks out of its reach
   * are left: a stranger's use of the same key must not keep it from freeing its own. K_EPRIV when all are out of reach.
   */
  freeAll(client: BlockClient, keyBytes: Uint8Array): number {
    const key = classifyDeletionKey(keyBytes);
    if (key.kind === 'invalid') return K_EINVAL;
    if (key.kind !== 'user') return K_EPRIV;
    const tagged = this.#table.all().filter((record) => record.user?.keyId === key.id);
    if (tagged.length === 0) return K_EUNKNOWN;
    const reachable = tagged.filter((record) => mayAccess(client, record));
    this.#removeUserBlocks(reachable);
    return reachable.length > 0 ? K_OK : K_EPRIV;
  }

  /** A restored image maps this block: its extent, or null when it was freed or is out of the caller's reach. */
  reacquire(client: BlockClient, blockId: number): Extent | null {
    const record = this.#table.byId(blockId);
    if (record === null || !mayAccess(client, record) || !this.#mayMap()) return null;
    this.#table.addMapping(client.pid, blockId);
    return record.extent;
  }

  /** A run of a process has ended and its guest memory is disposed: it maps nothing any longer. */
  release(pid: number): void {
    for (const blockId of this.#table.blocksOf(pid)) this.releaseOne(pid, blockId);
  }

  /**
   * Blocks that a run maps although they have been freed: it counts as no longer mapping them, so the caller must take them out of its
   * linear memory before any of its guest code runs again.
   */
  releaseFreed(pid: number): readonly number[] {
    const freed = this.#table.blocksOf(pid).filter((blockId) => this.#table.byId(blockId) === null);
    for (const blockId of freed) this.releaseOne(pid, blockId);
    return freed;
  }

  /** A process no longer maps this block. */
  releaseOne(pid: number, blockId: number): void {
    const extent = this.#table.removeMapping(pid, blockId);
    if (extent !== null) this.#bank.free(extent);
  }

  /** Where a user block lies; null when there is none of that name. */
  find(name: string): Extent | null {
    return this.#table.userBlock(name)?.extent ?? null;
  }

  /**
   * Puts the books in order after host code was cut off in the middle of a change: indices follow the blocks there are, system blocks
   * nobody owns are dropped, and the bank takes back what no block accounts for. `others`: what is in use and in no block.
   */
  reconcile(ownedSystemBlocks: ReadonlySet<number>, others: readonly Extent[] = []): void {
    this.#table.rebuild();
    for (const record of this.#table.all()) {
      if (record.user === null && !ownedSystemBlocks.has(record.blockId)) this.#table.remove(record);
    }
    this.#writeAllDown();
    this.#bank.reconcile([...this.#table.extents(), ...others]);
  }

  /** A restart group has ended: frees its HR_GROUP_KEY blocks (reference, section 2.5). */
  freeGroup(serial: number): void {
    this.#removeUserBlocks(
      this.#table.all().filter(({ user }) => user?.hasGroupKey === true && user.group?.serial === serial),
    );
  }

  /** A block no guest can name, map or free; it counts against the bank and the limit like any other. */
  allocateSystem(name: string, sizeBytes: number): SystemAllocation {
    if (this.#table.size >= this.#maxBlocks) return { kind: 'refused', reason: 'block-limit' };
    const extent = this.#bank.allocate(sizeBytes);
    if (extent === null) return { kind: 'refused', reason: 'bank-full' };
    const { blockId } = this.#table.add({ name, extent, ownerProcess: '', user: null });
    return { kind: 'allocated', block: Object.freeze({ blockId, name, extent }) };
  }

  /** Nobody may still have the block mapped as an image. */
  freeSystem(block: SystemBlock): void {
    const record = this.#table.byId(block.blockId);
    invariant(record !== null && record.user === null, 'a system block is freed once');
    this.#remove(record);
  }

  /** pmstat: every block there is, in the order they were made. */
  list(): readonly BlockRow[] {
    return this.#table.all().map(({ blockId, name, extent, ownerProcess, user }) => ({
      name,
      sizeBytes: extent.sizeBytes,
      key: user === null ? '' : printableKey(user.keyId),
      group: user?.group?.id ?? null,
      owner: ownerProcess,
      system: user === null,
      mappings: this.#table.mappings(blockId),
    }));
  }

  usage(): BankUsage {
    return {
      blocks: this.#table.size,
      maxBlocks: this.#maxBlocks,
      usedBytes: this.#bank.sizeBytes - this.#bank.freeBytes,
      sizeBytes: this.#bank.sizeBytes,
    };
  }

  /** Access comes before size and key: a stranger learns only that the name is taken. */
  #retrieve(client: BlockClient, record: BlockRecord, sizeBytes: number, keyId: string): AllocateResult {
    if (!mayAccess(client, record)) return refused(K_EPRIV);
    if (sizeBytes > record.extent.sizeBytes || record.user?.keyId !== keyId) return refused(K_EINVAL);
    if (!this.#table.isMapped(client.pid, record.blockId) && !this.#mayMap()) return refused(K_ENOMEM);
    this.#table.addMapping(client.pid, record.blockId);
    return { status: K_OK, block: { blockId: record.blockId, extent: record.extent }, created: false };
  }

  #mayMap(): boolean {
    return this.#table.mappingCount < this.#maxMappings;
  }

  /** Their end is written down before any of their pages is given back. */
  #removeUserBlocks(records: readonly BlockRecord[]): void {
    this.#bank.ledger.commit(records.map(({ blockId }) => removalOfBlock(blockId)));
    for (const record of records) this.#remove(record);
  }

  /** Makes the ledger say what the table says. */
  #writeAllDown(): void {
    const present = this.#table.all().flatMap((record) => {
      const { user } = record;
      return user === null ? [] : changeOfBlock({ ...record, user });
    });
    const presentKeys = new Set(present.map(({ key }) => key));
    const gone = this.#bank.ledger.entries(BLOCK_PREFIX).filter(([key]) => !presentKeys.has(key));
    this.#bank.commit([...gone.map(([key]) => ({ key, value: null })), ...present]);
  }

  #remove(record: BlockRecord): void {
    const extent = this.#table.remove(record);
    if (extent !== null) this.#bank.free(extent);
  }
}

/** One group shares its blocks; anyone else needs the creator's user and group, or trust (reference, section 12). */
function mayAccess(client: BlockClient, { user }: BlockRecord): boolean {
  if (user === null) return false;
  if (client.group !== null && client.group.serial === user.group?.serial) return true;
  return client.credentials.trusted || sameUser(client.credentials, user.creator);
}

/** Medium and name as a caller gave them (reference, sections 2.1 and 12 row 5): a KnError. */
function checkName({ medium, name }: BlockName): number {
  if (medium !== PMM_MEDIUM_RAM) return K_EINVAL;
  if (name === '' || name.includes('\0') || Buffer.byteLength(name) >= PMM_NAME_SIZE) return K_EINVAL;
  return name.startsWith(SYSTEM_PREFIX) ? K_EPRIV : K_OK;
}

function refused(status: number): AllocateResult {
  return { status, block: null, created: false };
}
