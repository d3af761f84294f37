// The files of a bank in a real directory: what is refused as foreign and by which name, and that reading, writing, reserving, releasing
// and renaming do what they say, in memory and on a disk, with and without the system calls for it.
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DirectoryFile } from '#runtime/bank/directory-file.js';
import { DirectoryFiles, isMemoryFileSystem } from '#runtime/bank/directory-files.js';
import { loadLibc } from '#runtime/system/libc.js';
import { makeFifo } from '#test/support/fifo.js';
import { PLACES, refusalOf, TemporaryDirectory } from './bank-fixture.js';

const isRoot = process.geteuid?.() === 0;
const onLinux = process.platform === 'linux';
const SOMEBODY = 12_345;
const PAGE = 4096;

function open(path: string): DirectoryFiles {
  return DirectoryFiles.open(path, { sync: true });
}

describe('the directory', () => {
  it('is made for this user alone, but not its parents', () => {
    using directory = new TemporaryDirectory();
    using files = open(directory.at('bank'));
    expect(statSync(files.path).mode & 0o777).toBe(0o700);
    expect(files.list()).toEqual([]);
    expect(refusalOf(directory.path, () => open(directory.at('a/b')))).toBe(
      'BANK_UNAVAILABLE: <path>/a/b: cannot be made: there is no directory <path>/a',
    );
  });

  const FOREIGN: readonly (readonly [what: string, make: (path: string) => void, detail: string])[] = [
    ['a file', (path) => writeFileSync(path, ''), 'not a directory'],
    ['a symbolic link to a directory', (path) => symlinkSync(tmpdir(), path), 'a symbolic link'],
    ['a symbolic link to nothing', (path) => symlinkSync('nowhere', path), 'a symbolic link'],
    ['a FIFO', (path) => makeFifo(path), 'not a directory'],
    [
      'a directory its group may write to',
      (path) => {
        mkdirSync(path);
        chmodSync(path, 0o770);
      },
      'its group or other users may write to it',
    ],
  ];
  it.each(FOREIGN)('%s is refused', (_, make, detail) => {
    using directory = new TemporaryDirectory();
    make(directory.at('bank'));
    expect(refusalOf(directory.path, () => open(directory.at('bank')))).toBe(
      `BANK_FOREIGN: <path>/bank: ${detail}`,
    );
    // With a slash at its end a path would lead through a link.
    expect(refusalOf(directory.path, () => open(`${directory.at('bank')}/`))).toContain('BANK_FOREIGN');
  });

  it.runIf(isRoot)('of another user is refused', () => {
    using directory = new TemporaryDirectory();
    chownSync(directory.path, SOMEBODY, SOMEBODY);
    expect(refusalOf(directory.path, () => open(directory.path))).toBe(
      `BANK_FOREIGN: <path>: owned by user ${SOMEBODY}, not 0`,
    );
  });

  it.runIf(onLinux)('that was replaced is not touched', () => {
    using directory = new TemporaryDirectory();
    using files = open(directory.at('bank'));
    using file = files.create('ledger');
    renameSync(directory.at('bank'), directory.at('moved'));
    mkdirSync(directory.at('bank'));
    writeFileSync(directory.at('bank/ledger'), 'of somebody else');
    expect(file.isLinked()).toBe(false);
    using _next = files.create('content');
    files.remove('ledger');
    expect(readdirSync(directory.at('moved'))).toEqual(['content']);
    expect(readdirSync(directory.at('bank'))).toEqual(['ledger']);
  });

  it.runIf(onLinux)('that was deleted takes no more files', () => {
    using directory = new TemporaryDirectory();
    using files = open(directory.at('bank'));
    rmSync(directory.at('bank'), { recursive: true });
    expect(refusalOf(directory.path, () => files.create('content'))).toBe(
      'BANK_UNAVAILABLE: <path>/bank/content: cannot be made: no such file or directory (ENOENT)',
    );
  });

  it('is not used once it is closed', () => {
    using directory = new TemporaryDirectory();
    const files = open(directory.path);
    files[Symbol.dispose]();
    files[Symbol.dispose]();
    expect(() => files.list()).toThrow('invariant violated');
    expect(() => files.open('ledger')).toThrow('invariant violated');
  });
});

