// What of a volume is written down in the bank's ledger, and how it is read back. Pure; it must never take a record at its word: what does
// not fit is BANK_DAMAGED.
import type { JsonValue, LedgerChange } from '../bank/ledger-records.ts';
import { RecordReader } from '../bank/record-reader.ts';
import { RekindleError } from '../errors.ts';
import {
  BANK_PAGE_SIZE,
  MAX_FILE_BYTES,
  MAX_FILE_EXTENTS,
  MAX_FILE_NAME_BYTES,
  MAX_SYMLINK_BYTES,
} from '../limits.ts';
import { extentFromRecord } from '../memory/extent-record.ts';
import type { Extent } from '../memory/extents.ts';
import type { FileExtent } from './volume-layout.ts';
import { ROOT_INODE, type TreeChange, type VolumeNode } from './volume-tree.ts';

/** Key of a volume: this and its name. */
export const VOLUME_PREFIX = 'volume/';
/** Key of the number that the next volume gets: bookmarks may speak of volumes that are gone. */
export const NEXT_VOLUME_KEY = 'next-volume';
/** Key of a file: this, the number of its volume, `/`, and its own. */
export const FILE_PREFIX = 'file/';
/** Key of a name: this, the number of the volume, `/`, that of the directory, `/`, and the name. */
export const NAME_PREFIX = 'name/';
/** Key of the number that the next file of a volume gets: this and the number of the volume. */
export const NEXT_FILE_PREFIX = 'next-file/';

/** More than any record of a volume takes in the ledger beside a list of extents or what a symbolic link leads to. */
export const VOLUME_RECORD_BYTES = 1024;
/** More than one extent takes in a record. */
export const EXTENT_RECORD_BYTES = 80;

const VOLUME_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/;
const MAX_SLOT = 2 ** 32;

export interface VolumeRecord {
  readonly name: string;
  /** Never used again. */
  readonly number: number;
  readonly table: readonly Extent[];
}

export interface FileRecord {
  readonly volume: number;
  readonly inode: number;
  readonly node: VolumeNode;
}

export interface NameRecord {
  readonly volume: number;
  readonly directory: number;
  readonly name: string;
  readonly inode: number;
}

export function isVolumeName(name: string): boolean {
  return VOLUME_NAME.test(name);
}

/** One component of a path. */
export function isFileName(name: string): boolean {
  const isWord = name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name);
  // What is not well-formed has no UTF-8: a guest would be shown another name.
  return isWord && !/\p{Surrogate}/u.test(name) && Buffer.byteLength(name) <= MAX_FILE_NAME_BYTES;
}

export function changeOfVolume({ name, number, table }: VolumeRecord): LedgerChange {
  const value = { number, table: table.map(({ offset, sizeBytes }) => ({ offset, sizeBytes })) };
  return { key: `${VOLUME_PREFIX}${name}`, value };
}

/** The changes that write a change of a volume down. */
export function changeOfTree(volume: Omit<VolumeRecord, 'table'>, change: TreeChange): LedgerChange {
  const { number } = volume;
  switch (change.kind) {
    case 'node': {
      const { inode, node } = change;
      return { key: `${FILE_PREFIX}${number}/${inode}`, value: node === null ? null : recordOfNode(node) };
    }
    case 'name':
      return {
        key: `${NAME_PREFIX}${number}/${change.directory}/${change.name}`,
        value: change.inode,
      };
    case 'next-inode':
      return { key: `${NEXT_FILE_PREFIX}${number}`, value: change.inode };
    case 'table':
      return changeOfVolume({ ...volume, table: change.table });
  }
}

/** Throws BANK_DAMAGED. */
export function volumeFromRecord(key: string, value: JsonValue): VolumeRecord {
  const record = new RecordReader(key, value);
  const name = key.slice(VOLUME_PREFIX.length);
  if (!isVolumeName(name)) throw damaged(key, 'the name of the volume is none');
  const table = record.list('table', (items, index) => pagesFrom(key, items.record(index)));
  if (table.length === 0) throw damaged(key, 'the volume has no table of files');
  return { name, number: record.integer('number', 1, Number.MAX_SAFE_INTEGER), table };
}

/** Throws BANK_DAMAGED. */
export function fileFromRecord(key: string, value: JsonValue): FileRecord {
  const [volume, inode, ...rest] = key.slice(FILE_PREFIX.length).split('/').map(Number);
  if (!isNumber(volume) || !isNumber(inode) || inode === ROOT_INODE || rest.length > 0)
    throw damaged(key, 'the number of the file is none');
  return { volume, inode, node: nodeFrom(key, new RecordReader(key, value)) };
}

/** Throws BANK_DAMAGED. */
export function nameFromRecord(key: string, value: JsonValue): NameRecord {
  const [first = '', second = '', ...rest] = key.slice(NAME_PREFIX.length).split('/');
  const [volume, directory, name] = [Number(first), Number(second), rest.join('/')];
  if (!isNumber(volume) || !isNumber(directory)) throw damaged(key, 'the number of the directory is none');
  if (!isFileName(name)) throw damaged(key, 'the name is none');
  if (!isNumber(value)) throw damaged(key, 'the value is not the number of a file');
  return { volume, directory, name, inode: value };
}

/** Throws BANK_DAMAGED. Null: none is written down. */
export function nextNumberFromRecord(key: string, value: JsonValue): number | null {
  if (value === null || isNumber(value)) return value;
  throw damaged(key, 'the value is no number');
}

function recordOfNode(node: VolumeNode): JsonValue {
  const { kind, slot } = node;
  switch (kind) {
    case 'directory':
      return { kind, slot };
    case 'symlink':
      return { kind, slot, content: node.content };
    case 'regular': {
      const extents = node.layout.map(({ position, offset, sizeBytes }) => ({ position, offset, sizeBytes }));
      return { kind, slot, extents };
    }
  }
}

function nodeFrom(key: string, record: RecordReader): VolumeNode {
  const kind = record.oneOf('kind', ['regular', 'directory', 'symlink']);
  const slot = record.integer('slot', 1, MAX_SLOT);
  switch (kind) {
    case 'directory':
      return { kind, slot };
    case 'symlink': {
      const content = record.text('content');
      if (Buffer.byteLength(content) <= MAX_SYMLINK_BYTES) return { kind, slot, content };
      throw damaged(key, 'what it leads to is too long');
    }
    case 'regular': {
      const layout = record.list('extents', (items, index) => fileExtentFrom(key, items.record(index)));
      if (layout.length > MAX_FILE_EXTENTS) throw damaged(key, 'there are too many extents');
      layout.forEach(({ position }, index) => {
        const before = layout[index - 1];
        if (before !== undefined && before.position + before.sizeBytes > position)
          throw damaged(key, 'its extents are not in order');
      });
      return { kind, slot, layout: Object.freeze(layout) };
    }
  }
}

function fileExtentFrom(key: string, record: RecordReader): FileExtent {
  const position = record.integer('position', 0, MAX_FILE_BYTES);
  if (position % BANK_PAGE_SIZE !== 0) throw damaged(key, 'an extent is not at a page of its file');
  return Object.freeze({ position, ...pagesFrom(key, record) });
}

function pagesFrom(key: string, record: RecordReader): Extent {
  const extent = extentFromRecord(record);
  if (extent.offset % BANK_PAGE_SIZE === 0 && extent.sizeBytes % BANK_PAGE_SIZE === 0) return extent;
  throw damaged(key, 'an extent is not of whole pages');
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 1;
}

function damaged(key: string, detail: string): RekindleError {
  return new RekindleError('BANK_DAMAGED', key, detail);
}
