// sysadm.ini on a real site, with real guests, read from a real directory: a cold start runs everything in order, a hot one leaves what
// comes back by itself, and a hostile file costs its own lines and nothing else.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CommandFailure } from '#runtime/cinit/command-failure.js';
import { runSysadm, SYSADM_FILE } from '#runtime/cinit/sysadm.js';
import { MAX_SYSADM_BYTES } from '#runtime/limits.js';
import { StableStorage } from '#runtime/storage/stable-storage.js';
import { openProbeSite, type ProbeSite, refusal } from '#test/support/probe-site.js';
import { until } from '#test/support/scenario.js';

let base: string;
let directory: string;
let file: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'rekindle-sysadm-'));
  directory = join(base, 'storage');
  file = join(directory, SYSADM_FILE);
  mkdirSync(directory);
});

afterEach(() => {
  rmSync(base, { recursive: true, force: true });
});

const read = () =>
  new StableStorage(directory, { maxModuleBytes: 1 }).readText(SYSADM_FILE, MAX_SYSADM_BYTES);

interface Ran {
  readonly failures: readonly CommandFailure[];
  readonly output: string;
}

/** Runs what the file holds now. Nothing is run when there is none. */
async function start({ site }: ProbeSite, kind: 'cold' | 'hot'): Promise<Ran> {
  const text = read();
  const written: string[] = [];
  if (text === null) return { failures: [], output: '' };
  const failures = await runSysadm({ text, start: kind, site, console: (piece) => written.push(piece) });
  return { failures, output: written.join('') };
}

/** What runs, without what a start changes. */
function running({ site }: ProbeSite) {
  return site.aps().map(({ path, kind, group, uid, placement }) => ({ path, kind, group, uid, placement }));
}

const BEGIN = `
# The first group.
setenv MODE "night shift"
arun -g 3 -p inline -u 7:8 probe.wasm greet 'a b' ""
arun -g -p inline -e MODE=day -z probe.wasm   # group 0
unsetenv MODE
arun -p inline -z probe-command.wasm PLAIN print:plain
echo "done:" 3
aps
pmstat
`;

const DIRECT = { path: 'probe.wasm', kind: 'direct', placement: 'inline' };
const THREE = { ...DIRECT, group: 3, uid: 7 };
const ZERO = { ...DIRECT, group: 0, uid: 0 };

describe('a start', () => {
  it('cold runs every line in order, with options, quotes and environment', async () => {
    writeFileSync(file, BEGIN.replaceAll('\n', '\r\n'));
    const opened = await openProbeSite();
    const { failures, output } = await start(opened, 'cold');
    expect(failures).toEqual([]);
    expect(running(opened)).toEqual(expect.arrayContaining([THREE, ZERO]));
    expect(opened.events('started').map(({ process }) => process.name.split('#')[0])).toEqual([
      'probe',
      'probe',
      'probe-command',
    ]);
    expect(opened.output()).toContain('argv: probe.wasm greet a b ');
    await until('the plain process has printed', () => opened.output().includes('plain\n'));
    expect(output).toMatch(/^(Started pid = \d+\n){3}done: 3\nUID +PID +NAME +STATE +GROUP/);
    expect(output).toMatch(/\nNAME +SIZE +KEY +GROUP +OWNER +MAPPINGS\n/);
    const environments = await Promise.all(
      opened.site
        .aps()
        .filter(({ kind }) => kind === 'direct')
        .map(async ({ name }) => (await opened.named(name)).call('env', [], { returns: 'strings' })),
    );
    expect(environments).toEqual([['MODE=night shift'], ['MODE=day']]);
  });

  it('hot leaves the arun -g lines to the system and runs the others again', async () => {
    writeFileSync(file, BEGIN);
    const opened = await openProbeSite();
    await start(opened, 'cold');
    const names = () =>
      opened.site
        .aps()
        .filter(({ kind }) => kind === 'direct')
        .map(({ name }) => name);
    const before = names();
    await opened.site.restart();
    const { failures, output } = await start(opened, 'hot');
    expect(failures).toEqual([]);
    expect(names()).toEqual(before);
    expect(output.match(/Started pid/g)).toHaveLength(1);
    expect(output).toContain('done: 3\n');
    await until('the plain process has printed twice', () => opened.output().split('plain\n').length === 3);
  });

  it('in threads goes the same way, and a group is killed by its line', async () => {
    writeFileSync(file, 'arun -g 3 probe.wasm\narun -g 4 probe.wasm\nakill -g 3\nakill -g 99\n');
    const opened = await openProbeSite();
    const { failures, output } = await start(opened, 'cold');
    expect(failures).toEqual([]);
    expect(output).toMatch(/^Started pid = (\d+)\nStarted pid = \d+\n$/);
    await until('group 3 is gone', () => !opened.site.report().groups.some(({ group }) => group === 3));
    expect(running(opened)).toContainEqual({ ...ZERO, group: 4, placement: 'thread' });
  });

  it('without the file does nothing', async () => {
    const opened = await openProbeSite();
    expect(await start(opened, 'cold')).toEqual({ failures: [], output: '' });
    expect(opened.site.aps()).toEqual([]);
  });
});

