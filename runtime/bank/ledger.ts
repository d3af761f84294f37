// The ledger: what is written down in a bank, a map from keys to JSON values that is changed in transactions, each all or nothing at
// every instruction. It knows nothing of what the values mean, and it must never return from a commit that a death could undo, except
// after it has said that it is lost.
import { RekindleError } from '../errors.ts';
import { invariant } from '../invariant.ts';
import type { BankFile, BankFiles } from './bank-files.ts';
import { LEDGER_NAME, LedgerFile, NEW_LEDGER_NAME } from './ledger-file.ts';
import {
  CAPACITY_UNIT_BYTES,
  FRAMES_AT,
  frameBytes,
  MAX_CAPACITY_BYTES,
  MAX_PAYLOAD_BYTES,
} from './ledger-frames.ts';
import { readLedger } from './ledger-reader.ts';
import type { JsonValue, LedgerChange, LedgerLoss } from './ledger-records.ts';
import { type ChangeText, LedgerState, payloadOf } from './ledger-state.ts';

export type { JsonValue, LedgerChange, LedgerLoss } from './ledger-records.ts';

export interface Ledger {
  /** Nothing is remembered of what is committed, so that it need not even be put together. */
  readonly isVolatile: boolean;
  /** What is written down under keys that begin with `prefix`, in order of key insertion. */
  entries(prefix: string): readonly (readonly [key: string, value: JsonValue])[];
  /** Null: nothing is written down under this key. */
  get(key: string): JsonValue | null;
  /**
   * All of it or nothing; on the medium when it returns. Does not throw for the world's errors: then the ledger is lost, which its
   * owner is told once, and goes on in memory only. Changes that say nothing new are left out; none is no transaction.
   */
  commit(changes: readonly LedgerChange[]): void;
  /** Whether something that can be refused may still be written down: with `sizeBytes` more of records. */
  hasRoom(sizeBytes: number): boolean;
}

/** For a bank that is memory only: remembers nothing. */
export class VolatileLedger implements Ledger {
  readonly isVolatile = true;

  entries(): readonly (readonly [key: string, value: JsonValue])[] {
    return [];
  }

  get(): JsonValue | null {
    return null;
  }

  commit(): void {}

  hasRoom(): boolean {
    return true;
  }
}

export interface JournalLedgerOptions {
  /** 16 bytes: a file of another bank is refused. */
  readonly bankId: Uint8Array;
  /** Told once, when nothing can be written down any more. */
  readonly lost: (reason: string) => void;
}

const MIN_CAPACITY_BYTES = 256 * 1024;
/** Of what is in a new file, so that compacting costs no more than what was appended since. */
const ROOMY_FACTOR = 4;
/** Where there is no space for that. */
const LEAN_FACTOR = 1.25;
/** Part of a copy kept free for what cannot be refused. */
const HEADROOM_SHARE = 1 / 4;

/** A full file system is tried again after so many: it costs as much as the whole state is long. */
const UNSEEN_REFUSALS = 64;

const DELETED = 'the bank has been deleted';

type Capacity = 'roomy' | 'lean';

/** Keeps the file `ledger` of a bank. */
export class JournalLedger implements Ledger, Disposable {
  readonly isVolatile = false;
  readonly losses: readonly LedgerLoss[];
  readonly #files: BankFiles;
  readonly #options: JournalLedgerOptions;
  #state: LedgerState;
  /** Null once the ledger is lost or closed. */
  #file: LedgerFile | null;
  /** Something has been begun and not ended. */
  #isUnderway = false;
  /** Why it has been lost, until its owner has been told. */
  #untold: string | null = null;
  /** Times that room is refused unseen: there was no space for a roomy file, and nothing has been appended since. */
  #refusals = 0;

  private constructor(
    files: BankFiles,
    options: JournalLedgerOptions,
    { file, state, losses }: LoadedLedger,
  ) {
    this.#files = files;
    this.#options = options;
    this.#file = file;
    this.#state = state;
    this.losses = losses;
  }

  /**
   * Writes the file anew, with nothing in it.
   *
   * @throws RekindleError BANK_FULL, BANK_UNAVAILABLE.
   */
  static create(files: BankFiles, options: JournalLedgerOptions): JournalLedger {
    const state = new LedgerState();
    const file = writeSnapshot(files, options.bankId, state, {
      sequence: 1,
      capacity: 'roomy',
      extraBytes: 0,
    });
    if (file instanceof RekindleError) throw file;
    return new JournalLedger(files, options, { file, state, losses: [] });
  }

