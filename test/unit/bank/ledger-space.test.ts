// A ledger that finds no space, is refused by the system or is deleted under way: it says so, once, and what it has acknowledged until then
// stays what a reopening finds.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JournalLedger } from '#runtime/bank/ledger.js';
import { RekindleError } from '#runtime/errors.js';
import {
  ledgerOptions,
  ledgerWith,
  modelOf,
  reopen,
  type Transaction,
  throughJson,
  transaction,
} from '#test/support/ledger-kit.js';
import { MemoryFiles } from '#test/support/memory-files.js';

const KiB = 1024;
const NEW_FILE_BYTES = 512 * KiB;

const record = (index: number, sizeBytes: number): Transaction => [
  { key: `block/${index}`, value: 'z'.repeat(sizeBytes) },
];

describe('a ledger without space', () => {
  test('is not made', () => {
    const files = new MemoryFiles();
    files.spaceBytes = NEW_FILE_BYTES - 4096;
    expect(() => JournalLedger.create(files, ledgerOptions())).toThrow(
      'BANK_FULL: /memory: there is no space for the ledger',
    );
    expect([files.list(), files.openCount]).toEqual([[], 0]);
  });

  test('is opened where it is, and damage in it is made good there', () => {
    const files = ledgerWith([record(1, 100), record(2, 100)]);
    const image = files.image();
    (image.get('ledger') ?? new Uint8Array())[140] = 0xff;
    const cramped = new MemoryFiles(image);
    cramped.spaceBytes = cramped.usedBytes();
    {
      using ledger = JournalLedger.open(cramped, ledgerOptions());
      expect(ledger.losses).toEqual([
        { kind: 'ledger-copy', name: 'first copy', reason: 'damaged in its snapshot' },
      ]);
      ledger.commit(record(3, 100));
    }
    expect(cramped.openCount).toBe(0);
    const state = modelOf([record(1, 100), record(2, 100), record(3, 100)]);
    expect(reopen(cramped.image())).toMatchObject({ state, losses: [] });
  });

  test('that is cut short and cannot be made whole is refused', () => {
    const bytes =
      ledgerWith([record(1, 100)])
        .image()
        .get('ledger') ?? new Uint8Array();
    const files = new MemoryFiles(new Map([['ledger', bytes.subarray(0, 300 * KiB)]]));
    files.spaceBytes = files.usedBytes();
    expect(() => JournalLedger.open(files, ledgerOptions())).toThrow(
      'BANK_UNAVAILABLE: /memory/ledger: no space to make the ledger whole',
    );
    expect([files.list(), files.openCount]).toEqual([['ledger'], 0]);
  });

  test('keeps a quarter for what cannot be refused, then takes what there is, then is lost', () => {
    const files = new MemoryFiles();
    const reasons: string[] = [];
    using ledger = JournalLedger.create(files, ledgerOptions(reasons));
    files.spaceBytes = files.usedBytes() + 64 * KiB;
    let count = 0;
    const acknowledged: Transaction[] = [];
    const commit = () => {
      acknowledged.push(record(count, 4 * KiB));
      ledger.commit(record(count++, 4 * KiB));
    };
    while (ledger.hasRoom(4 * KiB)) commit();
    const refusedAt = count;
    expect(refusedAt).toBeGreaterThan(40);
    const creations = () => files.steps.filter(({ kind }) => kind === 'create').length;
    const creationsBefore = creations();
    expect([ledger.hasRoom(4 * KiB), creations()]).toEqual([false, creationsBefore]);
    while (reasons.length === 0) commit();
    expect(count).toBeGreaterThanOrEqual(refusedAt + 15);
    expect(reasons).toEqual(['no space is left for the ledger']);
    expect(files.openCount).toBe(0);
    // In memory it goes on.
    commit();
    expect(ledger.entries('')).toEqual(modelOf(acknowledged));
    expect(ledger.hasRoom(4 * KiB)).toBe(true);
    expect(reasons.length).toBe(1);
    expect(reopen(files.image())).toMatchObject({ state: modelOf(acknowledged.slice(0, -2)), losses: [] });
  });

  test('a small file is better than none, and a large one is made once there is space', () => {
    const files = new MemoryFiles();
    const reasons: string[] = [];
    using ledger = JournalLedger.create(files, ledgerOptions(reasons));
    files.spaceBytes = files.usedBytes() + 64 * KiB;
    for (let count = 0; files.usedBytes() >= NEW_FILE_BYTES; count += 1) {
      expect(count).toBeLessThan(100);
      ledger.commit(record(0, 4 * KiB + count));
    }
    expect(reasons).toEqual([]);
    expect(files.usedBytes()).toBeLessThan(64 * KiB);
    files.spaceBytes = 10 * NEW_FILE_BYTES;
    expect(ledger.hasRoom(100 * KiB)).toBe(true);
    expect(files.usedBytes()).toBeGreaterThan(800 * KiB);
  });

  test('has room again some time after there is space, though nothing was written down', () => {
    const files = new MemoryFiles();
    using ledger = JournalLedger.create(files, ledgerOptions());
    files.spaceBytes = files.usedBytes();
    for (let count = 0; ledger.hasRoom(4 * KiB); count += 1) ledger.commit(record(count, 4 * KiB));
    files.spaceBytes = 10 * NEW_FILE_BYTES;
    const answers = Array.from({ length: 100 }, () => ledger.hasRoom(4 * KiB));
    expect([answers[0], answers.at(-1)]).toEqual([false, true]);
  });

  test('more than a file can hold is refused', () => {
    using ledger = JournalLedger.create(new MemoryFiles(), ledgerOptions());
    expect(ledger.hasRoom(2 ** 28)).toBe(false);
  });

  test('at every amount of space: what was acknowledged before it was lost is there', () => {
    fc.assert(
      fc.property(fc.array(transaction, { maxLength: 12 }), fc.nat(300), (transactions, freePages) => {
        const files = ledgerWith([]);
        const reasons: string[] = [];
        const acknowledged: Transaction[] = [];
        {
          using ledger = JournalLedger.open(files, ledgerOptions(reasons));
          files.spaceBytes = files.usedBytes() + freePages * 4096;
          for (const changes of transactions) {
            ledger.hasRoom(1000);
            ledger.commit(changes);
            if (reasons.length === 0) acknowledged.push(changes);
          }
          expect(ledger.entries('')).toEqual(throughJson(modelOf(transactions)));
        }
        expect(files.openCount).toBe(0);
        expect(reopen(files.image())).toMatchObject({
          state: throughJson(modelOf(acknowledged)),
          losses: [],
        });
      }),
      { numRuns: 100 },
    );
  });
});

