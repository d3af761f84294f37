// The escalation ladder (reference, sections 4.1 and 12 rows 1 and 1b): which rung is reached when, with which rungs switched off,
// what each rung does, and how a group comes down again. Time is a number handed in; nothing here waits.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Policy } from '#runtime/controller/state.js';
import {
  cannotBeReloaded,
  direct,
  ends,
  fails,
  History,
  indirect,
  isReleased,
  isReloaded,
  respawns,
  restartIsThrough,
  SHORT_LADDER,
  siteIsRestarted,
} from './history.js';

type RungReached = 'group' | 'site' | 'cold' | 'quarantine' | 'none';
const OFF = { rollback: true, site: false, cold: false, quarantine: false };
const { maxBadness, intervalMs, maxSiteRestarts, siteIntervalMs } = SHORT_LADDER;

/** Lets the member fail, and its group come back where it does. */
function failAt(history: History, nowMs: number, name = 'a'): RungReached {
  const { actions } = history.put(fails(name), nowMs);
  history.put(restartIsThrough(), nowMs);
  const escalated = actions.find((action) => action.kind === 'report-escalated');
  if (escalated !== undefined) return escalated.rung;
  return actions.some((action) => action.kind === 'report-restarted') ? 'group' : 'none';
}

function climb(policy: Policy, timesMs: readonly number[]): readonly RungReached[] {
  const history = new History(policy);
  history.put(direct('a'));
  return timesMs.map((timeMs) => failAt(history, timeMs));
}

function times<T>(count: number, value: T): readonly T[] {
  return Array.from({ length: count }, () => value);
}

describe('the rungs of a member that fails again and again', () => {
  const { site, cold, quarantine } = { site: true, cold: true, quarantine: true };
  const groups = times(maxBadness, 'group' as const);
  const sites = times(maxSiteRestarts, 'site' as const);
  test.each([
    [{ ...OFF, site, cold, quarantine }, [...groups, ...sites, 'cold', ...groups, 'quarantine', 'none']],
    [{ ...OFF, cold, quarantine }, [...groups, 'cold', ...groups, 'quarantine', 'none']],
    [{ ...OFF, site, quarantine }, [...groups, ...sites, 'quarantine', 'none']],
    [{ ...OFF, quarantine }, [...groups, 'quarantine', 'none']],
    [{ ...OFF, site, cold }, [...groups, ...sites, 'cold', ...groups, 'group', 'group']],
    [{ ...OFF, site }, [...groups, ...sites, 'group', 'group']],
    [{ ...OFF, cold }, [...groups, 'cold', ...groups, 'group', 'group']],
    [OFF, [...groups, 'group', 'group', 'group']],
  ] as const)('%o', (rungs, expected) => {
    const timesMs = expected.map((_, index) => index);
    expect(climb({ ...SHORT_LADDER, rungs }, timesMs)).toEqual(expected);
  });

  test.each([
    ['no badness allowed', { maxBadness: 0 }, ['site', 'site', 'cold', 'quarantine']],
    ['no site restart allowed', { maxSiteRestarts: 0 }, ['group', 'group', 'cold', 'group', 'group']],
    ['neither', { maxBadness: 0, maxSiteRestarts: 0 }, ['cold', 'quarantine', 'none']],
    [
      'the default policy',
      { maxBadness: 5, maxSiteRestarts: 3 },
      [...times(5, 'group'), ...times(3, 'site'), 'cold'],
    ],
  ] as const)('%s', (_title, changes, expected) => {
    const timesMs = expected.map((_, index) => index);
    expect(climb({ ...SHORT_LADDER, ...changes }, timesMs)).toEqual(expected);
  });
});

