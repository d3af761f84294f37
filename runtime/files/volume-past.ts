// What an earlier site has left of its volumes: reads their records, takes their extents back, and makes sure of every file's length. What
// it is not sure of is left out and named; it must never guess.
import type { BankLoss } from '../bank/bank-loss.ts';
import type { LedgerChange } from '../bank/ledger-records.ts';
import { RekindleError } from '../errors.ts';
import { invariant } from '../invariant.ts';
import type { Bank } from '../memory/bank.ts';
import type { Extent } from '../memory/extents.ts';
import { bytesOf, neededFor } from './volume-layout.ts';
import {
  changeOfTree,
  FILE_PREFIX,
  fileFromRecord,
  NAME_PREFIX,
  NEXT_FILE_PREFIX,
  NEXT_VOLUME_KEY,
  nameFromRecord,
  nextNumberFromRecord,
  VOLUME_PREFIX,
  type VolumeRecord,
  volumeFromRecord,
} from './volume-record.ts';
import { SLOT_BYTES, VolumeSlot } from './volume-slot.ts';
import { type Place, ROOT_INODE, ROOT_SLOT, type TreeChange, VolumeTree } from './volume-tree.ts';

export interface PastVolume {
  readonly record: VolumeRecord;
  /** The changes that make its tree. */
  readonly tree: readonly TreeChange[];
}

export interface VolumesPast {
  readonly volumes: readonly PastVolume[];
  readonly nextNumber: number;
  readonly losses: readonly BankLoss[];
  /** That write down what has been left out. */
  readonly changes: readonly LedgerChange[];
}

interface Reading {
  readonly key: string;
  readonly record: VolumeRecord;
  readonly tree: VolumeTree;
  readonly made: TreeChange[];
}

/** Throws BANK_DAMAGED when the records contradict each other, and BANK_FULL. */
export function readVolumes(bank: Bank): VolumesPast {
  return new VolumesReader(bank).read();
}

class VolumesReader {
  readonly #bank: Bank;
  readonly #readings = new Map<number, Reading>();
  readonly #losses: BankLoss[] = [];
  readonly #changes: LedgerChange[] = [];

  constructor(bank: Bank) {
    this.#bank = bank;
  }

  read(): VolumesPast {
    const { ledger } = this.#bank;
    for (const [key, value] of ledger.entries(VOLUME_PREFIX))
      this.#readVolume(key, volumeFromRecord(key, value));
    for (const [key, value] of ledger.entries(FILE_PREFIX)) {
      const { volume, inode, node } = fileFromRecord(key, value);
      this.#make(this.#of(key, volume), { kind: 'node', inode, node });
    }
    for (const [key, value] of ledger.entries(NAME_PREFIX)) {
      const { volume, directory, name, inode } = nameFromRecord(key, value);
      const reading = this.#of(key, volume);
      requireConsistent(key, reading.tree.node(inode) !== null, 'the name leads to no file');
      this.#make(reading, { kind: 'name', directory, name, inode });
    }
    for (const reading of this.#readings.values()) this.#check(reading);
    const numbers = [...this.#readings.keys()];
    const next = nextNumberFromRecord(NEXT_VOLUME_KEY, ledger.get(NEXT_VOLUME_KEY)) ?? 1;
    return {
      volumes: [...this.#readings.values()].map(({ record, made }) => ({ record, tree: made })),
      nextNumber: numbers.reduce((highest, number) => Math.max(highest, number + 1), next),
      losses: this.#losses,
      changes: this.#changes,
    };
  }

  #readVolume(key: string, record: VolumeRecord): void {
    requireConsistent(key, !this.#readings.has(record.number), 'the number of the volume is that of another');
    this.#adopt(key, record.table);
    this.#readings.set(record.number, { key, record, tree: new VolumeTree(record.table), made: [] });
  }

  #of(key: string, volume: number): Reading {
    const reading = this.#readings.get(volume);
    if (reading !== undefined) return reading;
    throw new RekindleError('BANK_DAMAGED', key, 'it is of a volume that there is not');
  }

  #make({ tree, made }: Reading, change: TreeChange): void {
    tree.apply([change]);
    made.push(change);
  }

  #leaveOut(reading: Reading, change: TreeChange): void {
    this.#make(reading, change);
    this.#changes.push(changeOfTree(reading.record, change));
  }

