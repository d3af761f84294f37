// `process.ready()`: the wait between a fault and the next call. It ends when the process takes calls again, when it never will, or
// with its limit.
import { describe, expect, it } from 'vitest';
import { openSite } from '#runtime/index.js';
import { ProbeCalls } from '#test/support/probe-calls.js';
import { openProbeSite, refusal } from '#test/support/probe-site.js';
import { TEST_GUESTS } from '#test/support/test-guests.js';

const NO_RUNGS = { site: false, cold: false, quarantine: true };

describe.each(['thread', 'inline'] as const)('ready: %s', (placement) => {
  it('resolves at once for a process that takes calls, and after a restart', async () => {
    const { site } = await openProbeSite();
    const process = await site.arun('probe.wasm', { placement });
    await process.ready();
    const { pid } = process;
    expect((await refusal(process.call('trap'))).code).toBe('GUEST_FAULT');
    await process.ready();
    expect(process.pid).not.toBe(pid);
    expect(await process.call('bump')).toBe(1);
  });

  it('rejects when the group is quarantined, also while it waits', async () => {
    const { site } = await openProbeSite({ policy: { maxBadness: 0, rungs: NO_RUNGS } });
    const process = await site.arun('probe.wasm', { placement });
    await process.ready();
    const fault = refusal(process.call('trap'));
    const waiting = fault.then(() => refusal(process.ready()));
    expect(await waiting).toMatchObject({
      code: 'GROUP_QUARANTINED',
      message: expect.stringMatching(/ group 0, .*: trap: unreachable$/),
    });
    await site.releaseGroup(0);
    await process.ready();
    expect(await process.call('bump')).toBe(1);
  });

  it('rejects when the process has ended', async () => {
    const { site } = await openProbeSite();
    const process = await site.arun('probe.wasm', { placement });
    await process.ready();
    await site.killGroup(0);
    expect((await refusal(process.ready())).code).toBe('PROCESS_ENDED');
  });

  it('refuses a limit that is none', async () => {
    const { site } = await openProbeSite();
    const process = await site.arun('probe.wasm', { placement });
    expect((await refusal(process.ready({ limitMs: 0 }))).code).toBe('OPTION_INVALID');
  });
});

it('rejects when its limit has passed: an indirect process that nobody runs again', async () => {
  const opened = await openProbeSite();
  const parent = await opened.probe({ placement: 'inline' });
  await new ProbeCalls(parent).spawn('CHILD', 'probe.wasm');
  const child = await opened.named('CHILD');
  expect((await refusal(parent.call('trap'))).code).toBe('GUEST_FAULT');
  await parent.ready();
  expect(child.state).toBe('stopped');
  expect((await refusal(child.ready({ limitMs: 20 }))).code).toBe('PROCESS_RESTARTING');
});

it('a call that is cut off is told by what', async () => {
  const { site } = await openProbeSite();
  const process = await site.arun('probe.wasm', { placement: 'thread' });
  await process.ready();
  const [, behind] = await Promise.all(['trap', 'bump'].map((name) => refusal(process.call(name))));
  expect(behind).toMatchObject({
    code: 'PROCESS_RESTARTED',
    message: expect.stringMatching(/: after probe#1: trap: unreachable$/),
  });
});

it('a quarantine that nobody listens to is told on the console', async () => {
  const lines: string[] = [];
  await using site = await openSite({
    stableStorage: TEST_GUESTS,
    policy: { maxBadness: 0, rungs: NO_RUNGS },
    output: ({ processName, bytes }) => lines.push(`${processName} ${Buffer.from(bytes).toString()}`),
  });
  const process = await site.arun('probe.wasm', { group: 4, placement: 'inline' });
  await process.ready();
  await refusal(process.call('trap'));
  await refusal(process.ready());
  expect(lines).toEqual([
    expect.stringMatching(/^HR_CTRL HR_CTRL: group 4 is quarantined: .*probe#1: trap: unreachable\n$/),
  ]);
});
