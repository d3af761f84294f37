// Compiles every guest to guests/build/<name>.wasm, in one process; what is newer than all its possible sources is skipped. It
// must never leave a half-written module behind: a run of the tests may be reading there.
import { mkdir, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const OUTPUT_DIRECTORY = 'guests/build';

/** Guest and target of asconfig.json: a command runs once from _start, a reactor is initialised and then called. */
const GUESTS = [
  ['hello-restart', 'command'],
  ['restart-parent', 'command'],
  ['restart-child', 'command'],
  ['counter', 'reactor'],
  ['faulty', 'reactor'],
  ['faulty-host', 'reactor'],
  ['pair-ledger', 'reactor'],
  ['pair-teller', 'reactor'],
  ['till', 'reactor'],
  ['till-printer', 'reactor'],
  ['thermostat', 'reactor'],
];

/** Modification time in ms, or -Infinity when there is no such file. */
async function modifiedMs(path) {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (error.code === 'ENOENT') return Number.NEGATIVE_INFINITY;
    throw error;
  }
}

/** When the newest file that any guest may be made from was modified, in ms: sources, options, this file, the compiler. */
async function newestSourceMs() {
  const sources = [
    join(ROOT, 'asconfig.json'),
    fileURLToPath(import.meta.url),
    fileURLToPath(import.meta.resolve('assemblyscript/asc')),
  ];
  for (const directory of ['abi', 'abi/assemblyscript', 'abi/assemblyscript/imports', 'guests']) {
    for (const name of await readdir(join(ROOT, directory))) {
      if (name.endsWith('.ts')) sources.push(join(ROOT, directory, name));
    }
  }
  return Math.max(...(await Promise.all(sources.map(modifiedMs))));
}

/** Compiles one guest. Returns what the compiler has to say about it, or null when it went well. */
async function compile(name, target) {
  const outputs = new Map();
  const { error, stderr } = await asc.main(
    [
      `guests/${name}.ts`,
      '--config',
      'asconfig.json',
      '--target',
      target,
      '--baseDir',
      ROOT,
      '--outFile',
      `${OUTPUT_DIRECTORY}/${name}.wasm`,
    ],
    { writeFile: (fileName, contents) => outputs.set(basename(fileName), contents) },
  );
  const module = outputs.get(`${name}.wasm`);
  if (error || module === undefined) return stderr.toString() || String(error);
  const path = join(ROOT, OUTPUT_DIRECTORY, `${name}.wasm`);
  const unfinished = `${path}.${process.pid}`;
  await writeFile(unfinished, module);
  await rename(unfinished, path);
  return null;
}

await mkdir(join(ROOT, OUTPUT_DIRECTORY), { recursive: true });
const sourceMs = await newestSourceMs();
for (const [name, target] of GUESTS) {
  if ((await modifiedMs(join(ROOT, OUTPUT_DIRECTORY, `${name}.wasm`))) > sourceMs) {
    console.log(`${name}: up to date`);
    continue;
  }
  const complaint = await compile(name, target);
  if (complaint === null) {
    console.log(`${name}: compiled as a ${target}`);
  } else {
    console.error(`${name}: FAILED\n${complaint}`);
    process.exitCode = 1;
  }
}
