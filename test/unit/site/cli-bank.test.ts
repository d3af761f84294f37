// Where the bank of a storage is when nobody says: one place for each name of a storage, whatever lies there.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { expect, it } from 'vitest';
import { defaultBankPath } from '#runtime/cli-bank.js';

it('is the same for one name, however it is written, and another for another', () => {
  const path = defaultBankPath('/srv/guests');
  expect(path).toMatch(/\/rekindle-\d+-[0-9a-f]{12}$/);
  expect(defaultBankPath('/srv/../srv/./guests/')).toBe(path);
  expect(defaultBankPath(relative('.', '/srv/guests'))).toBe(path);
  expect(defaultBankPath('/srv/guest')).not.toBe(path);
});

it('stays when the storage is a link that moves, and when it goes', () => {
  const directory = mkdtempSync(join(tmpdir(), 'rekindle-default-bank-'));
  try {
    const current = join(directory, 'current');
    const paths = ['first', 'second'].map((release) => {
      mkdirSync(join(directory, release));
      rmSync(current, { force: true });
      symlinkSync(release, current);
      return defaultBankPath(current);
    });
    rmSync(current);
    expect(new Set([...paths, defaultBankPath(current)]).size).toBe(1);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
