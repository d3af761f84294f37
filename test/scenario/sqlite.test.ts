// SQLite as a guest, with its database in a mount: whatever kills it in the middle of a transaction, the file has all that was committed
// and nothing else when it is back, by SQLite's own journal. Nobody tells it that it was restarted.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Process, Site } from '#runtime/index.js';
import { runNode } from '#test/support/run-program.js';
import { DIAGONAL, faultOf, SiteUnderTest } from '#test/support/scenario.js';
import {
  DATABASE,
  JOURNAL,
  LONG_TRANSACTION,
  SQLITE_LIMIT_MS,
  SQLITE_MODULE,
  SQLITE_OPTIONS,
  SqliteGuest,
  SUMMARY,
  sqliteStorage,
  VOLUME,
} from '#test/support/sqlite-guest.js';
import { guestsRow } from '../../bench/rows/guests.js';
import { runInSmall } from '../unit/bench/run-in-small.js';

let stableStorage: string;
let directory: string;

beforeAll(async () => {
  stableStorage = await sqliteStorage();
}, SQLITE_LIMIT_MS);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rekindle-sqlite-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** The file is not what was committed, and SQLite's journal is there to undo it. */
function expectHalfWritten({ volumes }: Site, committed: Uint8Array | null): void {
  expect(volumes.read(VOLUME, JOURNAL)).not.toBeNull();
  expect(Buffer.compare(volumes.read(VOLUME, DATABASE) ?? Buffer.of(), committed ?? Buffer.of())).not.toBe(0);
}

describe.each(DIAGONAL)('$backend, $placement', ({ backend, placement }) => {
  let fixture: SiteUnderTest;
  let sqlite: Process;
  let database: SqliteGuest;

  beforeEach(async () => {
    fixture = await SiteUnderTest.open({ backend, stableStorage });
    sqlite = await fixture.site.arun(SQLITE_MODULE, { ...SQLITE_OPTIONS, placement, group: 4 });
    database = await SqliteGuest.begin(sqlite);
    await database.run('CREATE TABLE sales (id INTEGER PRIMARY KEY, item TEXT, cents INTEGER)');
    expect(await sqlite.checkpoint()).toBe(1);
  });

  afterEach(async () => {
    await fixture[Symbol.asyncDispose]();
  });

  it('rolls back what a failure has cut off, however it failed', async () => {
    let expected = 0;
    for (const how of ['trap', 'killed', 'trap'] as const) {
      for (const cents of [100, 200]) {
        await database.run(`INSERT INTO sales (item, cents) VALUES ('lamp', ${cents})`);
        expected += 1;
      }
      const committed = fixture.site.volumes.read(VOLUME, DATABASE);
      await database.run(LONG_TRANSACTION);
      expectHalfWritten(fixture.site, committed);
      const { pid } = sqlite;
      if (how === 'trap')
        expect((await faultOf(database.run("UPDATE sales SET item = 'x' WHERE fail()"))).kind).toBe(how);
      else await fixture.site.akill(pid);
      await fixture.backSince(sqlite, pid);
      expect(await database.run(SUMMARY)).toBe(`${expected}|${expected * 150}\nok`);
      expect(fixture.site.volumes.read(VOLUME, JOURNAL)).toBeNull();
      expect(await database.run('SELECT DISTINCT item FROM sales')).toBe('lamp');
    }
    expect(fixture.log.mishaps).toEqual([]);
  });

  it('keeps in the file what a restore takes from the guest', async () => {
    await database.run("INSERT INTO sales (item, cents) VALUES ('lamp', 100)");
    await database.run("CREATE TEMP TABLE notes (text); INSERT INTO notes VALUES ('of this run')");
    await sqlite.restore();
    expect(await database.run(SUMMARY)).toBe('1|100\nok');
    await expect(database.run('SELECT * FROM notes')).rejects.toThrow('no such table: notes');
    await database.run('BEGIN; DELETE FROM sales; ROLLBACK');
    expect(await database.run(SUMMARY)).toBe('1|100\nok');
  });

  it('refuses and goes on', async () => {
    await expect(database.run('SELECT nonsense')).rejects.toThrow('no such column: nonsense');
    await expect(database.run('SELECT 1'.padEnd(20_000))).rejects.toThrow('too long');
    await database.run("INSERT INTO sales VALUES (1, 'lamp', 1)");
    await expect(database.run("INSERT INTO sales VALUES (1, 'chair', 1)")).rejects.toThrow('UNIQUE');
    expect(await database.run("SELECT 'äöü', NULL, 1.5")).toBe('äöü|NULL|1.5');
    expect(await database.run(SUMMARY)).toBe('1|1\nok');
  });
});

it('is back with its site after SIGKILL in the middle of a transaction, again and again', async () => {
  const bank = join(directory, 'bank');
  for (let life = 0; life < 2; life += 1) {
    const { exitCode, stdout, stderr } = await runNode([
      'dist/test/scenario/sqlite-program.js',
      stableStorage,
      bank,
    ]);
    expect({ exitCode, stderr }).toEqual({ exitCode: null, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      start: life === 0 ? 'cold' : 'hot',
      hasJournal: life > 0,
      found: `${life}|${life * 4950}\nok`,
    });
  }
});

it('opens nothing outside of its mount', async () => {
  await using fixture = await SiteUnderTest.open({ stableStorage });
  for (const path of ['/data/../escaped.db', '/elsewhere.db', '../escaped.db']) {
    const sqlite = await fixture.site.arun(SQLITE_MODULE, {
      ...SQLITE_OPTIONS,
      env: { DATABASE: path },
    });
    const database = await SqliteGuest.begin(sqlite).catch((error: unknown) => String(error));
    if (typeof database !== 'string')
      await expect(database.run('CREATE TABLE t (x)')).rejects.toThrow('unable to open database file');
  }
  expect(readdirSync(directory)).toEqual([]);
});

it('is measured beside its start, in the same run', async () => {
  const points = await runInSmall(guestsRow(['SQLite']), { turns: 2 });
  expect(points?.map(({ peers }) => peers.length)).toEqual([2, 0, 2, 1]);
});

it('examples/sqlite.mjs', async () => {
  const { exitCode, stdout, stderr } = await runNode(['examples/sqlite.mjs']);
  expect({ exitCode, stderr, lines: stdout.trimEnd().split('\n') }).toEqual({
    exitCode: 0,
    stderr: '',
    lines: [
      'committed: 2|13850',
      'in the transaction: 5002',
      'files: shop.db shop.db-journal',
      'GUEST_FAULT',
      'after it: 2|13850',
      'ok',
      'files: shop.db',
      'and on: 3|13950',
    ],
  });
});
