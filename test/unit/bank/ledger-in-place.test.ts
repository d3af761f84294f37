// A ledger that is written anew in its own file because no other one can be had: it is not lost for that, and a crash at any instruction of
// it, and at any of the repair of that, finds the state before or after and takes it for no damage.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JournalLedger } from '#runtime/bank/ledger.js';
import { RekindleError } from '#runtime/errors.js';
import {
  afterPowerLoss,
  ledgerOptions,
  modelOf,
  type Outcome,
  reopen,
  SECTOR_BYTES,
  type State,
  type Transaction,
} from '#test/support/ledger-kit.js';
import { type BankImage, type BankStep, MemoryFiles, replay } from '#test/support/memory-files.js';

const KiB = 1024;
const CAPACITY_BYTES = 256 * KiB;
const LARGE_BYTES = 40 * KiB;

const record = (index: number, sizeBytes = LARGE_BYTES): Transaction => [
  { key: `block/${index % 2}`, value: `${index}`.padEnd(sizeBytes) },
];

/** No new file can be made, whatever its size. */
function fill(files: MemoryFiles): void {
  files.spaceBytes = files.usedBytes();
}

interface Recording {
  readonly image: BankImage;
  readonly steps: readonly BankStep[];
  /** What was there before and after each transaction, and the steps that had been taken by then. */
  readonly states: readonly { readonly steps: number; readonly state: State }[];
}

/** Two transactions that are appended, one that has the file written anew, and one more. */
function recordRewriting(): Recording {
  const files = new MemoryFiles();
  using ledger = JournalLedger.create(files, ledgerOptions());
  fill(files);
  let index = 0;
  for (; index < 4; index += 1) ledger.commit(record(index));
  const image = files.image();
  files.steps.length = 0;
  const states = [{ steps: 0, state: ledger.entries('') }];
  for (const last = index + 4; index < last; index += 1) {
    ledger.commit(record(index));
    states.push({ steps: files.steps.length, state: ledger.entries('') });
  }
  return { image, steps: files.steps, states };
}

const RECORDING = recordRewriting();
const { image: IMAGE, steps: STEPS, states: STATES } = RECORDING;

/** The states that may be found when the first `count` steps are done, the last one in part perhaps. */
function allowedAfter(count: number): readonly string[] {
  const done = STATES.findLastIndex(({ steps }) => steps < count);
  const isDone = STATES.some(({ steps }) => steps === count);
  const from = isDone ? STATES.findIndex(({ steps }) => steps === count) : Math.max(0, done);
  return STATES.slice(from, from + 2).map(({ state }) => JSON.stringify(state));
}

function check(outcome: Outcome, allowed: readonly string[], where: string): State {
  if (outcome.kind === 'refused') expect.fail(`${where}: ${outcome.message}`);
  expect(outcome.losses, where).toEqual([]);
  expect(allowed.includes(JSON.stringify(outcome.state)), where).toBe(true);
  return outcome.state;
}

/** Opened where there is no space for a new file either; and what it has done. */
function reopenInPlace(image: BankImage): { readonly outcome: Outcome; readonly steps: readonly BankStep[] } {
  const files = new MemoryFiles(image);
  fill(files);
  using ledger = JournalLedger.open(files, ledgerOptions());
  const losses = ledger.losses.map(({ name, reason }) => `${name}: ${reason}`);
  return { outcome: { kind: 'open', state: ledger.entries(''), losses, files }, steps: files.steps };
}

/** Where a write may be cut: everywhere near its begin and its end, and in some places between. */
function cutsOf(step: BankStep | undefined): readonly number[] {
  if (step?.kind !== 'write') return [];
  const sectors = Math.ceil(step.bytes.length / SECTOR_BYTES);
  const all = Array.from({ length: sectors }, (_, sector) => sector);
  return all.filter((sector) => sector < 3 || sector > sectors - 3 || sector % 97 === 0);
}

