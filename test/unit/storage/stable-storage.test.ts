// Stable storage on real directories: what is read, what is refused and with which code, and that nothing stays open.
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RekindleError } from '#runtime/errors.js';
import { InvariantViolation } from '#runtime/invariant.js';
import { DESCRIPTOR_LINKS } from '#runtime/storage/opened-file.js';
import { readWhole, StableStorage } from '#runtime/storage/stable-storage.js';
import { makeFifo } from '#test/support/fifo.js';
import { type StorageFixture, storageFixture, thrownCode } from './storage-fixture.js';

const MAX_MODULE_BYTES = 1000;

let fixture: StorageFixture;
let storage: StableStorage;

beforeEach(() => {
  fixture = storageFixture();
  storage = new StableStorage(fixture.inside, { maxModuleBytes: MAX_MODULE_BYTES });
});

afterEach(() => {
  fixture[Symbol.dispose]();
});

const codeOf = (path: string) => thrownCode(() => storage.read(path));

describe('reads', () => {
  it.each([
    ['a file', 'a.wasm', Uint8Array.of(1, 2, 3)],
    ['an empty file', 'empty.wasm', new Uint8Array(0)],
    ['a file as large as the limit', 'large.wasm', new Uint8Array(MAX_MODULE_BYTES).fill(7)],
    ['a file in directories', 'a/b/c.wasm', Uint8Array.of(4)],
    ['names of many scripts', 'größe/日本語/\u{1F600}.wasm', Uint8Array.of(5)],
    ['a composed name', '\u00e9.wasm', Uint8Array.of(6)],
  ])('%s', (_, path, content) => {
    fixture.put(path, content);
    const stored = storage.read(path);
    const digest = createHash('sha256').update(content).digest('hex');
    expect(stored).toEqual({ path, bytes: content, digest });
    expect(stored.bytes.buffer.byteLength).toBe(content.byteLength);
  });

  it('a file that was replaced since: nothing is kept', () => {
    fixture.put('a.wasm', 'one');
    storage.read('a.wasm');
    fixture.put('next.wasm', 'second');
    renameSync(join(fixture.inside, 'next.wasm'), join(fixture.inside, 'a.wasm'));
    expect(Buffer.from(storage.read('a.wasm').bytes).toString()).toBe('second');
  });

  it('through a directory that is itself a symbolic link, wherever it leads at the time', () => {
    const link = join(fixture.outside, 'current');
    for (const version of ['v1', 'v2']) fixture.put(`${version}/a.wasm`, version);
    symlinkSync(join(fixture.inside, 'v1'), link);
    const linked = new StableStorage(link, { maxModuleBytes: MAX_MODULE_BYTES });
    expect(Buffer.from(linked.read('a.wasm').bytes).toString()).toBe('v1');
    rmSync(link);
    symlinkSync(join(fixture.inside, 'v2'), link);
    expect(Buffer.from(linked.read('a.wasm').bytes).toString()).toBe('v2');
  });

  it('through a relative directory, whatever the working directory becomes', () => {
    fixture.put('a.wasm', 'content');
    const before = process.cwd();
    try {
      const relativeStorage = new StableStorage(relative(before, fixture.inside), { maxModuleBytes: 100 });
      process.chdir('/');
      expect(relativeStorage.read('a.wasm').bytes.byteLength).toBe(7);
    } finally {
      process.chdir(before);
    }
  });
});

