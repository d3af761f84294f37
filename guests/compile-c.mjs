// Compiles one C or C++ source to a WebAssembly module for WASI, with the clang that npm brings and nothing of the machine's. It reads
// sources and the headers of abi/include, and must never write a file: the module is what it returns.
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runClang, runLLVM } from '@yowasp/clang';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/** Rekindle's headers, and where the compiler finds them. */
const HEADERS = 'abi/include';
const HEADERS_AT = '.rekindle';
const OBJECT = 'output.o';

/** Extensions of what a guest in C or C++ may be made from. */
const EXTENSIONS = ['.c', '.cc', '.cpp', '.cxx', '.h', '.hh', '.hpp', '.inc'];
/** Of sources, with the command for each language. */
const DRIVERS = { '.c': 'clang', '.cc': 'clang++', '.cpp': 'clang++', '.cxx': 'clang++' };
/** How the linker calls the function that a command without `main` ends in. */
const NO_MAIN = 'undefined_weak:main';

// What every guest is compiled and linked with. The stack lies first, so that one that overflows is out of bounds and not in the data
// below; the shadow stack pointer is found by the host (docs/guest-abi.md, section 6).
const COMPILE_OPTIONS = ['-O2', '-Wall', '-Wextra', '-Werror', `-I${HEADERS_AT}`];
const LINK_OPTIONS = ['-Wl,--stack-first', '-Wl,--export=__stack_pointer'];

/** Packages are nobody's headers, and there may be very many; what begins with a dot is a tool's. */
const isForeign = (name) => name === 'node_modules' || name.startsWith('.');

/** Sources and headers of a directory, as the compiler is given them: a tree of names and contents. */
async function readTree(directory) {
  const tree = {};
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (isForeign(entry.name)) continue;
    if (entry.isDirectory()) tree[entry.name] = await readTree(path);
    else if (EXTENSIONS.includes(extname(entry.name))) {
      const content = await contentOf(path);
      if (content !== null) tree[entry.name] = content;
    }
  }
  return tree;
}

/** Null for what is no file: a link that leads nowhere, or a pipe, at which reading may never end. */
async function contentOf(path) {
  try {
    return (await stat(path)).isFile() ? await readFile(path) : null;
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ELOOP') return null;
    throw error;
  }
}

/** The tree with `path`, whose parts are joined by '/', leading to `content`; '.' leads nowhere. */
function planted(tree, path, content) {
  const [first, ...rest] = path.split('/');
  if (first === '.') return { ...tree, ...content };
  return {
    ...tree,
    [first]: rest.length === 0 ? content : planted(tree[first] ?? {}, rest.join('/'), content),
  };
}

/**
 * The module made from `source`, a path below `root`, the repository's if nothing is said; what it includes lies in `directory`, its own if nothing
 * is said, or in abi/include. `target` is `command` or `reactor`. When `text` is given it is taken for the content of `source`, which then need not
 * exist; `files` are planted beside what there is, by their paths; `options` come after all others of the compiler, `linkOptions` after those of the
 * linker. `warned` is told what the compiler said of a module that it made. Rejects with what it has to say of others.
 */
export async function compileC(
  source,
  target,
  text,
  {
    root = ROOT,
    directory = dirname(source),
    files: more = {},
    options = [],
    linkOptions = [],
    warned = () => {},
  } = {},
) {
  const driver = DRIVERS[extname(source)];
  if (driver === undefined)
    throw new Error(`${source}: a source ends in one of ${Object.keys(DRIVERS).join(', ')}`);
  let files = planted({}, directory, await readTree(join(root, directory)));
  files = planted(files, HEADERS_AT, await readTree(join(ROOT, HEADERS)));
  if (text !== undefined) files = planted(files, source, text);
  for (const [path, content] of Object.entries(more)) files = planted(files, path, content);
  // Loads the compiler itself, which would otherwise tell the console how far it has come.
  await runLLVM(null, {}, { fetchProgress: () => {} });
  const said = [];
  const complaint = (otherwise) => new Error(`${source}: ${Buffer.concat(said).toString() || otherwise}`);
  const run = (args, given, hear = () => {}) =>
    runClang([driver, ...args], given, {
      stdout: hear,
      stderr: (bytes) => bytes && said.push(Buffer.from(bytes)),
    }).catch((error) => {
      throw complaint(String(error));
    });
  // Its name is the module's in the name section, and so in what an engine says of its functions.
  const output = `${basename(source, extname(source))}.wasm`;
  // The object comes by the standard output: the package's files are copied whole at every write, and a large object is written in
  // tens of thousands of pieces.
  const object = [];
  await run(
    [...COMPILE_OPTIONS, ...options, '-c', source, '-o', '-'],
    files,
    (bytes) => bytes && object.push(Buffer.from(bytes)),
  );
  const made = await run([...LINK_OPTIONS, `-mexec-model=${target}`, ...linkOptions, OBJECT, '-o', output], {
    [OBJECT]: Buffer.concat(object),
  });
  if (made[output] === undefined) throw complaint('the compiler made nothing of it');
  if (Buffer.from(made[output]).includes(NO_MAIN))
    throw new Error(
      `${source}: a command has a main, and this has none; what is called by its exports is a reactor`,
    );
  if (said.length > 0) warned(Buffer.concat(said).toString());
  return made[output];
}
