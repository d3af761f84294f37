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
  it('measures a hot restart beside a cold start of the same guest', () => {
    const jsonFile = join(directory, 'result.json');
    const run = runBench(
      ['--expose-gc'],
      '--only',
      'inline.counter',
      '--seconds',
      '0.05',
      '--json',
      jsonFile,
    );
    expect(run.stderr).toContain('[1/1] inline.counter');
    expect(run.status).toBe(0);
    expect(run.stdout).toMatch(/restore\.inline +counter +copied/);
    const { rows } = JSON.parse(readFileSync(jsonFile, 'utf8'));
    const names = new Set(rows.map((row: { name: string }) => row.name));
    expect([...names].sort()).toEqual(['cold.inline', 'cold.inline.kept', 'floor.inline', 'restore.inline']);
    for (const row of rows) {
      expect(row.p50Us).toBeGreaterThan(0);
      expect(row.p99Us).toBeGreaterThanOrEqual(row.p50Us);
      expect(row.coldRatio).toBeGreaterThan(0);
    }
    expect(readdirSync(directory)).toEqual(['result.json']);
  });

  it('kills a host and measures the next one beside a cold one, and leaves neither behind', () => {
    const jsonFile = join(directory, 'deaths.json');
    const run = runBench(
      ['--expose-gc'],
      '--only',
      'host-death.1-inline',
      '--seconds',
      '0.05',
      '--json',
      jsonFile,
    );
    expect(run.stderr).toContain('[1/1] host-death.1-inline');
    expect(run.status).toBe(0);
    const rows: readonly { name: string; p50Us: number }[] = JSON.parse(readFileSync(jsonFile, 'utf8')).rows;
    const parts = ['all', 'first', 'open.first', 'open.all'];
    expect(rows.map(({ name }) => name)).toEqual([
      ...parts.map((part) => `death.${part}`),
      ...parts.map((part) => `cold.${part}`),
      'floor.node',
    ]);
    const [all = 0, first = 0, openFirst = 0, openAll = 0] = rows.map(({ p50Us }) => p50Us);
    expect([all >= first, first > openFirst, openAll >= openFirst, openFirst > 0]).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(banksLeftBy(run.pid)).toEqual([]);
    rmSync(jsonFile);
    expect(readdirSync(directory).filter((name) => name.startsWith('rekindle-'))).toEqual([]);
  });

  it.each([
    ['an unknown scenario', ['--expose-gc'], ['--only', 'nothing'], 'no scenario is called nothing'],
    ['an unknown option', ['--expose-gc'], ['--fast'], "Unknown option '--fast'"],
    ['a Node without its garbage collector', [], ['--only', 'floors'], '--expose-gc'],
  ])('refuses %s', (_, nodeOptions, args, message) => {
    const run = runBench(nodeOptions, ...args);
    expect(run.stderr).toContain(message);
    expect(run.stderr).toContain('usage:');
    expect(run.status).toBe(1);
  });
});