describe('a ledger written anew in its place', () => {
  test('is not lost on a full file system, however much is written down in it', () => {
    const files = new MemoryFiles();
    const reasons: string[] = [];
    {
      using ledger = JournalLedger.create(files, ledgerOptions(reasons));
      fill(files);
      for (let index = 0; index < 6000; index += 1) ledger.commit(record(index, 200));
    }
    expect([reasons, files.usedBytes(), files.openCount]).toEqual([[], 2 * CAPACITY_BYTES, 0]);
    const state = modelOf([record(5998, 200), record(5999, 200)]);
    expect(reopen(files.image())).toMatchObject({ state, losses: [] });
    expect(reopenInPlace(files.image()).outcome).toMatchObject({ state, losses: [] });
  });

  test('is what the recording is of, the second copy before the first', () => {
    const places = STEPS.flatMap((step) => (step.kind === 'write' ? [step.offset] : []));
    const [begin, frames, note] = [0, 128, 64];
    const [other, otherFrames, otherNote] = [begin, frames, note].map((at) => CAPACITY_BYTES + at);
    expect(places.slice(8, 14)).toEqual([other, otherFrames, otherNote, begin, frames, note]);
    expect(STEPS.map(({ kind }) => kind)).not.toContain('rename');
  });

  test('a death at any instruction of it finds the state before or after', () => {
    for (let count = 1; count <= STEPS.length; count += 1) {
      const steps = STEPS.slice(0, count);
      check(reopen(replay(IMAGE, steps)), allowedAfter(count), `after step ${count}`);
      for (const sector of cutsOf(steps.at(-1))) {
        const left = replay(IMAGE, steps, sector * SECTOR_BYTES);
        const where = `in step ${count}, sector ${sector}`;
        const before = [...allowedAfter(count - 1), ...allowedAfter(count)];
        const state = check(reopen(left), before, where);
        expect(check(reopenInPlace(left).outcome, before, where)).toEqual(state);
      }
    }
  });

  test('a loss of power at any instruction of it finds the state before or after', () => {
    fc.assert(
      fc.property(
        fc.nat(STEPS.length),
        fc.infiniteStream(fc.boolean()),
        fc.nat(4),
        (count, isKept, share) => {
          const keep = [
            () => false,
            () => true,
            () => isKept.next().value,
            () => isKept.next().value && isKept.next().value,
            () => isKept.next().value || isKept.next().value,
          ][share];
          const left = afterPowerLoss(IMAGE, STEPS.slice(0, count), keep ?? (() => true));
          check(reopen(left), allowedAfter(count), `after step ${count}`);
        },
      ),
      { numRuns: 400 },
    );
  });

  test('a second crash, while the first is repaired in place, takes nothing away', () => {
    fc.assert(
      fc.property(fc.nat(STEPS.length), fc.infiniteStream(fc.boolean()), (count, isKept) => {
        const keep = () => isKept.next().value;
        const left = afterPowerLoss(IMAGE, STEPS.slice(0, count), keep);
        const { outcome, steps } = reopenInPlace(left);
        if (outcome.kind === 'refused') expect.fail(outcome.message);
        const allowed = [JSON.stringify(outcome.state)];
        for (let done = 0; done <= steps.length; done += 1) {
          const where = `after step ${count}, and step ${done} of the repair`;
          check(reopen(replay(left, steps.slice(0, done))), allowed, where);
          check(reopen(afterPowerLoss(left, steps.slice(0, done), keep)), allowed, where);
          check(reopenInPlace(afterPowerLoss(left, steps.slice(0, done), keep)).outcome, allowed, where);
        }
      }),
      { numRuns: 15 },
    );
  });

  test('what is found after a crash goes on, in place again', () => {
    for (let count = 1; count <= STEPS.length; count += 1) {
      const files = new MemoryFiles(replay(IMAGE, STEPS.slice(0, count)));
      fill(files);
      const reasons: string[] = [];
      {
        using ledger = JournalLedger.open(files, ledgerOptions(reasons));
        for (let index = 20; index < 30; index += 1) ledger.commit(record(index));
      }
      expect(reasons).toEqual([]);
      expect(reopen(files.image())).toMatchObject({ state: modelOf([record(28), record(29)]), losses: [] });
    }
  });
});

