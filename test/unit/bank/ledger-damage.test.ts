// A ledger whose file something has damaged: with one copy left nothing is missing and the loss is named; with both hit it is complete or
// refused, and never an older state that is given out as the present one.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  encodeFrame,
  encodeHeader,
  FRAME_HEADER_BYTES,
  laterFrames,
  nextFrame,
} from '#runtime/bank/ledger-frames.js';
import { BANK_ID, ledgerWith, modelOf, reopen, type Transaction } from '#test/support/ledger-kit.js';

const TRANSACTIONS: readonly Transaction[] = Array.from({ length: 8 }, (_, index) => [
  { key: `block/${index % 5}`, value: { index, text: 'y'.repeat(index * 20) } },
  { key: `group/${index}`, value: index },
]);
const LATEST = modelOf(TRANSACTIONS);
const LATEST_TEXT = JSON.stringify(LATEST);
const FILE = ledgerWith(TRANSACTIONS).image().get('ledger') ?? new Uint8Array();
const CAPACITY_BYTES = FILE.length / 2;
/** Where the zeros begin in a copy, and the last frame. */
const END = FILE.subarray(0, CAPACITY_BYTES).findLastIndex((byte) => byte !== 0) + 1;
const FRAMES = findFrames();
const LAST_FRAME_AT = FRAMES.at(-1)?.start ?? 0;
/** The states without the last none, one, two... transactions. */
const MODELS = TRANSACTIONS.map((_, missing) =>
  modelOf(TRANSACTIONS.slice(0, TRANSACTIONS.length - missing)),
);
const REFUSALS = ['BANK_DAMAGED', 'BANK_FOREIGN', 'BANK_VERSION'];

const reopenFile = (file: Uint8Array) => reopen(new Map([['ledger', file]]));

/** Those of the transactions, in one copy. */
function findFrames(): readonly { readonly start: number; readonly end: number }[] {
  const copy = Buffer.from(FILE.subarray(0, CAPACITY_BYTES));
  const starts: number[] = [];
  for (let at = copy.indexOf('RKFR'); at !== -1; at = copy.indexOf('RKFR', at + 1)) starts.push(at);
  return starts.map((start, index) => ({ start, end: starts[index + 1] ?? END })).slice(1);
}

function damaged(change: (file: Uint8Array) => void): Uint8Array {
  const file = Uint8Array.from(FILE);
  change(file);
  return file;
}

const flip = (file: Uint8Array, bit: number): void => {
  file[bit >> 3] = (file[bit >> 3] ?? 0) ^ (1 << (bit & 7));
};

