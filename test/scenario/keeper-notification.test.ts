// What a service manager hears of a real site, kept and not, over a real socket: by a path and by an abstract name.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { DatagramReceiver } from '#test/support/datagram-receiver.js';
import { CommandUnderTest } from '#test/support/kept-site.js';

const directory = mkdtempSync(join(tmpdir(), 'rekindle-notify-'));
afterAll(() => rmSync(directory, { recursive: true }));

let count = 0;
const ADDRESSES = [
  ['a path', () => join(directory, `socket-${++count}`)],
  ['an abstract name', () => `@rekindle-notify-${process.pid}-${++count}`],
] as const;

describe.runIf(process.platform === 'linux').each(ADDRESSES)('notified at %s', (_title, addressOf) => {
  it.each([
    ['kept', ['--keep']],
    ['alone', []],
  ])('a site that is %s: open, restarted, watched and ended', async (_kept, args) => {
    using receiver = new DatagramReceiver(addressOf());
    const variables = { NOTIFY_SOCKET: receiver.address, WATCHDOG_USEC: '400000' };
    await using command = new CommandUnderTest({ args, variables });
    await receiver.has(
      `READY=1\nMAINPID=${command.pid}\nSTATUS=site open on ${command.directory}/bank (cold start)`,
    );
    await receiver.has('WATCHDOG=1', 2);
    command.signal('SIGHUP');
    await receiver.has('RELOADING=1\nMONOTONIC_USEC=');
    await receiver.has('READY=1', 2);
    command.signal('SIGTERM');
    expect((await command.end()).exitCode).toBe(0);
    await receiver.has('STOPPING=1');
    expect(receiver.received().filter((text) => text.includes('STOPPING=1'))).toHaveLength(1);
    expect(command.lines.filter((line) => line.includes('cannot notify'))).toEqual([]);
  });
});

describe.runIf(process.platform === 'linux')('notified of a kept site', () => {
  it('that dies: what happened, and that it is open again', async () => {
    using receiver = new DatagramReceiver(`@rekindle-notify-${process.pid}-${++count}`);
    await using command = new CommandUnderTest({
      args: ['--keep'],
      variables: { NOTIFY_SOCKET: receiver.address },
    });
    process.kill(await command.readyChild(), 'SIGKILL');
    await receiver.has('STATUS=the site died: killed by SIGKILL; it is being started again');
    await receiver.has(`READY=1\nMAINPID=${command.pid}\n`, 2);
    expect(receiver.received().filter((text) => text.includes('WATCHDOG'))).toEqual([]);
  });

  it.each([
    ['where nobody listens', '/nonexistent/socket'],
    ['that is no name', 'nowhere'],
  ])('at an address %s: told once, and the site lives', async (_title, address) => {
    await using command = new CommandUnderTest({ args: ['--keep'], variables: { NOTIFY_SOCKET: address } });
    process.kill(await command.readyChild(), 'SIGKILL');
    await command.readyChild(2);
    expect(command.lines.filter((line) => line.includes('cannot notify the service manager'))).toHaveLength(
      1,
    );
  });
});
