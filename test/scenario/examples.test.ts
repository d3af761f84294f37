// Every program in examples/ as a user runs it: a process of its own, which must end well and say what its comments promise. What is
// printed by guests in threads may come at any time between other lines, so lines are looked for, not counted.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT, runNode } from '#test/support/run-program.js';

/** Lines each example prints, in this order. */
const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  'embed.mjs': ['41 1n', 'GUEST_FAULT: counter#1: trap in crash: unreachable', 'group 7 is back', '40 1n'],
  'strings-and-arrays.mjs': [
    '5 5n',
    'Hello, world!',
    'a, list, of, strings',
    '6',
    'Float64Array(2) [ 4, 10 ]',
    'ARGUMENT_INVALID: counter#1 add: argument 0 is not a number',
    'ARGUMENT_INVALID: counter#1 add: takes 1 arguments, not 2',
    'EXPORT_MISSING: counter#1 subtract: the guest exports no such function',
  ],
  'time-limit.mjs': ['thread', 'inline'].flatMap((placement, index) => [
    `${placement} ping 1`,
    `${placement} timeout`,
    `${placement} restarted: faulty#${index + 1} rung group`,
    `${placement} ping 1`,
  ]),
  'embedder-imports.mjs': [
    'heating 1',
    'heating 0',
    'host-error Error: the sensor does not answer',
    'IMPORT_UNRESOLVED: thermostat#2 import sensor.temperature: the module imports something nobody provides',
  ],
  'restore.mjs': [
    'first request: 102',
    'second request: 102',
    'third request: 102',
    'afterwards: 100, total 6',
  ],
  'quickjs.mjs': [
    'checkpoint: generation 1',
    '{"served":1,"name":"lamp","cents":4950}',
    '{"served":1,"name":"chair","cents":8900}',
    'host-error: Error: the host fails',
    'GUEST_FAULT',
    '{"served":1,"name":"lamp","cents":4950}',
  ],
  'ruby.mjs': [
    'checkpoint: generation 1',
    '1: <h1>lamp</h1><li>3</li><li>4</li>',
    '1: <h1>chair</h1><li>3</li><li>4</li>',
    'host-error: Error: Ruby asks for eval-js: there is no JavaScript for it here',
    'GUEST_FAULT',
    '1: <h1>table</h1><li>3</li><li>4</li>',
  ],
  'wasi-command.mjs': ['exit 0', 'the 2', 'cat 1', 'and 1', 'dog 1', '5 words', '3 words'],
  'export-image.mjs': ['it goes on from 41: 42', 'total 2', 'imports: 0'],
  'checkpoint.mjs': [
    'checkpoint: generation 1',
    'before the fault: generation 1, value 102, total 2',
    'GUEST_FAULT: counter#1: trap in crash: unreachable',
    'after it: generation 1, value 101, total 2',
    'checkpoint by the guest: generation 2',
  ],
};
/** Loaded by another example, or run in a test of its own. */
const OTHERS = [
  'bank.mjs',
  'embedder-module.mjs',
  'quickjs-guest.mjs',
  'ruby-guest.mjs',
  'sqlite-guest.mjs',
  'sqlite-module.mjs',
  'sqlite.mjs',
];

it('knows every example', () => {
  const programs = readdirSync(join(ROOT, 'examples')).filter((name) => name.endsWith('.mjs'));
  expect(programs.sort()).toEqual([...Object.keys(EXAMPLES), ...OTHERS].sort());
});

it.each(Object.entries(EXAMPLES))('examples/%s', async (name, expected) => {
  const { exitCode, stdout, stderr } = await runNode([`examples/${name}`]);
  const printed = stdout.split('\n').filter((line) => expected.includes(line));
  expect({ exitCode, printed, stderr }).toEqual({ exitCode: 0, printed: expected, stderr: '' });
});

it('examples/bank.mjs goes on where it was killed', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'rekindle-example-'));
  try {
    const bank = join(directory, 'bank');
    for (const line of ['cold: generation 1, 42 2', 'hot: generation 2, 43 4', 'hot: generation 3, 44 6']) {
      expect(await runNode(['examples/bank.mjs', bank])).toEqual({
        exitCode: null,
        stdout: `${line}\n`,
        stderr: '',
      });
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

it('examples/embedder-imports.mjs: the module in the guest reads its memory', async () => {
  const { stdout } = await runNode(['examples/embedder-imports.mjs']);
  const entries = stdout.split('\n').filter((line) => line.startsWith('thermostat#1: '));
  expect(entries).toEqual([
    'thermostat#1: 18.5 degrees, heating on',
    'thermostat#1: 21.0 degrees, heating off',
  ]);
});

it('the main job tells nine steps, each with its time in cold starts, and compares both placements', async () => {
  const { exitCode, stdout, stderr } = await runNode(['dist/examples/main-job.js']);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const steps = [...stdout.matchAll(/^ +(\d) +\d+\.\d\d ms +\d+\.\d{3} {2}(.+)$/gm)];
  expect(steps.map(([, number]) => Number(number))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(steps.map(([, , text]) => text?.split(':')[0])).toEqual([
    'a site is open, on a bank of its own',
    'arun',
    'hrfexec',
    'two sales, two receipts, counted in two blocks of persistent memory',
    'stable storage is deleted, and in the third sale the till fails',
    'hot restart',
    'the till answers',
    'persistent blocks intact',
    'the group is ended for good',
  ]);
  expect(stdout).toContain('trap: unreachable, in guests/till/sellAndFail');
  expect(stdout).toContain('printer: receipt 3: takings 500 cents');
  expect(stdout).toMatch(/^ +thread +\d+\.\d\d ms +\d+\.\d\d ms +\d+\.\d$/m);
  expect(stdout).toMatch(/^ +inline +\d+\.\d\d ms +\d+\.\d\d ms +\d+\.\d$/m);
  expect(stdout).toContain('Every step held.');
});
