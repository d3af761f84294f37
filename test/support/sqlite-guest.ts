// SQLite guests for tests and benchmarks: the class of the example, with its types, and the module, which is compiled when it is not there
// yet. It must never compile in this process, which has others to answer meanwhile.
import type { ArunOptions, Process } from '#runtime/index.js';
import { runNode } from './run-program.js';

export interface SqliteGuest {
  /** Runs statements: the rows of all of them, a line each, columns joined by '|'. Rejects with what SQLite or a call says. */
  run(statements: string): Promise<string>;
}

interface SqliteGuestModule {
  readonly SqliteGuest: {
    new (process: Process): SqliteGuest;
    begin(process: Process): Promise<SqliteGuest>;
  };
}

export const SQLITE_MODULE = 'sqlite.wasm';
export const DATABASE = 'shop.db';
/** SQLite's journal of a transaction: there while one is under way, and after one that was cut off. */
export const JOURNAL = `${DATABASE}-journal`;

/** The volume of the bank in which the database lies. */
export const VOLUME = 'shop';

export const SQLITE_OPTIONS: ArunOptions = {
  mounts: { '/data': { kind: 'volume', volume: VOLUME } },
  env: { DATABASE: `/data/${DATABASE}` },
};

/** Compiling it takes a processor some fifteen seconds, and minutes on one that is shared. */
export const SQLITE_LIMIT_MS = 600_000;

/** Directory with the module, which is compiled when that has not been done yet. */
export async function sqliteStorage(): Promise<string> {
  const { exitCode, stdout, stderr } = await runNode(['examples/sqlite-module.mjs'], {
    limitMs: SQLITE_LIMIT_MS,
  });
  if (exitCode !== 0) throw new Error(`SQLite is not compiled (${exitCode}): ${stderr}`);
  return stdout.trim();
}

/** In a transaction, rows enough that it reaches the file before its end: of 20 pages of memory it takes 100. */
export const LONG_TRANSACTION = `
  PRAGMA cache_size = 20;
  BEGIN;
  UPDATE sales SET cents = -1;
  WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
    INSERT INTO sales (item, cents) SELECT printf('never sold, no. %200d', i), i FROM n`;

/** All there is to know about the table, and whether the database is sound. */
export const SUMMARY = 'SELECT count(*), coalesce(sum(cents), 0) FROM sales; PRAGMA integrity_check';

// A specifier that is not a literal is not resolved: the example is a script, and has no declarations.
const specifier: string = new URL('../../../examples/sqlite-guest.mjs', import.meta.url).href;
export const { SqliteGuest } = (await import(specifier)) as SqliteGuestModule;
