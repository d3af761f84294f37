// What the manager makes of a caller's deletion key.

import { describe, expect, test } from 'vitest';
import { HR_GROUP_KEY, PMM_DEL_KEY_SIZE } from '#abi/pmm.js';
import { classifyDeletionKey, printableKey } from '#runtime/memory/deletion-key.js';

const bytes = (text: string) => Buffer.from(text, 'latin1');

describe('deletion keys', () => {
  test.each([
    ['nothing', '', 'invalid'],
    ['one byte', '\0', 'user'],
    ['a string with its NUL', 'HELLO_GROUP\0', 'user'],
    ['the longest', 'k'.repeat(PMM_DEL_KEY_SIZE), 'user'],
    ['one byte too many', 'k'.repeat(PMM_DEL_KEY_SIZE + 1), 'invalid'],
    ['the group key', HR_GROUP_KEY, 'group'],
    ['the group key with its NUL', `${HR_GROUP_KEY}\0`, 'group'],
    ['the group key with two NULs', `${HR_GROUP_KEY}\0\0`, 'reserved'],
    ['another system key', '__SYS_X', 'reserved'],
    ['the bare prefix', '__SYS', 'reserved'],
    ['almost the prefix', '__sys', 'user'],
  ])('%s', (_name, key, kind) => {
    expect(classifyDeletionKey(bytes(key)).kind).toBe(kind);
  });

  test('all bytes count, a terminating NUL included', () => {
    const ids = ['A', 'A\0', 'A\0\0', 'a', '\xff', '\xfe'].map((key) => {
      const classified = classifyDeletionKey(bytes(key));
      return classified.kind === 'user' ? classified.id : null;
    });
    expect(new Set(ids).size).toBe(6);
    expect(ids).not.toContain(null);
  });

  test('does not change with the caller`s memory', () => {
    const source = bytes('ABC');
    const key = classifyDeletionKey(source);
    source.fill(0);
    expect(key).toEqual({ kind: 'user', id: 'ABC' });
  });

  test.each([
    ['HELLO_GROUP\0', 'HELLO_GROUP'],
    ['A\0B\0', 'A\\x00B'],
    ['\x1b[31m\xff', '\\x1b[31m\\xff'],
    ['a\\b', 'a\\x5cb'],
  ])('prints as one unambiguous line', (id, text) => {
    expect(printableKey(id)).toBe(text);
  });
});
