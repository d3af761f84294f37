// A bank as it lies in its directory: makes it, or opens it again, and owns its lock and its files. It must never take for a bank
// what is none, never remove a file that no bank made, and never show as whole what was found damaged.
import { join, resolve } from 'node:path';
import { type ErrorCode, RekindleError } from '../errors.ts';
import { invariant } from '../invariant.ts';
import type { BankFile, BankFiles } from './bank-files.ts';
import { BankLock, type BankOwner, LOCK_NAME } from './bank-lock.ts';
import type { BankLoss } from './bank-loss.ts';
import { DirectoryFiles, type DirectoryFilesOptions, isMemoryFileSystem } from './directory-files.ts';
import { holdsLedger, JournalLedger } from './ledger.ts';
import {
  type DecodedSuperblock,
  decodeSuperblock,
  encodeSuperblock,
  SUPERBLOCK_SIZE_BYTES,
} from './superblock.ts';

const CONTENT_NAME = 'content';
export const SUPERBLOCK_NAME = 'superblock';
const NEW_SUPERBLOCK_NAME = 'superblock.new';
/** The superblock of a bank that its site has lost. */
const LOST_SUPERBLOCK_NAME = 'superblock.lost';
/** All that a bank is made of beside its lock and its superblock. */
const PART_NAMES: readonly string[] = [CONTENT_NAME, 'ledger', 'ledger.new'];
const BANK_NAMES: readonly string[] = [
  LOCK_NAME,
  SUPERBLOCK_NAME,
  NEW_SUPERBLOCK_NAME,
  LOST_SUPERBLOCK_NAME,
  ...PART_NAMES,
];
/** What is said of a bank only. */
const BANK_ERRORS: readonly ErrorCode[] = ['BANK_DAMAGED', 'BANK_VERSION'];
const DELETED = 'the bank has been deleted';

export interface BankDirectoryOptions {
  readonly path: string;
  /** Size of a new bank, a multiple of 64 KiB within the bounds of `bankSizeBytes`; an existing one keeps its own. */
  readonly sizeBytes: number;
  /** `cold`: begin anew whatever is there, as long as it is a bank, whole or damaged, or nothing. */
  readonly start: 'hot' | 'cold';
  /** `auto`: `commit` unless the file system is in memory. */
  readonly sync: 'auto' | 'commit' | 'none';
  readonly owner: BankOwner;
  /** 16 random bytes. */
  readonly newBankId: () => Uint8Array;
  readonly nowMs: () => number;
  /** Told once, when the files have been taken away under the site or can no longer be written. */
  readonly lost: (reason: string) => void;
}

export type OpenBankFiles = (path: string, options: DirectoryFilesOptions) => BankFiles;

interface BankParts {
  readonly isNew: boolean;
  readonly bankId: Uint8Array;
  readonly content: BankFile;
  readonly sizeBytes: number;
  readonly ledger: JournalLedger;
  readonly losses: readonly BankLoss[];
}

/**
 *   directory   lock         whose the bank is
 *               superblock   what the bank is; there last when it is made, gone first when it is begun anew; called `superblock.lost` once
 *                            its site has lost the bank
 *               ledger       what is written down
 *               content      pages, `sizeBytes` of them, sparse
 *
 * Invariant: where there is a superblock, the other files were whole on the medium before it was.
 *
 * Invariant: a lost bank stays lost. What its ledger says is older from then on than what the site does to its content.
 */
export class BankDirectory implements Disposable {
  readonly path: string;
  readonly sizeBytes: number;
  /** Whether a commit goes to the medium. */
  readonly synchronous: boolean;
  /** A cold start: nothing was there, or it has been begun anew. */
  readonly isNew: boolean;
  readonly content: BankFile;
  readonly ledger: JournalLedger;
  readonly losses: readonly BankLoss[];
  readonly #files: BankFiles;
  readonly #bankId: Uint8Array;
  readonly #lock: BankLock;
  readonly #tellLost: (reason: string) => void;
  readonly #opened: Opened;
  #isLost = false;

  /**
   * @throws RekindleError BANK_OWNED, BANK_FOREIGN, BANK_VERSION, BANK_DAMAGED, BANK_FULL or BANK_UNAVAILABLE, with the directory or
   * the file as culprit; BACKEND_UNAVAILABLE where there are no locks. Nothing stays open then.
   */
  static open(options: BankDirectoryOptions, filesOf: OpenBankFiles = DirectoryFiles.open): BankDirectory {
    const path = resolve(options.path);
    const synchronous = options.sync === 'commit' || (options.sync === 'auto' && !isMemoryFileSystem(path));
    const opened = new Opened();
    try {
      return new BankDirectory(
        options,
        synchronous,
        opened.add(filesOf(path, { sync: synchronous })),
        opened,
      );
    } catch (error) {
      // The refusal is what counts: what cannot be closed in order after it is closed all the same.
      opened.close();
      throw error;
    }
  }

