// The ledger against a model: what was committed is there after every reopening, and whatever instruction a crash comes at, what is
// found is the state before or after the transaction under way.
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DirectoryFiles } from '#runtime/bank/directory-files.js';
import { JournalLedger, VolatileLedger } from '#runtime/bank/ledger.js';
import {
  afterPowerLoss,
  BANK_ID,
  ledgerOptions,
  ledgerWith,
  modelOf,
  reopen,
  SECTOR_BYTES,
  type State,
  throughJson,
  transaction,
} from '#test/support/ledger-kit.js';
import { MemoryFiles, replay } from '#test/support/memory-files.js';

describe('ledger', () => {
  test('any sequence of transactions and reopenings is what the model says, in its order', () => {
    fc.assert(
      fc.property(fc.array(fc.array(transaction, { maxLength: 6 }), { maxLength: 5 }), (lives) => {
        const files = new MemoryFiles();
        JournalLedger.create(files, ledgerOptions())[Symbol.dispose]();
        for (const [index, life] of lives.entries()) {
          using ledger = JournalLedger.open(files, ledgerOptions());
          expect(ledger.losses).toEqual([]);
          for (const changes of life) ledger.commit(changes);
          const model = throughJson(modelOf(lives.slice(0, index + 1).flat()));
          expect(ledger.entries('')).toEqual(model);
          for (const [key, value] of model) expect(ledger.get(key)).toEqual(value);
          expect(ledger.entries('block/')).toEqual(model.filter(([key]) => key.startsWith('block/')));
        }
        expect(files.openCount).toBe(0);
        expect(files.list()).toEqual(['ledger']);
        expect(reopen(files.image())).toMatchObject({
          state: throughJson(modelOf(lives.flat())),
          losses: [],
        });
      }),
      { numRuns: 60 },
    );
  });

  test('at every step of any sequence, the last write torn too, the old state or the new one', () => {
    let crashPoints = 0;
    fc.assert(
      fc.property(fc.array(transaction, { minLength: 1, maxLength: 5 }), fc.nat(), (transactions, salt) => {
        const files = ledgerWith([]);
        const image = files.image();
        files.steps.length = 0;
        const states: { readonly steps: number; readonly state: State }[] = [{ steps: 0, state: [] }];
        using ledger = JournalLedger.open(files, ledgerOptions());
        for (const changes of transactions) {
          states.push({ steps: files.steps.length, state: ledger.entries('') });
          ledger.commit(changes);
          states.push({ steps: files.steps.length, state: ledger.entries('') });
        }
        for (let count = 0; count <= files.steps.length; count += 1) {
          const acknowledged = states.findLastIndex(({ steps }) => steps <= count);
          const steps = files.steps.slice(0, count);
          const last = steps.at(-1);
          const lastBytes = last?.kind === 'write' ? last.bytes.length : 0;
          const sectors = Math.ceil(lastBytes / SECTOR_BYTES);
          // Of a long write a choice of places: each is a reopening.
          const cuts =
            sectors <= 8 ? Array.from({ length: sectors }, (_, sector) => sector) : [0, 1, salt % sectors];
          for (const sector of cuts) {
            const before = states.findLastIndex(({ steps: done }) => done <= count - 1);
            check(reopen(replay(image, steps, sector * SECTOR_BYTES)), states.slice(before, before + 2));
          }
          check(reopen(replay(image, steps)), states.slice(acknowledged, acknowledged + 2));
          crashPoints += cuts.length + 1;
        }
      }),
      { numRuns: 25 },
    );
    expect(crashPoints).toBeGreaterThan(500);

    function check(outcome: ReturnType<typeof reopen>, allowed: readonly { readonly state: State }[]): void {
      if (outcome.kind === 'refused') expect.fail(outcome.message);
      expect(outcome.losses).toEqual([]);
      expect(allowed.map(({ state }) => JSON.stringify(state))).toContain(JSON.stringify(outcome.state));
    }
  });

  test('of writes that no sync has followed any sectors may be missing, in either copy', () => {
    fc.assert(
      fc.property(transaction, transaction, fc.infiniteStream(fc.boolean()), (first, second, isKept) => {
        const files = ledgerWith([first]);
        using ledger = JournalLedger.open(files, ledgerOptions());
        const image = files.image();
        const states = [ledger.entries('')];
        files.steps.length = 0;
        for (const [index, changes] of [second, [{ key: 'third', value: 3 }]].entries()) {
          const done = files.steps.length;
          ledger.commit(changes);
          states.push(ledger.entries(''));
          for (let count = done; count <= files.steps.length; count += 1) {
            const left = afterPowerLoss(image, files.steps.slice(0, count), () => isKept.next().value);
            const outcome = reopen(left);
            if (outcome.kind === 'refused') expect.fail(outcome.message);
            expect(states.slice(index, index + 2)).toContainEqual(outcome.state);
            expect(outcome.losses).toEqual([]);
          }
          // It has returned, and nothing but the notes of it may be missing.
          const left = afterPowerLoss(image, files.steps, () => isKept.next().value);
          expect(reopen(left)).toMatchObject({ state: states.at(-1), losses: [] });
        }
      }),
    );
  });

  test('where there is no space for a new file, a crash while the present one is made whole takes nothing away', () => {
    const image = ledgerWith([
      [{ key: 'a', value: 'x'.repeat(3000) }],
      [{ key: 'b', value: 2 }],
      [{ key: 'c', value: 3 }],
    ]).image();
    const bytes = image.get('ledger') ?? new Uint8Array();
    const at = (text: string) => Buffer.from(bytes).indexOf(text);
    // Each copy lacks a frame of its own, and what a torn one has left stands behind the last.
    bytes[at('"b"')] = 0;
    bytes[bytes.length / 2 + at('xxx')] = 0;
    bytes.set(
      Buffer.from('RKFR torn'),
      (Buffer.from(bytes)
        .subarray(0, bytes.length / 2)
        .findLastIndex((byte) => byte !== 0) +
        9) &
        ~7,
    );
    const files = new MemoryFiles(image);
    files.spaceBytes = files.usedBytes();
    JournalLedger.open(files, ledgerOptions())[Symbol.dispose]();
    // The copies, and then what is noted of the end in each.
    expect(files.steps.filter(({ kind }) => kind === 'write').length).toBe(4);
    const state = [
      ['a', 'x'.repeat(3000)],
      ['b', 2],
      ['c', 3],
    ];
    for (let count = 1; count <= files.steps.length; count += 1) {
      for (let sector = 0; sector < 12; sector += 1) {
        const crashed = replay(image, files.steps.slice(0, count), sector * SECTOR_BYTES);
        expect(reopen(crashed)).toMatchObject({ kind: 'open', state });
      }
    }
    expect(reopen(files.image())).toMatchObject({ state, losses: [] });
  });

  test.each([
    ['in memory', '/dev/shm', false],
    ['on a disk', tmpdir(), true],
  ])('on real files %s', (_, parent, sync) => {
    const path = mkdtempSync(join(existsSync(parent) ? parent : tmpdir(), 'ledger-test-'));
    try {
      const transactions = Array.from({ length: 60 }, (_unused, index) => [
        { key: `block/${index % 7}`, value: `${index}`.padEnd(10_000) },
      ]);
      const reasons: string[] = [];
      using files = DirectoryFiles.open(path, { sync });
      JournalLedger.create(files, ledgerOptions(reasons))[Symbol.dispose]();
      for (const [index, changes] of transactions.entries()) {
        using ledger = JournalLedger.open(files, ledgerOptions(reasons));
        expect(ledger.entries('')).toEqual(modelOf(transactions.slice(0, index)));
        ledger.commit(changes);
      }
      using ledger = JournalLedger.open(files, ledgerOptions(reasons));
      for (const changes of transactions) ledger.commit(changes);
      expect([ledger.losses, reasons, readdirSync(path)]).toEqual([[], [], ['ledger']]);
      rmSync(path, { recursive: true });
      ledger.commit([{ key: 'a', value: 1 }]);
      expect(reasons).toEqual(['the bank has been deleted']);
    } finally {
      rmSync(path, { recursive: true, force: true });
    }
  });

  test('cut off by the watchdog at any step, it goes on with all of the transaction or nothing of it', () => {
    const transactions = Array.from({ length: 10 }, (_, index) => [
      { key: `block/${index % 3}`, value: `${index}`.padEnd(40_000) },
      { key: 'group/1', value: index },
    ]);
    const stepEnds = cutOffAt(Number.POSITIVE_INFINITY, -1);
    const stepCount = stepEnds.at(-1) ?? 0;
    expect(stepCount).toBeGreaterThan(30);
    for (let step = 1; step <= stepCount; step += 1) {
      // Until then everything is as in the run before, which has been looked at.
      cutOffAt(
        step,
        stepEnds.findIndex((end) => step <= end),
      );
    }

    /** Looks at the transaction that is cut off and those after it. Returns how many steps had been taken at the end of each. */
    function cutOffAt(step: number, cutIndex: number): readonly number[] {
      const files = ledgerWith([]);
      const reasons: string[] = [];
      using ledger = JournalLedger.open(files, ledgerOptions(reasons));
      const ends: number[] = [];
      let steps = 0;
      const stopAt = () => {
        steps += 1;
        if (steps === step) process.kill(process.pid, 'SIGINT');
        while (steps === step);
      };
      for (const [index, changes] of transactions.entries()) {
        const before = ledger.entries('');
        const commit = () => {
          ledger.hasRoom(1000);
          ledger.commit(changes);
        };
        files.before = stopAt;
        if (index === cutIndex) {
          expect(isCutOffBySignal(commit)).toBe(true);
          // A step is cut off once.
          steps += 1;
        } else {
          commit();
        }
        files.before = () => {};
        ends.push(steps);
        if (index >= cutIndex) {
          const all = modelOf([before.map(([key, value]) => ({ key, value })), changes]);
          const after = ledger.entries('');
          expect(index === cutIndex ? [before, all] : [all]).toContainEqual(after);
          expect(reopen(files.image())).toMatchObject({ state: after, losses: [] });
        }
        // What says nothing new in memory must say nothing new in the file either.
        ledger.commit(changes);
        if (index >= cutIndex) {
          expect(reopen(files.image())).toMatchObject({
            state: modelOf(transactions.slice(0, index + 1)),
            losses: [],
          });
        }
      }
      expect(reasons).toEqual([]);
      return ends;
    }

    /**
     * True when it was cut off. The engine ends it in the way in which a watchdog has it ended, but at a signal: at the very step, and
     * not when some time has passed, which on a busy machine may be before.
     */
    function isCutOffBySignal(run: () => void): boolean {
      try {
        runInContext('run()', createContext({ run }), { breakOnSigint: true });
        return false;
      } catch (error) {
        if (Object(error).code === 'ERR_SCRIPT_EXECUTION_INTERRUPTED') return true;
        throw error;
      }
    }
  });

  test('a transaction that says nothing new takes no step', () => {
    const files = ledgerWith([[{ key: 'a', value: { b: [1, 'c'] } }]]);
    using ledger = JournalLedger.open(files, ledgerOptions());
    files.steps.length = 0;
    ledger.commit([]);
    ledger.commit([{ key: 'a', value: { b: [1, 'c'] } }]);
    ledger.commit([{ key: 'unknown', value: null }]);
    expect(files.steps).toEqual([]);
    ledger.commit([{ key: 'a', value: { b: [1, 'd'] } }]);
    expect(files.steps.map(({ kind }) => kind)).toEqual(['write', 'write', 'sync', 'write', 'write']);
  });

  test('what was read is nobody else`s', () => {
    using ledger = JournalLedger.create(new MemoryFiles(), ledgerOptions());
    const value = { list: [1] };
    ledger.commit([{ key: 'a', value }]);
    value.list.push(2);
    expect(ledger.get('a')).toEqual({ list: [1] });
  });

  test('it does not grow with what has been overwritten', () => {
    const files = new MemoryFiles();
    using ledger = JournalLedger.create(files, ledgerOptions());
    for (let count = 0; count < 300; count += 1)
      ledger.commit([{ key: 'a', value: `${count}`.padEnd(10_000) }]);
    expect(files.usedBytes()).toBe(2 * 256 * 1024);
    expect(reopen(files.image())).toMatchObject({ state: [['a', '299'.padEnd(10_000)]], losses: [] });
  });

  test('a leftover of a compaction is removed', () => {
    const files = ledgerWith([[{ key: 'a', value: 1 }]]);
    {
      using leftover = files.create('ledger.new');
      leftover.reserve(0, 512 * 1024);
    }
    // It is what takes up the space for the next one.
    files.spaceBytes = files.usedBytes();
    files.steps.length = 0;
    using ledger = JournalLedger.open(files, ledgerOptions());
    expect(ledger.get('a')).toBe(1);
    expect(files.list()).toEqual(['ledger']);
    expect(files.steps.map(({ kind }) => kind)).toContain('rename');
  });

  test('a ledger of another bank, of another version, and none', () => {
    const files = ledgerWith([[{ key: 'a', value: 1 }]]);
    const open = (bankId: Uint8Array) => () => JournalLedger.open(files, { ...ledgerOptions(), bankId });
    expect(open(BANK_ID.toReversed())).toThrow(
      'BANK_FOREIGN: /memory/ledger: the ledger is that of another bank',
    );
    const image = files.image();
    const bytes = image.get('ledger') ?? new Uint8Array();
    for (const copyOffset of [0, bytes.length / 2]) bytes[copyOffset + 8] = 2;
    expect(reopen(image)).toMatchObject({
      message: 'BANK_VERSION: /memory/ledger: version 2, this is version 1',
    });
    expect(reopen(new Map())).toMatchObject({
      message: 'BANK_DAMAGED: /memory/ledger: the ledger is missing',
    });
    expect(files.openCount).toBe(0);
  });

  test('a volatile one remembers nothing', () => {
    const ledger = new VolatileLedger();
    ledger.commit();
    expect([ledger.entries(), ledger.get(), ledger.hasRoom()]).toEqual([[], null, true]);
  });
});
