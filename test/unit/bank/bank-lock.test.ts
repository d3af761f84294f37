// The lock of a bank, with real files and real processes: one owner at a time, whose name the second is told, and none once the owner
// has ended, however it ended.
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { BankFile, BankFiles } from '#runtime/bank/bank-files.js';
import { BankLock } from '#runtime/bank/bank-lock.js';
import { DirectoryFiles } from '#runtime/bank/directory-files.js';
import { RekindleError } from '#runtime/errors.js';
import { OWNER, OwnerProcess, PLACES, refusalOf, TemporaryDirectory } from './bank-fixture.js';

const RACERS = 20;

function filesOf(path: string): DirectoryFiles {
  return DirectoryFiles.open(path, { sync: false });
}

/** The files, each of them changed. */
function changing(files: BankFiles, change: (file: BankFile) => Partial<BankFile>): BankFiles {
  const changed = (file: BankFile): BankFile => {
    const changes = change(file);
    return new Proxy(file, {
      get: (target, key) => {
        const value: unknown = Reflect.get(Reflect.has(changes, key) ? changes : target, key, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  };
  return {
    path: files.path,
    list: () => files.list(),
    open: (name) => files.open(name),
    create: (name) => files.create(name),
    openOrCreate: (name) => changed(files.openOrCreate(name)),
    rename: (from, to) => files.rename(from, to),
    remove: (name) => files.remove(name),
    sync: () => files.sync(),
    [Symbol.dispose]: () => files[Symbol.dispose](),
  };
}

describe.each(PLACES)('in %s', (place) => {
  it('a second opener in the same process is told of the first, and served once that has gone', () => {
    using directory = new TemporaryDirectory(place);
    using files = filesOf(directory.path);
    const first = BankLock.acquire(files, OWNER);
    using others = filesOf(directory.path);
    expect(refusalOf(directory.path, () => BankLock.acquire(others, OWNER))).toBe(
      `BANK_OWNED: <path>: owned by process ${process.pid} (node server.js) since 2026-01-01T00:00:00.000Z`,
    );
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect(readFileSync(directory.at('lock'), 'utf8')).toBe('');
    using second = BankLock.acquire(others, OWNER);
    expect(second.isHeld()).toBe(true);
    expect(first.isHeld()).toBe(false);
  });

  it('an owner in another process is named, and gone with SIGKILL', async () => {
    using directory = new TemporaryDirectory(place);
    using files = filesOf(directory.path);
    await using owner = new OwnerProcess(directory.path);
    expect(await owner.answer).toBe('owned');
    expect(refusalOf(directory.path, () => BankLock.acquire(files, OWNER))).toMatch(
      new RegExp(`^BANK_OWNED: <path>: owned by process ${owner.pid} \\(owner-program\\) since 20`),
    );
    await owner.kill();
    using lock = BankLock.acquire(files, OWNER);
    expect(lock.isHeld()).toBe(true);
    expect(JSON.parse(readFileSync(directory.at('lock'), 'utf8'))).toEqual(OWNER);
  });

  it('a child process of the owner does not keep it', async () => {
    using directory = new TemporaryDirectory(place);
    using files = filesOf(directory.path);
    await using owner = new OwnerProcess(directory.path, true);
    const [word, bystander] = (await owner.answer).split(' ');
    expect(word).toBe('owned');
    await owner.kill();
    try {
      using lock = BankLock.acquire(files, OWNER);
      expect(lock.isHeld()).toBe(true);
    } finally {
      // Throws when it is not there any more: then the test has shown nothing.
      process.kill(Number(bystander), 'SIGKILL');
    }
  });
});

it(`of ${RACERS} processes that race for it exactly one gets it`, async () => {
  using directory = new TemporaryDirectory();
  const racers = Array.from({ length: RACERS }, () => new OwnerProcess(directory.path));
  try {
    const answers = await Promise.all(racers.map(({ answer }) => answer));
    expect(answers.filter((answer) => answer === 'owned')).toHaveLength(1);
    expect(answers.filter((answer) => answer.startsWith('BANK_OWNED: '))).toHaveLength(RACERS - 1);
  } finally {
    await Promise.all(racers.map((racer) => racer.kill()));
  }
});

describe('the note', () => {
  const SINCE = '2026-01-01T00:00:00Z';
  it.each([
    ['nothing', ''],
    ['no JSON', '{"pid":1,'],
    ['null', 'null'],
    ['a list', '[1]'],
    ['no process', JSON.stringify({ pid: 0, startedAt: SINCE, program: 'x' })],
    ['a process that is no number', JSON.stringify({ pid: '1', startedAt: SINCE, program: 'x' })],
    ['a time that is none', JSON.stringify({ pid: 1, startedAt: 'yesterday', program: 'x' })],
    ['no program', JSON.stringify({ pid: 1, startedAt: SINCE })],
    ['a program without end', JSON.stringify({ pid: 1, startedAt: SINCE, program: 'x'.repeat(1e6) })],
    ['no text', Buffer.from([0xff, 0xfe, 0x00])],
  ])('that says %s names nobody', (_, note) => {
    using directory = new TemporaryDirectory();
    using files = filesOf(directory.path);
    using _lock = BankLock.acquire(files, OWNER);
    writeFileSync(directory.at('lock'), note);
    expect(refusalOf(directory.path, () => BankLock.acquire(files, OWNER))).toBe(
      'BANK_OWNED: <path>: owned by another process',
    );
  });

  it('is cut to a length, and puts nothing on a terminal but text', () => {
    using directory = new TemporaryDirectory();
    using files = filesOf(directory.path);
    using _lock = BankLock.acquire(files, { ...OWNER, program: `\u001b[2J${'é'.repeat(1000)}` });
    expect(refusalOf(directory.path, () => BankLock.acquire(files, OWNER))).toBe(
      `BANK_OWNED: <path>: owned by process ${process.pid} (?[2J${'é'.repeat(196)}) since ${OWNER.startedAt}`,
    );
  });

  it('of an owner before is replaced', () => {
    using directory = new TemporaryDirectory();
    writeFileSync(directory.at('lock'), JSON.stringify({ ...OWNER, program: 'x'.repeat(190) }));
    using files = filesOf(directory.path);
    using _lock = BankLock.acquire(files, OWNER);
    const note = readFileSync(directory.at('lock'), 'utf8');
    expect(note).toHaveLength(1024);
    expect(note.trimEnd()).toBe(JSON.stringify(OWNER));
  });

  it('may be missing where there is no space for it', () => {
    using directory = new TemporaryDirectory();
    using files = filesOf(directory.path);
    const full = changing(files, () => ({
      write: () => {
        throw new RekindleError('BANK_FULL', 'lock');
      },
    }));
    using lock = BankLock.acquire(full, OWNER);
    expect(lock.isHeld()).toBe(true);
  });
});

describe('a file that does not stay', () => {
  it('is not held any more when it has been deleted', () => {
    using directory = new TemporaryDirectory();
    using files = filesOf(directory.path);
    using lock = BankLock.acquire(files, OWNER);
    rmSync(directory.at('lock'));
    expect(lock.isHeld()).toBe(false);
    using next = BankLock.acquire(files, OWNER);
    expect(next.isHeld()).toBe(true);
    expect(lock.isHeld()).toBe(false);
  });

  it.each([
    [1, 'no refusal'],
    [7, 'no refusal'],
    [8, "BANK_UNAVAILABLE: <path>: the file 'lock' is taken away again and again"],
  ])('taken away %s times: %s', (times, expected) => {
    using directory = new TemporaryDirectory();
    using files = filesOf(directory.path);
    let count = 0;
    const restless = changing(files, (file) => ({
      tryLock: () => {
        count += 1;
        if (count <= times) rmSync(directory.at('lock'));
        return file.tryLock();
      },
    }));
    const taken: BankLock[] = [];
    expect(refusalOf(directory.path, () => taken.push(BankLock.acquire(restless, OWNER)))).toBe(expected);
    expect(count).toBe(Math.min(times + 1, 8));
    for (const lock of taken) lock[Symbol.dispose]();
  });

  it('that others may read is as good', () => {
    using directory = new TemporaryDirectory();
    writeFileSync(directory.at('lock'), '');
    chmodSync(directory.at('lock'), 0o644);
    using files = filesOf(directory.path);
    using lock = BankLock.acquire(files, OWNER);
    expect(lock.isHeld()).toBe(true);
  });
});
