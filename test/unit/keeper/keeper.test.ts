// The keeper step by step, in time that the test moves: starts, deaths, hangs, signals, and what each is told to whom.
import { describe, expect, it } from 'vitest';
import { KeeperUnderTest } from './keeper-fixture.js';

describe('a life', () => {
  it('is started, told when open, and started again at once when it dies', async () => {
    const test = new KeeperUnderTest();
    expect(test.take()).toEqual(['keeper: pid 4711', 'keeper: started process 1']);
    test.says('alive', 'ready');
    expect(test.take()).toEqual(['keeper: process 1 is ready', '> ready open']);
    test.child.exited(null, 'SIGSEGV');
    expect(test.take()).toEqual([
      'keeper: process 1 died: killed by SIGSEGV',
      'keeper: starting again at once',
      '> status the site died: killed by SIGSEGV; it is being started again',
    ]);
    test.timers.pass(0);
    expect(test.take()).toEqual(['keeper: started process 2']);
    expect(test.starts).toEqual([false, true]);
    expect(await test.end()).toBeUndefined();
  });

  it('is followed by another after longer and longer delays, until there were too many', async () => {
    const test = new KeeperUnderTest({ maxDeaths: 3 });
    for (const delayMs of [0, 100, 200]) {
      test.child.exited(1, null);
      const startCount = test.starts.length;
      if (delayMs > 0) test.timers.pass(delayMs - 1);
      expect(test.starts.length).toBe(startCount);
      test.timers.pass(1);
      expect(test.starts.length).toBe(startCount + 1);
    }
    test.take();
    test.child.exited(1, null);
    const reason = 'the site died 4 times within 60000 ms, last: exit code 1';
    expect(test.take()).toEqual([
      'keeper: process 4 died: exit code 1',
      `> status ${reason}`,
      '> stopping',
      `keeper: ended with exit code 1: ${reason}`,
    ]);
    expect(await test.end()).toBe(1);
    expect(test.timers.count).toBe(0);
  });

  it.each([
    [0, 0],
    [3, 3],
  ])('that ends with exit code %i is the last', async (exitCode, expected) => {
    const test = new KeeperUnderTest({}, 50);
    test.says('ready');
    test.child.exited(exitCode, null);
    expect(await test.end()).toBe(expected);
    expect(test.timers.count).toBe(0);
    expect(test.starts).toHaveLength(1);
  });

  it('that could not begin counts as a death', async () => {
    const test = new KeeperUnderTest({ maxDeaths: 0 });
    test.startFails = true;
    test.child.exited(1, null);
    expect(await test.end()).toBe(1);
    const other = new KeeperUnderTest();
    other.startFails = true;
    other.child.exited(1, null);
    other.timers.pass(0);
    other.take();
    other.child.failed(new Error('spawn EAGAIN'));
    expect(other.take().slice(0, 2)).toEqual([
      'keeper: a process could not be started: spawn EAGAIN',
      'keeper: starting again in 100 ms',
    ]);
  });

  it('tells what could not be done to it, and goes on', () => {
    const test = new KeeperUnderTest();
    test.take();
    test.child.failed(new Error('kill EPERM'));
    expect(test.take()).toEqual(['keeper: process 1: kill EPERM']);
  });

  it('hands on what the site says of itself', () => {
    const test = new KeeperUnderTest();
    test.says('ready');
    test.take();
    test.says('reloading', 'ready', 'stopping');
    expect(test.take()).toEqual([
      '> reloading',
      'keeper: process 1 is ready',
      '> ready open',
      '> status the site is being shut down',
    ]);
  });
});

describe('a site that hangs', () => {
  it('at its start is killed, and counted', () => {
    const test = new KeeperUnderTest({ startLimitMs: 1000 });
    test.take();
    test.timers.pass(1000);
    test.says('alive');
    expect(test.take()).toEqual([]);
    test.timers.pass(250);
    expect(test.take()).toEqual(['* SIGKILL to 1']);
    test.child.exited(null, 'SIGKILL');
    expect(test.take()[0]).toBe('keeper: process 1 died: not open within 1000 ms');
    test.timers.pass(0);
    expect(test.starts).toHaveLength(2);
  });

  it('later is killed when no sign of life has come for the limit, and not before', () => {
    const test = new KeeperUnderTest({ watchdogMs: 400 });
    test.says('ready');
    test.take();
    for (let sign = 0; sign < 10; sign++) {
      test.timers.pass(399);
      test.says('alive');
    }
    expect(test.take()).toEqual([]);
    test.timers.pass(500);
    expect(test.take()).toEqual(['* SIGKILL to 1']);
    // Too late.
    test.says('alive', 'ready');
    test.child.exited(null, 'SIGKILL');
    expect(test.take().slice(0, 2)).toEqual([
      'keeper: process 1 died: hung, no sign of life for 400 ms',
      'keeper: starting again at once',
    ]);
  });

  it('is not what it looks like to a keeper that was suspended itself', () => {
    const test = new KeeperUnderTest({ watchdogMs: 400, startLimitMs: 400 });
    test.timers.sleep(100_000);
    test.says('ready');
    test.timers.sleep(100_000);
    test.says('alive');
    test.timers.pass(300);
    expect(test.log.filter((line) => line.startsWith('*'))).toEqual([]);
  });

  it('is left alone when it is not watched', () => {
    const test = new KeeperUnderTest({ watchdogMs: 0 });
    test.says('ready');
    test.take();
    test.timers.pass(1_000_000);
    expect(test.take()).toEqual([]);
    expect(test.timers.count).toBe(0);
  });

  it('and does not even end when killed stops the keeper', async () => {
    const test = new KeeperUnderTest({ watchdogMs: 400 });
    test.says('ready');
    test.timers.pass(60_000);
    expect(test.log.at(-1)).toBe('keeper: ended with exit code 1: the site was killed, but it does not end');
    expect(await test.end()).toBe(1);
  });

  it('while it shuts down by itself has a bound, which it cannot put off', () => {
    const test = new KeeperUnderTest();
    test.says('ready', 'stopping');
    test.timers.pass(14_000);
    test.says('stopping', 'ready', 'alive');
    test.take();
    test.timers.pass(1000);
    expect(test.take()).toEqual(['* SIGKILL to 1']);
  });
});

