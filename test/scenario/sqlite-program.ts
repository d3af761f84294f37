// A life of a site with a database in it, which dies of SIGKILL in the middle of a transaction, after it has said what it found and sold one
// more. It must never close or give back anything.
import { writeSync } from 'node:fs';
import { openSite } from '#runtime/index.js';
import {
  JOURNAL,
  LONG_TRANSACTION,
  SQLITE_MODULE,
  SQLITE_OPTIONS,
  SqliteGuest,
  SUMMARY,
  VOLUME,
} from '#test/support/sqlite-guest.js';

const STDOUT = 1;

const [, , stableStorage = '', bank = ''] = process.argv;
const site = await openSite({ stableStorage, bank });
/** What the life before has left of its transaction: SQLite looks for it with the first statement. */
const hasJournal = site.volumes.read(VOLUME, JOURNAL) !== null;
let database: SqliteGuest;
const back = site.process('sqlite#1');
if (back === null) {
  const sqlite = await site.arun(SQLITE_MODULE, SQLITE_OPTIONS);
  database = await SqliteGuest.begin(sqlite);
  await database.run('CREATE TABLE sales (id INTEGER PRIMARY KEY, item TEXT, cents INTEGER)');
  await sqlite.checkpoint();
} else {
  await back.ready();
  database = new SqliteGuest(back);
}
const found = await database.run(SUMMARY);
await database.run("INSERT INTO sales (item, cents) VALUES ('lamp', 4950)");
await database.run(LONG_TRANSACTION);
writeSync(STDOUT, JSON.stringify({ start: site.start, hasJournal, found }));
process.kill(process.pid, 'SIGKILL');