describe('a file', () => {
  const FOREIGN: readonly (readonly [what: string, make: (path: string) => void, detail: string])[] = [
    [
      'a directory',
      (path) => mkdirSync(path),
      'cannot be opened: a directory lies there, not a plain file (EISDIR)',
    ],
    [
      'a symbolic link',
      (path) => symlinkSync('/etc/hostname', path),
      'cannot be opened: a symbolic link lies there, not a plain file (ELOOP)',
    ],
    ['a FIFO', (path) => makeFifo(path), 'not a plain file'],
    [
      'a file of two names',
      (path) => {
        writeFileSync(path, '');
        linkSync(path, `${path}2`);
      },
      'the file has 2 names',
    ],
  ];
  it.each(FOREIGN)('that is %s is refused', (_, make, detail) => {
    using directory = new TemporaryDirectory();
    make(directory.at('ledger'));
    using files = open(directory.path);
    expect(refusalOf(directory.path, () => files.open('ledger'))).toBe(
      `BANK_FOREIGN: <path>/ledger: ${detail}`,
    );
    expect(refusalOf(directory.path, () => files.openOrCreate('ledger'))).toContain(
      'BANK_FOREIGN: <path>/ledger:',
    );
  });

  it.runIf(isRoot)('of another user is refused', () => {
    using directory = new TemporaryDirectory();
    writeFileSync(directory.at('ledger'), '');
    chownSync(directory.at('ledger'), SOMEBODY, SOMEBODY);
    using files = open(directory.path);
    expect(refusalOf(directory.path, () => files.open('ledger'))).toBe(
      `BANK_FOREIGN: <path>/ledger: owned by user ${SOMEBODY}, not 0`,
    );
  });

  it.each(['../ledger', 'a/b', '', '.', '..', 'Ledger'])('is not named %j', (name) => {
    using directory = new TemporaryDirectory();
    using files = open(directory.path);
    expect(() => files.create(name)).toThrow('invariant violated');
  });

  it('is null where there is none, and kept where it is not to be replaced', () => {
    using directory = new TemporaryDirectory();
    using files = open(directory.path);
    expect(files.open('lock')).toBeNull();
    using made = files.openOrCreate('lock');
    made.write(new Uint8Array([7]), 0);
    using found = files.openOrCreate('lock');
    expect([...found.read(0, 9)]).toEqual([7]);
    using fresh = files.create('lock');
    expect([fresh.sizeBytes(), found.isLinked(), fresh.isLinked()]).toEqual([0, false, true]);
    expect(statSync(directory.at('lock')).mode & 0o777).toBe(0o600);
  });

  it('keeps its name when it is renamed, and loses it when another takes it', () => {
    using directory = new TemporaryDirectory();
    using files = open(directory.path);
    using old = files.create('ledger');
    using next = files.create('ledger.new');
    files.rename('ledger.new', 'ledger');
    expect([next.name, next.isLinked(), old.name, old.isLinked()]).toEqual(['ledger', true, 'ledger', false]);
    files.sync();
    next.sync();
    files.remove('ledger');
    files.remove('ledger');
    expect([next.isLinked(), files.list()]).toEqual([false, []]);
    expect(refusalOf(directory.path, () => files.rename('ledger', 'content'))).toBe(
      'BANK_UNAVAILABLE: <path>/ledger: cannot be renamed to content: no such file or directory (ENOENT)',
    );
  });
});

// With the system calls where they can be bound, and without, as everywhere else.
const WAYS = PLACES.flatMap((place) =>
  (onLinux ? [true, false] : [false]).map((withCalls) => ({ place, withCalls })),
);

describe.each(WAYS)('the content of a file in $place, system calls: $withCalls', ({ place, withCalls }) => {
  function withFile(run: (file: DirectoryFile) => void): void {
    using directory = new TemporaryDirectory(place);
    using files = open(directory.path);
    using file = files.create('content');
    const context = { path: files.path, sync: true, libc: withCalls ? loadLibc() : null, closed: () => {} };
    run(new DirectoryFile(context, 'content', file.fd));
  }

  it('is what was written, and ends where the file ends', () => {
    withFile((file) => {
      file.write(new Uint8Array([1, 2, 3]), 5);
      expect([...file.read(4, 100)]).toEqual([0, 1, 2, 3]);
      expect(file.read(8, 1).length).toBe(0);
      expect(file.read(1e9, 2 ** 40).length).toBe(0);
      file.resize(6);
      file.resize(8);
      expect([...file.read(0, 8)]).toEqual([0, 0, 0, 0, 0, 1, 0, 0]);
    });
  });

  it('is kept when pages are reserved, and zero when they are given back', () => {
    withFile((file) => {
      file.write(new Uint8Array(3 * PAGE).fill(9), 0);
      expect(file.reserve(PAGE, 1024 * PAGE)).toBe(true);
      expect(file.sizeBytes()).toBe(1025 * PAGE);
      expect(statSync(`/dev/fd/${file.fd}`).blocks * 512).toBeGreaterThanOrEqual(1025 * PAGE);
      file.release(PAGE, PAGE);
      file.release(1024 * PAGE, 100 * PAGE);
      file.release(2000 * PAGE, PAGE);
      expect(file.sizeBytes()).toBe(1025 * PAGE);
      const first = [0, PAGE - 1, PAGE, 2 * PAGE - 1, 2 * PAGE, 3 * PAGE].map(
        (offset) => file.read(offset, 1)[0],
      );
      expect(first).toEqual([9, 9, 0, 0, 9, 0]);
    });
  });

  it('is not reached by ranges that are none', () => {
    withFile((file) => {
      for (const [offset, sizeBytes] of [
        [-1, 1],
        [0.5, 1],
        [0, -1],
        [2 ** 53, 1],
        [2 ** 52, 2 ** 52],
      ] as const) {
        expect(() => file.read(offset, sizeBytes)).toThrow('invariant violated');
        expect(() => file.reserve(offset, sizeBytes)).toThrow('invariant violated');
        expect(() => file.release(offset, sizeBytes)).toThrow('invariant violated');
      }
    });
  });
});

