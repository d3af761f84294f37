// The command and its keeper as real processes: they are killed, stopped, made to hang and told to end, and each time the right one
// comes back, the reason is told, and nothing is left behind.
import { fork } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CommandUnderTest, isAlive } from '#test/support/kept-site.js';
import { runNode } from '#test/support/run-program.js';
import { inTime, until } from '#test/support/scenario.js';

const COMMAND = 'dist/runtime/cli.js';
const FULL = '/dev/full';
const OPEN = 'rekindle: site open on DIR/bank';
/** In a process that has a keeper, before anything of ours. */
const inChild = (code: string): readonly string[] => [
  '--import',
  `data:text/javascript,if(process.send){${encodeURIComponent(code)}}`,
];
const WATCHDOG = ['--set', 'keeper.watchdog=2000'];

describe('a kept site', () => {
  it('that is killed is started again, each time', async () => {
    await using command = new CommandUnderTest({ args: ['--keep'] });
    for (const life of [1, 2, 3]) process.kill(await command.readyChild(life), 'SIGKILL');
    await command.readyChild(4);
    expect(new Set(command.childPids).size).toBe(4);
    expect(command.childPids.filter(isAlive)).toHaveLength(1);
    const told = command.plainLines.filter((line) => line.startsWith('keeper: ') && line.includes('again'));
    expect(told).toEqual([
      'keeper: starting again at once',
      'keeper: starting again in 100 ms',
      'keeper: starting again in 200 ms',
    ]);
    expect(command.plainLines).toContain('keeper: process N died: killed by SIGKILL');
  });

  it('that is asked to begin anew does so once: after its death it comes back hot', async () => {
    // Of every child the arguments are told before it opens anything.
    const told = inChild("process.stderr.write('cold: '+process.argv.includes('--cold')+'\\n')");
    await using command = new CommandUnderTest({ args: ['--keep', '--cold'], nodeArgs: told });
    process.kill(await command.readyChild(), 'SIGKILL');
    await command.readyChild(2);
    expect(command.lines.filter((line) => line.startsWith('cold: '))).toEqual(['cold: true', 'cold: false']);
  });

  it.each([
    ["process.kill(process.pid,'SIGSEGV')", 'killed by SIGSEGV'],
    ['process.exit(7)', 'exit code 7'],
    ["throw new Error('at every start')", 'exit code 1'],
  ])('that dies at every start, by %s, is given up with the reason', async (code, how) => {
    const args = ['--keep', '--set', 'keeper.maxDeaths=2'];
    await using command = new CommandUnderTest({ args, nodeArgs: inChild(code) });
    expect(await command.end()).toEqual({ exitCode: 1, signal: null });
    expect(command.childPids).toHaveLength(3);
    expect(command.lines.at(-1)).toBe(
      `keeper: ended with exit code 1: the site died 3 times within 60000 ms, last: ${how}`,
    );
    await command.isGone();
  });

  it('that hangs is killed and started again', async () => {
    await using command = new CommandUnderTest({ args: ['--keep', ...WATCHDOG] });
    const pid = await command.readyChild();
    process.kill(pid, 'SIGSTOP');
    await command.readyChild(2);
    expect(command.plainLines).toContain('keeper: process N died: hung, no sign of life for 2000 ms');
    expect(isAlive(pid)).toBe(false);
  });

  it('that hangs at its start is killed, and given up', async () => {
    const args = ['--keep', '--set', 'keeper.startLimit=200', '--set', 'keeper.maxDeaths=1'];
    await using command = new CommandUnderTest({ args, nodeArgs: inChild('for(;;);') });
    expect((await command.end()).exitCode).toBe(1);
    expect(command.lines.at(-1)).toContain(
      'the site died 2 times within 60000 ms, last: not open within 200 ms',
    );
  });

  it('that cannot be opened is not started again', async () => {
    await using command = new CommandUnderTest({ args: ['--keep'], storage: '/nonexistent' });
    expect((await command.end()).exitCode).toBe(3);
    expect(command.childPids).toHaveLength(1);
    expect(command.lines).toContainEqual(expect.stringMatching(/^rekindle: STORAGE_UNAVAILABLE: /));
    expect(command.lines.at(-1)).toMatch(/^keeper: ended with exit code 3: the site cannot be opened/);
  });

  it('that is ended by somebody else stays so', async () => {
    await using command = new CommandUnderTest({ args: ['--keep'] });
    process.kill(await command.readyChild(), 'SIGTERM');
    expect((await command.end()).exitCode).toBe(0);
    expect(command.lines.at(-1)).toBe('keeper: ended with exit code 0: the site was ended on purpose');
  });

  it('is restarted in its process on SIGHUP', async () => {
    await using command = new CommandUnderTest({ args: ['--keep'] });
    const pid = await command.readyChild();
    command.signal('SIGHUP');
    await command.said('rekindle: site restarted, 0 processes in 0 groups');
    await command.readyChild(2);
    expect(command.childPids).toEqual([pid]);
  });
});