  #check(reading: Reading): void {
    const { tree, record } = reading;
    const nextKey = `${NEXT_FILE_PREFIX}${record.number}`;
    const next = nextNumberFromRecord(nextKey, this.#bank.ledger.get(nextKey)) ?? 0;
    this.#checkNodes(reading);
    this.#checkDirectories(reading);
    const inodes = [...tree.nodes()].map(([inode]) => inode);
    const highest = inodes.reduce((sum, inode) => Math.max(sum, inode), next - 1);
    this.#make(reading, { kind: 'next-inode', inode: highest + 1 });
    for (const inode of inodes) this.#checkFile(reading, inode);
  }

  #checkNodes({ key, tree, record }: Reading): void {
    const slots = new Set<number>();
    for (const [inode, { slot }] of tree.nodes()) {
      const isInside =
        slot < bytesOf(record.table) / SLOT_BYTES && (inode === ROOT_INODE || slot !== ROOT_SLOT);
      requireConsistent(key, isInside && !slots.has(slot), `file ${inode} has no slot of its own`);
      slots.add(slot);
    }
  }

  /** Each directory has one name, and all lead to the root. */
  #checkDirectories({ key, tree }: Reading): void {
    const reached = new Set<number>();
    const waiting = [ROOT_INODE];
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      // One that is reached twice has two names, or lies below itself.
      if (reached.has(at)) continue;
      reached.add(at);
      for (const [, inode] of tree.names(at)) if (tree.node(inode)?.kind === 'directory') waiting.push(inode);
    }
    for (const [inode, { kind }] of tree.nodes()) {
      const names = tree.placeCount(inode);
      if (kind !== 'directory') continue;
      const isPlaced = reached.has(inode) && names === (inode === ROOT_INODE ? 0 : 1);
      requireConsistent(key, isPlaced, `directory ${inode} has not one place`);
    }
    for (const directory of tree.directoriesWithNames())
      requireConsistent(
        key,
        reached.has(directory),
        `there are names in ${directory}, which is no directory`,
      );
  }

  /** A file that somebody had open when it lost its last name has died with whoever that was. */
  #checkFile(reading: Reading, inode: number): void {
    const { tree, record } = reading;
    const node = tree.node(inode);
    if (node === null || node.kind === 'directory') return;
    const places = tree.places(inode);
    if (places.length === 0) return this.#leaveOut(reading, { kind: 'node', inode, node: null });
    if (node.kind === 'symlink') return;
    const offset = tree.slotOffset(node.slot);
    invariant(offset !== null, 'slots have been checked');
    const slot = new VolumeSlot(this.#bank.view, offset);
    if (!slot.isSound({ volume: record.number, inode })) {
      for (const place of places) {
        this.#losses.push({ kind: 'file', name: pathOf(reading, place), reason: 'its length is damaged' });
        this.#leaveOut(reading, { kind: 'name', ...place, inode: null });
      }
      return this.#leaveOut(reading, { kind: 'node', inode, node: null });
    }
    const kept = neededFor(node.layout, slot.sizeBytes);
    if (kept !== node.layout)
      this.#leaveOut(reading, { kind: 'node', inode, node: { ...node, layout: kept } });
    this.#adopt(`${FILE_PREFIX}${record.number}/${inode}`, kept);
  }

  #adopt(key: string, extents: readonly Extent[]): void {
    for (const { offset, sizeBytes } of extents)
      requireConsistent(
        key,
        this.#bank.adopt({ offset, sizeBytes }),
        'an extent of it is in the way of something else',
      );
  }
}

function pathOf({ record, tree }: Reading, place: Place): string {
  const names = [place.name];
  for (let at = place.directory; at !== ROOT_INODE; ) {
    const above = tree.places(at)[0];
    if (above === undefined) break;
    names.unshift(above.name);
    at = above.directory;
  }
  return [record.name, ...names].join('/');
}

function requireConsistent(key: string, holds: boolean, detail: string): void {
  if (!holds) throw new RekindleError('BANK_DAMAGED', key, detail);
}