  /**
   * Reads the file and writes it anew, or makes it whole where a second one cannot be had.
   *
   * @throws RekindleError BANK_DAMAGED, BANK_FOREIGN, BANK_VERSION, BANK_UNAVAILABLE.
   */
  static open(files: BankFiles, options: JournalLedgerOptions): JournalLedger {
    return new JournalLedger(files, options, load(files, options.bankId));
  }

  entries(prefix: string): readonly (readonly [key: string, value: JsonValue])[] {
    return this.#wholeState().entries(prefix);
  }

  get(key: string): JsonValue | null {
    return this.#wholeState().get(key);
  }

  commit(changes: readonly LedgerChange[]): void {
    const state = this.#wholeState();
    this.#isUnderway = true;
    const news = state.apply(changes);
    if (news.length > 0) this.#guard((file) => this.#writeDown(file, news));
    this.#isUnderway = false;
  }

  hasRoom(sizeBytes: number): boolean {
    if (this.#wholeState().snapshotBytes + sizeBytes > MAX_PAYLOAD_BYTES * (1 - HEADROOM_SHARE)) return false;
    this.#isUnderway = true;
    const answer = this.#guard((file) => {
      if (file.fits(sizeBytes, file.capacityBytes * HEADROOM_SHARE)) return true;
      if (this.#refusals > 0) {
        this.#refusals -= 1;
        return false;
      }
      // What keeps a new file from being made is no room and no more: the present one is whole.
      if (file.isLinked()) return this.#compact(file, 'roomy', sizeBytes) === null;
      this.#lose(DELETED);
      return null;
    });
    this.#isUnderway = false;
    return answer ?? true;
  }

  /** Somebody else has found that nothing written down here would be found again: told as if it were this ledger's own finding. */
  lose(reason: string): void {
    if (this.#file !== null) this.#lose(reason);
  }

  [Symbol.dispose](): void {
    const file = this.#file;
    this.#file = null;
    file?.[Symbol.dispose]();
  }

  /**
   * The watchdog of an inline call may end all that is on the stack, between any two statements, and no handler runs. Whatever it has cut
   * off here is all there or not at all in the file, so what counts is read from there, as after a death.
   */
  #wholeState(): LedgerState {
    if (this.#isUnderway) {
      this.#tellLost();
      this.#guard((file) => {
        file[Symbol.dispose]();
        const loaded = load(this.#files, this.#options.bankId);
        this.#state = loaded.state;
        this.#file = loaded.file;
        this.#refusals = 0;
      });
      this.#isUnderway = false;
    }
    return this.#state;
  }

  #writeDown(file: LedgerFile, news: readonly ChangeText[]): void {
    if (!file.isLinked()) return this.#lose(DELETED);
    this.#refusals = 0;
    const payload = payloadOf(news);
    if (file.fits(payload.length, 0)) return file.append(payload);
    if (this.#compact(file, 'roomy', 0) === null) return;
    const failure = this.#compact(file, 'lean', 0);
    if (failure === null) return;
    if (!file.isLinked()) return this.#lose(DELETED);
    if (file.fitsAlone(this.#state.snapshotBytes)) return file.rewrite(payloadOf(this.#state.snapshot()));
    this.#lose(failure.code === 'BANK_FULL' ? 'no space is left for the ledger' : failure.message);
  }

  /** Puts a new file in place that begins with all that is known. Returns what kept it from that: nothing has changed then. */
  #compact(file: LedgerFile, capacity: Capacity, extraBytes: number): RekindleError | null {
    const sequence = file.sequence + 1;
    const fresh = writeSnapshot(this.#files, this.#options.bankId, this.#state, {
      sequence,
      capacity,
      extraBytes,
    });
    if (fresh instanceof RekindleError) {
      if (fresh.code === 'BANK_FULL') this.#refusals = UNSEEN_REFUSALS;
      return fresh;
    }
    this.#refusals = 0;
    this.#file = fresh;
    file[Symbol.dispose]();
    return null;
  }

  /** Runs `operation` unless the ledger is lost; an error of the world loses it. Null in both cases. */
  #guard<T>(operation: (file: LedgerFile) => T): T | null {
    if (this.#file === null) return null;
    try {
      return operation(this.#file);
    } catch (error) {
      if (!(error instanceof RekindleError)) throw error;
      this.#lose(error.message);
      return null;
    }
  }

  #lose(reason: string): void {
    let told = reason;
    try {
      this.#file?.[Symbol.dispose]();
    } catch (error) {
      if (!(error instanceof RekindleError)) throw error;
      told = `${reason}; ${error.message}`;
    }
    this.#untold = told;
    this.#file = null;
    this.#tellLost();
  }

  #tellLost(): void {
    if (this.#untold === null) return;
    this.#options.lost(this.#untold);
    this.#untold = null;
  }
}

