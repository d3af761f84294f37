// A kept site on a bank: what guests have in persistent memory is still there after the host has been killed, again and again, and no
// process but the one that was killed is lost.
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openSite } from '#runtime/index.js';
import { CommandUnderTest } from '#test/support/kept-site.js';
import { inTime, SAMPLE_GUESTS } from '#test/support/scenario.js';

const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'rekindle-kept-bank-'));
afterAll(() => rmSync(directory, { recursive: true }));

it('comes back with every block, each time its host is killed', async () => {
  const bank = join(directory, 'survivor');
  const before = await openSite({ stableStorage: SAMPLE_GUESTS, bank });
  const counter = await before.arun('counter.wasm', { group: 7 });
  await counter.ready();
  await counter.call('add', [41]);
  await inTime('shutdown', before.shutdown());

  await using command = new CommandUnderTest({ args: ['--keep'], bank });
  for (const life of [1, 2, 3]) {
    const pid = await command.readyChild(life);
    await command.said(`rekindle: site open on ${bank} (hot restart), 1 process in 1 group`, life);
    process.kill(pid, 'SIGKILL');
  }
  await command.readyChild(4);
  command.signal('SIGHUP');
  await command.said('rekindle: site restarted, 1 process in 1 group');
  await command.readyChild(5);
  command.signal('SIGTERM');
  expect((await command.end()).exitCode).toBe(0);
  expect(command.lines.filter((line) => line.includes('lost'))).toEqual([]);

  const after = await openSite({ stableStorage: SAMPLE_GUESTS, bank });
  try {
    expect(after.start).toBe('hot');
    const again = after.process(counter.name);
    await again?.ready();
    expect([await again?.call('total'), await again?.call('value')]).toEqual([41n, 0]);
  } finally {
    await inTime('shutdown', after.shutdown());
  }
});

it('begins with sysadm.ini, and comes back when stable storage has gone', async () => {
  const storage = join(directory, 'storage');
  mkdirSync(storage);
  copyFileSync(join(SAMPLE_GUESTS, 'counter.wasm'), join(storage, 'counter.wasm'));
  writeFileSync(join(storage, 'sysadm.ini'), 'arun -g 7 counter.wasm\n');
  await using command = new CommandUnderTest({ args: ['--keep'], storage });
  const pid = await command.readyChild();
  await command.said('(cold start), 1 process in 1 group');
  rmSync(storage, { recursive: true });
  process.kill(pid, 'SIGKILL');
  await command.readyChild(2);
  await command.said('(hot restart), 1 process in 1 group');
});

it('is not run twice on one bank: the second is refused, and comes when the first has gone', async () => {
  const bank = join(directory, 'shared');
  await using first = new CommandUnderTest({ args: ['--keep'], bank });
  await first.readyChild();
  const owned = 'rekindle: BANK_OWNED: ';
  await using second = new CommandUnderTest({ args: ['--keep', '--set', 'keeper.maxDeaths=1'], bank });
  expect((await second.end()).exitCode).toBe(1);
  await second.said(owned, 2);
  await using third = new CommandUnderTest({ args: ['--keep', '--set', 'keeper.maxDeaths=100'], bank });
  await third.said(owned);
  first.signal('SIGTERM');
  expect((await first.end()).exitCode).toBe(0);
  await third.readyChild();
});
