// What stable storage says of a file without reading it: the digest of its content, or nothing at all. Whatever may have happened to a file
// since it was read, what is said must not be older than what reading it would give.
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_KNOWN_FILES } from '#runtime/limits.js';
import { StableStorage } from '#runtime/storage/stable-storage.js';
import { type StorageFixture, storageFixture, thrownCode } from './storage-fixture.js';

const LATER_MS = 60_000;
const digestOf = (content: string): string => createHash('sha256').update(content).digest('hex');

let fixture: StorageFixture;
/** By default far enough from the files' own times. */
let fileClockMs: () => number;

beforeEach(() => {
  fixture = storageFixture();
  fileClockMs = () => Date.now() + LATER_MS;
});
afterEach(() => fixture[Symbol.dispose]());

const at = (path: string) => join(fixture.inside, path);
const open = (directory = fixture.inside) =>
  new StableStorage(directory, { maxModuleBytes: 1000, fileClockMs: () => fileClockMs() });

/** Storage that has read `a.wasm` with this content. */
function reading(content: string): StableStorage {
  fixture.put('a.wasm', content);
  const storage = open();
  expect(storage.read('a.wasm').digest).toBe(digestOf(content));
  return storage;
}

describe('the digest of a file', () => {
  it('is known when it has been read, and only then', () => {
    fixture.put('b.wasm', 'other');
    const storage = reading('content');
    expect(storage.knownDigest('a.wasm')).toBe(digestOf('content'));
    expect(storage.knownDigest('b.wasm')).toBeNull();
    expect(storage.knownDigest('no.wasm')).toBeNull();
  });

  const otherSpellings = [
    './a.wasm',
    'x/../a.wasm',
    'x//../a.wasm',
    '/a.wasm',
    'a.wasm/.',
    'a.wasm/',
    '../inside/a.wasm',
    'x\\y/../a.wasm',
    'c:/../a.wasm',
    'x\0/../a.wasm',
    '\ud800/../a.wasm',
    `${'x/../'.repeat(2000)}a.wasm`,
    '../a.wasm',
    '\0',
    '',
  ];
  it.each(otherSpellings)('is never told by another spelling of the path: %j', (path) => {
    const storage = reading('content');
    expect(storage.knownDigest(path)).toBeNull();
    expect(thrownCode(() => storage.read(path))).toBe('MODULE_PATH_REFUSED');
    expect(storage.knownDigest('a.wasm')).toBe(digestOf('content'));
  });

  const changes: readonly (readonly [what: string, change: () => void])[] = [
    ['it is written anew, as long as before', () => writeFileSync(at('a.wasm'), 'CONTENT')],
    [
      'a byte of it is written in place',
      () => {
        const descriptor = openSync(at('a.wasm'), 'r+');
        writeSync(descriptor, 'C', 0);
        closeSync(descriptor);
      },
    ],
    [
      'it is written anew, and its time is set back',
      () => {
        utimesSync(at('a.wasm'), 1, 1);
        writeFileSync(at('a.wasm'), 'CONTENT');
        utimesSync(at('a.wasm'), 1, 1);
      },
    ],
    ['it is cut short', () => truncateSync(at('a.wasm'), 3)],
    ['it is gone', () => rmSync(at('a.wasm'))],
    [
      'another takes its place',
      () => {
        fixture.put('next.wasm', 'another');
        renameSync(at('next.wasm'), at('a.wasm'));
      },
    ],
    [
      'a copy with all its times takes its place',
      () => {
        copyFileSync(at('a.wasm'), at('copy.wasm'));
        writeFileSync(at('copy.wasm'), 'CONTENT');
        renameSync(at('copy.wasm'), at('a.wasm'));
      },
    ],
    [
      'a directory takes its place',
      () => {
        rmSync(at('a.wasm'));
        mkdirSync(at('a.wasm'));
      },
    ],
    [
      'a link to nowhere takes its place',
      () => {
        rmSync(at('a.wasm'));
        symlinkSync('nowhere', at('a.wasm'));
      },
    ],
    ['nobody may read it any more', () => chmodSync(at('a.wasm'), 0)],
  ];
  it.each(changes)('is not known any more when %s', (_, change) => {
    const storage = reading('content');
    change();
    expect(storage.knownDigest('a.wasm')).toBeNull();
  });

  it('is that of what a moving link leads to', () => {
    for (const version of ['v1', 'v2']) fixture.put(`${version}/a.wasm`, version);
    const link = join(fixture.outside, 'current');
    symlinkSync(at('v1'), link);
    const storage = open(link);
    storage.read('a.wasm');
    rmSync(link);
    symlinkSync(at('v2'), link);
    expect(storage.knownDigest('a.wasm')).toBeNull();
    storage.read('a.wasm');
    expect(storage.knownDigest('a.wasm')).toBe(digestOf('v2'));
  });

  it.each([
    ['2999 ms before', 2999, false],
    ['3000 ms before', 3000, true],
    ['in the future, for the clock was set back', -LATER_MS, false],
  ] as const)('is vouched for or not when the file changed %s it was read', (_, agoMs, isKnown) => {
    fixture.put('a.wasm', 'content');
    const changedMs = Number(statSync(at('a.wasm'), { bigint: true }).ctimeMs);
    fileClockMs = () => changedMs + agoMs;
    const storage = open();
    storage.read('a.wasm');
    expect(storage.knownDigest('a.wasm')).toBe(isKnown ? digestOf('content') : null);
  });

  it('is known of so many files, those that were read last', () => {
    fixture.put('a.wasm', 'content');
    const storage = open();
    for (let index = 0; index < MAX_KNOWN_FILES; index += 1) linkSync(at('a.wasm'), at(`${index}.wasm`));
    for (let index = 0; index < MAX_KNOWN_FILES; index += 1) storage.read(`${index}.wasm`);
    storage.read('a.wasm');
    expect(storage.knownDigest('a.wasm')).toBe(digestOf('content'));
    expect(storage.knownDigest('0.wasm')).toBeNull();
    expect(storage.knownDigest('1.wasm')).toBe(digestOf('content'));
  });
});
