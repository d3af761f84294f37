// The volumes of a site: named file systems in its bank. Lives in the host's main thread, where all that changes names, lengths and
// extents is done, one thing after another. It must never give away pages that a run might still store to.
import type { BankLoss } from '../bank/bank-loss.ts';
import type { LedgerChange } from '../bank/ledger-records.ts';
import { RekindleError } from '../errors.ts';
import { invariant } from '../invariant.ts';
import { BANK_PAGE_SIZE, MAX_NAMES_OF_SITE, MAX_VOLUME_HANDLES, MAX_VOLUMES } from '../limits.ts';
import type { Bank } from '../memory/bank.ts';
import type { Extent } from '../memory/extents.ts';
import { EBADF, EINVAL, ENFILE, ENOSPC, FileError } from '../wasi/errno.ts';
import { VolumeBooks } from './volume-books.ts';
import { VolumeContent } from './volume-content.ts';
import { type VolumeHandle, VolumeHandles } from './volume-handles.ts';
import { VolumeNames } from './volume-names.ts';
import { readVolumes } from './volume-past.ts';
import type { VolumeReply, VolumeRequest } from './volume-protocol.ts';
import {
  changeOfTree,
  changeOfVolume,
  isVolumeName,
  NEXT_FILE_PREFIX,
  NEXT_VOLUME_KEY,
  VOLUME_PREFIX,
  VOLUME_RECORD_BYTES,
  type VolumeRecord,
} from './volume-record.ts';
import { type ServedVolume, serveVolume } from './volume-service.ts';
import { VolumeSlot } from './volume-slot.ts';
import { ROOT_INODE, type TreeChange } from './volume-tree.ts';

export interface VolumesOptions {
  readonly bank: Bank;
  /** Bytes of the bank that one volume may take. */
  readonly volumeQuotaBytes: number;
  /** Of the wall clock. */
  readonly nowMs: () => number;
}

/** One line of the list of volumes. */
export interface VolumeRow {
  readonly name: string;
  /** Files and directories, and symbolic links; the root is not counted. */
  readonly files: number;
  /** That it takes of the bank. */
  readonly sizeBytes: number;
  /** Runs that have it mounted. */
  readonly mounts: number;
}

const NS_PER_MS = 1_000_000;

export class Volumes {
  readonly #options: VolumesOptions;
  readonly #volumes = new Map<string, ServedVolume>();
  readonly #handles = new VolumeHandles();
  #nextNumber = 1;

  constructor(options: VolumesOptions) {
    this.#options = options;
  }

  /**
   * Takes over what an earlier site has written down, before anything else is taken of the bank for volumes. What is damaged is left out,
   * and so is what had been removed while somebody had it open: what is returned says so, and writes it down.
   *
   * @throws RekindleError BANK_DAMAGED when the records contradict each other, BANK_FULL.
   */
  adopt(): { readonly losses: readonly BankLoss[]; readonly changes: readonly LedgerChange[] } {
    const past = readVolumes(this.#options.bank);
    this.#nextNumber = past.nextNumber;
    for (const { record, tree } of past.volumes) this.#hold(record, tree);
    return past;
  }

  /** Serves one request of a run. Every refusal is a reply; throws only for our own bugs. */
  serve(pid: number, request: VolumeRequest): VolumeReply {
    try {
      if (request.kind === 'mount') return this.#mount(pid, request.name);
      const mount = this.#handles.get(pid, request.mount);
      if (mount === null || mount.inode !== null) throw new FileError(EBADF);
      return serveVolume(this.#numbered(mount.volume), this.#handles, pid, request);
    } catch (error) {
      if (error instanceof FileError) return { kind: 'refused', errno: error.errno };
      throw error;
    }
  }

  /** A run is over, and none of its code runs: it has nothing open any longer. */
  release(pid: number): void {
    for (const handle of this.#handles.of(pid)) {
      this.#handles.close(handle);
      if (handle.inode !== null) this.#closed(handle, handle.inode);
    }
  }

  /** The volume of that name, made if there is none. Throws FileError EINVAL for what is no name, ENOSPC. */
  open(name: string): ServedVolume {
    if (!isVolumeName(name)) throw new FileError(EINVAL);
    return this.#volumes.get(name) ?? this.#create(name);
  }

  /** Makes sure that there is a volume of that name. Throws VOLUME_LIMIT. */
  require(name: string): 'made' | 'present' {
    const isPresent = this.#volumes.has(name);
    try {
      this.open(name);
      return isPresent ? 'present' : 'made';
    } catch (cause) {
      if (!(cause instanceof FileError)) throw cause;
      throw new RekindleError('VOLUME_LIMIT', name, 'no room for another volume', { cause });
    }
  }

  find(name: string): ServedVolume | null {
    return this.#volumes.get(name) ?? null;
  }

  list(): readonly VolumeRow[] {
    return [...this.#volumes.values()].map(({ books: { name, number, tree } }) => ({
      name,
      files: tree.nodeCount - 1,
      sizeBytes: tree.usedBytes,
      mounts: this.#handles.ofSubject(number, null).length,
    }));
  }