describe('symbolic links', () => {
  it.each([
    ['absolute, to a file inside', () => join(fixture.inside, 'dir/a.wasm'), 'nothing thrown'],
    ['relative, to a file inside', () => 'dir/a.wasm', 'nothing thrown'],
    ['out and in again', () => '../inside/dir/a.wasm', 'nothing thrown'],
    ['absolute, to a file outside', () => join(fixture.outside, 'secret.wasm'), 'MODULE_PATH_REFUSED'],
    ['relative, to a file outside', () => '../outside/secret.wasm', 'MODULE_PATH_REFUSED'],
    ['to a device', () => '/dev/zero', 'MODULE_PATH_REFUSED'],
    ['to the directory itself', () => '.', 'MODULE_PATH_REFUSED'],
    ['to its parent', () => '..', 'MODULE_PATH_REFUSED'],
    ['to itself', () => 'link.wasm', 'MODULE_PATH_REFUSED'],
    ['to nothing', () => 'missing.wasm', 'MODULE_NOT_FOUND'],
    ['to a directory', () => 'dir', 'MODULE_NOT_FOUND'],
  ])('%s', (_, target, expected) => {
    fixture.put('dir/a.wasm', 'content');
    symlinkSync(target(), join(fixture.inside, 'link.wasm'));
    expect(codeOf('link.wasm')).toBe(expected);
  });

  it.each([
    ['inside', () => join(fixture.inside, 'dir'), 'nothing thrown'],
    ['outside', () => fixture.outside, 'MODULE_PATH_REFUSED'],
    ['to the root of the system', () => '/', 'MODULE_NOT_FOUND'],
  ])('as a directory component that leads %s', (_, target, expected) => {
    fixture.put('dir/secret.wasm', 'content');
    symlinkSync(target(), join(fixture.inside, 'component'));
    expect(codeOf('component/secret.wasm')).toBe(expected);
  });

  it('to a directory beside, whose name begins like that of stable storage', () => {
    mkdirSync(`${fixture.inside}-more`);
    writeFileSync(join(`${fixture.inside}-more`, 'a.wasm'), 'beside');
    symlinkSync(`${fixture.inside}-more`, join(fixture.inside, 'component'));
    expect(codeOf('component/a.wasm')).toBe('MODULE_PATH_REFUSED');
  });

  it('cannot see through a hard link: its owner put the file there', () => {
    fixture.put('a.wasm', 'content');
    linkSync(join(fixture.inside, 'a.wasm'), join(fixture.inside, 'b.wasm'));
    expect(codeOf('b.wasm')).toBe('nothing thrown');
  });
});

describe('what is no module file', () => {
  it.each([
    ['no such file', 'missing.wasm'],
    ['no such directory', 'missing/a.wasm'],
    ['a directory', 'dir'],
    ['a file used as a directory', 'dir/a.wasm/b.wasm'],
    ['a name longer than any file system’s', 'n'.repeat(600)],
  ])('%s', (_, path) => {
    fixture.put('dir/a.wasm', 'content');
    expect(codeOf(path)).toBe('MODULE_NOT_FOUND');
  });

  it('a FIFO without a writer, which is not waited for', () => {
    // Node makes no FIFOs, and a machine with Node and npm alone need not have the command.
    makeFifo(join(fixture.inside, 'pipe.wasm'));
    expect(codeOf('pipe.wasm')).toBe('MODULE_NOT_FOUND');
  });

  it('a socket', async () => {
    const server = createServer();
    const path = join(fixture.inside, 's');
    await new Promise<void>((listening) => server.listen(path, listening));
    try {
      expect(codeOf('s')).toBe('MODULE_NOT_FOUND');
    } finally {
      await new Promise((closed) => server.close(closed));
    }
  });
});

