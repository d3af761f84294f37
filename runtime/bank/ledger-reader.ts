// Reads a ledger file that a dead process, or anything else, has left. The two copies hold the same bytes at the same places, so each
// frame is taken from whichever copy has it whole; only what both have lost is lost, and then the ledger is refused. It must never give
// out a state older than the last that was acknowledged: each copy has a note of which that is.
//
// What it cannot tell: a note is brought to the medium with the next transaction, so after a loss of power the last transaction may be
// there without one. Spoiled in both copies as well, it looks like one that was cut off while it was being written.
import { RekindleError } from '../errors.ts';
import {
  type Acknowledgement,
  CAPACITY_UNIT_BYTES,
  type ChainEnd,
  type DecodedHeader,
  decodeAcknowledgement,
  decodeHeader,
  FRAME_HEADER_BYTES,
  FRAMES_AT,
  LEDGER_VERSION,
  type LedgerHeader,
  laterFrames,
  mayEnd,
  nextFrame,
} from './ledger-frames.ts';
import type { JsonValue, LedgerChange, LedgerLoss } from './ledger-records.ts';

export interface LedgerReading {
  readonly header: LedgerHeader;
  readonly end: ChainEnd;
  /** What is written down, in the order in which it was; the first transaction is the snapshot. */
  readonly transactions: readonly (readonly LedgerChange[])[];
  /** One copy as it should be, but for its acknowledgement: the sound bytes up to the end of the chain. */
  readonly image: Uint8Array;
  /** The last transaction that is known to have been acknowledged; null when no copy tells. */
  readonly acknowledged: Acknowledgement | null;
  /** The copy that does not count, since it was about to be written anew. */
  readonly unused: 0 | 1 | null;
  readonly losses: readonly LedgerLoss[];
}

/** Name of the loss that says that transactions may be missing at the end, and nobody can tell. */
export const LOST_END_NAME = 'acknowledgement';

interface Copy {
  readonly index: 0 | 1;
  readonly name: string;
  readonly bytes: Buffer;
  /** Damage, the first that was found. */
  fault: string | null;
  /** Where a frame is missing: damage if another one follows, for the last frame alone may be what a crash left. */
  brokenAt: number | null;
}

type SoundHeader = Extract<DecodedHeader, { kind: 'sound' }>;

/** What a file has to be read by. */
interface Found {
  readonly sound: SoundHeader;
  /** Those that count. */
  readonly copies: readonly Copy[];
  readonly unused: 0 | 1 | null;
  readonly acknowledged: Acknowledgement | null;
  /** Sequence that the chain has to end with; null: that is open. */
  readonly mustEndAt: number | null;
}

/**
 * `file`: all of it; `bankId`: null to read it whosever it is; `culprit`: its path.
 *
 * @throws RekindleError BANK_VERSION, BANK_FOREIGN when it is the ledger of another bank, BANK_DAMAGED when not all of it can be had.
 */
export function readLedger(file: Buffer, bankId: Uint8Array | null, culprit: string): LedgerReading {
  const { copies, sound, unused, acknowledged, mustEndAt } = findCopies(file, culprit);
  if (bankId !== null && Buffer.compare(sound.header.bankId, bankId) !== 0) {
    throw new RekindleError('BANK_FOREIGN', culprit, 'the ledger is that of another bank');
  }
  const transactions: (readonly LedgerChange[])[] = [];
  const pieces: Uint8Array[] = [sound.bytes, Buffer.alloc(FRAMES_AT - sound.bytes.length)];
  let end = sound.chain;
  for (;;) {
    const frames = copies.map(({ bytes }) => nextFrame(bytes, end));
    const frame = frames.find((found) => found !== null) ?? null;
    if (frame === null) break;
    const isSnapshot = end.sequence < sound.header.firstSequence;
    copies.forEach((copy, index) => {
      if (copy.brokenAt !== null) copy.fault ??= `damaged at byte ${copy.brokenAt}`;
      if (frames[index] !== null) return;
      copy.brokenAt ??= end.offset;
      if (isSnapshot) copy.fault ??= 'damaged in its snapshot';
    });
    transactions.push(decodePayload(frame.payload, culprit));
    pieces.push(frame.bytes);
    end = frame.end;
    if (acknowledged?.sequence === end.sequence && acknowledged.checksum !== end.checksum)
      throw missing(acknowledged.sequence, culprit);
  }
  requireEnd(copies, sound.header, end, culprit);
  if (acknowledged !== null && acknowledged.sequence > end.sequence)
    throw missing(acknowledged.sequence, culprit);
  if (mustEndAt !== null && end.sequence !== mustEndAt) throw contradiction(culprit);
  const losses = copies.flatMap(({ name, fault }): LedgerLoss[] =>
    fault === null ? [] : [{ kind: 'ledger-copy', name, reason: fault }],
  );
  if (acknowledged === null) losses.push(NO_ACKNOWLEDGEMENT);
  const image = Buffer.concat(pieces);
  return { header: sound.header, end, transactions, image, acknowledged, unused, losses };
}

