// Compiles guests in C for tests, with the compiler that npm brings: those of test/guests when they are first asked for, and texts that
// a test has made. It must never leave a half-written module behind: another worker may be reading, or compiling the same one.
import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { listFiles } from '#test/style/source-tree.js';
import { ROOT } from '#test/support/run-program.js';
import type { GuestTarget } from '#test/support/test-guests.js';

interface Compiler {
  readonly C_EXTENSIONS: readonly string[];
  compileC(source: string, target: GuestTarget, text?: string): Promise<Uint8Array<ArrayBuffer>>;
}

const directory = join(ROOT, 'dist/test/c-guests');

// A specifier that is not a literal is not resolved: the compiler is a script, and has no declarations.
const specifier: string = new URL('../../../guests/compile-c.mjs', import.meta.url).href;
const loaded = (await import(specifier)) as Compiler;

/** The module made from a text, which is compiled as if it lay at `source`. Rejects with the compiler's words. */
export function compileText(
  source: string,
  target: GuestTarget,
  text: string,
): Promise<Uint8Array<ArrayBuffer>> {
  return loaded.compileC(source, target, text);
}

function modifiedMs(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.NEGATIVE_INFINITY;
}

/**
 * Makes sure that `<name>.wasm` exists for each of the guests `test/guests/<name>.c`, and returns the directory they lie in: stable
 * storage for a site.
 */
export async function cGuests(guests: Readonly<Record<string, GuestTarget>>): Promise<string> {
  const sources = [...listFiles(['abi/include', 'test/guests'], loaded.C_EXTENSIONS), 'guests/compile-c.mjs'];
  const sourceMs = Math.max(...sources.map((path) => modifiedMs(join(ROOT, path))));
  mkdirSync(directory, { recursive: true });
  for (const [name, target] of Object.entries(guests)) {
    const path = join(directory, `${name}.wasm`);
    if (modifiedMs(path) > sourceMs) continue;
    const unfinished = `${path}.${process.pid}`;
    writeFileSync(unfinished, await loaded.compileC(`test/guests/${name}.c`, target));
    renameSync(unfinished, path);
  }
  return directory;
}
