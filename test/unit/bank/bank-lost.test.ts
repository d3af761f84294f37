// A bank that is taken away from its site, or can no longer be written: it is told once, nothing is written down in it from then on, and it is
// not opened again as if nothing had been. What another has made in its place is left alone.
import { readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BankDirectory } from '#runtime/bank/bank-directory.js';
import { DirectoryFiles } from '#runtime/bank/directory-files.js';
import { RekindleError } from '#runtime/errors.js';
import { BANK_PARTS, bankOptions, LOST, makeBank, refusalOf, TemporaryDirectory } from './bank-fixture.js';

describe('a bank that is deleted under its owner', () => {
  const DELETIONS: readonly (readonly [what: string, take: (path: string) => void])[] = [
    ['all of it', (path) => rmSync(path, { recursive: true })],
    ['the lock', (path) => rmSync(`${path}/lock`)],
    ['the content', (path) => rmSync(`${path}/content`)],
    ['by another name', (path) => renameSync(path, `${path}.old`)],
  ];
  it.each(DELETIONS)('%s: it is told once', (_, take) => {
    using directory = new TemporaryDirectory();
    const told: string[] = [];
    const options = bankOptions(directory.at('bank'), { lost: (reason) => told.push(reason) });
    using bank = BankDirectory.open(options);
    expect([bank.isPresent(), told]).toEqual([true, []]);
    take(directory.at('bank'));
    expect([bank.isPresent(), bank.isPresent()]).toEqual([false, false]);
    bank.ledger.commit([{ key: 'group/1', value: 'in memory' }]);
    expect(bank.ledger.get('group/1')).toBe('in memory');
    expect(told).toEqual(['the bank has been deleted']);
  });

  it('is not written to any more once it has been found gone, and stays lost when it is put back', () => {
    using directory = new TemporaryDirectory();
    const told: string[] = [];
    const path = directory.at('bank');
    {
      using bank = BankDirectory.open(bankOptions(path, { lost: (reason) => told.push(reason) }));
      bank.ledger.commit([{ key: 'group/1', value: 'before' }]);
      renameSync(path, `${path}.old`);
      expect(bank.isPresent()).toBe(false);
      renameSync(`${path}.old`, path);
      const ledger = readFileSync(`${path}/ledger`);
      bank.ledger.commit([{ key: 'group/1', value: 'in memory' }]);
      expect(readFileSync(`${path}/ledger`).equals(ledger)).toBe(true);
      expect(bank.isPresent()).toBe(false);
      rmSync(`${path}/lock`);
      expect([bank.isPresent(), told]).toEqual([false, ['the bank has been deleted']]);
    }
    expect(refusalOf(path, () => BankDirectory.open(bankOptions(path)))).toBe(LOST);
    using bank = BankDirectory.open(bankOptions(path, { start: 'cold' }));
    expect([bank.isNew, bank.isPresent(), readdirSync(path).sort()]).toEqual([true, true, BANK_PARTS]);
  });

  it.each(['lock', 'content', 'ledger'])('is not opened again as it was, its %s having been away', (name) => {
    using directory = new TemporaryDirectory();
    const told: string[] = [];
    const path = directory.at('bank');
    makeBank(path);
    {
      using bank = BankDirectory.open(bankOptions(path, { lost: (reason) => told.push(reason) }));
      renameSync(`${path}/${name}`, directory.at('away'));
      bank.isPresent();
      bank.ledger.commit([{ key: 'group/1', value: 'in memory' }]);
      expect([bank.isPresent(), told]).toEqual([false, ['the bank has been deleted']]);
      expect(readdirSync(path)).toContain('superblock.lost');
      renameSync(directory.at('away'), `${path}/${name}`);
    }
    expect(refusalOf(path, () => BankDirectory.open(bankOptions(path)))).toBe(LOST);
  });

  it('says so when it could not be kept from being opened again', () => {
    using directory = new TemporaryDirectory();
    const told: string[] = [];
    const path = directory.at('bank');
    const options = bankOptions(path, { lost: (reason) => told.push(reason) });
    using bank = BankDirectory.open(options, (...inputs) => {
      const files = DirectoryFiles.open(...inputs);
      const rename = files.rename.bind(files);
      files.rename = (from, to) => {
        if (to === 'superblock.lost') throw new RekindleError('BANK_UNAVAILABLE', from, 'refused');
        rename(from, to);
      };
      return files;
    });
    rmSync(`${path}/lock`);
    expect([bank.isPresent(), bank.isPresent()]).toEqual([false, false]);
    const failure = 'BANK_UNAVAILABLE: superblock: refused';
    expect(told).toEqual([`the bank has been deleted; it may be opened again as it was before: ${failure}`]);
  });

  it('leaves the superblock of another bank alone that lies in its directory', () => {
    using directory = new TemporaryDirectory();
    const told: string[] = [];
    using old = BankDirectory.open(bankOptions(directory.path, { lost: (reason) => told.push(reason) }));
    rmSync(directory.at('lock'));
    using bank = BankDirectory.open(bankOptions(directory.path, { start: 'cold' }));
    expect([old.isPresent(), told]).toEqual([false, ['the bank has been deleted']]);
    expect(readdirSync(directory.path).sort()).toEqual(BANK_PARTS);
    expect(bank.isPresent()).toBe(true);
  });

  it('leaves the one alone that is made in its place', () => {
    using directory = new TemporaryDirectory();
    const told: string[] = [];
    using old = BankDirectory.open(
      bankOptions(directory.at('bank'), { lost: (reason) => told.push(reason) }),
    );
    rmSync(directory.at('bank'), { recursive: true });
    makeBank(directory.at('bank'));
    old.ledger.commit([{ key: 'group/1', value: 'of the old one' }]);
    expect(told).toEqual(['the bank has been deleted']);
    using bank = BankDirectory.open(bankOptions(directory.at('bank')));
    expect([bank.isNew, bank.ledger.get('group/1')]).toEqual([false, 'kept']);
  });
});
