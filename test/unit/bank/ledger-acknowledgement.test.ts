// What a ledger notes of its end: transactions that were acknowledged and are gone from both copies are missed by name, and where no note is
// left that is a named loss. A crash between a transaction and its note is neither.
import { describe, expect, test } from 'vitest';
import { JournalLedger } from '#runtime/bank/ledger.js';
import {
  ACKNOWLEDGEMENT_AT,
  decodeHeader,
  encodeAcknowledgement,
  FRAMES_AT,
} from '#runtime/bank/ledger-frames.js';
import {
  ledgerOptions,
  ledgerWith,
  modelOf,
  type Outcome,
  reopen,
  type Transaction,
} from '#test/support/ledger-kit.js';
import { MemoryFiles } from '#test/support/memory-files.js';

const COUNT = 6;
const TRANSACTIONS: readonly Transaction[] = Array.from({ length: COUNT }, (_, index) => [
  { key: `group/${index}`, value: 'y'.repeat(index * 30) },
]);
const LATEST = modelOf(TRANSACTIONS);
const FILE = fileWith(COUNT);
const CAPACITY_BYTES = FILE.length / 2;
const BOTH = [0, CAPACITY_BYTES] as const;
const FRAMES = framesOf(FILE);
/** Of the snapshot it is 1. */
const LAST_SEQUENCE = COUNT + 1;
const NO_NOTE = 'damaged in its note of the last transaction';
const NO_NOTES =
  'acknowledgement: both notes of the last transaction are damaged: transactions at the end may be missing';

function fileWith(count: number): Buffer {
  return Buffer.from(ledgerWith(TRANSACTIONS.slice(0, count)).image().get('ledger') ?? []);
}

/** Those of the transactions, in one copy. */
function framesOf(file: Buffer): readonly { readonly start: number; readonly end: number }[] {
  const copy = file.subarray(0, file.length / 2);
  const starts: number[] = [];
  for (let at = copy.indexOf('RKFR'); at !== -1; at = copy.indexOf('RKFR', at + 1)) starts.push(at);
  const end = copy.findLastIndex((byte) => byte !== 0) + 1;
  return starts.map((start, index) => ({ start, end: starts[index + 1] ?? end })).slice(1);
}

function opened(change: (file: Buffer) => void): Outcome {
  const file = Buffer.from(FILE);
  change(file);
  return reopen(new Map([['ledger', file]]));
}

/** As if one had never been written. */
function removeLast(file: Buffer, count: number): void {
  const start = FRAMES.at(-count)?.start ?? 0;
  for (const copy of BOTH) file.fill(0, copy + start, copy + CAPACITY_BYTES);
}

function noteOf(count: number): Buffer {
  return fileWith(count).subarray(ACKNOWLEDGEMENT_AT, FRAMES_AT);
}

function missing(sequence: number) {
  return {
    message: `BANK_DAMAGED: /memory/ledger: acknowledged transaction ${sequence} is missing`,
  };
}

describe('a ledger that has lost its end in both copies', () => {
  test.each(Array.from({ length: COUNT }, (_, index) => index + 1))('%i transactions are missed', (count) => {
    expect(opened((file) => removeLast(file, count))).toMatchObject(missing(LAST_SEQUENCE));
  });

  test('a bit in each copy of the last frame is enough', () => {
    const { start, end } = FRAMES.at(-1) ?? { start: 0, end: 0 };
    for (let at = start + 24; at < end; at += 7) {
      const outcome = opened((file) => {
        file.writeUInt8(file.readUInt8(at) ^ 1, at);
        file.writeUInt8(file.readUInt8(at + CAPACITY_BYTES) ^ 4, at + CAPACITY_BYTES);
      });
      expect(outcome).toMatchObject(missing(LAST_SEQUENCE));
    }
  });

  test('is refused as long as one note is left, and by the higher one', () => {
    for (const spoiled of BOTH) {
      const outcome = opened((file) => {
        removeLast(file, 1);
        file.writeUInt8(0xff, spoiled + ACKNOWLEDGEMENT_AT);
      });
      expect(outcome).toMatchObject(missing(LAST_SEQUENCE));
      const older = opened((file) => {
        removeLast(file, 1);
        file.set(noteOf(COUNT - 1), spoiled + ACKNOWLEDGEMENT_AT);
      });
      expect(older).toMatchObject(missing(LAST_SEQUENCE));
    }
  });

  test('is opened with that named when both notes are gone too', () => {
    const outcome = opened((file) => {
      removeLast(file, 2);
      for (const copy of BOTH) file.fill(0, copy + ACKNOWLEDGEMENT_AT, copy + FRAMES_AT);
    });
    expect(outcome).toMatchObject({
      state: modelOf(TRANSACTIONS.slice(0, COUNT - 2)),
      losses: [`first copy: ${NO_NOTE}`, `second copy: ${NO_NOTE}`, NO_NOTES],
    });
  });

  test('an older file that is put back as a whole cannot be told', () => {
    const outcome = reopen(new Map([['ledger', fileWith(2)]]));
    expect(outcome).toMatchObject({ state: modelOf(TRANSACTIONS.slice(0, 2)), losses: [] });
  });
});