  private constructor(options: BankDirectoryOptions, synchronous: boolean, files: BankFiles, opened: Opened) {
    this.path = files.path;
    this.synchronous = synchronous;
    this.#files = files;
    this.#opened = opened;
    this.#tellLost = options.lost;
    const lost = (reason: string): void => this.#lose(reason);
    // Looked at first without the lock, so that no lock is left in a directory of something else. What is missing is not held against a
    // bank before its lock is ours: it may be in the making.
    lookAround(files, options.start);
    this.#lock = opened.add(BankLock.acquire(files, options.owner));
    const found = findSuperblock(files, options.start);
    const parts =
      found === null ? makeParts(files, options, lost, opened) : openParts(files, found, lost, opened);
    this.isNew = parts.isNew;
    this.#bankId = parts.bankId;
    this.content = parts.content;
    this.sizeBytes = parts.sizeBytes;
    this.ledger = parts.ledger;
    this.losses = parts.losses;
  }

  /**
   * Whether the bank is still there and this site's: another could have it otherwise, as soon as its lock has been deleted. The
   * ledger sees to its own file alone. When it is not, `lost` is told, and nothing is written down in it any more.
   */
  isPresent(): boolean {
    if (this.#isLost) return false;
    try {
      if (this.#lock.isHeld() && this.content.isLinked()) return true;
      this.ledger.lose(DELETED);
    } catch (error) {
      if (!(error instanceof RekindleError)) throw error;
      this.ledger.lose(error.message);
    }
    return false;
  }

  /** Closes the files; the lock is given up last. Nobody may have the content mapped any longer. */
  [Symbol.dispose](): void {
    const [failure] = this.#opened.close();
    if (failure !== undefined) throw failure;
  }

  /** The ledger is closed by now, so that there is a descriptor to be had. */
  #lose(reason: string): void {
    if (this.#isLost) return;
    let told = reason;
    try {
      this.#retireSuperblock();
    } catch (error) {
      if (!(error instanceof RekindleError)) throw error;
      told = `${reason}; it may be opened again as it was before: ${error.message}`;
    }
    this.#isLost = true;
    this.#tellLost(told);
  }

  /** Where the directory has been deleted there is nothing to do, and another bank's superblock is not touched. */
  #retireSuperblock(): void {
    if (!this.#isSuperblockOurs()) return;
    this.#files.rename(SUPERBLOCK_NAME, LOST_SUPERBLOCK_NAME);
    this.#files.sync();
  }

  /** Wherever the directory has gone. One that cannot be read belongs to the content that lies beside it. */
  #isSuperblockOurs(): boolean {
    try {
      using file = this.#files.open(SUPERBLOCK_NAME);
      if (file === null) return false;
      const { superblock } = decodeSuperblock(file.read(0, SUPERBLOCK_SIZE_BYTES), SUPERBLOCK_NAME);
      return Buffer.compare(superblock.bankId, this.#bankId) === 0;
    } catch (error) {
      if (!(error instanceof RekindleError) || !this.content.isLinked()) throw error;
      return true;
    }
  }
}

function lookAround(files: BankFiles, start: 'hot' | 'cold'): void {
  try {
    findSuperblock(files, start);
  } catch (error) {
    if (!(error instanceof RekindleError) || error.code !== 'BANK_DAMAGED') throw error;
  }
}

/** Null when the bank is to be begun anew. Changes nothing. */
function findSuperblock(files: BankFiles, start: 'hot' | 'cold'): DecodedSuperblock | null {
  using file = files.open(SUPERBLOCK_NAME);
  if (file === null || start === 'cold') requireOnlyBankFiles(files);
  if (file === null) {
    if (start === 'hot') requireNotLost(files);
    // Where none is being made, something has been taken away.
    const isBeingMade = files.list().includes(NEW_SUPERBLOCK_NAME);
    if (start === 'hot' && !isBeingMade && holdsLedger(files)) {
      const detail = 'the superblock is missing; only a cold start makes a bank of this again';
      throw new RekindleError('BANK_DAMAGED', files.path, detail);
    }
    return null;
  }
  const bytes = file.read(0, SUPERBLOCK_SIZE_BYTES);
  try {
    const found = decodeSuperblock(bytes, join(files.path, SUPERBLOCK_NAME));
    return start === 'cold' ? null : found;
  } catch (error) {
    const isBank = error instanceof RekindleError && BANK_ERRORS.includes(error.code);
    if (start === 'cold' && isBank) return null;
    throw error;
  }
}

function requireNotLost(files: BankFiles): void {
  if (!files.list().includes(LOST_SUPERBLOCK_NAME)) return;
  const detail =
    'its site lost it: what was written down last is older than its content; only a cold start makes a bank of this again';
  throw new RekindleError('BANK_DAMAGED', files.path, detail);
}

function requireOnlyBankFiles(files: BankFiles): void {
  const foreign = files.list().find((name) => !BANK_NAMES.includes(name));
  if (foreign === undefined) return;
  throw new RekindleError('BANK_FOREIGN', files.path, `'${foreign}' in it is no file of a bank`);
}

function makeParts(
  files: BankFiles,
  options: BankDirectoryOptions,
  lost: (reason: string) => void,
  opened: Opened,
): BankParts {
  const { sizeBytes } = options;
  const bankId = options.newBankId();
  const superblock = encodeSuperblock({ bankId, sizeBytes, createdMs: Math.floor(options.nowMs()) });
  // From here on it is no bank, until it is a new one: what is left of it says so.
  files.create(NEW_SUPERBLOCK_NAME)[Symbol.dispose]();
  files.sync();
  files.remove(SUPERBLOCK_NAME);
  files.remove(LOST_SUPERBLOCK_NAME);
  files.sync();
  for (const name of PART_NAMES) files.remove(name);
  const content = opened.add(files.create(CONTENT_NAME));
  invariant(content.tryLock(), 'nobody else has a file that has just been made');
  content.resize(sizeBytes);
  const ledger = opened.add(JournalLedger.create(files, { bankId, lost }));
  content.sync();
  files.sync();
  writeSuperblock(files, superblock);
  return { isNew: true, bankId, content, sizeBytes, ledger, losses: [] };
}

function openParts(
  files: BankFiles,
  { superblock, damagedCopy }: DecodedSuperblock,
  lost: (reason: string) => void,
  opened: Opened,
): BankParts {
  const { sizeBytes, bankId } = superblock;
  const losses: BankLoss[] = [];
  const content = opened.add(openContent(files, sizeBytes, losses));
  const ledger = opened.add(JournalLedger.open(files, { bankId, lost }));
  losses.push(...ledger.losses);
  if (damagedCopy !== null) {
    repairSuperblock(files, encodeSuperblock(superblock), damagedCopy);
    const reason = `copy ${damagedCopy} was damaged; it has been made again from the other`;
    losses.push({ kind: 'superblock-copy', name: SUPERBLOCK_NAME, reason });
  }
  files.remove(NEW_SUPERBLOCK_NAME);
  return { isNew: false, bankId, content, sizeBytes, ledger, losses };
}

function openContent(files: BankFiles, sizeBytes: number, losses: BankLoss[]): BankFile {
  const path = join(files.path, CONTENT_NAME);
  const content = files.open(CONTENT_NAME);
  if (content === null) throw new RekindleError('BANK_DAMAGED', path, 'the file is missing');
  try {
    // Somebody may have removed the lock of a site that still runs.
    if (!content.tryLock())
      throw new RekindleError('BANK_OWNED', files.path, 'another site still stores into it');
    const foundBytes = content.sizeBytes();
    if (foundBytes > sizeBytes) {
      throw new RekindleError('BANK_DAMAGED', path, `${foundBytes} bytes, the bank has ${sizeBytes}`);
    }
    if (foundBytes < sizeBytes) {
      // What is missing is found by the checksums over it, one by one; the rest is good.
      content.resize(sizeBytes);
      const reason = `cut off at ${foundBytes} of ${sizeBytes} bytes; the rest reads as zero`;
      losses.push({ kind: 'content', name: CONTENT_NAME, reason });
    }
    return content;
  } catch (error) {
    content[Symbol.dispose]();
    throw error;
  }
}

/** Whole under its name, or not there. */
function writeSuperblock(files: BankFiles, bytes: Uint8Array): void {
  using file = files.create(NEW_SUPERBLOCK_NAME);
  file.write(bytes, 0);
  file.sync();
  files.rename(NEW_SUPERBLOCK_NAME, SUPERBLOCK_NAME);
  files.sync();
}

/** In its place, so that it needs no space; the sound copy is not touched. */
function repairSuperblock(files: BankFiles, bytes: Uint8Array, damagedCopy: 0 | 1): void {
  using file = files.open(SUPERBLOCK_NAME);
  if (file === null) throw new RekindleError('BANK_UNAVAILABLE', files.path, DELETED);
  const copyBytes = bytes.byteLength / 2;
  const offset = damagedCopy * copyBytes;
  file.write(bytes.subarray(offset, offset + copyBytes), offset);
  file.sync();
}

/** What has been opened so far, closed in reverse. */
class Opened {
  readonly #things: Disposable[] = [];

  add<T extends Disposable>(thing: T): T {
    this.#things.push(thing);
    return thing;
  }

  /** Closes all of it, whatever happens; what has been thrown by the way. */
  close(): readonly unknown[] {
    const failures: unknown[] = [];
    for (let thing = this.#things.pop(); thing !== undefined; thing = this.#things.pop()) {
      try {
        thing[Symbol.dispose]();
      } catch (error) {
        failures.push(error);
      }
    }
    return failures;
  }
}