describe('two copies of a ledger that differ', () => {
  const fileAfter = (count: number) => Buffer.from(replay(IMAGE, STEPS.slice(0, count)).get('ledger') ?? []);
  const joined = (first: Buffer, second: Buffer) =>
    reopen(
      new Map([
        ['ledger', Buffer.concat([first.subarray(0, CAPACITY_BYTES), second.subarray(CAPACITY_BYTES)])],
      ]),
    );
  const contradiction = {
    message: 'BANK_DAMAGED: /memory/ledger: the two copies of the ledger contradict each other',
  };
  const last = fileAfter(STEPS.length);
  const first = fileAfter(0);

  test('are refused when no crash leaves them so', () => {
    expect(joined(last, first)).toMatchObject(contradiction);
    expect(joined(first, last)).toMatchObject(contradiction);
    const rewritten = STATES[3]?.steps ?? 0;
    // The second copy goes on from a state that the first one has not come to.
    expect(joined(first, fileAfter(rewritten))).toMatchObject(contradiction);
  });

  test('the one that counts is not replaced by the one that went before it when it is damaged', () => {
    const begun = STEPS.findIndex((step) => step.kind === 'write' && step.offset === 0);
    const file = fileAfter(begun);
    file.writeUInt8(file.readUInt8(CAPACITY_BYTES + 200) ^ 1, CAPACITY_BYTES + 200);
    expect(reopen(new Map([['ledger', file]]))).toMatchObject({ kind: 'refused', code: 'BANK_DAMAGED' });
  });
});

describe('a ledger that cannot have a new file for another reason', () => {
  const outOfDescriptors = (files: MemoryFiles) => {
    files.before = (step) => {
      if (step.kind === 'create') throw new RekindleError('BANK_UNAVAILABLE', files.path, 'EMFILE');
    };
  };

  test('has no room, and is not lost', () => {
    const files = new MemoryFiles();
    const reasons: string[] = [];
    using ledger = JournalLedger.create(files, ledgerOptions(reasons));
    outOfDescriptors(files);
    let index = 0;
    while (ledger.hasRoom(LARGE_BYTES)) ledger.commit(record(index++));
    expect([index, ledger.hasRoom(LARGE_BYTES), reasons]).toEqual([4, false, []]);
    for (; index < 20; index += 1) ledger.commit(record(index));
    expect([reasons, files.list()]).toEqual([[], ['ledger']]);
    while (!ledger.hasRoom(KiB)) ledger.commit(record(index++));
    expect(index).toBeLessThan(26);
    files.before = () => {};
    expect(ledger.hasRoom(CAPACITY_BYTES)).toBe(true);
    expect(reopen(files.image())).toMatchObject({
      state: modelOf([record(index - 2), record(index - 1)]),
      losses: [],
    });
  });

  test('has room as soon as that has passed', () => {
    const files = new MemoryFiles();
    using ledger = JournalLedger.create(files, ledgerOptions());
    outOfDescriptors(files);
    for (let index = 0; ledger.hasRoom(LARGE_BYTES); index += 1) ledger.commit(record(index));
    files.before = () => {};
    expect(ledger.hasRoom(LARGE_BYTES)).toBe(true);
  });

  test('is opened in place', () => {
    const files = new MemoryFiles(IMAGE);
    outOfDescriptors(files);
    using ledger = JournalLedger.open(files, ledgerOptions());
    expect([ledger.entries(''), ledger.losses]).toEqual([STATES[0]?.state, []]);
  });

  test('is lost, with what the world said, when its content does not fit in place either', () => {
    const files = new MemoryFiles();
    const reasons: string[] = [];
    using ledger = JournalLedger.create(files, ledgerOptions(reasons));
    outOfDescriptors(files);
    ledger.commit([{ key: 'block/1', value: 'z'.repeat(CAPACITY_BYTES) }]);
    expect(reasons).toEqual([`BANK_UNAVAILABLE: ${files.path}: EMFILE`]);
  });

  test('a leftover of the attempt takes up no space', () => {
    const files = new MemoryFiles();
    using ledger = JournalLedger.create(files, ledgerOptions());
    files.before = (step) => {
      if (step.kind === 'rename') throw new RekindleError('BANK_UNAVAILABLE', files.path, 'refused');
    };
    expect(ledger.hasRoom(CAPACITY_BYTES)).toBe(false);
    expect([files.list(), files.usedBytes(), files.openCount]).toEqual([['ledger'], 2 * CAPACITY_BYTES, 1]);
  });
});
