// Compiles the AssemblyScript guests of the tests (test/guests) when they are first asked for; what is newer than all its possible
// sources is left. It must never leave a half-written module behind: another worker may be reading, or compiling the same one.
import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { listFiles } from '#test/style/source-tree.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const OUTPUT_DIRECTORY = 'dist/test/guests';
/** Directories whose AssemblyScript a guest may be made from. */
const SOURCE_DIRECTORIES = ['abi', 'test/guests'];

/** As in asconfig.json: a command runs once from _start, a reactor is initialised and then called. */
export type GuestTarget = 'command' | 'reactor';

const directory = join(ROOT, OUTPUT_DIRECTORY);

/** Modification time in ms, or -Infinity when there is no such file. */
function modifiedMs(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.NEGATIVE_INFINITY;
}

function newestSourceMs(): number {
  const sources = listFiles(SOURCE_DIRECTORIES, ['.ts']).map((path) => join(ROOT, path));
  return Math.max(...[join(ROOT, 'asconfig.json'), ...sources].map(modifiedMs));
}

async function compile(name: string, target: GuestTarget): Promise<void> {
  // Loading the compiler takes seconds: only when there is something to compile.
  const { asc } = await import('#test/support/assemblyscript-compiler.js');
  const outputs = new Map<string, string | Uint8Array>();
  const source = `test/guests/${name}.ts`;
  const output = `${OUTPUT_DIRECTORY}/${name}.wasm`;
  const { error, stderr } = await asc.main(
    [source, '--config', 'asconfig.json', '--target', target, '--baseDir', ROOT, '--outFile', output],
    {
      writeFile: (fileName, contents) => {
        outputs.set(basename(fileName), contents);
      },
    },
  );
  const module = outputs.get(`${name}.wasm`);
  if (error !== null || module === undefined) throw new Error(`${source}: ${stderr.toString()}`);
  mkdirSync(directory, { recursive: true });
  const unfinished = join(directory, `${name}.wasm.${process.pid}`);
  writeFileSync(unfinished, module);
  renameSync(unfinished, join(directory, `${name}.wasm`));
}

/**
 * Makes sure that `<name>.wasm` exists for each of the guests in test/guests, and returns the directory they lie in: stable
 * storage for a site. Throws with the compiler's words when a guest does not compile.
 */
export async function testGuests(guests: Readonly<Record<string, GuestTarget>>): Promise<string> {
  const sourceMs = newestSourceMs();
  for (const [name, target] of Object.entries(guests)) {
    if (modifiedMs(join(directory, `${name}.wasm`)) <= sourceMs) await compile(name, target);
  }
  return directory;
}
