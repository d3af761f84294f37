// The closing line, by running Vitest on small test files in a temporary directory: its wording, its place as the last line,
// and that it agrees with the exit status.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const VITEST = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
const REPORTER = fileURLToPath(new URL('../../support/closing-line-reporter.js', import.meta.url));
const RUN_TIMEOUT_MS = 60_000;

const CONFIG = `export default {
  test: { globals: true, include: ['*.test.mjs'], reporters: ['default', ${JSON.stringify(REPORTER)}], pool: 'forks' },
};`;

const PASS = "it('passes', () => {});";
const FAIL = "it('fails', () => { throw new Error('on purpose'); });";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rekindle-closing-line-'));
  writeFileSync(join(directory, 'vitest.config.mjs'), CONFIG);
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

interface Run {
  readonly name: string;
  /** Contents of the test files. */
  readonly files: readonly string[];
  readonly options?: readonly string[];
  readonly lastLine: string;
  readonly succeeds: boolean;
}

const RUNS: readonly Run[] = [
  { name: 'all pass', files: [PASS + PASS, PASS], lastLine: '3 passed, 0 failed', succeeds: true },
  {
    name: 'one fails, some are skipped',
    files: [PASS + FAIL, "it.skip('skipped', () => {}); it.todo('planned');"],
    lastLine: '1 passed, 1 failed, 2 skipped',
    succeeds: false,
  },
  { name: 'no test files', files: [], lastLine: '0 passed, 1 failed', succeeds: false },
  {
    name: 'no test files, and that is allowed',
    files: [],
    options: ['--passWithNoTests'],
    lastLine: '0 passed, 1 failed',
    succeeds: false,
  },
  {
    name: 'a file that cannot be loaded',
    files: [PASS, "throw new Error('on purpose');"],
    lastLine: '1 passed, 1 failed',
    succeeds: false,
  },
  {
    name: 'a hook that fails after its tests',
    files: [`describe('suite', () => { afterAll(() => { throw new Error('on purpose'); }); ${PASS} });`],
    lastLine: '1 passed, 1 failed',
    succeeds: false,
  },
  {
    name: 'an error nobody handles',
    files: [`${PASS} Promise.reject(new Error('on purpose'));`],
    lastLine: '1 passed, 1 failed',
    succeeds: false,
  },
  {
    name: 'a worker that dies',
    files: [PASS, "it('dies', () => { process.kill(process.pid, 'SIGKILL'); });"],
    lastLine: '1 passed, 2 failed',
    succeeds: false,
  },
];

it.each(RUNS)('$name', ({ files, options = [], lastLine, succeeds }) => {
  for (const [index, content] of files.entries())
    writeFileSync(join(directory, `${index}.test.mjs`), content);
  const run = spawnSync(process.execPath, [VITEST, 'run', '--root', directory, ...options], {
    cwd: directory,
    encoding: 'utf8',
    timeout: RUN_TIMEOUT_MS,
  });
  expect(
    { lastLine: run.stdout.split('\n').slice(-2), succeeds: run.status === 0 },
    run.stdout + run.stderr,
  ).toEqual({
    lastLine: [lastLine, ''],
    succeeds,
  });
});
