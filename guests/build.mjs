// Compiles every guest: the samples to guests/build/<name>.wasm, those in C to <name>-c.wasm, the tests' own to dist/test/guests; and unpacks
// those that are prebuilt. What is newer than all its possible sources is skipped. It must never leave a half-written module behind: a run of the
// tests may be reading there.
import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const SELF = fileURLToPath(import.meta.url);
const ROOT = dirname(dirname(SELF));
const PREBUILT_DIRECTORY = 'guests/prebuilt';
const PACKED = '.gz';

/** Where the guests of each directory go. */
const OUTPUT_DIRECTORIES = { guests: 'guests/build', 'test/guests': 'dist/test/guests' };

/** Sources and target (of asconfig.json, or model of clang): a command runs once from _start, a reactor is initialised and then called. */
const GUESTS = {
  'guests/hello-restart.ts': 'command',
  'guests/restart-parent.ts': 'command',
  'guests/restart-child.ts': 'command',
  'guests/counter.ts': 'reactor',
  'guests/faulty.ts': 'reactor',
  'guests/faulty-host.ts': 'reactor',
  'guests/pair-ledger.ts': 'reactor',
  'guests/pair-teller.ts': 'reactor',
  'guests/till.ts': 'reactor',
  'guests/till-printer.ts': 'reactor',
  'guests/thermostat.ts': 'reactor',
  'test/guests/crash-member.ts': 'reactor',
  'test/guests/endurance-member.ts': 'reactor',
  'test/guests/files.ts': 'reactor',
  'test/guests/kernels.ts': 'reactor',
  'test/guests/kill-member.ts': 'reactor',
  'test/guests/placements-printer.ts': 'reactor',
  'test/guests/poisonable.ts': 'reactor',
  'test/guests/probe.ts': 'reactor',
  'test/guests/probe-caller.ts': 'reactor',
  'test/guests/probe-command.ts': 'command',
  'test/guests/survivor.ts': 'reactor',
  'guests/hello-restart.c': 'command',
  'guests/restart-parent.c': 'command',
  'guests/restart-child.c': 'command',
  'guests/counter.c': 'reactor',
  'guests/word-count.c': 'command',
  'test/guests/c-child.c': 'command',
  'test/guests/c-library.c': 'reactor',
  'test/guests/c-steps.c': 'command',
  'test/guests/wasi-files.c': 'command',
  'test/guests/wasi-streams.c': 'command',
};

/** What guests in each language may be made from, beside their own source and this file: directories, extensions in them, single files. */
const SOURCES = {
  '.ts': {
    directories: [
      'abi',
      'abi/assemblyscript',
      'abi/assemblyscript/imports',
      ...Object.keys(OUTPUT_DIRECTORIES),
    ],
    extensions: ['.ts'],
    files: [join(ROOT, 'asconfig.json'), fileURLToPath(import.meta.resolve('assemblyscript/asc'))],
  },
  '.c': {
    directories: ['abi/include', 'abi/include/hr', 'abi/include/pmm', ...Object.keys(OUTPUT_DIRECTORIES)],
    // A guest in C includes headers, and never another's source.
    extensions: ['.h'],
    files: [join(ROOT, 'guests/compile-c.mjs'), fileURLToPath(import.meta.resolve('@yowasp/clang'))],
  },
};

/** Modification time in ms, or -Infinity when there is no such file. */
async function modifiedMs(path) {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (error.code === 'ENOENT') return Number.NEGATIVE_INFINITY;
    throw error;
  }
}

/** When the newest file that any guest in this language may be made from was modified, in ms. */
async function newestSourceMs({ directories, extensions, files }) {
  const sources = [SELF, ...files];
  for (const directory of directories) {
    for (const name of await readdir(join(ROOT, directory))) {
      if (extensions.includes(extname(name))) sources.push(join(ROOT, directory, name));
    }
  }
  return Math.max(...(await Promise.all(sources.map(modifiedMs))));
}

/** The module made from a source in AssemblyScript. Rejects with what the compiler has to say. */
async function compileAssemblyScript(source, target) {
  // Compilers take a second to load: only when there is something to compile.
  const { default: asc } = await import('assemblyscript/asc');
  const outputs = new Map();
  const outFile = 'output.wasm';
  const { error, stderr } = await asc.main(
    [source, '--config', 'asconfig.json', '--target', target, '--baseDir', ROOT, '--outFile', outFile],
    { writeFile: (fileName, contents) => outputs.set(basename(fileName), contents) },
  );
  const module = outputs.get(outFile);
  if (error || module === undefined) throw new Error(stderr.toString() || String(error));
  return module;
}

async function compile(source, target) {
  if (extname(source) === '.ts') return compileAssemblyScript(source, target);
  const { compileC } = await import('./compile-c.mjs');
  return compileC(source, target);
}

/** Writes a module so that whoever reads there finds all of it or what was there before. */
async function put(path, module) {
  const unfinished = `${path}.${process.pid}`;
  await writeFile(unfinished, module);
  await rename(unfinished, path);
}

/** A C guest among the samples may have a twin in AssemblyScript, whose name it shares. */
function outputOf(source) {
  const language = extname(source);
  const ending = language === '.c' && dirname(source) === 'guests' ? '-c' : '';
  return `${OUTPUT_DIRECTORIES[dirname(source)]}/${basename(source, language)}${ending}.wasm`;
}

async function buildLanguage(language) {
  const newestMs = await newestSourceMs(SOURCES[language]);
  for (const [source, target] of Object.entries(GUESTS).filter(([path]) => extname(path) === language)) {
    const output = outputOf(source);
    const path = join(ROOT, output);
    if ((await modifiedMs(path)) > Math.max(newestMs, await modifiedMs(join(ROOT, source)))) continue;
    try {
      await put(path, await compile(source, target));
      console.log(`${output}: compiled as a ${target}`);
    } catch (error) {
      console.error(`${output}: FAILED\n${error.message}`);
      process.exitCode = 1;
    }
  }
}

/** In a process of its own: compilers keep theirs busy for seconds, and two are done sooner side by side. */
async function buildInChild(language) {
  const child = spawn(process.execPath, [SELF, language], { stdio: 'inherit' });
  const exitCode = await new Promise((settle, fail) => child.on('error', fail).on('exit', settle));
  if (exitCode !== 0) process.exitCode = 1;
}

async function unpackPrebuilt() {
  for (const file of (await readdir(join(ROOT, PREBUILT_DIRECTORY))).filter(
    (each) => extname(each) === PACKED,
  )) {
    const packed = join(ROOT, PREBUILT_DIRECTORY, file);
    const output = `${OUTPUT_DIRECTORIES.guests}/${basename(file, PACKED)}`;
    if ((await modifiedMs(join(ROOT, output))) > (await modifiedMs(packed))) continue;
    await put(join(ROOT, output), gunzipSync(await readFile(packed)));
    console.log(`${output}: unpacked`);
  }
}

const [, , language] = process.argv;
if (language !== undefined) await buildLanguage(language);
else {
  for (const directory of Object.values(OUTPUT_DIRECTORIES))
    await mkdir(join(ROOT, directory), { recursive: true });
  await Promise.all([...Object.keys(SOURCES).map(buildInChild), unpackPrebuilt()]);
}
