// The file `ledger` of a running site: made anew under another name and renamed into place, appended to, or written anew in its place. At
// every instant one of its two copies is sound up to the last frame that was acknowledged, and no acknowledgement is written before what it
// speaks of is on the medium.
import { RekindleError } from '../errors.ts';
import { invariant } from '../invariant.ts';
import type { BankFile, BankFiles } from './bank-files.ts';
import {
  ACKNOWLEDGEMENT_AT,
  type Acknowledgement,
  type ChainEnd,
  encodeAcknowledgement,
  encodeFrame,
  encodeHeader,
  FRAMES_AT,
  frameBytes,
  type LedgerHeader,
  MAX_PAYLOAD_BYTES,
} from './ledger-frames.ts';
import type { LedgerReading } from './ledger-reader.ts';

export const LEDGER_NAME = 'ledger';
export const NEW_LEDGER_NAME = 'ledger.new';

/** Of the copies in the file. */
const COPIES: readonly number[] = [0, 1];

export class LedgerFile implements Disposable {
  readonly #file: BankFile;
  #header: LedgerHeader;
  /** What the chain begins with: the header. */
  #head: ChainEnd;
  #end: ChainEnd;

  private constructor(file: BankFile, header: LedgerHeader, end: ChainEnd) {
    this.#file = file;
    this.#header = header;
    this.#head = encodeHeader(header).end;
    this.#end = end;
  }

  /**
   * Writes a file of one frame and puts it in place of the present one, which counts until then. Returns the error of the world that kept
   * it from being made: the present one is in place still. What is thrown came later, and either of them may be in place.
   */
  static write(files: BankFiles, header: LedgerHeader, snapshot: Uint8Array): LedgerFile | RekindleError {
    const { capacityBytes } = header;
    const head = encodeHeader(header);
    const frame = encodeFrame(snapshot, head.end);
    invariant(frame.end.offset <= capacityBytes, 'a snapshot fits into its ledger');
    // Acknowledged from the beginning: nobody sees the file before all of it is on the medium.
    const image = Buffer.concat([beginOf(head, frame.end), frame.bytes]);
    let file: BankFile | null = null;
    try {
      file = files.create(NEW_LEDGER_NAME);
      if (!reserveCopies(file, capacityBytes))
        throw new RekindleError('BANK_FULL', files.path, 'there is no space for the ledger');
      writeCopies(file, image, 0, capacityBytes);
      files.rename(NEW_LEDGER_NAME, LEDGER_NAME);
    } catch (error) {
      file?.[Symbol.dispose]();
      if (!(error instanceof RekindleError)) throw error;
      removeLeftover(files);
      return error;
    }
    try {
      files.sync();
    } catch (error) {
      file[Symbol.dispose]();
      throw error;
    }
    return new LedgerFile(file, header, frame.end);
  }

