// Whole files of volumes, by plain paths, for the host's own code. It follows no symbolic link, holds nothing open, and puts a file in
// place of another only when all of it is there.
import { RekindleError } from '../errors.ts';
import { MAX_FILE_BYTES } from '../limits.ts';
import { EFBIG, EIO, EISDIR, ENOSPC, ENOTDIR, FileError } from '../wasi/errno.ts';
import type { FileType } from '../wasi/file-system.ts';
import { bytesOf, covers, NO_EXTENTS } from './volume-layout.ts';
import { EXTENT_RECORD_BYTES, isFileName, VOLUME_RECORD_BYTES } from './volume-record.ts';
import type { ServedVolume } from './volume-service.ts';
import { VolumeSlot } from './volume-slot.ts';
import { type Place, ROOT_INODE, type VolumeNode } from './volume-tree.ts';
import type { Volumes } from './volumes.ts';

export interface HostEntry {
  readonly name: string;
  readonly type: FileType;
  readonly sizeBytes: number;
}

export class HostFiles {
  readonly #volumes: Volumes;

  constructor(volumes: Volumes) {
    this.#volumes = volumes;
  }

  /** Null where there is no directory. Throws OPTION_INVALID for a path that is not plain. */
  entries(volumeName: string, path: string): readonly HostEntry[] | null {
    const names = path === '' ? [] : namesOf(path);
    const volume = this.#volumes.find(volumeName);
    const inode = volume === null ? null : walk(volume, names);
    if (volume === null || inode === null || volume.books.node(inode).kind !== 'directory') return null;
    return [...volume.books.tree.names(inode)].map(([name, child]) => {
      const { type, sizeBytes } = volume.books.stat(child);
      return { name, type, sizeBytes: Number(sizeBytes) };
    });
  }

  /** Null where there is no file. Throws OPTION_INVALID for a path that is not plain. */
  read(volumeName: string, path: string): Uint8Array | null {
    const names = namesOf(path);
    const volume = this.#volumes.find(volumeName);
    const inode = volume === null ? null : walk(volume, names);
    if (volume === null || inode === null || volume.books.node(inode).kind !== 'regular') return null;
    return volume.content.read(inode);
  }

  /** Whole or not at all. Throws OPTION_INVALID for a path that cannot be a file, VOLUME_LIMIT, BANK_UNAVAILABLE. */
  write(volumeName: string, path: string, bytes: Uint8Array): void {
    const names = namesOf(path);
    try {
      this.#write(volumeName, names, bytes);
    } catch (error) {
      if (error instanceof FileError) throw refusalOf(error, `${volumeName}/${path}`);
      throw error;
    }
  }

  #write(volumeName: string, names: readonly string[], bytes: Uint8Array): void {
    if (bytes.length > MAX_FILE_BYTES) throw new FileError(EFBIG);
    const volume = this.#volumes.open(volumeName);
    const place = makeWay(volume, names);
    const before = volume.names.find(place);
    if (before !== null && before.node.kind !== 'regular') throw new FileError(EISDIR);
    put(volume, place, bytes);
  }
}

function refusalOf({ errno }: FileError, culprit: string): RekindleError {
  switch (errno) {
    case ENOSPC:
      return new RekindleError('VOLUME_LIMIT', culprit);
    case EIO:
      return new RekindleError('BANK_UNAVAILABLE', culprit);
    case EFBIG:
      return new RekindleError('OPTION_INVALID', culprit, 'it is longer than any file of a volume');
    default:
      return new RekindleError('OPTION_INVALID', culprit, 'a directory or a file is in its way');
  }
}

/** The file is filled before it has a name, so that it is there as a whole or not at all. */
function put({ books, names, content }: ServedVolume, place: Place, bytes: Uint8Array): void {
  const { bank, nowNs } = books.options;
  names.requireRoomFor(place);
  const { inode, node, slotOffset, changes, extents } = books.newNode({ kind: 'regular' });
  const { layout, taken } = content.grow(NO_EXTENTS, 0, bytes.length, bytesOf(extents));
  const all = [...extents, ...taken];
  const recordBytes = VOLUME_RECORD_BYTES + layout.length * EXTENT_RECORD_BYTES;
  if (!covers(layout, 0, bytes.length) || !bank.ledger.hasRoom(recordBytes)) {
    for (const { offset, sizeBytes } of all) bank.free({ offset, sizeBytes });
    throw new FileError(ENOSPC);
  }
  content.store(layout, bytes, 0);
  const slot = new VolumeSlot(bank.view, slotOffset);
  slot.setSize({ volume: books.number, inode }, bytes.length);
  slot.modified(nowNs());
  const filled: VolumeNode = { kind: 'regular', slot: node.slot, layout };
  const made = changes.map((change) =>
    change.kind === 'node' && change.inode === inode ? { ...change, node: filled } : change,
  );
  names.put(place, inode, made, all);
}

/** The directories on the way, made where there are none. Throws FileError. */
function makeWay({ names }: ServedVolume, path: readonly string[]): Place {
  let directory = ROOT_INODE;
  for (const name of path.slice(0, -1)) {
    const found = names.find({ directory, name });
    if (found !== null && found.node.kind !== 'directory') throw new FileError(ENOTDIR);
    directory = found?.inode ?? names.make({ directory, name }, { kind: 'directory' });
  }
  return { directory, name: path.at(-1) ?? '' };
}

/** Null: it leads nowhere. */
function walk({ books: { tree } }: ServedVolume, path: readonly string[]): number | null {
  let inode: number | null = ROOT_INODE;
  for (const name of path) {
    if (inode === null) return null;
    inode = tree.find({ directory: inode, name });
  }
  return inode;
}

function namesOf(path: string): readonly string[] {
  const names = typeof path === 'string' ? path.split('/') : [''];
  if (names.every(isFileName)) return names;
  throw new RekindleError('OPTION_INVALID', 'path', 'must be names with a / between them, without . and ..');
}