describe('what the system refuses', () => {
  const reserveWith = (errno: string): (() => boolean) => {
    return () => {
      using directory = new TemporaryDirectory();
      using files = open(directory.path);
      using file = files.create('content');
      const libc = { reserve: () => errno, punchHole: () => {} };
      return new DirectoryFile(
        { path: '/bank', sync: true, libc, closed: () => {} },
        'content',
        file.fd,
      ).reserve(0, 1);
    };
  };

  it.each(['ENOSPC', 'EDQUOT', 'ENOMEM'])('pages (%s): there is no space', (errno) => {
    expect(reserveWith(errno)()).toBe(false);
  });

  it('pages at all: no bank can be here', () => {
    expect(refusalOf('/bank', reserveWith('EOPNOTSUPP'))).toBe(
      'BANK_UNAVAILABLE: <path>/content: cannot be given pages in advance (EOPNOTSUPP)',
    );
  });

  it.runIf(onLinux)('more than the file system has: false, and the file is as it was', () => {
    using directory = new TemporaryDirectory();
    using files = open(directory.path);
    using file = files.create('content');
    file.write(new Uint8Array([1]), 0);
    expect(file.reserve(0, 2 ** 45)).toBe(false);
    expect([file.sizeBytes(), file.read(0, 1)[0]]).toEqual([1, 1]);
  });

  it('a descriptor that is none: every method says so, with the path', () => {
    const file = new DirectoryFile(
      { path: '/bank', sync: true, libc: null, closed: () => {} },
      'content',
      1 << 20,
    );
    for (const action of [
      () => file.sizeBytes(),
      () => file.read(0, 1),
      () => file.write(new Uint8Array(1), 0),
      () => file.reserve(0, 1),
      () => file.release(0, 1),
      () => file.resize(0),
      () => file.sync(),
      () => file.tryLock(),
    ]) {
      expect(refusalOf('/bank', action)).toMatch(/^BANK_UNAVAILABLE: <path>\/content: cannot be .*EBADF/);
    }
  });

  it('a mount that is read-only is called that', () => {
    const readOnly = Object.assign(new Error('no'), { code: 'EROFS', syscall: 'write', errno: -30 });
    const libc = {
      reserve: () => null,
      punchHole: () => {
        throw readOnly;
      },
    };
    using directory = new TemporaryDirectory();
    using files = open(directory.path);
    using made = files.create('content');
    made.resize(1);
    const file = new DirectoryFile({ path: '/bank', sync: true, libc, closed: () => {} }, 'content', made.fd);
    expect(refusalOf('/bank', () => file.release(0, 1))).toBe(
      'BANK_UNAVAILABLE: <path>/content: cannot be relieved of pages: the file system is read-only (EROFS)',
    );
  });
});

describe.runIf(onLinux)('a file system in memory', () => {
  it('is told from a disk, and asked of the parent of what is not there yet', () => {
    const path = mkdtempSync('/dev/shm/rekindle-test-');
    try {
      expect([path, join(path, 'bank'), '/proc'].map(isMemoryFileSystem)).toEqual([true, true, false]);
      expect(refusalOf(path, () => isMemoryFileSystem(join(path, 'a/b')))).toBe(
        'BANK_UNAVAILABLE: <path>/a: cannot be looked at: no such file or directory (ENOENT)',
      );
    } finally {
      rmSync(path, { recursive: true });
    }
  });

  it('an error of our own is not made one of the world', () => {
    using directory = new TemporaryDirectory();
    using files = open(directory.path);
    using file = files.create('content');
    const libc = {
      reserve: () => {
        throw new RangeError('a bug');
      },
      punchHole: () => {},
    };
    const strange = new DirectoryFile(
      { path: '/bank', sync: true, libc, closed: () => {} },
      'content',
      file.fd,
    );
    expect(() => strange.reserve(0, 1)).toThrow(RangeError);
  });
});