  /** False when there is no such volume. Throws VOLUME_BUSY while anybody has it mounted. */
  remove(name: string): boolean {
    const volume = this.#volumes.get(name);
    if (volume === undefined) return false;
    const { bank } = this.#options;
    const { number, tree } = volume.books;
    if (this.#handles.isInUse(number)) throw new RekindleError('VOLUME_BUSY', name);
    const extents = tree.extents();
    const removals = tree.removal().map((change) => changeOfTree(volume.books, change));
    bank.ledger.commit([
      ...removals,
      { key: `${NEXT_FILE_PREFIX}${number}`, value: null },
      { key: `${VOLUME_PREFIX}${name}`, value: null },
    ]);
    this.#volumes.delete(name);
    for (const { offset, sizeBytes } of extents) bank.free({ offset, sizeBytes });
    return true;
  }

  /** Unless somebody uses it, or there is anything in it. */
  removeUntouched(name: string): void {
    const books = this.#volumes.get(name)?.books;
    const isUntouched =
      books !== undefined && books.tree.nodeCount === 1 && !this.#handles.isInUse(books.number);
    if (isUntouched) this.remove(name);
  }

  /**
   * Puts the books in order after host code was cut off in the middle of a change: what had been begun is ended. Returns what the
   * volumes have of the bank.
   */
  reconcile(): readonly Extent[] {
    this.#handles.rebuild();
    const { ledger } = this.#options.bank;
    // A volume counts when it is both written down and known; the host was making or removing the others.
    const written = ledger.entries(VOLUME_PREFIX).map(([key]) => key);
    const isWritten = ({ books }: ServedVolume): boolean => written.includes(`${VOLUME_PREFIX}${books.name}`);
    for (const [name, volume] of this.#volumes)
      if (!ledger.isVolatile && !isWritten(volume)) this.#volumes.delete(name);
    const unknown = written.filter((key) => !this.#volumes.has(key.slice(VOLUME_PREFIX.length)));
    ledger.commit(unknown.map((key) => ({ key, value: null })));
    const volumes = [...this.#volumes.values()];
    for (const { books } of volumes) books.reconcile();
    for (const { books } of volumes) this.#forgetUnreachable(books);
    return volumes.flatMap(({ books }) => books.tree.extents());
  }

  /** Files without a name whose last handle was being closed. What they had is nobody's then, and the bank takes it back. */
  #forgetUnreachable(books: VolumeBooks): void {
    const unreachable = [...books.tree.nodes()].filter(
      ([inode, { kind }]) =>
        kind === 'regular' &&
        books.tree.placeCount(inode) === 0 &&
        !this.#handles.isOpen(books.number, inode),
    );
    books.commitRemoval(unreachable.map(([inode]) => ({ kind: 'node', inode, node: null })));
  }

  #mount(pid: number, name: string): VolumeReply {
    if (this.#handles.countOf(pid) >= MAX_VOLUME_HANDLES) throw new FileError(ENFILE);
    const { number } = this.open(name).books;
    const { handle } = this.#handles.open({ pid, volume: number, inode: null });
    return { kind: 'mounted', mount: handle, volume: number };
  }

  #closed({ volume }: VolumeHandle, inode: number): void {
    if (this.#handles.isOpen(volume, inode)) return;
    try {
      this.#numbered(volume).content.closed(inode);
    } catch (error) {
      // The medium refused: the file keeps room that it does not need, until it is closed again.
      if (!(error instanceof FileError)) throw error;
    }
  }

  #create(name: string): ServedVolume {
    const { bank, volumeQuotaBytes, nowMs } = this.#options;
    if (this.#volumes.size >= MAX_VOLUMES) throw new FileError(ENOSPC);
    if (!bank.ledger.hasRoom(VOLUME_RECORD_BYTES) || volumeQuotaBytes < BANK_PAGE_SIZE)
      throw new FileError(ENOSPC);
    const extent = bank.allocate(BANK_PAGE_SIZE);
    if (extent === null) throw new FileError(ENOSPC);
    const number = this.#nextNumber;
    this.#nextNumber += 1;
    const record = { name, number, table: Object.freeze([extent]) };
    new VolumeSlot(bank.view, extent.offset).begin({ volume: number, inode: ROOT_INODE }, inNs(nowMs()));
    bank.commit([changeOfVolume(record), { key: NEXT_VOLUME_KEY, value: number + 1 }]);
    return this.#hold(record, []);
  }

  #hold(record: VolumeRecord, tree: readonly TreeChange[]): ServedVolume {
    const { bank, volumeQuotaBytes: quotaBytes, nowMs } = this.#options;
    const books = new VolumeBooks(record, {
      bank,
      quotaBytes,
      nowNs: () => inNs(nowMs()),
      isOpen: (inode) => this.#handles.isOpen(record.number, inode),
    });
    books.tree.apply(tree);
    const names = new VolumeNames(books, () => this.#nameCount() < MAX_NAMES_OF_SITE);
    const volume = Object.freeze({ books, names, content: new VolumeContent(books) });
    this.#volumes.set(record.name, volume);
    return volume;
  }

  #nameCount(): number {
    return [...this.#volumes.values()].reduce((sum, { books }) => sum + books.tree.nameCount, 0);
  }

  #numbered(number: number): ServedVolume {
    const volume = [...this.#volumes.values()].find(({ books }) => books.number === number);
    invariant(volume !== undefined, 'a volume that is mounted is there');
    return volume;
  }
}

function inNs(timeMs: number): bigint {
  return BigInt(Math.round(timeMs * NS_PER_MS));
}