describe('sizes', () => {
  it('one byte more than the limit is too large', () => {
    fixture.put('a.wasm', new Uint8Array(MAX_MODULE_BYTES + 1));
    expect(codeOf('a.wasm')).toBe('MODULE_TOO_LARGE');
  });

  it('a file of a tebibyte of nothing is refused before it is read', () => {
    fixture.put('a.wasm', '');
    truncateSync(join(fixture.inside, 'a.wasm'), 2 ** 40);
    expect(codeOf('a.wasm')).toBe('MODULE_TOO_LARGE');
  });

  it.each([
    ['shrinks', 11, 'STORAGE_UNAVAILABLE'],
    ['grows', 9, 'STORAGE_UNAVAILABLE'],
    ['grows from nothing', 0, 'STORAGE_UNAVAILABLE'],
    ['stays', 10, 'nothing thrown'],
  ])('a file of 10 bytes that %s after its size was taken', (_, sizeBytes, expected) => {
    fixture.put('a.wasm', '0123456789');
    const descriptor = openSync(join(fixture.inside, 'a.wasm'), 'r');
    try {
      expect(thrownCode(() => readWhole(descriptor, sizeBytes, 'a.wasm'))).toBe(expected);
    } finally {
      closeSync(descriptor);
    }
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'a limit of %d bytes is none',
    (maxModuleBytes) => {
      expect(() => new StableStorage(fixture.inside, { maxModuleBytes })).toThrow(InvariantViolation);
    },
  );
});

describe('storage out of order', () => {
  it('a directory that does not exist is told at once', () => {
    expect(
      thrownCode(() => new StableStorage(join(fixture.inside, 'no'), { maxModuleBytes: 1 }).requirePresent()),
    ).toBe('STORAGE_UNAVAILABLE');
  });

  it('and so is a file in place of a directory', () => {
    fixture.put('a.wasm', 'content');
    expect(
      thrownCode(() =>
        new StableStorage(join(fixture.inside, 'a.wasm'), { maxModuleBytes: 1 }).requirePresent(),
      ),
    ).toBe('STORAGE_UNAVAILABLE');
  });

  it('a directory deleted later is not mistaken for a missing module', () => {
    rmSync(fixture.inside, { recursive: true });
    expect(codeOf('a.wasm')).toBe('STORAGE_UNAVAILABLE');
    writeFileSync(fixture.inside, 'a file now');
    expect(codeOf('a.wasm')).toBe('STORAGE_UNAVAILABLE');
  });

  it.each([
    ['file', 'dir/a.wasm'],
    ['directory', 'dir'],
  ])('an unreadable %s keeps the operating system’s error as its cause', (_, unreadable) => {
    fixture.put('dir/a.wasm', 'content');
    chmodSync(join(fixture.inside, '..'), 0o755);
    chmodSync(join(fixture.inside, unreadable), 0);
    expect(
      withoutPrivileges(() => {
        try {
          return storage.read('dir/a.wasm');
        } catch (thrown) {
          return thrown;
        }
      }),
    ).toMatchObject({ code: 'STORAGE_UNAVAILABLE', culprit: 'dir/a.wasm', cause: { code: 'EACCES' } });
    chmodSync(join(fixture.inside, unreadable), 0o755);
  });
});

it('closes its descriptor whatever the outcome', () => {
  fixture.put('good.wasm', 'content');
  fixture.put('large.wasm', new Uint8Array(MAX_MODULE_BYTES + 1));
  symlinkSync(join(fixture.outside, 'secret.wasm'), join(fixture.inside, 'out.wasm'));
  const before = openFilesBelow(fixture);
  for (const path of ['good.wasm', 'large.wasm', 'out.wasm', 'missing.wasm', '../a']) {
    for (let round = 0; round < 20; round += 1) codeOf(path);
  }
  expect([before, openFilesBelow(fixture)]).toEqual([[], []]);
});

it('throws errors that name the module', () => {
  expect(() => storage.read('missing.wasm')).toThrow(RekindleError);
  expect(() => storage.read('missing.wasm')).toThrow(expect.objectContaining({ culprit: 'missing.wasm' }));
});

/** Runs `action` as nobody when the tests run as root, to whom no file is unreadable. */
function withoutPrivileges<T>(action: () => T): T {
  if (process.geteuid?.() !== 0) return action();
  process.seteuid?.(65534);
  try {
    return action();
  } finally {
    process.seteuid?.(0);
  }
}

/** What this process has open in the fixture; only where the kernel shows descriptors. */
function openFilesBelow({ inside, outside }: StorageFixture): string[] {
  const links = DESCRIPTOR_LINKS;
  if (links === null) return [];
  return readdirSync(links)
    .map((name) => readlinkOrNothing(join(links, name)))
    .filter((target) => target.startsWith(inside) || target.startsWith(outside));
}

/** The directory is read through a descriptor of its own, which is gone by now. */
function readlinkOrNothing(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return '';
  }
}