describe('the keeper', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('ends in good order on %s', async (signal) => {
    await using command = new CommandUnderTest({ args: ['--keep'] });
    await command.readyChild();
    command.signal(signal);
    expect(await command.end()).toEqual({ exitCode: 0, signal: null });
    expect(command.plainLines.slice(-3)).toEqual([
      `keeper: stopping on ${signal}`,
      'keeper: process N ended: exit code 0',
      'keeper: ended with exit code 0: told to stop',
    ]);
    await command.isGone();
  });

  it('ends in good order when the whole group is signalled', async () => {
    await using command = new CommandUnderTest({ args: ['--keep'] });
    const pid = await command.readyChild();
    for (const each of [command.pid, pid]) process.kill(each, 'SIGINT');
    expect((await command.end()).exitCode).toBe(0);
    expect(command.plainLines).toContain('keeper: process N ended: exit code 0');
  });

  it('ends at once when told twice, though the site does not', async () => {
    await using command = new CommandUnderTest({ args: ['--keep'] });
    const pid = await command.readyChild();
    process.kill(pid, 'SIGSTOP');
    command.signal('SIGTERM');
    await command.said('keeper: stopping on SIGTERM');
    command.signal('SIGTERM');
    expect((await command.end()).exitCode).toBe(143);
    expect(isAlive(pid)).toBe(false);
  });

  it('that is killed takes its site along', async () => {
    await using command = new CommandUnderTest({ args: ['--keep'] });
    const pid = await command.readyChild();
    command.signal('SIGKILL');
    await until('the site ends', () => !isAlive(pid));
    expect(await command.end()).toEqual({ exitCode: null, signal: 'SIGKILL' });
    expect(command.lines).toContain('rekindle: the keeper is gone');
    await command.isGone();
  });
});

describe.runIf(existsSync(FULL))('a log that cannot be written', () => {
  const storage = mkdtempSync(join(tmpdir(), 'rekindle-full-log-'));
  const full = openSync(FULL, 'w');
  writeFileSync(join(storage, 'sysadm.ini'), 'echo up\n');
  afterAll(() => {
    closeSync(full);
    rmSync(storage, { recursive: true });
  });

  it('ends nobody when it is standard output, and is told once', async () => {
    await using command = new CommandUnderTest({ args: ['--keep'], storage, stdout: full });
    const told = 'rekindle: standard output cannot be written, what goes there is lost: ENOSPC';
    const pid = await command.readyChild();
    await command.said(told);
    process.kill(pid, 'SIGKILL');
    await command.readyChild(2);
    await command.said(told, 2);
    command.signal('SIGTERM');
    expect((await command.end()).exitCode).toBe(0);
    expect(command.lines.filter((line) => line.includes('ENOSPC'))).toHaveLength(2);
  });

  it('ends nobody when it is standard error', async () => {
    await using command = new CommandUnderTest({ args: ['--keep'], storage, stderr: full });
    await until('the site is open', () => command.output.includes('up\n'));
    command.signal('SIGTERM');
    expect((await command.end()).exitCode).toBe(0);
  });
});

describe('a site without a keeper', () => {
  it('takes no other parent with a channel for one', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'rekindle-forked-'));
    const child = fork(COMMAND, ['run', '--storage', directory, '--bank', join(directory, 'bank')], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const messages: unknown[] = [];
    const ended = new Promise((resolve) => child.on('exit', (...end) => resolve(end)));
    let text = '';
    child.on('message', (message) => messages.push(message));
    child.stderr?.on('data', (piece) => {
      text += String(piece);
    });
    try {
      await until('the site is open', () => text.includes('site open on'));
      child.disconnect();
      child.kill('SIGINT');
      expect(await inTime('its end', ended)).toEqual([0, null]);
      expect([messages, text.includes('keeper')]).toEqual([[], false]);
    } finally {
      child.kill('SIGKILL');
      rmSync(directory, { recursive: true });
    }
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'says that it is open, and ends in good order on %s',
    async (signal) => {
      await using command = new CommandUnderTest();
      await command.said(`${OPEN} (cold start), 0 processes in 0 groups, pid N`);
      command.signal(signal);
      expect(await command.end()).toEqual({ exitCode: 0, signal: null });
    },
  );

  it('restarts on SIGHUP', async () => {
    await using command = new CommandUnderTest();
    await command.said(OPEN);
    command.signal('SIGHUP');
    await command.said('rekindle: site restarted');
  });

  it.each([['copied'], ['auto']])('runs on backend %s', async (backend) => {
    await using command = new CommandUnderTest({ args: ['--backend', backend, '--set', 'pmm.maxBlocks=16'] });
    await command.said(OPEN);
  });
});

describe('the command line', () => {
  it.each([
    ['--help', /^usage: rekindle run --storage DIR/],
    ['--version', /^\d+\.\d+\.\d+\n$/],
  ])('%s', async (option, expected) => {
    const { exitCode, stdout, stderr } = await runNode([COMMAND, option]);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(expected);
  });

  it('is refused with what is wrong, a hint, and 2', async () => {
    const { exitCode, stdout, stderr } = await runNode([COMMAND, 'run', '--storage', 'x', '--set', 'a=1']);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr.split('\n')).toEqual([
      "rekindle: --set a=1: there is no setting 'a'",
      expect.stringMatching(/^usage: rekindle run /),
      '',
    ]);
  });

  it('cannot break or forge a line, nor can a path', async () => {
    const refused = await runNode([COMMAND, 'no\nkeeper: forged\u001b']);
    expect(refused.stderr.split('\n')[0]).toBe(
      "rekindle: there is no command 'no\\u{a}keeper: forged\\u{1b}'",
    );
    await using command = new CommandUnderTest({ storage: '/nonexistent\nkeeper: forged' });
    expect((await command.end()).exitCode).toBe(3);
    expect(command.lines).toHaveLength(1);
  });
});
