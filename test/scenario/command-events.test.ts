// What the command tells of its guests, as a real process: a site in which everything fails in silence cannot be kept by anybody.
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSite } from '#runtime/index.js';
import { readPages } from '#test/support/documents.js';
import { CommandUnderTest } from '#test/support/kept-site.js';
import { inTime, rejection, SAMPLE_GUESTS, until } from '#test/support/scenario.js';

let directory: string;
let storage: string;

beforeEach(() => {
  const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  directory = mkdtempSync(join(parent, 'rekindle-command-events-'));
  storage = join(directory, 'storage');
  mkdirSync(storage);
  for (const guest of ['counter', 'hello-restart', 'restart-parent', 'restart-child'].map(
    (name) => `${name}.wasm`,
  )) {
    copyFileSync(join(SAMPLE_GUESTS, guest), join(storage, guest));
  }
});

afterEach(() => rmSync(directory, { recursive: true }));

const begin = (...lines: readonly string[]): void =>
  writeFileSync(join(storage, 'sysadm.ini'), `${lines.join('\n')}\n`);

const output = (command: CommandUnderTest, line: string): Promise<void> =>
  until(`it has printed ${line}`, () => command.output.includes(`${line}\n`));

describe('sysadm.ini', () => {
  const ABSENT = 'C_INIT: no sysadm.ini in stable storage';

  it('that is missing is told of at a cold start; one written later is run, but for its groups', async () => {
    const bank = join(directory, 'bank');
    {
      await using command = new CommandUnderTest({ storage, bank });
      await output(command, ABSENT);
      command.signal('SIGTERM');
      await command.end();
    }
    begin('arun -g 1 counter.wasm');
    await using command = new CommandUnderTest({ storage, bank });
    await command.said('(hot restart), 0 processes in 0 groups, pid N');
    await output(command, 'C_INIT: sysadm.ini: 1 arun -g line not run: hot start');
    expect(command.output).not.toContain(ABSENT);
    command.signal('SIGTERM');
    await command.end();
    await using cold = new CommandUnderTest({ storage, bank, args: ['--cold'] });
    await cold.said('(cold start), 1 process in 1 group, pid N');
    expect(cold.output).toBe('Started pid = 1\n');
  });
});

describe('guests', () => {
  it.each(['README.md', 'docs/sysadm.md'])('that %s begins with run to their end', async (path) => {
    const [code = '', ...more] = readPages()
      .filter((page) => page.path === path)
      .flatMap(({ blocks }) => blocks.filter(({ language }) => language === 'ini'))
      .map((block) => block.code);
    expect(more).toEqual([]);
    begin(code);
    await using command = new CommandUnderTest({ storage });
    await command.said('rekindle: site open');
    expect(command.output).toMatch(/Started pid = \d+\n.*Started pid = \d+\n.*UID +PID/s);
    await output(command, '======== End of message========');
    await output(command, 'Hello again! I have been restarted.');
    expect(command.output).not.toContain('C_INIT');
    expect(command.lines.filter((line) => line.includes('escalated'))).toEqual([]);
  });

  it('that fail, come back and end are told of by name', async () => {
    begin('arun -g 3 -p inline -z hello-restart.wasm', 'arun -p inline -z hello-restart.wasm');
    await using command = new CommandUnderTest({ storage });
    await command.said('rekindle: site open');
    const trap = 'trap in _start: memory access out of bounds';
    await command.said(`rekindle: hello-restart#1: ${trap}`);
    await command.said('rekindle: group 3: restarted in ');
    await command.said('rekindle: hello-restart#2: ended: ');
  });
});

describe('a quarantined group', () => {
  const bank = (): string => join(directory, 'bank');

  async function quarantine(): Promise<void> {
    const rungs = { rollback: false, site: false, cold: false };
    const site = await openSite({ stableStorage: storage, bank: bank(), policy: { maxBadness: 0, rungs } });
    const counter = await site.arun('counter.wasm', { group: 7 });
    await counter.ready();
    await counter.call('increment');
    expect((await rejection(counter.call('crash'))).code).toBe('GUEST_FAULT');
    await until('it is quarantined', () => site.report().groups[0]?.phase === 'quarantined');
    await inTime('shutdown', site.shutdown());
  }

  it('is counted and named, with its reason, at every start', async () => {
    await quarantine();
    for (const _ of [1, 2]) {
      await using command = new CommandUnderTest({ storage, bank: bank() });
      await command.said('(hot restart), 1 process in 1 group, 1 quarantined, pid N');
      await command.said(
        'rekindle: group 7: quarantined: restarted 0 times within 10000 ms, last: counter#1: trap',
      );
      command.signal('SIGHUP');
      await command.said('rekindle: site restarted, 1 process in 1 group, 1 quarantined');
      command.signal('SIGTERM');
      expect((await command.end()).exitCode).toBe(0);
    }
  });

  it('is started again by a line of sysadm.ini, with its blocks', async () => {
    await quarantine();
    begin('release 7', 'release 8');
    {
      await using command = new CommandUnderTest({ storage, bank: bank() });
      await command.said('(hot restart), 1 process in 1 group, pid N');
      expect(command.output).toBe('');
      expect(command.lines.filter((line) => line.includes('quarantined'))).toEqual([]);
      command.signal('SIGTERM');
      expect((await command.end()).exitCode).toBe(0);
    }
    const site = await openSite({ stableStorage: storage, bank: bank(), sysadm: 'ignore' });
    try {
      expect(await site.process('counter#1')?.call('total')).toBe(1n);
    } finally {
      await inTime('shutdown', site.shutdown());
    }
  });
});
