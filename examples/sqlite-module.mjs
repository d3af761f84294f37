// SQLite as a WebAssembly module, from the source that the package better-sqlite3 carries and examples/sqlite-guest.c. Compiling it takes
// some seconds, so what was made is kept, by the digest of all it was made from; it must never be taken for what it was not made from.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const KEPT_IN = 'node_modules/.cache/rekindle';
const SOURCE = 'examples/sqlite-guest.c';
const { resolve } = createRequire(import.meta.url);
const LIBRARY = join(dirname(resolve('better-sqlite3/package.json')), 'deps/sqlite3');

// The library's own warnings are its authors'. What is left out is what nobody here uses, or WASI does not have.
const OPTIONS = [
  '-O0',
  '-w',
  '-DSQLITE_THREADSAFE=0',
  '-DSQLITE_DQS=0',
  '-DSQLITE_DEFAULT_MEMSTATUS=0',
  '-DSQLITE_TEMP_STORE=3',
  '-DSQLITE_OMIT_AUTHORIZATION',
  '-DSQLITE_OMIT_DECLTYPE',
  '-DSQLITE_OMIT_DEPRECATED',
  '-DSQLITE_OMIT_PROGRESS_CALLBACK',
  '-DSQLITE_OMIT_SHARED_CACHE',
  '-DSQLITE_OMIT_TRACE',
  '-DSQLITE_OMIT_UTF16',
  '-DSQLITE_OMIT_WAL',
];

/** Directory of stable storage with `sqlite.wasm` in it, which is made when it is not there yet. */
export async function sqliteStorage() {
  const inputs = {
    [SOURCE]: await readFile(join(ROOT, SOURCE)),
    'sqlite3.c': await readFile(join(LIBRARY, 'sqlite3.c')),
    compiler: await readFile(
      join(dirname(fileURLToPath(import.meta.resolve('@yowasp/clang'))), '../package.json'),
    ),
    script: await readFile(join(ROOT, 'guests/compile-c.mjs')),
  };
  const digest = createHash('sha256').update(JSON.stringify(OPTIONS));
  for (const [name, content] of Object.entries(inputs))
    digest.update(`${name} ${content.length}\n`).update(content);
  const directory = join(ROOT, KEPT_IN, digest.digest('hex').slice(0, 32));
  const path = join(directory, 'sqlite.wasm');
  if (existsSync(path)) return directory;
  const { compileC } = await import('../guests/compile-c.mjs');
  const module = await compileC(SOURCE, 'reactor', undefined, {
    options: OPTIONS,
    files: { 'examples/sqlite3.c': inputs['sqlite3.c'] },
  });
  await mkdir(directory, { recursive: true });
  const unfinished = `${path}.${process.pid}`;
  await writeFile(unfinished, module);
  await rename(unfinished, path);
  return directory;
}

// As a program it makes the module and says where it lies.
if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await sqliteStorage());