  /**
   * Goes on with a file as it was read, with both copies made whole; null when there is no space for that. Every frame that is sound
   * in a copy is written over with the same bytes, so a crash in between takes nothing away. The caller keeps the file only when null
   * is returned, or an error thrown.
   */
  static adopt(
    file: BankFile,
    { header, end, image, acknowledged, unused }: LedgerReading,
  ): LedgerFile | null {
    const { capacityBytes } = header;
    const adopted = new LedgerFile(file, header, end);
    const isWhole = unlessFull(() => {
      if (!reserveCopies(file, capacityBytes)) return null;
      // Up to the end: what a torn frame has left would be taken for damage one day.
      const whole = Buffer.alloc(capacityBytes);
      whole.set(image);
      // The last frames may be in the system's memory only, as the dead site has left them: no more is acknowledged than was.
      if (acknowledged !== null) whole.set(adopted.#acknowledgementOf(acknowledged), ACKNOWLEDGEMENT_AT);
      if (unused === null) writeCopies(file, whole, 0, capacityBytes);
      else {
        file.write(whole, (1 - unused) * capacityBytes);
        file.sync();
      }
      adopted.#acknowledge(end, unused === null ? COPIES : [1 - unused]);
      file.sync();
      if (unused !== null) adopted.#writeCopy(unused, image.subarray(FRAMES_AT));
      return true;
    });
    return isWhole === null ? null : adopted;
  }

  get capacityBytes(): number {
    return this.#header.capacityBytes;
  }

  /** Of the last frame. */
  get sequence(): number {
    return this.#end.sequence;
  }

  /** Whether a payload can be appended so that `spareBytes` of a copy stay free. */
  fits(payloadBytes: number, spareBytes: number): boolean {
    return this.#end.offset + frameBytes(payloadBytes) + spareBytes <= this.capacityBytes;
  }

  /** Whether a snapshot has room in this file, when all that is in it is given up for it. */
  fitsAlone(snapshotBytes: number): boolean {
    return snapshotBytes <= MAX_PAYLOAD_BYTES && FRAMES_AT + frameBytes(snapshotBytes) <= this.capacityBytes;
  }

  isLinked(): boolean {
    return this.#file.isLinked();
  }

  /** All of it is on the medium when this returns. After an error it may be there or not, and nothing more may be appended. */
  append(payload: Uint8Array): void {
    invariant(this.fits(payload.length, 0), 'only what fits is appended to a ledger');
    const frame = encodeFrame(payload, this.#end);
    writeCopies(this.#file, frame.bytes, this.#end.offset, this.capacityBytes);
    // The next sync brings it along: until then a reader finds the frame itself.
    this.#acknowledge(frame.end, COPIES);
    this.#end = frame.end;
  }

  /**
   * Begins anew with this snapshot in the same file, where no other one can be had: the second copy, then the first. After an error
   * either what was there before or the snapshot is found, and nothing more may be appended.
   */
  rewrite(snapshot: Uint8Array): void {
    invariant(this.fitsAlone(snapshot.length), 'a snapshot fits into its ledger');
    this.#header = { ...this.#header, firstSequence: this.sequence + 1 };
    this.#head = encodeHeader(this.#header).end;
    const frame = encodeFrame(snapshot, this.#head);
    this.#end = frame.end;
    this.#writeCopy(1, frame.bytes);
    this.#writeCopy(0, frame.bytes);
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }

  /**
   * Writes one copy whole, up to the present end of the chain, over whatever stands there.
   *
   * Invariant: the other copy is whole, acknowledged and on the medium; this one does not count before it is so too.
   */
  #writeCopy(copy: number, frames: Uint8Array): void {
    const base = copy * this.capacityBytes;
    this.#file.write(beginOf(encodeHeader(this.#header), this.#head), base);
    this.#file.sync();
    const rest = Buffer.alloc(this.capacityBytes - FRAMES_AT);
    rest.set(frames);
    this.#file.write(rest, base + FRAMES_AT);
    this.#file.sync();
    this.#acknowledge(this.#end, [copy]);
    this.#file.sync();
  }

  #acknowledge(acknowledged: Acknowledgement, copies: readonly number[]): void {
    const bytes = this.#acknowledgementOf(acknowledged);
    for (const copy of copies) this.#file.write(bytes, copy * this.capacityBytes + ACKNOWLEDGEMENT_AT);
  }

  #acknowledgementOf(acknowledged: Acknowledgement): Uint8Array {
    return encodeAcknowledgement(acknowledged, this.#head.checksum);
  }
}

/** What stands in a copy before its frames. */
function beginOf(
  head: { readonly bytes: Uint8Array; readonly end: ChainEnd },
  acknowledged: Acknowledgement,
): Buffer {
  const bytes = Buffer.alloc(FRAMES_AT);
  bytes.set(head.bytes);
  bytes.set(encodeAcknowledgement(acknowledged, head.end.checksum), ACKNOWLEDGEMENT_AT);
  return bytes;
}

/** So that it takes up no space. What the system does not let go now is removed by the next opening. */
function removeLeftover(files: BankFiles): void {
  try {
    files.remove(NEW_LEDGER_NAME);
  } catch (error) {
    if (!(error instanceof RekindleError)) throw error;
  }
}

/** Null when there is no space. */
function unlessFull<T>(operation: () => T): T | null {
  try {
    return operation();
  } catch (error) {
    if (error instanceof RekindleError && error.code === 'BANK_FULL') return null;
    throw error;
  }
}

function reserveCopies(file: BankFile, capacityBytes: number): boolean {
  if (!file.reserve(0, 2 * capacityBytes)) return false;
  file.resize(2 * capacityBytes);
  return true;
}

/** Invariant: the second copy is not begun before the first is whole. */
function writeCopies(file: BankFile, bytes: Uint8Array, offset: number, capacityBytes: number): void {
  file.write(bytes, offset);
  file.write(bytes, offset + capacityBytes);
  file.sync();
}
