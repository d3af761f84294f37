// Which strings are paths of modules: the refusals one by one, and what every accepted path has in common.
import { win32 } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RekindleError } from '#runtime/errors.js';
import { MAX_PATH_BYTES } from '#runtime/limits.js';
import { checkModulePath } from '#runtime/storage/module-path.js';
import { anyText } from '#test/support/any-text.js';
import { thrownCode } from './storage-fixture.js';

const SEED = 20260102;

describe('accepted as it is', () => {
  it.each([
    ['a file', 'counter.wasm'],
    ['a file in a directory', 'bin/counter.wasm'],
    ['dots that are no component of their own', '..a/b../.../.hidden'],
    ['spaces', ' a b /c '],
    ['names of many scripts', 'größe/日本語/\u{1F600}.wasm'],
    ['composed', '\u00e9.wasm'],
    ['decomposed: another name', 'e\u0301.wasm'],
    ['the longest', 'a'.repeat(MAX_PATH_BYTES - 1)],
  ])('%s', (_, path) => {
    expect(checkModulePath(path)).toBe(path);
  });
});

describe('refused', () => {
  it.each([
    ['nothing', '', 'empty'],
    ['the root', '/', 'absolute'],
    ['absolute', '/etc/passwd', 'absolute'],
    ['twice absolute', '//server/share', 'absolute'],
    ['the directory itself', '.', "'.'"],
    ['the parent', '..', "'..'"],
    ['up at the start', '../a', "'..'"],
    ['up in the middle', 'a/../b', "'..'"],
    ['up at the end', 'a/..', "'..'"],
    ['another spelling by a dot', './a', "'.'"],
    ['another spelling by a dot inside', 'a/./b', "'.'"],
    ['another spelling by a doubled separator', 'a//b', 'empty component'],
    ['a trailing separator', 'a/', 'empty component'],
    ['NUL', 'a\0b', 'NUL'],
    ['NUL at the end', 'a.wasm\0', 'NUL'],
    ['a backslash', 'a\\b', 'backslash'],
    ['up by backslash', '..\\a', 'backslash'],
    ['a share', '\\\\server\\share', 'backslash'],
    ['a drive', 'C:/a', 'colon'],
    ['a drive, relative', 'c:a', 'colon'],
    ['a stream', 'a.wasm:hidden', 'colon'],
    ['an unpaired surrogate', 'a\ud800b', 'Unicode'],
    ['one byte too long', 'a'.repeat(MAX_PATH_BYTES), 'longer'],
    ['too long in bytes, not in characters', 'é'.repeat(MAX_PATH_BYTES / 2), 'longer'],
  ])('%s', (_, path, reason) => {
    const check = () => checkModulePath(path);
    expect(thrownCode(check)).toBe('MODULE_PATH_REFUSED');
    expect(check).toThrow(reason);
  });

  it('names the path as the culprit', () => {
    expect(() => checkModulePath('../a')).toThrow(expect.objectContaining({ culprit: '../a' }));
    expect(() => checkModulePath('../a')).toThrow(RekindleError);
  });
});

it('accepts nothing that is absolute, that goes up or that has a second spelling, here or on Windows', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '..',
      '.',
      '/',
      '//',
      '\\',
      ':',
      'C:',
      'a',
      'é',
      '\0',
      '~',
      ' ',
      '\ud800',
      'bin',
      '%2e%2e',
    ),
    anyText({ maxLength: 4 }),
  );
  let acceptedCount = 0;
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const path = pieces.join('');
      const code = thrownCode(() => checkModulePath(path));
      if (code === 'nothing thrown') {
        acceptedCount += 1;
        expect(win32.isAbsolute(path)).toBe(false);
        expect(path.split(/[/\\]/).filter((component) => ['', '.', '..'].includes(component))).toEqual([]);
        expect(win32.normalize(path).replaceAll('\\', '/')).toBe(path);
      } else {
        expect(code).toBe('MODULE_PATH_REFUSED');
      }
    }),
    { seed: SEED, numRuns: 5000 },
  );
  expect(acceptedCount).toBeGreaterThan(100);
});
