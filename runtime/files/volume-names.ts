// What is done to the names of one volume: made, removed, moved, read. Each is one change of its books, and follows POSIX in what it
// refuses. It never follows a symbolic link, and never looks at the content of a file.
import { MAX_DIRECTORY_DEPTH, MAX_FILE_NAME_BYTES, MAX_SYMLINK_BYTES, MAX_VOLUME_NAMES } from '../limits.ts';
import type { Extent } from '../memory/extents.ts';
import {
  EEXIST,
  EINVAL,
  EISDIR,
  EMLINK,
  ENAMETOOLONG,
  ENOENT,
  ENOSPC,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
  FileError,
} from '../wasi/errno.ts';
import type { NewTimes } from '../wasi/file-system.ts';
import type { NewNode, VolumeBooks } from './volume-books.ts';
import type { VolumeEntry } from './volume-protocol.ts';
import { isFileName, VOLUME_RECORD_BYTES } from './volume-record.ts';
import { type Place, ROOT_INODE, type TreeChange, type VolumeNode } from './volume-tree.ts';

/** Every method throws FileError. */
export class VolumeNames {
  readonly #books: VolumeBooks;
  /** More names may be made in the site. */
  readonly #mayName: () => boolean;

  constructor(books: VolumeBooks, mayName: () => boolean) {
    this.#books = books;
    this.#mayName = mayName;
  }

