// The C compiler as a command, for guests of anybody's own: it calls clang from the npm package @yowasp/clang, as the guests of this repository are
// compiled, and writes one module. It must never leave a module behind that is not whole, nor write over its source.
import { realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, relative, resolve, sep } from 'node:path';
import { parseArgs } from 'node:util';

const USAGE = `usage: node cc.mjs [--reactor] [--root DIRECTORY] SOURCE OUTPUT [-- CLANG_OPTIONS...]

--reactor   a reactor, which is initialised and then called; without it a command, which has a main
--root      what the source includes lies below it, and -I is told from there; else below the directory of the source
SOURCE      one file in C (.c) or C++ (.cc, .cpp, .cxx; without exceptions); Rekindle's headers are found
OUTPUT      the module, such as guest.wasm
behind --   options for clang, at compiling and at linking`;
/** Of a command line that means nothing. */
const EXIT_USAGE = 2;

/** Null when help is asked for. Throws TypeError for what means nothing. */
function parseOptions() {
  const args = process.argv.slice(2);
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  const { values, positionals } = parseArgs({
    args: args.slice(0, end),
    options: {
      reactor: { type: 'boolean', default: false },
      root: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
    allowPositionals: true,
  });
  if (values.help) return null;
  const [source, output] = positionals;
  if (positionals.length !== 2) throw new TypeError('one source and one output are needed');
  const { root = dirname(source) } = values;
  const target = values.reactor ? 'reactor' : 'command';
  return { source, output, root, target, clangOptions: args.slice(end + 1) };
}

/** Throws unless `output` is a file of its own, or nothing yet in a directory that is there. */
async function requireOutput({ source, output }) {
  const found = await stat(output).catch((error) => {
    if (error.code !== 'ENOENT') throw error;
    return null;
  });
  if (found === null) await stat(dirname(resolve(output)));
  else if (!found.isFile()) throw new Error(`${output}: it is there, and it is no file`);
  else if ((await realpath(output)) === (await realpath(source)))
    throw new Error(`${output}: it is the source`);
}

/** Throws what says that the package is missing, or what clang has to say. */
async function compile({ source, output, root, target, clangOptions }) {
  await stat(source);
  await requireOutput({ source, output });
  const path = relative(root, source);
  if (path.startsWith(`..${sep}`)) throw new Error(`${source}: it lies outside of ${root}`);
  if (path.startsWith('-')) throw new Error(`${path}: clang takes it for an option`);
  const { compileC } = await import('./compile-c.mjs');
  const module = await compileC(path, target, undefined, {
    root: resolve(root),
    directory: '.',
    // What is a warning here may be meant so there.
    options: ['-Wno-error', ...clangOptions],
    linkOptions: clangOptions,
    warned: (text) => process.stderr.write(text),
  });
  const unfinished = `${output}.${process.pid}`;
  try {
    await writeFile(unfinished, module);
    await rename(unfinished, output);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

function explained(error) {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') return error.message;
  return `clang is in the npm package @yowasp/clang, which is not installed (npm install --save-dev @yowasp/clang)\n${error.message}`;
}

/** Node's advice on options speaks of `--`, which means something else here. */
const firstSentence = (text) => text.split('. ')[0];

try {
  const options = parseOptions();
  if (options === null) console.log(USAGE);
  else
    await compile(options).catch((error) => {
      console.error(explained(error));
      process.exitCode = 1;
    });
} catch (error) {
  if (!(error instanceof TypeError)) throw error;
  console.error(`${firstSentence(error.message)}\n${USAGE}`);
  process.exitCode = EXIT_USAGE;
}