const NO_ACKNOWLEDGEMENT: LedgerLoss = {
  kind: 'ledger-copy',
  name: LOST_END_NAME,
  reason: 'both notes of the last transaction are damaged: transactions at the end may be missing',
};

function findCopies(file: Buffer, culprit: string): Found {
  const first = decodeHeader(file);
  const capacityBytes = first.kind === 'sound' ? first.header.capacityBytes : findSecondCopy(file);
  if (capacityBytes === null) throw refusal([first], culprit);
  const second = decodeHeader(file.subarray(capacityBytes));
  const copies = [
    makeCopy(0, file.subarray(0, capacityBytes), capacityBytes, first),
    makeCopy(1, file.subarray(capacityBytes, 2 * capacityBytes), capacityBytes, second),
  ] as const;
  if (first.kind === 'sound' && second.kind === 'sound') {
    if (Buffer.compare(first.bytes, second.bytes) !== 0) return findRewriting(copies, first, second, culprit);
  }
  const sound = first.kind === 'sound' ? first : second;
  if (sound.kind !== 'sound') throw refusal([first, second], culprit);
  return findAcknowledged(copies, sound, culprit);
}

/** The copies of one header. One that was being written when its site died does not count, and is no damage. */
function findAcknowledged(copies: readonly [Copy, Copy], sound: SoundHeader, culprit: string): Found {
  let acknowledged: Acknowledgement | null = null;
  let unused: 0 | 1 | null = null;
  for (const copy of copies) {
    const note = decodeAcknowledgement(copy.bytes, sound.chain);
    if (note === null) copy.fault ??= 'damaged in its note of the last transaction';
    else if (note.sequence > sound.chain.sequence) {
      if (note.sequence > (acknowledged?.sequence ?? 0)) acknowledged = note;
    } else if (unused === null) unused = copy.index;
    else throw new RekindleError('BANK_DAMAGED', culprit, 'neither copy of the ledger has been finished');
  }
  const counting = copies.filter(({ index }) => index !== unused);
  return { sound, copies: counting, unused, acknowledged, mustEndAt: null };
}

/**
 * Two sound headers that differ: a ledger that was being written anew in its place, the second copy before the first. The second has to
 * continue what the first ends with, and counts as soon as it says so itself.
 */
function findRewriting(
  copies: readonly [Copy, Copy],
  first: SoundHeader,
  second: SoundHeader,
  culprit: string,
): Found {
  const [former, next] = copies;
  const [from, to] = [first.header, second.header];
  const note = decodeAcknowledgement(next.bytes, second.chain);
  const formerNote = decodeAcknowledgement(former.bytes, first.chain);
  const isOfOneFile = from.capacityBytes === to.capacityBytes && Buffer.compare(from.bankId, to.bankId) === 0;
  if (!isOfOneFile || to.firstSequence <= from.firstSequence || note === null) throw contradiction(culprit);
  if (note.sequence < to.firstSequence) {
    // All before the rewriting was acknowledged.
    if (formerNote === null) former.fault ??= 'damaged in its note of the last transaction';
    const mustEndAt = to.firstSequence - 1;
    return { sound: first, copies: [former], unused: 1, acknowledged: formerNote, mustEndAt };
  }
  if (note.sequence > to.firstSequence || formerNote?.sequence !== to.firstSequence - 1)
    throw contradiction(culprit);
  return { sound: second, copies: [next], unused: 0, acknowledged: note, mustEndAt: to.firstSequence };
}

