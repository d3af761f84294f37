// Who owns a bank: the one that holds the lock of its file `lock`, which the operating system gives up with its holder, however that
// ends. It must never judge by what is written in the file: that is a note for whoever comes second.
import { RekindleError } from '../errors.ts';
import { invariant } from '../invariant.ts';
import type { BankFile, BankFiles } from './bank-files.ts';

export const LOCK_NAME = 'lock';

/** Times the file may be taken away between its opening and its locking. */
const MAX_ATTEMPTS = 8;
const MAX_NOTE_BYTES = 1024;
/** Times a note is read that is missing, or of a process that is no more, and how long is waited in between. */
const MAX_NOTE_READS = 5;
const NOTE_READ_PAUSE_MS = 2;
const PAUSE = new Int32Array(new SharedArrayBuffer(4));
const MAX_PROGRAM_CHARACTERS = 200;
const START_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/;

/** What the second opener is told of the first. */
export interface BankOwner {
  readonly pid: number;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  /** For people; may be cut off. */
  readonly program: string;
}

/**
 *   file `lock`   | {"pid":4711,"startedAt":"2026-01-01T00:00:00.000Z","program":"node server.js"}\n spaces |   1024 bytes; empty while
 *                                                                                                              nobody owns the bank
 *
 * Invariant: the file is never removed and never replaced, or two could hold locks of two files of that name.
 */
export class BankLock implements Disposable {
  readonly #file: BankFile;
  #isHeld = true;

  /**
   * Takes the lock without waiting.
   *
   * @throws RekindleError BANK_OWNED (culprit: the directory) when another has it; BANK_UNAVAILABLE when the file does not stay.
   */
  static acquire(files: BankFiles, owner: BankOwner): BankLock {
    for (let attempts = 0; attempts < MAX_ATTEMPTS; attempts += 1) {
      const file = files.openOrCreate(LOCK_NAME);
      try {
        if (!file.tryLock())
          throw new RekindleError('BANK_OWNED', files.path, describeOwner(readOwner(file)));
        if (file.isLinked()) {
          writeNote(file, owner);
          return new BankLock(file);
        }
      } catch (error) {
        file[Symbol.dispose]();
        throw error;
      }
      file[Symbol.dispose]();
    }
    throw new RekindleError(
      'BANK_UNAVAILABLE',
      files.path,
      `the file '${LOCK_NAME}' is taken away again and again`,
    );
  }

  private constructor(file: BankFile) {
    this.#file = file;
  }

  /** Whether another opener would still meet this lock. */
  isHeld(): boolean {
    return this.#isHeld && this.#file.isLinked();
  }

  [Symbol.dispose](): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    try {
      this.#file.resize(0);
    } finally {
      this.#file[Symbol.dispose]();
    }
  }
}

function writeNote(file: BankFile, owner: BankOwner): void {
  const program = owner.program.slice(0, MAX_PROGRAM_CHARACTERS);
  const line = Buffer.from(`${JSON.stringify({ ...owner, program })}\n`);
  invariant(line.byteLength <= MAX_NOTE_BYTES, 'the note of an owner is short');
  // In one piece over whatever stands there, so that nobody reads half of it.
  const bytes = Buffer.alloc(MAX_NOTE_BYTES, ' ');
  line.copy(bytes);
  try {
    file.write(bytes, 0);
  } catch (error) {
    // A bank is owned without a note too, and a full one must open: it is where space is made again.
    if (!(error instanceof RekindleError) || error.code !== 'BANK_FULL') throw error;
  }
}

/** The note of whoever has the lock: an owner that has only just got it may not have written its own yet. */
function readOwner(file: BankFile): BankOwner | null {
  let note = readNote(file);
  for (let attempts = 1; attempts < MAX_NOTE_READS && !isAlive(note); attempts += 1) {
    Atomics.wait(PAUSE, 0, 0, NOTE_READ_PAUSE_MS);
    note = readNote(file);
  }
  return note;
}

/** Whether there is such a process, as far as can be seen from here. */
function isAlive(note: BankOwner | null): boolean {
  if (note === null) return false;
  try {
    process.kill(note.pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Null when there is no note of the form above; anybody may have written it. */
function readNote(file: BankFile): BankOwner | null {
  const text = new TextDecoder().decode(file.read(0, MAX_NOTE_BYTES));
  const note = parseLine(text);
  if (typeof note !== 'object' || note === null) return null;
  const { pid, startedAt, program }: Partial<Record<keyof BankOwner, unknown>> = note;
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid < 1) return null;
  if (typeof startedAt !== 'string' || !START_TIME.test(startedAt)) return null;
  if (typeof program !== 'string' || program.length > MAX_PROGRAM_CHARACTERS) return null;
  return { pid, startedAt, program };
}

function parseLine(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not a note, or one that is being written at this moment.
    return null;
  }
}

function describeOwner(owner: BankOwner | null): string {
  if (owner === null) return 'owned by another process';
  // It ends up on terminals.
  const program = owner.program.replaceAll(/\p{C}/gu, '?');
  return `owned by process ${owner.pid} (${program}) since ${owner.startedAt}`;
}
