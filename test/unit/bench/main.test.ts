// The benchmark as a program, in a moment: that it still runs on the real runtime, says what it should, and leaves nothing behind.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../../bench/main.js', import.meta.url));
const TIMEOUT_MS = 50_000;
let directory = '';

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'bench-test-'));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Temporary files go to a directory of their own, to see what is left there. */
function runBench(nodeOptions: readonly string[], ...args: readonly string[]) {
  return spawnSync(process.execPath, [...nodeOptions, MAIN, ...args], {
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
    env: { ...process.env, TMPDIR: directory },
  });
}

/** What a run of the benchmark has left where banks are put that are in memory. */
function banksLeftBy(pid: number): readonly string[] {
  if (!existsSync('/dev/shm')) return [];
  return readdirSync('/dev/shm').filter((name) => name.startsWith(`rekindle-bench-${pid}-`));
}

describe('the benchmark', () => {
  it('measures a restart on a bank in a directory beside one in memory', () => {
    const jsonFile = join(directory, 'result.json');
    const row = 'restart.directory';
    const run = runBench(['--expose-gc'], '--only', row, '--seconds', '0.05', '--json', jsonFile, '--check');
    expect(run.stderr).toContain(`[1/1] ${row}`);
    expect(run.status).toBe(0);
    expect(run.stdout).toMatch(
      /restart\.directory +counter +\d+ +[\d.]+ us +[\d.]+ us +peer: bank in memory/,
    );
    expect(run.stdout).toContain('no ratio is worse than accepted');
    const { machine, date, comparisons, leftOut } = JSON.parse(readFileSync(jsonFile, 'utf8'));
    expect(machine).toContain(process.version);
    expect(new Date(date).toISOString()).toBe(date);
    expect(leftOut).toEqual([]);
    expect(comparisons).toHaveLength(1);
    const [{ ours, other, ratio }] = comparisons;
    expect(ratio).toBe(ours.p50 / other.p50);
    for (const { count, p50, p99 } of [ours, other]) expect(count > 0 && p50 > 0 && p99 >= p50).toBe(true);
    expect(readdirSync(directory)).toEqual(['result.json']);
    expect(banksLeftBy(run.pid)).toEqual([]);
  });

  it('says how it is used', () => {
    const run = runBench([], '--help');
    expect([run.stdout.includes('npm run bench -- [--only ROW]'), run.status]).toEqual([true, 0]);
    expect(runBench([], '--fast').stderr).toContain('usage: npm run bench');
  });

  it.each([
    ['a place that cannot be written to', ['--expose-gc'], ['--json', '/nowhere/at/all.json'], 'ENOENT'],
    ['an unknown row', ['--expose-gc'], ['--only', 'nothing'], 'no row is called nothing'],
    ['an unknown option', ['--expose-gc'], ['--fast'], "Unknown option '--fast'"],
    ['a Node without its garbage collector', [], ['--only', 'restart'], '--expose-gc'],
  ])('refuses %s', (_, nodeOptions, args, message) => {
    const run = runBench(nodeOptions, ...args);
    expect(run.stderr).toContain(message);
    expect(run.status).toBe(1);
  });
});