describe('signals', () => {
  it('SIGTERM: the site ends in good order, and the keeper with 0', async () => {
    const test = new KeeperUnderTest();
    test.says('ready');
    test.take();
    test.keeper.stop('SIGTERM');
    expect(test.take()).toEqual(['keeper: stopping on SIGTERM', '> stopping', '* SIGTERM to 1']);
    test.says('stopping');
    test.timers.pass(1000);
    expect(await test.end()).toBeUndefined();
    test.child.exited(0, null);
    expect(test.take()).toEqual([
      'keeper: process 1 ended: exit code 0',
      'keeper: ended with exit code 0: told to stop',
    ]);
    expect(await test.end()).toBe(0);
    expect(test.timers.count).toBe(0);
  });

  it('SIGTERM: a site that does not end is killed', async () => {
    const test = new KeeperUnderTest();
    test.keeper.stop('SIGTERM');
    test.take();
    test.timers.pass(15_000);
    expect(test.take()).toEqual(['* SIGKILL to 1']);
    test.child.exited(null, 'SIGKILL');
    expect(await test.end()).toBe(1);
  });

  it('SIGTERM: a site that does not heed it yet dies of it, which is no failure', async () => {
    const test = new KeeperUnderTest();
    test.keeper.stop('SIGTERM');
    test.child.exited(null, 'SIGTERM');
    expect(await test.end()).toBe(0);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s twice: at once', async (signal, exitCode) => {
    const test = new KeeperUnderTest();
    test.keeper.stop(signal);
    test.take();
    test.keeper.stop(signal);
    expect(test.take()).toEqual([`keeper: stopping at once on another ${signal}`, '* SIGKILL to 1']);
    test.child.exited(null, 'SIGKILL');
    expect(await test.end()).toBe(exitCode);
  });

  it('SIGTERM between two lives: none follows', async () => {
    const test = new KeeperUnderTest();
    test.child.exited(1, null);
    test.keeper.stop('SIGTERM');
    expect(await test.end()).toBe(0);
    test.timers.pass(10_000);
    expect(test.starts).toHaveLength(1);
    test.take();
    test.keeper.stop('SIGTERM');
    expect(test.take()).toEqual([]);
  });

  it('SIGHUP is passed on to an open site only', () => {
    const test = new KeeperUnderTest();
    test.take();
    test.keeper.reload();
    test.says('ready');
    test.keeper.reload();
    test.keeper.stop('SIGTERM');
    test.keeper.reload();
    const ignored = 'keeper: SIGHUP is ignored: the site is not open';
    expect(test.take().filter((line) => line.includes('SIGHUP'))).toEqual([
      ignored,
      '* SIGHUP to 1',
      ignored,
    ]);
  });
});

describe('the watchdog of the service manager', () => {
  it('hears of a site that lives, and nothing while there is none', () => {
    const test = new KeeperUnderTest({ watchdogMs: 400 }, 100);
    const alive = () => test.take().filter((line) => line === '> alive').length;
    test.timers.pass(200);
    expect(alive()).toBe(2);
    test.says('ready');
    test.timers.pass(200);
    expect(alive()).toBe(2);
    test.child.exited(1, null);
    test.timers.pass(0);
    test.child.exited(1, null);
    test.timers.pass(99);
    expect(alive()).toBe(0);
  });

  it('hears nothing of a site that is being killed', () => {
    const test = new KeeperUnderTest({ watchdogMs: 400 }, 100);
    test.says('ready');
    test.timers.pass(500);
    expect(test.take()).toContain('* SIGKILL to 1');
    test.timers.pass(1000);
    expect(test.take()).toEqual([]);
  });

  it('hears nothing of a silent site when the keeper itself does not watch, until it is heard again', () => {
    const test = new KeeperUnderTest({ watchdogMs: 0 }, 100);
    test.says('ready');
    test.timers.pass(150);
    test.take();
    test.timers.pass(1000);
    expect(test.take()).toEqual([]);
    test.says('alive');
    test.timers.pass(100);
    expect(test.take()).toEqual(['> alive']);
  });
});
