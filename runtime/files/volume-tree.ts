// What is known of one volume, in memory: its files by number, its names by directory, and what follows from them. It is changed only by
// lists of changes that say what is to be, and none of which does harm when it is made twice. It knows nothing of the bank.
import type { Extent } from '../memory/extents.ts';
import { bytesOf, type FileLayout } from './volume-layout.ts';
import { SLOT_BYTES } from './volume-slot.ts';

/** Of the directory a volume begins with. */
export const ROOT_INODE = 1;
/** The slot of the root. */
export const ROOT_SLOT = 0;

/** `slot`: number of its slot in the volume's table. */
export type VolumeNode =
  | { readonly kind: 'regular'; readonly slot: number; readonly layout: FileLayout }
  | { readonly kind: 'directory'; readonly slot: number }
  | { readonly kind: 'symlink'; readonly slot: number; readonly content: string };

/** A value of null: gone. */
export type TreeChange =
  | { readonly kind: 'node'; readonly inode: number; readonly node: VolumeNode | null }
  | {
      readonly kind: 'name';
      readonly directory: number;
      readonly name: string;
      readonly inode: number | null;
    }
  /** The number that the next file gets. None is used again, since bookmarks speak of files by number. */
  | { readonly kind: 'next-inode'; readonly inode: number }
  /** The extents that the slots lie in, one after another. */
  | { readonly kind: 'table'; readonly table: readonly Extent[] };

/** A name, and the directory it is in. */
export interface Place {
  readonly directory: number;
  readonly name: string;
}

export class VolumeTree {
  readonly #nodes = new Map<number, VolumeNode>([[ROOT_INODE, { kind: 'directory', slot: ROOT_SLOT }]]);
  readonly #names = new Map<number, Map<string, number>>();
  #nextInode = ROOT_INODE + 1;
  #table: readonly Extent[];
  // What follows from the above:
  readonly #places = new Map<number, Map<string, Place>>();
  readonly #subdirectories = new Map<number, Set<number>>();
  readonly #freeSlots = new Set<number>();
  #slotCount = 0;
  #usedBytes = 0;
  #nameCount = 0;

  constructor(table: readonly Extent[]) {
    this.#table = table;
    this.#infer();
  }

  get nextInode(): number {
    return this.#nextInode;
  }

  get table(): readonly Extent[] {
    return this.#table;
  }

  /** The root included. */
  get nodeCount(): number {
    return this.#nodes.size;
  }

  /** Of the bank, the table included. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  get nameCount(): number {
    return this.#nameCount;
  }

  get freeSlot(): number | null {
    const [slot] = this.#freeSlots;
    return slot ?? null;
  }

  /** Where a slot lies in the bank; null outside of the table. */
  slotOffset(slot: number): number | null {
    let at = slot * SLOT_BYTES;
    for (const { offset, sizeBytes } of this.#table) {
      if (at < sizeBytes) return offset + at;
      at -= sizeBytes;
    }
    return null;
  }

  node(inode: number): VolumeNode | null {
    return this.#nodes.get(inode) ?? null;
  }

  /** All there are, those without a name included. */
  nodes(): Iterable<readonly [inode: number, node: VolumeNode]> {
    return this.#nodes;
  }

  find({ directory, name }: Place): number | null {
    return this.#names.get(directory)?.get(name) ?? null;
  }

  /** Names in a directory, the oldest first; one that is replaced keeps its place. */
  names(directory: number): Iterable<readonly [name: string, inode: number]> {
    return this.#names.get(directory) ?? [];
  }

