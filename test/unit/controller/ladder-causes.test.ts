// What the ladder makes of failures that are not of the usual kind: those of the host, which no cold start makes good, and entries that
// hang, whose time is no time the group was up.
import { describe, expect, test } from 'vitest';
import type { ControllerEvent } from '#runtime/controller/state.js';
import { direct, fails, History, isReloaded, restartIsThrough, SHORT_LADDER } from './history.js';

const { maxBadness, intervalMs } = SHORT_LADDER;

function changed(event: ControllerEvent, changes: { entryMs?: number; ofHost?: boolean }): ControllerEvent {
  return { ...event, ...changes } as ControllerEvent;
}

describe('a process the host cannot put back', () => {
  const notPutBack = changed(fails('a'), { ofHost: true });

  test('costs its group the restarts it may have, then it waits in quarantine: nobody else is restarted, nothing is freed', () => {
    const history = new History();
    for (const event of [direct('a'), direct('b', 2)]) history.put(event);
    for (let time = 0; time < maxBadness; time += 1) {
      expect(history.tell(notPutBack)).toContain('restarted: group');
      history.put(restartIsThrough());
    }
    const told = history.tell(notPutBack);
    expect(told[0]).toBe('escalated: quarantine');
    expect(told.filter((each) => each.startsWith('free') || each.includes('@2'))).toEqual([]);
    expect(history.groups()).toEqual(['1 quarantined: a stopped', '2 live: b running']);
    expect(history.state.groups.get(1)?.reason).toContain('it cannot be put back: ');
  });

  test('is tried for ever where there is no quarantine, and takes no other rung', () => {
    const history = new History({ ...SHORT_LADDER, rungs: { ...SHORT_LADDER.rungs, quarantine: false } });
    history.put(direct('a'));
    for (let time = 0; time < 3 * maxBadness; time += 1) {
      expect(history.tell(notPutBack)).toContain('restarted: group');
      history.put(restartIsThrough());
    }
  });

  test('says nothing of its generation', () => {
    const history = new History({ ...SHORT_LADDER, maxFutileFailures: 1 });
    history.put(direct('a'));
    const told = history.tell(changed(notPutBack, {}));
    expect(told).not.toContain('roll back a');
    expect(history.state.groups.get(1)?.members[0]).toMatchObject({ futileFailures: 0 });
  });
});

describe('an entry that hangs until its limit', () => {
  /** Each start hangs for longer than the window; the failure of the nth is at n times that. */
  const hungMs = 3 * intervalMs;
  const hangs = changed(fails('a'), { entryMs: hungMs });

  test('fills the window all the same, and climbs to the top', () => {
    const history = new History();
    history.put(direct('a'));
    const rungs: string[] = [];
    for (let nth = 1; nth <= 40 && history.state.groups.get(1)?.phase !== 'quarantined'; nth += 1) {
      const nowMs = nth * hungMs;
      rungs.push(...history.tell(hangs, nowMs).filter((each) => each.startsWith('escalated')));
      history.put(isReloaded(), nowMs);
      history.put(restartIsThrough(), nowMs);
    }
    expect(rungs).toEqual(['escalated: site', 'escalated: site', 'escalated: cold', 'escalated: quarantine']);
  });

  test('but time that the group was up makes its failures older', () => {
    const history = new History();
    history.put(direct('a'));
    for (let nth = 1; nth <= 20; nth += 1) {
      const nowMs = nth * (hungMs + intervalMs);
      expect(history.tell(hangs, nowMs)).toContain('restarted: group');
      history.put(restartIsThrough(), nowMs);
    }
  });
});