describe('the interval of badness', () => {
  const last = intervalMs;
  test.each([
    ['just inside: trips', [0, 1, last - 1], ['group', 'group', 'site']],
    ['one has just left: does not trip', [0, 1, last], ['group', 'group', 'group']],
    [
      'slides: what is forgotten makes room for one only',
      [0, 1, last, last],
      ['group', 'group', 'group', 'site'],
    ],
    ['slower than the interval: never trips', [0, 1, 2, 3, 4, 5].map((n) => n * last), times(6, 'group')],
    ['twice an interval: never trips', [0, 1, 2, 3, 4, 5].map((n) => (n * last) / 2), times(6, 'group')],
  ] as const)('%s', (_title, timesMs, expected) => {
    expect(climb(SHORT_LADDER, timesMs)).toEqual(expected);
  });

  test('trips at exactly one restart more than maxBadness within the interval, whatever the times', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 2 * intervalMs }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(gaps, fc.integer({ min: 0, max: 4 }), (gapsMs, allowed) => {
        const policy = { ...SHORT_LADDER, maxBadness: allowed, rungs: { ...OFF, quarantine: true } };
        let nowMs = 0;
        const timesMs = gapsMs.map((gapMs) => (nowMs += gapMs));
        const trips = timesMs.findIndex((timeMs, index) => {
          const earlier = timesMs.slice(0, index).filter((each) => timeMs - each < intervalMs);
          return earlier.length >= allowed;
        });
        const expected = timesMs.map((_, index): RungReached => {
          if (trips < 0 || index < trips) return 'group';
          return index === trips ? 'quarantine' : 'none';
        });
        expect(climb(policy, timesMs)).toEqual(expected);
      }),
    );
  });

  test('a site restart counts against no group but the one it is on account of', () => {
    const history = new History();
    history.put(direct('a'));
    history.put(direct('b', 2));
    expect([0, 1, 2].map((nowMs) => failAt(history, nowMs))).toEqual(['group', 'group', 'site']);
    expect(history.state.groups.get(1)?.restartTimesMs).toHaveLength(maxBadness);
    expect(history.state.groups.get(2)?.restartTimesMs).toEqual([]);
  });

  test('a site restart that was asked for counts against nobody', () => {
    const history = new History();
    history.put(direct('a'));
    for (let nowMs = 0; nowMs < 5; nowMs += 1) history.put(siteIsRestarted, nowMs);
    expect(history.state.groups.get(1)?.restartTimesMs).toEqual([]);
  });

  test('a policy without a limit keeps no times and never escalates', () => {
    const history = new History({ ...SHORT_LADDER, maxBadness: Number.POSITIVE_INFINITY });
    history.put(direct('a'));
    for (let nowMs = 0; nowMs < 20; nowMs += 1) expect(failAt(history, nowMs)).toBe('group');
    expect(history.state.groups.get(1)?.restartTimesMs).toEqual([]);
  });

  test('the record stays as short as the limit where the policy allows no higher rung', () => {
    const history = new History({ ...SHORT_LADDER, rungs: OFF });
    history.put(direct('a'));
    for (let nowMs = 0; nowMs < 20; nowMs += 1) expect(failAt(history, nowMs)).toBe('group');
    expect(history.state.groups.get(1)?.restartTimesMs).toHaveLength(maxBadness);
  });
});

describe('the interval of site restarts', () => {
  /** Enough failures at once to be one above the badness allowed. */
  const burst = (timeMs: number) => times(maxBadness + 1, timeMs);
  const escalations = (timesMs: readonly number[]) =>
    climb(SHORT_LADDER, timesMs).filter((rung) => rung !== 'group');

  test('one more than allowed within it starts the group cold', () => {
    const timesMs = [...burst(0), ...burst(2000), ...burst(siteIntervalMs - 1)];
    expect(escalations(timesMs)).toEqual(['site', 'site', 'cold']);
  });

  test('what is longer ago is forgotten', () => {
    const timesMs = [...burst(0), ...burst(2000), ...burst(siteIntervalMs)];
    expect(escalations(timesMs)).toEqual(['site', 'site', 'site']);
  });

  test('what fails again after a cold start is quarantined, however long ago the site restarts are', () => {
    const coldMs = siteIntervalMs - 1;
    const timesMs = [...burst(0), ...burst(2000), ...burst(coldMs), ...burst(2000 + siteIntervalMs)];
    expect(escalations(timesMs)).toEqual(['site', 'site', 'cold', 'quarantine']);
  });

  test('a cold start longer ago is forgotten too: the ladder begins anew', () => {
    const policy = { ...SHORT_LADDER, maxSiteRestarts: 0 };
    const rungs = climb(policy, [...burst(0), ...burst(siteIntervalMs)]).filter((rung) => rung !== 'group');
    expect(rungs).toEqual(['cold', 'cold']);
  });
});

describe('the site restart as a rung', () => {
  test('restarts every group, the culprit being the one it is on account of', () => {
    const history = new History();
    for (const event of [direct('b', 2), direct('a')]) history.put(event);
    failAt(history, 0);
    failAt(history, 1);
    expect(history.tell(fails('a'), 2)).toEqual([
      'escalated: site',
      ...['stop b @2', 'restore b @2', 'launch b @2', 'restarted: site @2'],
      ...['stop a', 'restore a', 'launch a', 'restarted: site'],
    ]);
    expect(history.state.groups.get(1)?.siteRestartTimesMs).toEqual([2]);
    expect(history.state.groups.get(2)?.siteRestartTimesMs).toEqual([]);
  });

  test('the reason says how often and why', () => {
    const history = new History();
    history.put(direct('a'));
    failAt(history, 0);
    failAt(history, 1);
    expect(history.put(fails('a'), 2).actions[0]).toEqual({
      kind: 'report-escalated',
      group: 1,
      rung: 'site',
      reason: 'restarted 2 times within 1000 ms, last: a failed',
    });
  });
});

