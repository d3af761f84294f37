// Compiles every guest to guests/build/<name>.wasm, those in C to <name>-c.wasm, in one process, and unpacks those that are prebuilt; what
// is newer than all its possible sources is skipped. It must never leave a half-written module behind: a run of the tests may be reading there.
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const OUTPUT_DIRECTORY = 'guests/build';
const PREBUILT_DIRECTORY = 'guests/prebuilt';
const PACKED = '.gz';

/** Source and target (of asconfig.json, or model of clang): a command runs once from _start, a reactor is initialised and then called. */
const GUESTS = [
  ['hello-restart.ts', 'command'],
  ['restart-parent.ts', 'command'],
  ['restart-child.ts', 'command'],
  ['counter.ts', 'reactor'],
  ['faulty.ts', 'reactor'],
  ['faulty-host.ts', 'reactor'],
  ['pair-ledger.ts', 'reactor'],
  ['pair-teller.ts', 'reactor'],
  ['till.ts', 'reactor'],
  ['till-printer.ts', 'reactor'],
  ['thermostat.ts', 'reactor'],
  ['hello-restart.c', 'command'],
  ['restart-parent.c', 'command'],
  ['restart-child.c', 'command'],
  ['counter.c', 'reactor'],
];

/** What guests in each language may be made from, beside their own source and this file: directories, extensions in them, single files. */
const SOURCES = {
  '.ts': {
    directories: ['abi', 'abi/assemblyscript', 'abi/assemblyscript/imports', 'guests'],
    extensions: ['.ts'],
    files: [join(ROOT, 'asconfig.json'), fileURLToPath(import.meta.resolve('assemblyscript/asc'))],
  },
  '.c': {
    directories: ['abi/include', 'abi/include/hr', 'abi/include/pmm', 'guests'],
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
  const sources = [fileURLToPath(import.meta.url), ...files];
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

await mkdir(join(ROOT, OUTPUT_DIRECTORY), { recursive: true });
const sourceMs = {};
for (const [language, sources] of Object.entries(SOURCES)) sourceMs[language] = await newestSourceMs(sources);
for (const [file, target] of GUESTS) {
  const language = extname(file);
  const name = basename(file, language) + (language === '.c' ? '-c' : '');
  const path = join(ROOT, OUTPUT_DIRECTORY, `${name}.wasm`);
  const newestMs = Math.max(sourceMs[language], await modifiedMs(join(ROOT, 'guests', file)));
  if ((await modifiedMs(path)) > newestMs) {
    console.log(`${name}: up to date`);
    continue;
  }
  try {
    await put(path, await compile(`guests/${file}`, target));
    console.log(`${name}: compiled as a ${target}`);
  } catch (error) {
    console.error(`${name}: FAILED\n${error.message}`);
    process.exitCode = 1;
  }
}

for (const file of (await readdir(join(ROOT, PREBUILT_DIRECTORY))).filter(
  (each) => extname(each) === PACKED,
)) {
  const packed = join(ROOT, PREBUILT_DIRECTORY, file);
  const path = join(ROOT, OUTPUT_DIRECTORY, basename(file, PACKED));
  if ((await modifiedMs(path)) > (await modifiedMs(packed))) continue;
  await put(path, gunzipSync(await readFile(packed)));
  console.log(`${basename(file, `.wasm${PACKED}`)}: unpacked`);
}