/** Whether the directory has a ledger with anything in it, of whichever bank; one that is damaged beyond reading counts as such. */
export function holdsLedger(files: BankFiles): boolean {
  using present = files.open(LEDGER_NAME);
  if (present === null) return false;
  const culprit = `${files.path}/${LEDGER_NAME}`;
  try {
    const { transactions } = readLedger(readWhole(present, culprit), null, culprit);
    return transactions.some((changes) => changes.length > 0);
  } catch (error) {
    if (error instanceof RekindleError && error.code === 'BANK_DAMAGED') return true;
    throw error;
  }
}

interface LoadedLedger {
  readonly file: LedgerFile;
  readonly state: LedgerState;
  readonly losses: readonly LedgerLoss[];
}

/** Reads the present file and puts a new one in its place, or makes it whole where no second one can be had. */
function load(files: BankFiles, bankId: Uint8Array): LoadedLedger {
  const culprit = `${files.path}/${LEDGER_NAME}`;
  files.remove(NEW_LEDGER_NAME);
  const present = files.open(LEDGER_NAME);
  if (present === null) throw new RekindleError('BANK_DAMAGED', culprit, 'the ledger is missing');
  let adopted: LedgerFile | null = null;
  try {
    const reading = readLedger(readWhole(present, culprit), bankId, culprit);
    const state = new LedgerState();
    for (const changes of reading.transactions) state.apply(changes);
    const sequence = reading.end.sequence + 1;
    const fresh = writeSnapshot(files, bankId, state, { sequence, capacity: 'roomy', extraBytes: 0 });
    if (fresh instanceof RekindleError) adopted = LedgerFile.adopt(present, reading);
    const file = fresh instanceof RekindleError ? adopted : fresh;
    if (file === null)
      throw new RekindleError('BANK_UNAVAILABLE', culprit, 'no space to make the ledger whole', {
        cause: fresh,
      });
    return { file, state, losses: reading.losses };
  } finally {
    if (adopted === null) present[Symbol.dispose]();
  }
}

/** Returns what kept it from being made: the world's error, or more in it than a file can hold. */
function writeSnapshot(
  files: BankFiles,
  bankId: Uint8Array,
  state: LedgerState,
  wish: { readonly sequence: number; readonly capacity: Capacity; readonly extraBytes: number },
): LedgerFile | RekindleError {
  if (state.snapshotBytes > MAX_PAYLOAD_BYTES)
    return new RekindleError('BANK_FULL', files.path, 'there is more than a ledger can hold');
  const neededBytes = FRAMES_AT + frameBytes(state.snapshotBytes) + frameBytes(wish.extraBytes);
  const capacityBytes = capacityFor(neededBytes, wish.capacity);
  return LedgerFile.write(
    files,
    { bankId, capacityBytes, firstSequence: wish.sequence },
    payloadOf(state.snapshot()),
  );
}

function capacityFor(neededBytes: number, capacity: Capacity): number {
  const wishedBytes =
    capacity === 'roomy'
      ? Math.max(MIN_CAPACITY_BYTES, ROOMY_FACTOR * neededBytes)
      : LEAN_FACTOR * neededBytes;
  const capacityBytes = Math.ceil(wishedBytes / CAPACITY_UNIT_BYTES) * CAPACITY_UNIT_BYTES;
  return Math.min(capacityBytes, MAX_CAPACITY_BYTES);
}

function readWhole(file: BankFile, culprit: string): Buffer {
  const sizeBytes = file.sizeBytes();
  if (sizeBytes > 2 * MAX_CAPACITY_BYTES)
    throw new RekindleError('BANK_DAMAGED', culprit, 'the ledger is too large');
  const bytes = file.read(0, sizeBytes);
  invariant(bytes.length <= sizeBytes, 'no more is read than was asked for');
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