describe('the cold start', () => {
  const coldAtOnce = { ...SHORT_LADDER, maxBadness: 0, maxSiteRestarts: 0 };

  test('stops all, frees all, and loads the direct members afresh, those that had ended too', () => {
    const history = new History(coldAtOnce);
    for (const event of [direct('a'), direct('b'), indirect('child'), ends('b')]) history.put(event);
    expect(history.tell(fails('a'))).toEqual([
      'escalated: cold',
      ...['stop child', 'stop a', 'free a b child'],
      ...['reload a', 'reload b', 'confirm reloaded', 'launch a', 'launch b'],
      'restarted: cold',
    ]);
    expect(history.groups()).toEqual(['1 restarting: a running, b running']);
  });

  test('that is interrupted is begun again: nothing is restored from the images that were freed', () => {
    const history = new History(coldAtOnce);
    for (const event of [direct('a'), fails('a')]) history.put(event);
    const again = ['stop a', 'reload a', 'confirm reloaded', 'launch a', 'restarted: site'];
    expect(history.tell(siteIsRestarted)).toEqual(again);
    expect(history.tell(siteIsRestarted)).toEqual(again);
    history.put(isReloaded());
    expect(history.tell(siteIsRestarted)).toEqual(['stop a', 'restore a', 'launch a', 'restarted: site']);
  });

  test('leaves the other groups alone', () => {
    const history = new History(coldAtOnce);
    for (const event of [direct('a'), direct('b', 2)]) history.put(event);
    const { actions, supersedes } = history.put(fails('a'));
    expect(new Set(actions.map((action) => action.group))).toEqual(new Set([1]));
    expect(supersedes).toEqual([1]);
    expect(history.groups()).toEqual(['1 restarting: a running', '2 live: b running']);
  });

  test('frees under the old serial and goes on under a new one, without badness', () => {
    const history = new History({ ...SHORT_LADDER, maxSiteRestarts: 0 });
    history.put(direct('a'));
    const old = history.state.groups.get(1)?.serial;
    for (const timeMs of [0, 1]) failAt(history, timeMs);
    const { actions } = history.put(fails('a'), 2);
    expect(actions).toContainEqual({ kind: 'free', group: 1, serial: old, names: ['a'] });
    const group = history.state.groups.get(1);
    expect(group?.serial).not.toBe(old);
    expect(group?.restartTimesMs).toEqual([]);
    expect(group?.coldStartMs).toBe(2);
  });

  test('that fails quarantines the group, with the reason', () => {
    const history = new History(coldAtOnce);
    for (const event of [direct('a'), fails('a')]) history.put(event);
    const { actions } = history.put(cannotBeReloaded(), 1);
    expect(actions.map(({ kind }) => kind)).toEqual(['report-escalated', 'stop', 'report-quarantined']);
    expect(history.state.groups.get(1)).toMatchObject({
      phase: 'quarantined',
      reason: 'cold start failed: no such file',
    });
    expect(history.put(cannotBeReloaded(), 2)).toMatchObject({ changed: [], actions: [], supersedes: [] });
  });
});

describe('quarantine', () => {
  const quarantineAtOnce = { ...SHORT_LADDER, maxBadness: 0, rungs: { ...OFF, quarantine: true } };

  function quarantined(): History {
    const history = new History(quarantineAtOnce);
    for (const event of [direct('a'), direct('b'), direct('gone'), indirect('child'), ends('gone')])
      history.put(event);
    expect(history.tell(fails('a'))).toEqual([
      'escalated: quarantine',
      ...['stop child', 'stop b', 'stop a'],
      'quarantined',
    ]);
    return history;
  }

  test('stops everything, keeps it on record with the reason, and starts nothing', () => {
    const history = quarantined();
    expect(history.groups()).toEqual(['1 quarantined: a stopped, b stopped, gone ended, child stopped']);
    expect(history.state.groups.get(1)?.reason).toBe('restarted 0 times within 1000 ms, last: a failed');
  });

  test('does no harm to others: they fail and restart as before', () => {
    const history = quarantined();
    history.put(direct('other', 2));
    expect(history.groups()[1]).toBe('2 live: other running');
    expect(history.put(fails('other', 2)).actions.every(({ group }) => group === 2)).toBe(true);
  });

  test('a release restarts what had not ended, with a clean record', () => {
    const history = quarantined();
    expect(history.tell(isReleased(), 5)).toEqual([
      ...['restore a', 'restore b', 'launch a', 'launch b'],
      'restarted: group',
    ]);
    expect(history.groups()).toEqual(['1 restarting: a running, b running, gone ended, child stopped']);
    expect(history.state.groups.get(1)).toMatchObject({
      siteRestartTimesMs: [],
      coldStartMs: null,
      reason: null,
      restartTimesMs: [5],
    });
  });

  test('after a release the indirect member comes back by hrfexec, and the group can end', () => {
    const history = quarantined();
    for (const event of [isReleased(), restartIsThrough(), respawns('child')]) history.put(event);
    for (const event of [ends('a'), ends('b')]) expect(history.tell(event)).toEqual([]);
    expect(history.tell(ends('child'))).toEqual(['free a b gone child']);
  });
});