  isEmpty(directory: number): boolean {
    return (this.#names.get(directory)?.size ?? 0) === 0;
  }

  /** Names of a file. */
  places(inode: number): readonly Place[] {
    return [...(this.#places.get(inode)?.values() ?? [])];
  }

  /** How many names a file has. */
  placeCount(inode: number): number {
    return this.#places.get(inode)?.size ?? 0;
  }

  subdirectoryCount(directory: number): number {
    return this.#subdirectories.get(directory)?.size ?? 0;
  }

  /** All that the volume has of the bank. */
  extents(): readonly Extent[] {
    const ofFiles = [...this.#nodes.values()].flatMap((node) => (node.kind === 'regular' ? node.layout : []));
    return [...this.#table, ...ofFiles];
  }

  directoriesWithNames(): Iterable<number> {
    return this.#names.keys();
  }

  /** The changes that leave nothing but the root. */
  removal(): readonly TreeChange[] {
    const names = [...this.#names].flatMap(([directory, within]) =>
      [...within.keys()].map((name): TreeChange => ({ kind: 'name', directory, name, inode: null })),
    );
    const inodes = [...this.#nodes.keys()].filter((inode) => inode !== ROOT_INODE);
    return [...names, ...inodes.map((inode): TreeChange => ({ kind: 'node', inode, node: null }))];
  }

  /** A file is there before it has a name, and has none any more before it is gone. */
  apply(changes: readonly TreeChange[]): void {
    for (const change of changes) this.#apply(change);
  }

  /** After an `apply` that was cut off anywhere: all of it has been made then. */
  applyAgain(changes: readonly TreeChange[]): void {
    for (const change of changes) this.#state(change);
    this.#infer();
  }

  #apply(change: TreeChange): void {
    switch (change.kind) {
      case 'node': {
        const { inode, node } = change;
        const before = this.#nodes.get(inode) ?? null;
        this.#usedBytes += nodeBytes(node) - nodeBytes(before);
        if (before !== null) this.#freeSlots.add(before.slot);
        if (node !== null) this.#freeSlots.delete(node.slot);
        break;
      }
      case 'name': {
        const before = this.find(change);
        if (before !== null) this.#removePlace(before, change);
        if (change.inode !== null) this.#addPlace(change.inode, change);
        break;
      }
      case 'table':
        this.#usedBytes += bytesOf(change.table) - bytesOf(this.#table);
        this.#addSlots(change.table);
        break;
      case 'next-inode':
    }
    this.#state(change);
  }

  /** What the change says, and nothing that follows from it. */
  #state(change: TreeChange): void {
    switch (change.kind) {
      case 'node':
        if (change.node === null) this.#nodes.delete(change.inode);
        else this.#nodes.set(change.inode, change.node);
        return;
      case 'name': {
        const names = this.#names.get(change.directory) ?? new Map<string, number>();
        if (change.inode === null) names.delete(change.name);
        else names.set(change.name, change.inode);
        if (names.size === 0) this.#names.delete(change.directory);
        else this.#names.set(change.directory, names);
        return;
      }
      case 'next-inode':
        this.#nextInode = Math.max(this.#nextInode, change.inode);
        return;
      case 'table':
        this.#table = change.table;
    }
  }

  #infer(): void {
    this.#places.clear();
    this.#subdirectories.clear();
    this.#freeSlots.clear();
    this.#slotCount = 0;
    this.#nameCount = 0;
    this.#addSlots(this.#table);
    for (const { slot } of this.#nodes.values()) this.#freeSlots.delete(slot);
    for (const [directory, names] of this.#names)
      for (const [name, inode] of names) this.#addPlace(inode, { directory, name });
    this.#usedBytes = bytesOf(this.extents());
  }

  #addSlots(table: readonly Extent[]): void {
    const count = bytesOf(table) / SLOT_BYTES;
    for (let slot = this.#slotCount; slot < count; slot += 1) this.#freeSlots.add(slot);
    this.#slotCount = count;
  }

  #addPlace(inode: number, { directory, name }: Place): void {
    const places = this.#places.get(inode) ?? new Map<string, Place>();
    this.#places.set(inode, places.set(`${directory}/${name}`, { directory, name }));
    this.#nameCount += 1;
    if (this.#nodes.get(inode)?.kind !== 'directory') return;
    const within = this.#subdirectories.get(directory) ?? new Set<number>();
    this.#subdirectories.set(directory, within.add(inode));
  }

  #removePlace(inode: number, { directory, name }: Place): void {
    const places = this.#places.get(inode);
    if (places?.delete(`${directory}/${name}`) !== true) return;
    this.#nameCount -= 1;
    this.#subdirectories.get(directory)?.delete(inode);
    if (places.size === 0) this.#places.delete(inode);
  }
}

function nodeBytes(node: VolumeNode | null): number {
  return node?.kind === 'regular' ? bytesOf(node.layout) : 0;
}