describe('a ledger that the system refuses', () => {
  test.each(['BANK_FULL', 'BANK_UNAVAILABLE'] as const)('%s at every step of every kind', (code) => {
    const transactions = [
      ...Array.from({ length: 9 }, (_, index) => record(index % 2, 40 * KiB + index)),
      record(5, 10),
    ];
    const stepsOf = (refuseAt: number) => {
      const files = ledgerWith([]);
      files.steps.length = 0;
      const reasons: string[] = [];
      let acknowledged = 0;
      let steps = 0;
      files.before = () => {
        steps += 1;
        if (steps === refuseAt) throw new RekindleError(code, files.path, 'refused by the test');
      };
      try {
        using ledger = JournalLedger.open(files, ledgerOptions(reasons));
        for (const changes of transactions) {
          ledger.commit(changes);
          if (reasons.length === 0) acknowledged += 1;
        }
      } catch (error) {
        expect(error).toBeInstanceOf(RekindleError);
        expect(acknowledged).toBe(0);
      }
      expect(files.openCount).toBe(0);
      expect(reasons.length).toBeLessThanOrEqual(1);
      const outcome = reopen(files.image());
      const allowed = [acknowledged, acknowledged + 1].map((count) => modelOf(transactions.slice(0, count)));
      if (outcome.kind === 'refused') expect.fail(`step ${refuseAt}: ${outcome.message}`);
      expect(allowed.map((state) => JSON.stringify(state))).toContain(JSON.stringify(outcome.state));
      return steps;
    };
    const stepCount = stepsOf(0);
    expect(stepCount).toBeGreaterThan(30);
    for (let refuseAt = 1; refuseAt <= stepCount; refuseAt += 1) stepsOf(refuseAt);
  });

  test('deleted under way: told at the next commit, and only then', () => {
    const files = new MemoryFiles();
    const reasons: string[] = [];
    using ledger = JournalLedger.create(files, ledgerOptions(reasons));
    ledger.commit(record(1, 10));
    files.remove('ledger');
    expect(reasons).toEqual([]);
    ledger.commit(record(2, 10));
    ledger.commit(record(3, 10));
    expect(reasons).toEqual(['the bank has been deleted']);
    expect(files.list()).toEqual([]);
    expect(ledger.entries('').length).toBe(3);
  });

  test('deleted under way: it is not made again where only room was asked for', () => {
    const files = new MemoryFiles();
    const reasons: string[] = [];
    using ledger = JournalLedger.create(files, ledgerOptions(reasons));
    files.remove('ledger');
    expect(ledger.hasRoom(1024 * KiB)).toBe(true);
    expect(reasons).toEqual(['the bank has been deleted']);
    expect(files.list()).toEqual([]);
  });
});
