// The C compiler as a command, for guests of anybody's own: it calls clang from the npm package @yowasp/clang, as the guests of this repository are
// compiled, and writes one module. It must never leave a module behind that is not whole.
import { rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const USAGE = `usage: node cc.mjs [--reactor] SOURCE OUTPUT [-- CLANG_OPTIONS...]

--reactor   a reactor, which is initialised and then called; without it a command, which has a main
SOURCE      one file in C (.c) or C++ (.cc); headers beside it and the ones of Rekindle are found
OUTPUT      the module, such as guest.wasm`;
/** Of a command line that means nothing. */
const EXIT_USAGE = 2;

function parseOptions() {
  const args = process.argv.slice(2);
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  const { values, positionals } = parseArgs({
    args: args.slice(0, end),
    options: { reactor: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const [source, output] = positionals;
  if (positionals.length !== 2) throw new TypeError('one source and one output are needed');
  return {
    source,
    output,
    target: values.reactor ? 'reactor' : 'command',
    clangOptions: args.slice(end + 1),
  };
}

/** Throws what says that the package is missing, or what clang has to say. */
async function compile({ source, output, target, clangOptions }) {
  const { compileC } = await import('./compile-c.mjs');
  // What is a warning here may be meant so there.
  const options = ['-Wno-error', ...clangOptions];
  const module = await compileC(basename(source), target, undefined, {
    root: dirname(resolve(source)),
    options,
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

let options = null;
try {
  options = parseOptions();
} catch (error) {
  if (!(error instanceof TypeError)) throw error;
  console.error(`${error.message}\n${USAGE}`);
  process.exitCode = EXIT_USAGE;
}
if (options !== null) {
  try {
    await compile(options);
  } catch (error) {
    console.error(explained(error));
    process.exitCode = 1;
  }
}
