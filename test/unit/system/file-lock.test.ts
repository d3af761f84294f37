// The lock of an opened file: it belongs to the opening and goes with it.
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tryLock } from '#runtime/system/file-lock.js';

const hasLocks = process.platform === 'linux' || process.platform === 'darwin';

describe.runIf(hasLocks)('the lock of a file', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'rekindle-test-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('is held against another opening until the first is closed, and may be taken twice by one', () => {
    const path = join(directory, 'file');
    const first = openSync(path, 'w');
    const second = openSync(path, 'r+');
    expect([tryLock(first), tryLock(first), tryLock(second), tryLock(second)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    closeSync(first);
    expect(tryLock(second)).toBe(true);
    closeSync(second);
  });

  it('of two files are two locks', () => {
    const descriptors = ['one', 'other'].map((name) => openSync(join(directory, name), 'w'));
    expect(descriptors.map(tryLock)).toEqual([true, true]);
    descriptors.forEach(closeSync);
  });

  it('of no file is an error, not an answer', () => {
    expect(() => tryLock(-1)).toThrow('SYSTEM_CALL_FAILED: flock: EBADF');
  });
});

it.skipIf(hasLocks)('elsewhere there are none', () => {
  expect(() => tryLock(0)).toThrow('BACKEND_UNAVAILABLE');
});
