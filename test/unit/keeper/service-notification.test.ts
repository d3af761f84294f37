// What the service manager is told: the datagrams as sd_notify(3) has them, when there are any, and what happens when they fail.
import { describe, expect, it } from 'vitest';
import { RekindleError } from '#runtime/errors.js';
import { MAX_RETRIES, RETRY_PERIOD_MS, ServiceNotification } from '#runtime/keeper/service-notification.js';
import { ManualTimers } from './keeper-fixture.js';

const PID = 4711;

/** `errno`: with what a sending fails now; null when it does not. */
function notification(
  environment: Readonly<Record<string, string>>,
  errno: () => string | null = () => null,
) {
  const timers = new ManualTimers();
  const sent: string[] = [];
  const said: string[] = [];
  const opened: string[] = [];
  const notifier = new ServiceNotification({
    environment,
    pid: PID,
    timers,
    monotonicUs: () => 123_456_789_012n,
    say: (line) => said.push(line),
    openSender: (address) => {
      opened.push(address);
      return {
        send: (bytes) => {
          const name = errno();
          if (name !== null) throw new RekindleError('SYSTEM_CALL_FAILED', 'sendto', `${name}: ${address}`);
          sent.push(Buffer.from(bytes).toString());
        },
        [Symbol.dispose]: () => void opened.pop(),
      };
    },
  });
  return { notifier, sent, said, opened, timers };
}

it('each occasion is one datagram', () => {
  const { notifier, sent, opened } = notification({ NOTIFY_SOCKET: '@manager' });
  notifier.ready('site open\non /dev/shm/x');
  notifier.status('the site died');
  notifier.reloading();
  notifier.stopping();
  notifier.alive();
  expect(sent).toEqual([
    'READY=1\nMAINPID=4711\nSTATUS=site open on /dev/shm/x',
    'STATUS=the site died',
    'RELOADING=1\nMONOTONIC_USEC=123456789012',
    'STOPPING=1',
    'WATCHDOG=1',
  ]);
  expect(opened).toEqual(['@manager']);
  notifier[Symbol.dispose]();
  expect(opened).toEqual([]);
});

it.each([[{}], [{ NOTIFY_SOCKET: '' }], [{ WATCHDOG_USEC: '1000000' }]])(
  'with %o nothing is sent',
  (environment) => {
    const { notifier, sent, opened } = notification(environment);
    notifier.ready('');
    notifier.alive();
    expect([sent, opened, notifier.alivePeriodMs]).toEqual([[], [], null]);
  },
);

describe('the watchdog', () => {
  it.each([
    [{ WATCHDOG_USEC: '30000000' }, 15_000],
    [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '4711' }, 15_000],
    [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '4712' }, null],
    [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '' }, null],
    [{ WATCHDOG_USEC: '1' }, 1],
    [{ WATCHDOG_USEC: '999999999999999' }, 2 ** 31 - 1],
    [{ WATCHDOG_USEC: '0' }, null],
    [{ WATCHDOG_USEC: 'often' }, null],
    [{}, null],
  ])('%o: every %o ms', (environment, expected) => {
    const { notifier } = notification({ NOTIFY_SOCKET: '/run/x', ...environment });
    expect(notifier.alivePeriodMs).toBe(expected);
  });
});

describe('what cannot be sent', () => {
  const ENVIRONMENT = { NOTIFY_SOCKET: '/run/x' };
  const FAILED = 'cannot notify the service manager: SYSTEM_CALL_FAILED: sendto';

  it('is told once for each way to fail', () => {
    let errno = 'ECONNREFUSED';
    const { notifier, sent, said } = notification(ENVIRONMENT, () => errno);
    notifier.alive();
    notifier.alive();
    errno = 'EAGAIN';
    notifier.status('x');
    errno = 'ECONNREFUSED';
    notifier.alive();
    expect(said).toEqual([`${FAILED}: ECONNREFUSED: /run/x`, `${FAILED}: EAGAIN: /run/x`]);
    expect(sent).toEqual([]);
  });

  it('is sent again when it is a state, until it has arrived; signs of life and texts are not', () => {
    let errno: string | null = 'EAGAIN';
    const { notifier, sent, timers } = notification(ENVIRONMENT, () => errno);
    notifier.ready('open');
    notifier.alive();
    notifier.status('x');
    timers.pass(3 * RETRY_PERIOD_MS);
    expect(sent).toEqual([]);
    errno = null;
    timers.pass(RETRY_PERIOD_MS);
    expect(sent).toEqual(['READY=1\nMAINPID=4711\nSTATUS=open']);
    timers.pass(RETRY_PERIOD_MS);
    expect([sent.length, timers.count]).toEqual([1, 0]);
  });

  it('gives way to a later state', () => {
    let errno: string | null = 'EAGAIN';
    const { notifier, sent, timers } = notification(ENVIRONMENT, () => errno);
    notifier.ready('open');
    notifier.reloading();
    expect(timers.count).toBe(1);
    errno = null;
    notifier.stopping();
    timers.pass(RETRY_PERIOD_MS);
    expect([sent, timers.count]).toEqual([['STOPPING=1'], 0]);
  });

  it('is given up in the end, and at once when it is disposed of', () => {
    const { notifier, said, timers } = notification(ENVIRONMENT, () => 'ENOENT');
    notifier.ready('open');
    timers.pass(RETRY_PERIOD_MS * MAX_RETRIES);
    expect([said.length, timers.count]).toEqual([1, 0]);
    notifier.ready('open');
    notifier[Symbol.dispose]();
    expect(timers.count).toBe(0);
  });

  it('is not tried again where that is of no use', () => {
    const timers = new ManualTimers();
    const said: string[] = [];
    const notifier = new ServiceNotification({
      environment: { NOTIFY_SOCKET: 'nowhere' },
      pid: PID,
      timers,
      monotonicUs: () => 0n,
      say: (line) => said.push(line),
      openSender: (address) => {
        throw new RekindleError('OPTION_INVALID', address);
      },
    });
    notifier.ready('open');
    expect([said.length, timers.count]).toEqual([1, 0]);
  });
});
