// The C compiler as a command, as a user's project has it: what it takes for sources and headers, and what it refuses before a compiler is loaded. It
// must never write over what is no module.
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeFifo } from '#test/support/fifo.js';
import { ROOT, runNode } from '#test/support/run-program.js';

const SOURCE = '#include "answer.h"\nint main(void) { int unused; return ANSWER; }\n';
const [EXIT_FAILURE, EXIT_USAGE] = [1, 2];

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'rekindle-cc-'));
  for (const name of ['src', 'include']) mkdirSync(join(directory, name));
  writeFileSync(join(directory, 'src/main.c'), SOURCE);
  writeFileSync(join(directory, 'src/main.txt'), SOURCE);
  writeFileSync(join(directory, 'include/answer.h'), '#define ANSWER 42\n');
  writeFileSync(join(directory, '-o.c'), SOURCE);
  // As editors leave them behind.
  for (const name of ['.#main.c', 'gone.h']) symlinkSync('nowhere', join(directory, 'src', name));
  symlinkSync('turns.h', join(directory, 'src/turns.h'));
  if (process.platform !== 'win32') makeFifo(join(directory, 'src/pipe.h'));
});

afterAll(() => {
  rmSync(directory, { recursive: true });
});

const compile = (...args: readonly string[]) =>
  runNode([join(ROOT, 'guests/cc.mjs'), ...args], { directory });

it('compiles with headers from elsewhere, tells warnings, and hands options to the linker', async () => {
  const options = ['--', '-Iinclude', '-Wl,--export=__heap_base'];
  const { exitCode, stderr } = await compile('--root', '.', 'src/main.c', 'main.wasm', ...options);
  expect([exitCode, stderr]).toEqual([0, expect.stringMatching(/^src\/main\.c:2:\d+: warning: unused/)]);
  const module = new WebAssembly.Module(readFileSync(join(directory, 'main.wasm')));
  expect(WebAssembly.Module.exports(module).map(({ name }) => name)).toContain('__heap_base');
});

it.each([
  [['src/main.c', 'src/main.c'], EXIT_FAILURE, 'src/main.c: it is the source'],
  [['src/main.c', 'include'], EXIT_FAILURE, 'include: it is there, and it is no file'],
  [['src/main.c', 'out/main.wasm'], EXIT_FAILURE, 'ENOENT'],
  [['src/none.c', 'none.wasm'], EXIT_FAILURE, "ENOENT: no such file or directory, stat 'src/none.c'"],
  [['--root', 'include', 'src/main.c', 'x.wasm'], EXIT_FAILURE, 'src/main.c: it lies outside of include'],
  [['src/main.txt', 'x.wasm'], EXIT_FAILURE, 'a source ends in one of .c, .cc, .cpp, .cxx'],
  [['./-o.c', 'x.wasm'], EXIT_FAILURE, '-o.c: clang takes it for an option'],
  [['src/main.c'], EXIT_USAGE, 'one source and one output are needed\nusage:'],
  [['-Wall', 'src/main.c', 'x.wasm'], EXIT_USAGE, "Unknown option '-W'\nusage:"],
] as const)('%j is refused, and nothing is written', async (args, expected, said) => {
  const before = readdirSync(directory, { recursive: true }).sort();
  const { exitCode, stderr } = await compile(...args);
  expect([exitCode, stderr]).toEqual([expected, expect.stringContaining(said)]);
  expect(readdirSync(directory, { recursive: true }).sort()).toEqual(before);
  expect(readFileSync(join(directory, 'src/main.c'), 'utf8')).toBe(SOURCE);
});