  /** The file that a name leads to. ENOENT. */
  lookup(place: Place): { readonly inode: number; readonly node: VolumeNode } {
    const inode = this.#find(place);
    if (inode === null) throw new FileError(ENOENT);
    return { inode, node: this.#books.node(inode) };
  }

  /** Null: there is none. ENOENT when there is no directory for it. */
  find(place: Place): { readonly inode: number; readonly node: VolumeNode } | null {
    const inode = this.#find(place);
    return inode === null ? null : { inode, node: this.#books.node(inode) };
  }

  list(directory: number): readonly VolumeEntry[] {
    this.#requireDirectory(directory);
    return Array.from(this.#books.tree.names(directory), ([name, inode]) => [
      name,
      inode,
      this.#books.node(inode).kind,
    ]);
  }

  /** A new file under a name that there is not. Returns its number. */
  make(place: Place, content: NewNode): number {
    if (this.#find(place) !== null) throw new FileError(EEXIST);
    if (content.kind === 'symlink') requireLinkContent(content.content);
    if (content.kind === 'directory') this.#requireDepth(place.directory);
    this.#requireRoom(VOLUME_RECORD_BYTES + Buffer.byteLength('content' in content ? content.content : ''));
    const { inode, changes, extents } = this.#books.newNode(content);
    this.#books.commit([...changes, nameChange(place, inode)], extents);
    this.#books.touch(place.directory, 'modified');
    return inode;
  }

  removeDirectory(place: Place): void {
    const { inode, node } = this.lookup(place);
    if (node.kind !== 'directory') throw new FileError(ENOTDIR);
    if (!this.#books.tree.isEmpty(inode)) throw new FileError(ENOTEMPTY);
    this.#books.commitRemoval([nameChange(place, null), { kind: 'node', inode, node: null }]);
    this.#books.touch(place.directory, 'modified');
  }

  /** EISDIR for a directory. */
  unlink(place: Place): void {
    const { inode, node } = this.lookup(place);
    if (node.kind === 'directory') throw new FileError(EISDIR);
    const { changes, extents } = this.#goneWithout(inode, node);
    this.#books.commitRemoval([nameChange(place, null), ...changes]);
    this.#nameIsGone(inode, extents);
    this.#books.touch(place.directory, 'modified');
  }

  rename(from: Place, to: Place): void {
    const { inode, node } = this.lookup(from);
    const target = this.find(to);
    // Two names of one file, or one name: nothing is to be done, and both stay.
    if (target?.inode === inode) return;
    if (node.kind === 'directory') {
      this.#refuseBelow(inode, to.directory);
      this.#requireDepth(to.directory);
    }
    if (target !== null) this.#requireReplaceable(target, node.kind);
    this.#requireLedger(VOLUME_RECORD_BYTES);
    const { changes, extents } =
      target === null ? { changes: [], extents: [] } : this.#goneWithout(target.inode, target.node);
    this.#books.commitRemoval([nameChange(from, null), nameChange(to, inode), ...changes]);
    if (target !== null) this.#nameIsGone(target.inode, extents);
    this.#books.touch(inode, 'changed');
    for (const { directory } of [from, to]) this.#books.touch(directory, 'modified');
  }

  /** Another name for the file that `place` leads to. EPERM for a directory. */
  link(place: Place, to: Place): void {
    const { inode, node } = this.lookup(place);
    if (node.kind === 'directory') throw new FileError(EPERM);
    if (this.#find(to) !== null) throw new FileError(EEXIST);
    if (this.#books.tree.placeCount(inode) >= MAX_VOLUME_NAMES) throw new FileError(EMLINK);
    this.#requireRoom(VOLUME_RECORD_BYTES);
    this.#books.commitRemoval([nameChange(to, inode)]);
    this.#books.touch(inode, 'changed');
    this.#books.touch(to.directory, 'modified');
  }

  /** EINVAL for anything but a symbolic link. */
  readlink(place: Place): string {
    const { node } = this.lookup(place);
    if (node.kind === 'symlink') return node.content;
    throw new FileError(EINVAL);
  }

  setTimes(inode: number, times: NewTimes): void {
    const { options } = this.#books;
    this.#books.slot(this.#books.node(inode)).setTimes(times, options.nowNs());
  }

  /** A file that has been filled gets a name, in place of whatever file had it. `made`: the changes that make it. */
  put(place: Place, inode: number, made: readonly TreeChange[], extents: readonly Extent[]): void {
    const before = this.find(place);
    const gone =
      before === null ? { changes: [], extents: [] } : this.#goneWithout(before.inode, before.node);
    this.#books.commit([...made, nameChange(place, inode), ...gone.changes], extents);
    if (before !== null) this.#nameIsGone(before.inode, gone.extents);
    this.#books.touch(place.directory, 'modified');
  }

  /** Throws what `put` of one more name would, for want of room. */
  requireRoomFor(place: Place): void {
    if (this.#find(place) === null) this.#requireRoom(VOLUME_RECORD_BYTES);
    else this.#requireLedger(VOLUME_RECORD_BYTES);
  }

  /** Checks the name as well: the longest that are asked for are refused here. */
  #find(place: Place): number | null {
    this.#requireDirectory(place.directory);
    if (Buffer.byteLength(place.name) > MAX_FILE_NAME_BYTES) throw new FileError(ENAMETOOLONG);
    if (!isFileName(place.name)) throw new FileError(EINVAL);
    return this.#books.tree.find(place);
  }

  /** A directory that has been removed has no names and gets none. */
  #requireDirectory(inode: number): void {
    const node = this.#books.tree.node(inode);
    if (node === null) throw new FileError(ENOENT);
    if (node.kind !== 'directory') throw new FileError(ENOTDIR);
  }

  /** What goes with a name: the file too, if it was the last one and nobody has it open. */
  #goneWithout(
    inode: number,
    node: VolumeNode,
  ): { readonly changes: readonly TreeChange[]; readonly extents: readonly Extent[] } {
    const { tree, options } = this.#books;
    if (tree.placeCount(inode) > 1 || options.isOpen(inode)) return { changes: [], extents: [] };
    const extents = node.kind === 'regular' ? node.layout : [];
    return { changes: [{ kind: 'node', inode, node: null }], extents };
  }

  #nameIsGone(inode: number, extents: readonly Extent[]): void {
    const { bank } = this.#books.options;
    for (const { offset, sizeBytes } of extents) bank.free({ offset, sizeBytes });
    this.#books.touch(inode, 'changed');
  }

  #requireReplaceable(
    { inode, node }: { readonly inode: number; readonly node: VolumeNode },
    kind: VolumeNode['kind'],
  ): void {
    if (node.kind !== 'directory') {
      if (kind === 'directory') throw new FileError(ENOTDIR);
      return;
    }
    if (kind !== 'directory') throw new FileError(EISDIR);
    if (!this.#books.tree.isEmpty(inode)) throw new FileError(ENOTEMPTY);
  }

  /** A directory is not moved to below itself. */
  #refuseBelow(inode: number, directory: number): void {
    for (const above of this.#upFrom(directory)) if (above === inode) throw new FileError(EINVAL);
  }

  #requireDepth(directory: number): void {
    let depth = 0;
    for (const _ of this.#upFrom(directory)) depth += 1;
    if (depth >= MAX_DIRECTORY_DEPTH) throw new FileError(EMLINK);
  }

  /** The directory and those above it. */
  *#upFrom(directory: number): Generator<number> {
    for (let at: number | null = directory; at !== null; ) {
      yield at;
      at = at === ROOT_INODE ? null : (this.#books.tree.places(at)[0]?.directory ?? null);
    }
  }

  #requireRoom(recordBytes: number): void {
    if (this.#books.tree.nameCount >= MAX_VOLUME_NAMES || !this.#mayName()) throw new FileError(ENOSPC);
    this.#requireLedger(recordBytes);
  }

  #requireLedger(recordBytes: number): void {
    this.#books.requireRoom(recordBytes);
  }
}

function nameChange({ directory, name }: Place, inode: number | null): TreeChange {
  return { kind: 'name', directory, name, inode };
}

function requireLinkContent(content: string): void {
  if (content === '') throw new FileError(ENOENT);
  if (content.includes('\0')) throw new FileError(EINVAL);
  if (Buffer.byteLength(content) > MAX_SYMLINK_BYTES) throw new FileError(ENAMETOOLONG);
}