describe('a damaged ledger', () => {
  test('every byte of one copy: nothing is missing, and damage before the last frame is named', () => {
    for (const copyOffset of [0, CAPACITY_BYTES]) {
      for (let at = 0; at < END; at += 1) {
        const outcome = reopenFile(damaged((file) => flip(file, (copyOffset + at) * 8 + (at % 8))));
        if (outcome.kind === 'refused') expect.fail(`byte ${copyOffset + at}: ${outcome.message}`);
        expect(JSON.stringify(outcome.state)).toBe(LATEST_TEXT);
        const isPadding = FILE[at] === 0 && at >= 64;
        const names = outcome.losses.map((loss) => loss.split(':')[0]);
        if (at < LAST_FRAME_AT && !isPadding)
          expect(names).toEqual([copyOffset === 0 ? 'first copy' : 'second copy']);
        // What was found is written anew: the damage is gone.
        if (at % 50 === 0) expect(reopen(outcome.files.image())).toMatchObject({ state: LATEST, losses: [] });
      }
    }
  });

  test('bits in both copies: complete or refused, but for the last frame spoiled in both', () => {
    const bit = fc.integer({ min: 0, max: (END + 64) * 8 - 1 });
    const bits = fc.array(bit, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(bits, bits, (first, second) => {
        const outcome = reopenFile(
          damaged((file) => {
            for (const at of first) flip(file, at);
            for (const at of second) flip(file, CAPACITY_BYTES * 8 + at);
          }),
        );
        if (outcome.kind === 'refused') {
          expect(REFUSALS).toContain(outcome.code);
          return;
        }
        const missing = MODELS.findIndex((state) => JSON.stringify(state) === JSON.stringify(outcome.state));
        expect(missing).not.toBe(-1);
        // Each frame that is missing was hit in both copies, and of those behind the first one the beginning was.
        for (const [index, { start, end }] of FRAMES.slice(FRAMES.length - missing).entries()) {
          const until = index === 0 ? end : start + FRAME_HEADER_BYTES;
          for (const list of [first, second]) {
            expect(list.some((at) => at >= start * 8 && at < until * 8)).toBe(true);
          }
        }
      }),
      { numRuns: 800 },
    );
  });

  test('the same frame lost in both copies is refused by name, two different ones are not', () => {
    const at = (name: string) => Buffer.from(FILE).indexOf(name);
    const hit = (first: string, second: string) =>
      reopenFile(
        damaged((file) => {
          flip(file, at(first) * 8);
          flip(file, (CAPACITY_BYTES + at(second)) * 8);
        }),
      );
    expect(hit('group/3', 'group/6')).toMatchObject({
      state: LATEST,
      losses: [
        expect.stringMatching(/^first copy: damaged at byte/),
        expect.stringMatching(/^second copy: damaged at byte/),
      ],
    });
    expect(hit('group/3', 'group/3')).toMatchObject({
      message: expect.stringMatching(
        /^BANK_DAMAGED: \/memory\/ledger: the ledger is damaged at byte \d+ of both copies$/,
      ),
    });
  });

  test('cut short at any length: complete with a named loss, or refused', () => {
    const near = (middle: number) => Array.from({ length: 200 }, (_, index) => middle - 100 + index);
    const all = Array.from({ length: END + 100 }, (_, length) => length);
    const lengths = [...all, ...near(CAPACITY_BYTES), ...near(CAPACITY_BYTES + END), FILE.length - 1];
    for (const length of lengths) {
      const outcome = reopenFile(FILE.subarray(0, length));
      if (outcome.kind === 'refused') {
        expect(outcome.code).toBe('BANK_DAMAGED');
        expect(length).toBeLessThan(END + 8);
      } else {
        expect(outcome.state).toEqual(LATEST);
        expect(outcome.losses).toContainEqual(expect.stringContaining('cut short at byte'));
      }
    }
    expect(reopenFile(Buffer.concat([FILE, FILE]))).toMatchObject({ state: LATEST, losses: [] });
  });

  test('a range copied elsewhere: complete, refused, or with a named loss', () => {
    const offset = fc.oneof(
      fc.integer({ min: 0, max: END }),
      fc.integer({ min: CAPACITY_BYTES, max: CAPACITY_BYTES + END }),
      fc.integer({ min: 0, max: FILE.length }),
    );
    const length = fc.oneof(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 1, max: CAPACITY_BYTES }));
    fc.assert(
      fc.property(offset, offset, length, (from, to, count) => {
        const outcome = reopenFile(damaged((file) => file.copyWithin(to, from, from + count)));
        if (outcome.kind === 'refused') {
          expect(REFUSALS).toContain(outcome.code);
          return;
        }
        const staysInOneCopy = to + count <= CAPACITY_BYTES || to >= CAPACITY_BYTES;
        if (staysInOneCopy || outcome.losses.length === 0) expect(outcome.state).toEqual(LATEST);
      }),
      { numRuns: 800 },
    );
  });

  test('any bytes at all are refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20_000 }), (bytes) => {
        expect(reopenFile(bytes)).toMatchObject({ kind: 'refused', code: 'BANK_DAMAGED' });
      }),
    );
  });

  test.each([
    ['no JSON', '[["a",1]'],
    ['no list', '{"a":1}'],
    ['no pair', '[["a",1,2]]'],
    ['no key', '[[1,2]]'],
  ])('a sound frame that holds %s', (_, payload) => {
    const head = encodeHeader({ bankId: BANK_ID, capacityBytes: 4096, firstSequence: 1 });
    const copy = Buffer.alloc(4096);
    copy.set(head.bytes);
    copy.set(encodeFrame(Buffer.from(payload), head.end).bytes, head.end.offset);
    expect(reopenFile(Buffer.concat([copy, copy]))).toMatchObject({
      message: 'BANK_DAMAGED: /memory/ledger: a transaction is not a list of keys and values',
    });
  });

  test('two sound headers that differ are refused', () => {
    const other = encodeHeader({ bankId: BANK_ID, capacityBytes: CAPACITY_BYTES, firstSequence: 77 });
    expect(reopenFile(damaged((file) => file.set(other.bytes, CAPACITY_BYTES)))).toMatchObject({
      message: 'BANK_DAMAGED: /memory/ledger: the two copies of the ledger contradict each other',
    });
  });

  test('what tells a break from an end', () => {
    const start = { offset: 64, sequence: 4, checksum: 1 };
    const copyWith = (offset: number, sequence: number, spoil = (_: Buffer) => {}) => {
      const { bytes } = encodeFrame(Buffer.from('[]'), { ...start, sequence: sequence - 1 });
      const frame = Buffer.from(bytes);
      spoil(frame);
      return Buffer.concat([Buffer.alloc(offset), frame, Buffer.alloc(64)]);
    };
    const spoilPayload = (frame: Buffer) => void frame.writeUInt8(0xff, FRAME_HEADER_BYTES);
    const isBroken = (copy: Buffer) => laterFrames(copy, start.offset, start.sequence);
    expect(isBroken(Buffer.alloc(500))).toBe(false);
    expect(isBroken(Buffer.alloc(10))).toBe(false);
    expect(isBroken(copyWith(64, 5))).toBe(true);
    expect(isBroken(copyWith(64, 5, spoilPayload))).toBe(false);
    expect(isBroken(copyWith(72, 5, spoilPayload))).toBe(true);
    expect(isBroken(copyWith(72, 4))).toBe(false);
    expect(isBroken(copyWith(73, 5))).toBe(false);
    const full = copyWith(72, 5, spoilPayload);
    expect(isBroken(full.subarray(0, 72 + FRAME_HEADER_BYTES - 1))).toBe(false);
  });

  test('a frame of the same place in another chain does not fit', () => {
    const link = (checksum: number) => ({ offset: 64, sequence: 4, checksum });
    const { bytes, end } = encodeFrame(Buffer.from('[]'), link(1));
    const copy = Buffer.concat([Buffer.alloc(64), bytes]);
    expect(nextFrame(copy, link(1))?.end).toEqual(end);
    expect(nextFrame(copy, link(2))).toBeNull();
    expect(nextFrame(copy, { ...link(1), sequence: 3 })).toBeNull();
    expect(nextFrame(copy, { ...link(1), offset: 72 })).toBeNull();
  });

  test('a copy full of false beginnings is searched once', () => {
    expect(laterFrames(Buffer.alloc(1 << 22, 'RKFR    '), 0, 0)).toBe(false);
    expect(laterFrames(Buffer.alloc(1 << 22, '    RKFR'), 0, 0)).toBe(false);
  });
});
