// What is decided when a site has come back: a site restart asked for on groups read from a bank, of which nothing runs. Each scenario
// begins with a site that dies; what the bank keeps of its groups is all that the next one knows.
import { describe, expect, test } from 'vitest';
import { groupFromRecord, recordOfGroup, restoredState } from '#runtime/controller/group-record.js';
import type { ControllerEvent } from '#runtime/controller/state.js';
import {
  cannotBeReloaded,
  direct,
  ends,
  fails,
  failsFutilely,
  History,
  indirect,
  isReleased,
  isReloaded,
  respawns,
  restartIsThrough,
  SHORT_LADDER,
  siteIsRestarted,
} from './history.js';

/** The site dies after these events, and another takes its bank over. */
function reopenedAfter(events: readonly ControllerEvent[], policy = SHORT_LADDER): History {
  const history = new History(policy);
  for (const event of events) history.put(event);
  const { groups, books } = history.state;
  const records = [...groups.values()].map((group) => [`group/${group.id}`, recordOfGroup(group)] as const);
  return new History(
    policy,
    restoredState(
      records.map(([key, value]) => groupFromRecord(key, value)),
      books,
    ),
  );
}

const coldAtOnce = { ...SHORT_LADDER, maxBadness: 0, maxSiteRestarts: 0 };
const RESTORED_A = ['restore a', 'launch a', 'restarted: site'];

describe('the restart of a site that has come back', () => {
  test.each([
    [
      'starts direct members in order of first start, and stops nothing, for nothing runs',
      [direct('a'), direct('b'), fails('a')],
      ['restore a', 'restore b', 'launch a', 'launch b', 'restarted: site'],
      ['1 restarting: a running, b running'],
    ],
    [
      'leaves direct members ended that had ended',
      [direct('a'), direct('b'), ends('b')],
      RESTORED_A,
      ['1 restarting: a running, b ended'],
    ],
    [
      'leaves indirect members stopped, or ended',
      [direct('a'), indirect('x'), indirect('y'), ends('y')],
      RESTORED_A,
      ['1 restarting: a running, x stopped, y ended'],
    ],
    [
      'restarts every group, and leaves a quarantined one as it is',
      [direct('a'), direct('b', 2), direct('c', 3), cannotBeReloaded(2)],
      [...RESTORED_A, 'restore c @3', 'launch c @3', 'restarted: site @3'],
      ['1 restarting: a running', '2 quarantined: b stopped', '3 restarting: c running'],
    ],
    ['has nothing to do in an empty site', [], ['site restarted @0'], []],
    [
      'has nothing to do where all is quarantined',
      [direct('a'), cannotBeReloaded()],
      ['site restarted @0'],
      ['1 quarantined: a stopped'],
    ],
    [
      'is the same where the site died in the middle of a restart',
      [direct('a'), siteIsRestarted],
      RESTORED_A,
      ['1 restarting: a running'],
    ],
  ] as const)('%s', (_title, events, actions, groups) => {
    const history = reopenedAfter(events);
    expect(history.put(siteIsRestarted).actions.filter(({ kind }) => kind === 'stop')).toEqual([]);
    expect(reopenedAfter(events).tell(siteIsRestarted)).toEqual(actions);
    expect(history.groups()).toEqual(groups);
  });

  test('is through when its last group is', () => {
    const history = reopenedAfter([direct('a'), direct('b', 2)]);
    history.put(siteIsRestarted);
    expect(history.tell(restartIsThrough(2))).toEqual([]);
    expect(history.tell(restartIsThrough())).toEqual(['site restarted']);
    expect(history.groups()).toEqual(['1 live: a running', '2 live: b running']);
  });

  test('counts against nobody, and what had been counted still counts', () => {
    const history = reopenedAfter([direct('a'), fails('a'), fails('a')]);
    history.put(siteIsRestarted);
    expect(history.state.groups.get(1)?.restartTimesMs).toEqual([0, 0]);
    expect(history.tell(fails('a'))[0]).toBe('escalated: site');
  });

  test('remembers futile failures', () => {
    const history = reopenedAfter([direct('a'), failsFutilely('a', 3), failsFutilely('a', 3)]);
    history.put(siteIsRestarted);
    expect(history.tell(failsFutilely('a', 3))).toContain('roll back a');
  });

  test('an indirect member comes back by hrfexec', () => {
    const history = reopenedAfter([direct('a'), indirect('x')]);
    for (const event of [siteIsRestarted, restartIsThrough(), respawns('x')]) history.put(event);
    expect(history.groups()).toEqual(['1 live: a running, x running']);
  });
});

describe('a group with nobody to start', () => {
  test('is blocked where a member is stopped', () => {
    const history = reopenedAfter([direct('a'), indirect('x'), ends('a')]);
    expect(history.tell(siteIsRestarted)).toEqual(['restarted: site']);
    expect(history.tell(restartIsThrough())).toEqual(['site restarted', 'blocked: x']);
    expect(history.groups()).toEqual(['1 live: a ended, x stopped']);
  });

  test('is freed where all had ended and only the site’s death kept it', () => {
    const history = reopenedAfter([direct('a'), fails('a'), ends('a')]);
    expect(history.tell(siteIsRestarted)).toEqual(['restarted: site']);
    expect(history.tell(restartIsThrough())).toEqual(['site restarted', 'free a']);
    expect(history.groups()).toEqual([]);
  });
});

describe('a cold start that the death of the site cut short', () => {
  const RELOADED_A = ['reload a', 'confirm reloaded', 'launch a', 'restarted: site'];

  test('is begun again: not all of it has been loaded', () => {
    const history = reopenedAfter([direct('a'), fails('a')], coldAtOnce);
    expect(history.tell(siteIsRestarted)).toEqual(RELOADED_A);
    history.put(isReloaded());
    expect(history.tell(siteIsRestarted)).toEqual(['stop a', ...RESTORED_A]);
  });

  test('was over for the images when all had been loaded', () => {
    const history = reopenedAfter([direct('a'), fails('a'), isReloaded()], coldAtOnce);
    expect(history.tell(siteIsRestarted)).toEqual(RESTORED_A);
    expect(history.tell(fails('a'))[0]).toBe('escalated: quarantine');
  });
});

describe('a quarantine', () => {
  test('is remembered with its reason, and can be released', () => {
    const history = reopenedAfter([direct('a'), indirect('x'), cannotBeReloaded()]);
    history.put(siteIsRestarted);
    expect(history.state.groups.get(1)?.reason).toBe('cold start failed: no such file');
    expect(history.tell(isReleased())).toEqual(['restore a', 'launch a', 'restarted: group']);
  });

  test('comes with exactly its reason where a group cannot be restored, and at most once', () => {
    const history = reopenedAfter([direct('a'), direct('b')]);
    const event: ControllerEvent = { kind: 'unrestorable', group: 1, reason: 'the image of a is damaged' };
    expect(history.put(event).actions).toEqual([
      { kind: 'report-escalated', group: 1, rung: 'quarantine', reason: 'the image of a is damaged' },
      { kind: 'report-quarantined', group: 1, reason: 'the image of a is damaged' },
    ]);
    expect(history.put({ ...event, reason: 'so is that of b' }).actions).toEqual([]);
    expect(history.state.groups.get(1)?.reason).toBe('the image of a is damaged');
    expect(history.tell(siteIsRestarted)).toEqual(['site restarted @0']);
  });
});
