// The making of a bank, cut off at every step on the way: it is opened again without a word, as what it was before or as a new one, and
// never as something between the two.
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BankDirectory, type BankDirectoryOptions } from '#runtime/bank/bank-directory.js';
import type { BankFile, BankFiles } from '#runtime/bank/bank-files.js';
import { DirectoryFiles } from '#runtime/bank/directory-files.js';
import { RekindleError } from '#runtime/errors.js';
import { bankOptions, TemporaryDirectory } from './bank-fixture.js';

class CutOff extends Error {}

/** Counts the calls; from the last one it lets through on, the process is as good as dead. */
class Steps {
  readonly names: string[] = [];
  last: number;
  readonly #failure: () => Error;

  constructor(last: number, failure: () => Error) {
    this.last = last;
    this.#failure = failure;
  }

  step(name: string): void {
    if (this.names.length >= this.last) throw this.#failure();
    this.names.push(name);
  }
}

/** `target`, with every call of a method a step. Closing is none: the kernel does it for the dead. */
function counted<T extends BankFile | BankFiles>(target: T, steps: Steps): T {
  return new Proxy(target, {
    get: (_, key) => {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      return (...inputs: unknown[]) => {
        if (typeof key === 'string') steps.step(key);
        const result: unknown = Reflect.apply(value, target, inputs);
        return isFile(result) ? counted(result, steps) : result;
      };
    },
  });
}

function isFile(value: unknown): value is BankFile {
  return typeof value === 'object' && value !== null && 'tryLock' in value;
}

/** Opens the bank and is cut off after `last` steps; the steps made, and whether it came to its end before. */
function openCutOff(
  options: BankDirectoryOptions,
  last: number,
  failure: () => Error,
): { readonly steps: readonly string[]; readonly isWhole: boolean; readonly thrown: unknown } {
  const steps = new Steps(last, failure);
  let bank: BankDirectory | null = null;
  let thrown: unknown = null;
  try {
    bank = BankDirectory.open(options, (path, how) =>
      counted<BankFiles>(DirectoryFiles.open(path, how), steps),
    );
  } catch (error) {
    thrown = error;
  }
  const isWhole = bank !== null;
  const names = [...steps.names];
  steps.last = Number.POSITIVE_INFINITY;
  bank?.[Symbol.dispose]();
  return { steps: names, isWhole, thrown };
}

const BEFORE: readonly (readonly [
  what: string,
  make: (path: string) => void,
  start: 'hot' | 'cold',
  old: unknown,
])[] = [
  ['a new bank', () => undefined, 'hot', null],
  ['a bank begun anew', makeOld, 'cold', 'old'],
  ['a bank opened again', makeOld, 'hot', 'old'],
];

function makeOld(path: string): void {
  using bank = BankDirectory.open(bankOptions(path));
  bank.ledger.commit([{ key: 'which', value: 'old' }]);
}

describe.each(BEFORE)('%s', (_, make, start, old) => {
  it('cut off at every step is the old one or a new one', () => {
    let isWhole = false;
    let hasBeenNew = false;
    for (let last = 0; !isWhole; last += 1) {
      using directory = new TemporaryDirectory();
      const path = directory.at('bank');
      make(path);
      const cut = openCutOff(bankOptions(path, { start, sync: 'commit' }), last, () => new CutOff());
      isWhole = cut.isWhole;
      if (!isWhole) expect(cut.thrown).toBeInstanceOf(CutOff);
      using bank = BankDirectory.open(bankOptions(path));
      const which = bank.ledger.get('which');
      // Once it is gone it is not back with the next step.
      if (which === null) hasBeenNew = true;
      expect(which, `after step ${last}, ${cut.steps.at(-1)}`).toBe(hasBeenNew ? null : old);
      expect(bank.losses).toEqual([]);
      expect(readdirSync(path).sort()).toEqual(['content', 'ledger', 'lock', 'superblock']);
      expect(bank.content.sizeBytes()).toBe(bank.sizeBytes);
    }
    expect(hasBeenNew).toBe(old === null || start === 'cold');
  });

  it('that meets an error at any step refuses with it, and gives up the lock', () => {
    const refuse = () => new RekindleError('BANK_UNAVAILABLE', 'medium', 'input/output error');
    let isWhole = false;
    for (let last = 0; !isWhole; last += 1) {
      using directory = new TemporaryDirectory();
      const path = directory.at('bank');
      make(path);
      const cut = openCutOff(bankOptions(path, { start }), last, refuse);
      isWhole = cut.isWhole;
      if (!isWhole) expect(cut.thrown).toMatchObject({ code: 'BANK_UNAVAILABLE', culprit: 'medium' });
      using bank = BankDirectory.open(bankOptions(path));
      expect(bank.losses).toEqual([]);
    }
  });
});

it('everything is on the medium before the superblock has its name, and that after it', () => {
  using directory = new TemporaryDirectory();
  const { steps } = openCutOff(
    bankOptions(directory.at('bank'), { sync: 'commit' }),
    Number.POSITIVE_INFINITY,
    () => new CutOff(),
  );
  const lastSteps = ['sync', 'sync', 'create', 'write', 'sync', 'rename', 'sync'];
  expect(steps.slice(-lastSteps.length)).toEqual(lastSteps);
});
