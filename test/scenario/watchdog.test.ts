// A time limit that strikes while the host is at work on top of the limited guest: restarting another group, telling a listener, or
// loading a child. Whatever was cut off, nothing is lost, nothing is left at work, and the host lives.
import { describe, expect, it } from 'vitest';
import type { HostFunction } from '#runtime/index.js';
import { openProbeSite } from '#test/support/probe-site.js';
import { inTime, until } from '#test/support/scenario.js';

const LIMIT_MS = 15;
/** Longer than the limit and the watchdog's grace together. */
const BUSY_MS = 60;

function busy(): void {
  const end = performance.now() + BUSY_MS;
  while (performance.now() < end);
}

async function open(answer: HostFunction) {
  const opened = await openProbeSite();
  const victim = await opened.probe({ placement: 'inline', group: 2 });
  const caller = await opened.site.arun('probe-caller.wasm', {
    placement: 'inline',
    group: 1,
    imports: { 'probe-embedder': { answer: (...args) => answer(...args), report: () => undefined } },
  });
  await opened.ready(caller);
  return { opened, site: opened.site, victim, caller };
}

describe('a time limit that strikes on top of another group', () => {
  it.each(['fault', 'restarted'] as const)('in a listener of its %s event', async (event) => {
    let trap: () => unknown = () => 0;
    const { opened, site, victim, caller } = await open(() => {
      trap();
      return 0;
    });
    const { pid } = victim;
    trap = () => victim.callSync('trap');
    site.on(event, busy);
    const ended = caller.call('ask', [1], { limitMs: LIMIT_MS });
    await inTime(
      'the limited call',
      ended.catch(() => undefined),
    );
    await until('the victim was restarted', () => victim.pid !== pid);
    site.off(event, busy);
    await opened.ready(victim);
    expect(victim.callSync('bump')).toBe(1);
    await inTime('akill', site.akill(victim.pid));
    await opened.ready(victim);
    await inTime('killGroup', site.killGroup(2));
    expect(site.process(victim.name)).toBeNull();
  });

  it('in the host function itself, after the other guest has failed', async () => {
    let trap: () => unknown = () => 0;
    const { opened, victim, caller } = await open(() => {
      try {
        trap();
      } catch {
        busy();
      }
      return 0;
    });
    const { pid } = victim;
    trap = () => victim.callSync('trap');
    await expect(caller.call('ask', [1], { limitMs: LIMIT_MS })).rejects.toMatchObject({
      code: 'GUEST_FAULT',
    });
    await until('the victim was restarted', () => victim.pid !== pid);
    await opened.ready(victim);
    expect(victim.callSync('bump')).toBe(1);
  });

  it('nothing more runs of a guest that has failed and waits for its restart', async () => {
    const seen: unknown[] = [];
    let calls: () => void = () => undefined;
    const { opened, victim, caller } = await open(() => {
      calls();
      return 0;
    });
    const { pid } = victim;
    calls = () => {
      for (const name of ['trap', 'bump']) {
        try {
          seen.push(victim.callSync(name));
        } catch (error) {
          seen.push((error as { readonly code?: unknown }).code);
        }
      }
    };
    await caller.call('ask', [1], { limitMs: 10_000 });
    expect(seen).toEqual(['GUEST_FAULT', 'PROCESS_RESTARTING']);
    await until('the victim was restarted', () => victim.pid !== pid);
    await opened.ready(victim);
    expect(victim.callSync('bump')).toBe(1);
  });
});

describe('a group that fails whenever it is started', () => {
  it('leaves the host its thread, when nothing limits its restarts', async () => {
    const opened = await openProbeSite({
      stableStorage: 'guests/build',
      policy: { maxBadness: Number.POSITIVE_INFINITY },
    });
    const process = await opened.site.arun('faulty.wasm', {
      placement: 'inline',
      group: 3,
      args: ['at-start'],
    });
    let turns = 0;
    await until('the event loop turned', () => ++turns > 5);
    expect(opened.events('fault').length).toBeGreaterThan(16);
    await inTime('killGroup', opened.site.killGroup(3));
    expect(opened.site.process(process.name)).toBeNull();
  });
});
