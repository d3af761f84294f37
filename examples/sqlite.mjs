// A database whose guest is killed in the middle of a transaction. Its file outlives the guest; what was not committed is rolled back by
// SQLite's own journal when the guest is back, and what was is there.
import { openSite } from 'rekindle';
import { SqliteGuest } from './sqlite-guest.mjs';
import { sqliteStorage } from './sqlite-module.mjs';

/** Where the database lies: in the bank, as blocks do. Here that is memory; in a bank with a directory it would outlive this program. */
const VOLUME = 'shop';

const site = await openSite({ stableStorage: await sqliteStorage() });
const sqlite = await site.arun('sqlite.wasm', {
  mounts: { '/data': { kind: 'volume', volume: VOLUME } },
  env: { DATABASE: '/data/shop.db' },
});
const files = () =>
  site.volumes
    .entries(VOLUME)
    .map(({ name }) => name)
    .sort()
    .join(' ');
const database = await SqliteGuest.begin(sqlite);
await database.run('CREATE TABLE sales (id INTEGER PRIMARY KEY, item TEXT, cents INTEGER)');
await sqlite.checkpoint();

await database.run("INSERT INTO sales (item, cents) VALUES ('lamp', 4950), ('chair', 8900)");
console.log('committed:', await database.run('SELECT count(*), sum(cents) FROM sales'));

// So little memory that the transaction is written to the file long before its end.
await database.run('PRAGMA cache_size = 10; BEGIN');
const MANY = 'WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 5000)';
await database.run(`${MANY} INSERT INTO sales (item, cents) SELECT 'never sold', i FROM n`);
console.log('in the transaction:', await database.run('SELECT count(*) FROM sales'));
console.log('files:', files());
await database
  .run('UPDATE sales SET cents = 0 WHERE id < 2000 OR fail()')
  .catch((error) => console.log(error.code));

await sqlite.ready();
console.log(
  'after it:',
  await database.run('SELECT count(*), sum(cents) FROM sales; PRAGMA integrity_check'),
);
console.log('files:', files());
await database.run("INSERT INTO sales (item, cents) VALUES ('table', 100)");
console.log('and on:', await database.run('SELECT count(*), sum(cents) FROM sales'));

await site.shutdown();