describe('a note', () => {
  test.each([
    ['first', 0],
    ['second', CAPACITY_BYTES],
  ])('damaged in the %s copy, at any byte of it, is named', (name, copy) => {
    for (let at = 0; at < 16; at += 1) {
      const place = copy + ACKNOWLEDGEMENT_AT + at;
      const outcome = opened((file) => file.writeUInt8(file.readUInt8(place) ^ 0x20, place));
      expect(outcome).toMatchObject({ state: LATEST, losses: [`${name} copy: ${NO_NOTE}`] });
    }
  });

  test('damaged in both copies is named, and written anew', () => {
    const outcome = opened((file) => {
      for (const copy of BOTH) file.writeUInt8(0xff, copy + ACKNOWLEDGEMENT_AT + 12);
    });
    expect(outcome).toMatchObject({ state: LATEST, losses: expect.arrayContaining([NO_NOTES]) });
    if (outcome.kind === 'open')
      expect(reopen(outcome.files.image())).toMatchObject({ state: LATEST, losses: [] });
  });

  test('damaged in both copies is written anew where there is no space for a new file', () => {
    const file = Buffer.from(FILE);
    for (const copy of BOTH) file.writeUInt8(0xff, copy + ACKNOWLEDGEMENT_AT + 12);
    const files = new MemoryFiles(new Map([['ledger', file]]));
    files.spaceBytes = files.usedBytes();
    {
      using ledger = JournalLedger.open(files, ledgerOptions());
      expect(ledger.losses.map(({ name }) => name)).toEqual(['first copy', 'second copy', 'acknowledgement']);
    }
    expect(FILE.equals(files.image().get('ledger') ?? new Uint8Array())).toBe(true);
  });

  test('that is one behind in the second copy, or in both, is what a crash leaves', () => {
    for (const copies of [[CAPACITY_BYTES], BOTH]) {
      const outcome = opened((file) => {
        for (const copy of copies) file.set(noteOf(COUNT - 1), copy + ACKNOWLEDGEMENT_AT);
      });
      expect(outcome).toMatchObject({ state: LATEST, losses: [] });
    }
  });

  test('of another frame of that number is a contradiction', () => {
    const outcome = opened((file) => {
      const header = decodeHeader(file);
      if (header.kind !== 'sound') throw new Error('no header');
      const note = { sequence: LAST_SEQUENCE - 1, checksum: 77 };
      for (const copy of BOTH)
        file.set(encodeAcknowledgement(note, header.chain.checksum), copy + ACKNOWLEDGEMENT_AT);
    });
    expect(outcome).toMatchObject(missing(LAST_SEQUENCE - 1));
  });

  test('of another file is none', () => {
    const other = Buffer.from(FILE);
    const reopened = reopen(new Map([['ledger', other]]));
    if (reopened.kind !== 'open') throw new Error(reopened.message);
    const next = Buffer.from(reopened.files.image().get('ledger') ?? []);
    const outcome = opened((file) => next.copy(file, ACKNOWLEDGEMENT_AT, ACKNOWLEDGEMENT_AT, FRAMES_AT));
    expect(outcome).toMatchObject({ state: LATEST, losses: [`first copy: ${NO_NOTE}`] });
  });
});
