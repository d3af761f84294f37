// The records of the bank's blocks: by number, by name, by the processes that map them. It keeps the books and nothing else: who may
// do what is decided by the manager above, and bank pages are handed back by it too.
import { invariant } from '../invariant.ts';
import type { Credentials } from './credentials.ts';
import type { Extent } from './extents.ts';

export interface RestartGroup {
  readonly id: number;
  /** Differs between two groups that had one ID after each other. */
  readonly serial: number;
}

/** What a user block has and a system block has not. */
export interface UserPart {
  /** Identity of the deletion key. */
  readonly keyId: string;
  /** Freed with its group. */
  readonly hasGroupKey: boolean;
  readonly creator: Credentials;
  /** The creator's restart group; null for a plain process. */
  readonly group: RestartGroup | null;
}

export interface BlockRecord {
  readonly blockId: number;
  readonly name: string;
  readonly extent: Extent;
  readonly ownerProcess: string;
  /** Null: a system block. */
  readonly user: UserPart | null;
}

/**
 * A block is *live* from `add` to `remove`. A removed block that somebody still maps *lingers*: it has no name and is found by nobody,
 * but its pages are not given away until the last mapping is gone.
 */
export class BlockTable {
  readonly #live = new Map<number, BlockRecord>();
  readonly #userBlocksByName = new Map<string, BlockRecord>();
  /** Extents of lingering blocks. */
  readonly #lingering = new Map<number, Extent>();
  readonly #pidsByBlock = new Map<number, Set<number>>();
  readonly #blocksByPid = new Map<number, Set<number>>();
  #mappingCount = 0;
  #nextBlockId = 1;

  /** Live blocks, system blocks included. */
  get size(): number {
    return this.#live.size;
  }

  add(block: Omit<BlockRecord, 'blockId'>): BlockRecord {
    const record = Object.freeze({ ...block, blockId: this.#nextBlockId });
    this.#nextBlockId += 1;
    if (record.user !== null) {
      invariant(!this.#userBlocksByName.has(record.name), 'a name belongs to one block');
      this.#userBlocksByName.set(record.name, record);
    }
    this.#live.set(record.blockId, record);
    return record;
  }

  /** A block of an earlier site, under the number it had. */
  restore(record: BlockRecord & { readonly user: UserPart }): void {
    invariant(!this.#live.has(record.blockId), 'a block number belongs to one block');
    invariant(!this.#userBlocksByName.has(record.name), 'a name belongs to one block');
    this.#live.set(record.blockId, Object.freeze(record));
    this.#userBlocksByName.set(record.name, record);
    this.skipTo(record.blockId + 1);
  }

  /** No number below this one is given out from now on: images may still speak of blocks that are gone. */
  skipTo(nextBlockId: number): void {
    this.#nextBlockId = Math.max(this.#nextBlockId, nextBlockId);
  }

  /** Ends a live block. Its extent when nobody maps it; null when it lingers. */
  remove(record: BlockRecord): Extent | null {
    invariant(this.#live.get(record.blockId) === record, 'only a live block is removed');
    const mapped = this.mappings(record.blockId) > 0;
    // It lingers before it is removed, so that no moment between the two takes its extent for unused.
    if (mapped) this.#lingering.set(record.blockId, record.extent);
    this.#live.delete(record.blockId);
    if (record.user !== null) this.#userBlocksByName.delete(record.name);
    return mapped ? null : record.extent;
  }

  /** Makes every index agree with the live blocks and the mappings again, after a change that was cut off in the middle. */
  rebuild(): void {
    this.#userBlocksByName.clear();
    for (const record of this.#live.values()) {
      if (record.user !== null) this.#userBlocksByName.set(record.name, record);
      this.#lingering.delete(record.blockId);
    }
    this.#pidsByBlock.clear();
    for (const [pid, blockIds] of this.#blocksByPid) {
      for (const blockId of blockIds) {
        if (this.#live.has(blockId) || this.#lingering.has(blockId))
          entryOf(this.#pidsByBlock, blockId).add(pid);
        else blockIds.delete(blockId);
      }
    }
    this.#mappingCount = [...this.#blocksByPid.values()].reduce((sum, blockIds) => sum + blockIds.size, 0);
    for (const blockId of this.#lingering.keys())
      if (this.mappings(blockId) === 0) this.#lingering.delete(blockId);
  }

  /** Extents of live and lingering blocks. */
  extents(): readonly Extent[] {
    return [...[...this.#live.values()].map((record) => record.extent), ...this.#lingering.values()];
  }

  byId(blockId: number): BlockRecord | null {
    return this.#live.get(blockId) ?? null;
  }

  userBlock(name: string): BlockRecord | null {
    return this.#userBlocksByName.get(name) ?? null;
  }

  /** Live blocks in the order they were made. */
  all(): readonly BlockRecord[] {
    return [...this.#live.values()];
  }

  /** Processes that map the block. */
  mappings(blockId: number): number {
    return this.#pidsByBlock.get(blockId)?.size ?? 0;
  }

  /** Appearances of blocks in linear memories: pairs of process and block. */
  get mappingCount(): number {
    return this.#mappingCount;
  }

  isMapped(pid: number, blockId: number): boolean {
    return this.#blocksByPid.get(pid)?.has(blockId) === true;
  }

  /** Notes that a process maps a live block; once, however often it does. */
  addMapping(pid: number, blockId: number): void {
    invariant(this.#live.has(blockId), 'only a live block is mapped');
    if (this.isMapped(pid, blockId)) return;
    entryOf(this.#pidsByBlock, blockId).add(pid);
    entryOf(this.#blocksByPid, pid).add(blockId);
    this.#mappingCount += 1;
  }

  /** Blocks the process maps, lingering ones included. */
  blocksOf(pid: number): readonly number[] {
    return [...(this.#blocksByPid.get(pid) ?? [])];
  }

  /** Forgets a mapping, if there is one. The extent of a lingering block that nobody maps any longer, else null. */
  removeMapping(pid: number, blockId: number): Extent | null {
    if (this.isMapped(pid, blockId)) this.#mappingCount -= 1;
    discard(this.#blocksByPid, pid, blockId);
    discard(this.#pidsByBlock, blockId, pid);
    if (this.mappings(blockId) > 0) return null;
    const extent = this.#lingering.get(blockId) ?? null;
    this.#lingering.delete(blockId);
    return extent;
  }
}

function entryOf(map: Map<number, Set<number>>, key: number): Set<number> {
  const present = map.get(key);
  if (present !== undefined) return present;
  const created = new Set<number>();
  map.set(key, created);
  return created;
}

function discard(map: Map<number, Set<number>>, key: number, value: number): void {
  const set = map.get(key);
  set?.delete(value);
  if (set?.size === 0) map.delete(key);
}