it('names what fails by its line, with what the site says of it, and goes on', async () => {
  const lines = [
    'arun missing.wasm',
    'arun ../probe.wasm',
    'arun -g 256 probe.wasm',
    'arun -m 1 probe.wasm',
    'arun -l 0 probe.wasm',
    'arun -u 4294967296 probe.wasm',
    `arun -p inline probe.wasm '${'x'.repeat(60_000)}' ${'y'.repeat(5_000)}`,
    'akill 4000000',
    'shutdown -i 1',
    'arun "-g',
    'arun -g 1 -p inline probe.wasm',
  ];
  writeFileSync(file, lines.join('\n'));
  const opened = await openProbeSite();
  const { failures, output } = await start(opened, 'cold');
  expect(failures.map(({ line, reason }) => `${line} ${reason.split(': ').slice(0, 2).join(' ')}`)).toEqual([
    '1 MODULE_NOT_FOUND missing.wasm',
    '2 MODULE_PATH_REFUSED ../probe.wasm',
    expect.stringMatching(/^3 GROUP_LIMIT /),
    '4 OPTION_INVALID memoryQuotaBytes',
    '5 OPTION_INVALID callLimitMs',
    '6 OPTION_INVALID credentials.uid',
    '8 PROCESS_UNKNOWN pid 4000000',
    '9 PERMISSION_DENIED shutdown',
    '10 OPTION_INVALID column 6',
  ]);
  const told = output.split('\n').filter((line) => line.startsWith('C_INIT: '));
  expect(told).toEqual(failures.map(({ line, reason }) => `C_INIT: sysadm.ini:${line}: ${reason}`));
  expect(running(opened)).toContainEqual({ ...DIRECT, group: 1, uid: 0 });
});

describe('a hostile file', () => {
  it('of random bytes: every line is refused or blank, the site is as it was', async () => {
    // A linear congruence: the same bytes in every run.
    let state = 1;
    const bytes = Uint8Array.from({ length: 200_000 }, () => {
      state = (state * 1103515245 + 12345) % 2 ** 31;
      return state >> 16;
    });
    writeFileSync(file, bytes);
    const opened = await openProbeSite();
    const { failures, output } = await start(opened, 'cold');
    expect(failures.length).toBeGreaterThan(500);
    expect(new Set(failures.map(({ reason }) => reason.split(':')[0]))).toEqual(new Set(['OPTION_INVALID']));
    expect(output).toMatch(/^[\x20-\x7e\n\p{L}\p{N}\p{P}\p{S}\p{M}\p{Z}\p{Co}\p{Cn}]*$/u);
    expect(opened.site.aps()).toEqual([]);
  });

  it.each([
    [
      'not UTF-8 in one line',
      Buffer.from('echo a\necho \xfc\necho b\n', 'latin1'),
      'line 2 column 6: is not UTF-8',
    ],
    ['a character cut short', Buffer.from([0x65, 0x63, 0x20, 0xe2, 0x82]), 'line 1 column 4: is not UTF-8'],
    ['an overlong NUL', Buffer.from([0x20, 0xc0, 0x80]), 'line 1 column 2: is not UTF-8'],
    ['an encoded surrogate', Buffer.from([0xed, 0xa0, 0x80]), 'line 1 column 1: is not UTF-8'],
    ['a NUL', Buffer.from('echo \0'), 'line 1 column 6: a NUL character'],
    ['one huge line', Buffer.alloc(MAX_SYSADM_BYTES, 'x'), 'line 1 line: is longer than 65536 bytes'],
    ['endless quotes', Buffer.alloc(60_001, "'"), 'line 1 column 60001: the quote is never closed'],
    ['a quote over lines', Buffer.from("echo 'a\necho b"), 'line 1 column 6: the quote is never closed'],
    ['too many lines', Buffer.alloc(10_001, '\n'), 'line 0 sysadm.ini: has more than 10000 lines'],
  ])('%s', async (_, content, expected) => {
    writeFileSync(file, content);
    const opened = await openProbeSite();
    const { failures } = await start(opened, 'cold');
    const said = failures.map(({ line, reason }) => `line ${line} ${reason.replace('OPTION_INVALID: ', '')}`);
    expect(said).toEqual([expected]);
    expect(opened.site.aps()).toEqual([]);
  });

  it.each<[string, () => void, string]>([
    ['of 10 MB', () => writeFileSync(file, Buffer.alloc(10_000_000, 'echo x\n')), 'MODULE_TOO_LARGE'],
    [
      'of a tebibyte of nothing',
      () => {
        writeFileSync(file, '');
        truncateSync(file, 2 ** 40);
      },
      'MODULE_TOO_LARGE',
    ],
    ['that is a directory', () => mkdirSync(file), 'MODULE_NOT_FOUND'],
    [
      'that is a link out of storage',
      () => {
        writeFileSync(join(base, 'outside'), 'echo secret\n');
        symlinkSync(join(base, 'outside'), file);
      },
      'MODULE_PATH_REFUSED',
    ],
    ['that is a link to a device', () => symlinkSync('/dev/zero', file), 'MODULE_PATH_REFUSED'],
    ['that is a link to nothing', () => symlinkSync('gone', file), 'MODULE_NOT_FOUND'],
    ['that is a link to itself', () => symlinkSync(SYSADM_FILE, file), 'MODULE_PATH_REFUSED'],
  ])('%s is not read', async (_, make, code) => {
    make();
    expect(await refusal(read)).toMatchObject({ code, culprit: SYSADM_FILE });
  });

  it('a storage that has gone is not an absent file', async () => {
    const storage = new StableStorage(directory, { maxModuleBytes: 1 });
    rmSync(directory, { recursive: true });
    const error = await refusal(() => storage.readText(SYSADM_FILE, MAX_SYSADM_BYTES));
    expect(error.code).toBe('STORAGE_UNAVAILABLE');
  });
});

it('a link to a file inside storage, and a file as large as may be, are read', () => {
  writeFileSync(join(directory, 'night.ini'), 'x'.repeat(MAX_SYSADM_BYTES));
  symlinkSync('night.ini', file);
  expect(read()?.length).toBe(MAX_SYSADM_BYTES);
});
