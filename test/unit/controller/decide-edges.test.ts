// The edges of the restart decision: events that come too late or concern nobody, which groups a decision supersedes, and how a
// group is told from a later one of the same ID.
import { describe, expect, test } from 'vitest';
import {
  cannotBeReloaded,
  direct,
  ends,
  fails,
  History,
  indirect,
  isKilled,
  isReleased,
  isReloaded,
  respawns,
  restartIsThrough,
  siteIsRestarted,
} from './history.js';

describe('events that mean nothing', () => {
  const meaningless = [
    ['the end of an unknown member', ends('nobody')],
    ['the end of a member that has ended', ends('ended')],
    ['the end of a member that is stopped', ends('stopped')],
    ['the failure of an unknown member', fails('nobody')],
    ['the failure of a member that has ended', fails('ended')],
    ['the failure of a member that is stopped', fails('stopped')],
    ['the return of an unknown member', respawns('nobody')],
    ['the return of a member that runs', respawns('running')],
    ['the end of a restart of a group that does not restart', restartIsThrough()],
    ['the release of a group that is not quarantined', isReleased()],
    ['the end in an unknown group', ends('running', 9)],
    ['the failure in an unknown group', fails('running', 9)],
    ['the return in an unknown group', respawns('running', 9)],
    ['the end of a restart of an unknown group', restartIsThrough(9)],
    ['the kill of an unknown group (3.8)', isKilled(9)],
    ['the release of an unknown group', isReleased(9)],
    ['the failed cold start of an unknown group', cannotBeReloaded(9)],
    ['the reload of an unknown group', isReloaded(9)],
    ['the reload of a group that does not reload', isReloaded()],
  ] as const;

  test.each(meaningless)('%s', (_title, event) => {
    const history = new History();
    const past = [
      direct('running'),
      direct('ended'),
      indirect('stopped'),
      fails('running'),
      restartIsThrough(),
    ];
    for (const each of [...past, ends('ended')]) history.put(each);
    expect(history.groups()).toEqual(['1 live: running running, ended ended, stopped stopped']);
    const before = history.state;
    expect(history.put(event)).toEqual({
      changed: [],
      books: before.books,
      actions: [],
      supersedes: [],
      state: before,
    });
  });

  test('a failure in a quarantined group', () => {
    const history = new History();
    for (const event of [direct('a'), direct('b'), cannotBeReloaded()]) history.put(event);
    expect(history.tell(fails('b'))).toEqual([]);
    expect(history.groups()).toEqual(['1 quarantined: a stopped, b stopped']);
  });
});

describe('what is superseded', () => {
  test.each([
    ['a restart: its own group', fails('a'), [1]],
    ['a kill: its own group', isKilled(), [1]],
    ['a quarantine: its own group', cannotBeReloaded(), [1]],
    ['a site restart: every group', siteIsRestarted, [1, 2]],
    ['a newcomer: nothing', direct('c'), []],
    ['a clean end: nothing', ends('a'), []],
  ] as const)('%s', (_title, event, expected) => {
    const history = new History();
    for (const each of [direct('a'), direct('other'), direct('b', 2)]) history.put(each);
    expect(history.put(event).supersedes).toEqual(expected);
  });
});

describe('serials', () => {
  test('a group keeps its serial through restarts, and a later group of the same ID has another', () => {
    const history = new History();
    const serial = () => history.state.groups.get(1)?.serial;
    history.put(direct('a'));
    const first = serial();
    for (const event of [fails('a'), restartIsThrough(), direct('b')]) history.put(event);
    expect(serial()).toBe(first);
    const killed = history.put(isKilled());
    expect(killed.actions).toContainEqual({ kind: 'free', group: 1, serial: first, names: ['a', 'b'] });
    history.put(direct('a'));
    expect(serial()).not.toBe(first);
  });
});