function makeCopy(index: 0 | 1, bytes: Buffer, capacityBytes: number, header: DecodedHeader): Copy {
  const name = index === 0 ? 'first copy' : 'second copy';
  const isShort = bytes.length < capacityBytes;
  const damage = header.kind === 'sound' ? null : 'damaged in its header';
  const fault = isShort ? `cut short at byte ${bytes.length}` : damage;
  return { index, name, bytes, fault, brokenAt: null };
}

function missing(sequence: number, culprit: string): RekindleError {
  return new RekindleError('BANK_DAMAGED', culprit, `acknowledged transaction ${sequence} is missing`);
}

function contradiction(culprit: string): RekindleError {
  return new RekindleError('BANK_DAMAGED', culprit, 'the two copies of the ledger contradict each other');
}

/** Where a header stands that says that it is the second copy's; null when there is none. */
function findSecondCopy(file: Buffer): number | null {
  for (let offset = CAPACITY_UNIT_BYTES; offset < file.length; offset += CAPACITY_UNIT_BYTES) {
    const decoded = decodeHeader(file.subarray(offset));
    if (decoded.kind === 'sound' && decoded.header.capacityBytes === offset) return offset;
  }
  return null;
}

function refusal(headers: readonly DecodedHeader[], culprit: string): RekindleError {
  for (const header of headers) {
    if (header.kind !== 'version') continue;
    const detail = `version ${header.version}, this is version ${LEDGER_VERSION}`;
    return new RekindleError('BANK_VERSION', culprit, detail);
  }
  return new RekindleError('BANK_DAMAGED', culprit, 'neither copy of the ledger has a sound header');
}

/** Throws unless the chain ends where it does because nothing more was acknowledged. */
function requireEnd(copies: readonly Copy[], header: LedgerHeader, end: ChainEnd, culprit: string): void {
  const refuse = (why: string) =>
    new RekindleError('BANK_DAMAGED', culprit, `${why} at byte ${end.offset} of both copies`);
  if (end.sequence < header.firstSequence) throw refuse('the ledger has lost its snapshot');
  if (copies.some(({ bytes }) => laterFrames(bytes, end.offset, end.sequence)))
    throw refuse('the ledger is damaged');
  const plausible = copies.filter(({ bytes }) => mayEnd(bytes, end));
  if (plausible.length === 0) throw refuse('the ledger is damaged');
  for (const copy of copies)
    if (!plausible.includes(copy)) copy.fault ??= `damaged behind byte ${end.offset}`;
  if (end.offset + FRAME_HEADER_BYTES > header.capacityBytes) return;
  // A file cut short may have lost whole frames: only zeros, or a copy that is there, tell that nothing came behind.
  const witnesses = plausible.filter(({ bytes }) => bytes.length > end.offset);
  if (witnesses.length === copies.length) return;
  const showsNothingMore = witnesses.some(({ bytes }) =>
    bytes.subarray(end.offset).every((byte) => byte === 0),
  );
  if (!showsNothingMore) throw refuse('the ledger is cut short');
}

function decodePayload(payload: Uint8Array, culprit: string): readonly LedgerChange[] {
  const malformed = (cause?: unknown) =>
    new RekindleError('BANK_DAMAGED', culprit, 'a transaction is not a list of keys and values', { cause });
  let changes: JsonValue;
  try {
    changes = JSON.parse(
      Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8'),
    );
  } catch (cause) {
    throw malformed(cause);
  }
  if (!Array.isArray(changes)) throw malformed();
  return changes.map((change: JsonValue) => {
    if (!Array.isArray(change) || change.length !== 2 || typeof change[0] !== 'string') throw malformed();
    return { key: change[0], value: change[1] };
  });
}
