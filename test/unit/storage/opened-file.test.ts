// Where an opened file lies, asked in both ways: of the kernel, and by resolving the path again.
import { closeSync, openSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DESCRIPTOR_LINKS, liesAt } from '#runtime/storage/opened-file.js';
import { SECRET, type StorageFixture, storageFixture } from './storage-fixture.js';

const INSIDE_PATH = 'dir/secret.wasm';

const CASES: readonly (readonly [
  name: string,
  change: (fixture: StorageFixture) => void,
  expected: boolean,
])[] = [
  ['nothing changed', () => undefined, true],
  [
    'the directory became a link to the outside',
    ({ inside, outside }) => {
      renameSync(join(inside, 'dir'), join(inside, 'moved'));
      symlinkSync(outside, join(inside, 'dir'));
    },
    false,
  ],
  [
    'another file took the place',
    ({ inside }) => {
      writeFileSync(join(inside, 'next'), 'next');
      renameSync(join(inside, 'next'), join(inside, INSIDE_PATH));
    },
    false,
  ],
  [
    'the file became a link to the same name outside',
    ({ inside, outside }) => {
      rmSync(join(inside, INSIDE_PATH));
      symlinkSync(join(outside, 'secret.wasm'), join(inside, INSIDE_PATH));
    },
    false,
  ],
];

// Where the kernel shows no descriptors there is one way only.
const WAYS = DESCRIPTOR_LINKS === null ? [null] : [DESCRIPTOR_LINKS, null];

describe.each(WAYS)('asked by %s', (descriptorLinks) => {
  it.each(CASES)('%s', (_, change, expected) => {
    using fixture = storageFixture();
    fixture.put(INSIDE_PATH, 'content');
    const realPath = join(fixture.inside, INSIDE_PATH);
    const descriptor = openSync(realPath, 'r');
    try {
      change(fixture);
      expect(liesAt(descriptor, realPath, descriptorLinks)).toBe(expected);
    } finally {
      closeSync(descriptor);
    }
  });

  it('a file outside, opened while the path led there, and the path put right again', () => {
    using fixture = storageFixture();
    fixture.put(INSIDE_PATH, SECRET);
    const descriptor = openSync(join(fixture.outside, 'secret.wasm'), 'r');
    try {
      expect(liesAt(descriptor, join(fixture.inside, INSIDE_PATH), descriptorLinks)).toBe(false);
    } finally {
      closeSync(descriptor);
    }
  });
});
