// The roll-back as a rung (below all others): which failures count as futile, when the failed process is given an older generation, and
// that nobody else is. Generations are numbers handed in; what they hold is nobody's business here.
import { describe, expect, test } from 'vitest';
import { type ControllerEvent, DEFAULT_POLICY, type Policy } from '#runtime/controller/state.js';
import {
  cannotBeReloaded,
  direct,
  ends,
  fails,
  failsFutilely,
  failsUsefully,
  History,
  indirect,
  isReleased,
  isReloaded,
  respawns,
  restartIsThrough,
  retell,
  type Scenario,
  SHORT_LADDER,
  siteIsRestarted,
} from './history.js';

const RESTART_OF_A = ['stop a', 'restore a', 'launch a', 'restarted: group'];
const ROLL_BACK_OF_A = ['stop a', 'roll back a', 'restore a', 'launch a', 'restarted: group'];
const SITE_RESTART_FOR_A = ['escalated: site', 'stop a', 'restore a', 'launch a', 'restarted: site'];
const RESTART_OF_BOTH = [
  ...['stop b', 'stop a', 'restore a', 'restore b', 'launch a', 'launch b'],
  'restarted: group',
];
const RESTARTING = ['1 restarting: a running'];
const STARTED = [direct('a'), [], ['1 live: a running']] as const;

const SCENARIOS: readonly Scenario[] = [
  {
    title: 'the failure that would climb the ladder rolls the process back, the third in a row',
    steps: [
      STARTED,
      [failsFutilely('a', 3), RESTART_OF_A, RESTARTING],
      [failsFutilely('a', 3), RESTART_OF_A, RESTARTING],
      [failsFutilely('a', 3), ROLL_BACK_OF_A, RESTARTING],
      [restartIsThrough(), [], ['1 live: a running']],
    ],
  },
  {
    title: 'each older generation gets a series of its own; from generation 0 the ladder is climbed',
    steps: [
      STARTED,
      ...[2, 1].flatMap((generation): Scenario['steps'] => [
        [failsFutilely('a', generation), RESTART_OF_A, RESTARTING],
        [failsFutilely('a', generation), RESTART_OF_A, RESTARTING],
        [failsFutilely('a', generation), ROLL_BACK_OF_A, RESTARTING],
      ]),
      [fails('a'), RESTART_OF_A, RESTARTING],
      [fails('a'), RESTART_OF_A, RESTARTING],
      [fails('a'), SITE_RESTART_FOR_A, RESTARTING],
    ],
  },
  {
    title: 'one futile failure among useful ones is not enough; the next one is',
    steps: [
      STARTED,
      [failsUsefully('a', 3), RESTART_OF_A, RESTARTING],
      [failsUsefully('a', 3), RESTART_OF_A, RESTARTING],
      [failsFutilely('a', 3), SITE_RESTART_FOR_A, RESTARTING],
      [failsFutilely('a', 3), ROLL_BACK_OF_A, RESTARTING],
    ],
  },
  {
    title: 'useful failures climb the ladder, whatever the generation',
    steps: [
      STARTED,
      [failsUsefully('a', 3), RESTART_OF_A, RESTARTING],
      [failsUsefully('a', 3), RESTART_OF_A, RESTARTING],
      [failsUsefully('a', 3), SITE_RESTART_FOR_A, RESTARTING],
    ],
  },
  {
    title: 'only the failed process is rolled back, when all has stopped and before anything is restored',
    steps: [
      STARTED,
      [direct('b'), [], ['1 live: a running, b running']],
      [direct('other', 2), [], ['1 live: a running, b running', '2 live: other running']],
      ...[1, 2].map((): Scenario['steps'][number] => [
        failsFutilely('b', 1),
        RESTART_OF_BOTH,
        ['1 restarting: a running, b running', '2 live: other running'],
      ]),
      [
        failsFutilely('b', 1),
        [
          ...['stop b', 'stop a', 'roll back b', 'restore a', 'restore b', 'launch a', 'launch b'],
          'restarted: group',
        ],
        ['1 restarting: a running, b running', '2 live: other running'],
      ],
    ],
  },
  {
    title: 'each member has a row of its own; the badness is of them all',
    steps: [
      STARTED,
      [direct('b'), [], ['1 live: a running, b running']],
      [failsFutilely('a', 1), RESTART_OF_BOTH, ['1 restarting: a running, b running']],
      [failsFutilely('b', 1), RESTART_OF_BOTH, ['1 restarting: a running, b running']],
      [
        failsFutilely('a', 1),
        [
          ...['stop b', 'stop a', 'roll back a', 'restore a', 'restore b', 'launch a', 'launch b'],
          'restarted: group',
        ],
        ['1 restarting: a running, b running'],
      ],
    ],
  },
  {
    title: 'an indirect process is rolled back too, and comes back by hrfexec',
    steps: [
      STARTED,
      [indirect('child'), [], ['1 live: a running, child running']],
      ...[1, 2].flatMap((): Scenario['steps'] => [
        [
          failsFutilely('child', 2),
          ['stop child', 'stop a', 'restore a', 'launch a', 'restarted: group'],
          ['1 restarting: a running, child stopped'],
        ],
        [respawns('child'), [], ['1 restarting: a running, child running']],
      ]),
      [
        failsFutilely('child', 2),
        ['stop child', 'stop a', 'roll back child', 'restore a', 'launch a', 'restarted: group'],
        ['1 restarting: a running, child stopped'],
      ],
    ],
  },
];

test.each(SCENARIOS)('$title', (scenario) => {
  expect(retell(scenario)).toEqual(scenario.steps);
});

/** How often each event rolled somebody back, failures far enough apart that the badness plays no part. */
function rollBacks(policy: Policy, events: readonly ControllerEvent[]): readonly number[] {
  const history = new History(policy);
  history.put(direct('a'));
  return events.map((event, index) => {
    const { actions } = history.put(event, index * policy.intervalMs);
    return actions.filter(({ kind }) => kind === 'roll-back').length;
  });
}

/** The second futile failure in a row rolls back, whatever the badness. */
const AT_THE_SECOND: Policy = { ...SHORT_LADDER, maxFutileFailures: 2 };

describe('the row of futile failures', () => {
  const futile = failsFutilely('a', 4);
  test.each([
    ['is broken by a useful failure', [futile, failsUsefully('a', 4), futile, futile], [0, 0, 0, 1]],
    ['is broken by a failure from generation 0', [futile, fails('a'), futile, futile], [0, 0, 0, 1]],
    ['begins anew with another generation', [futile, failsFutilely('a', 5), futile, futile], [0, 0, 0, 1]],
    ['begins anew with a roll-back', [futile, futile, futile, futile], [0, 1, 0, 1]],
    [
      'outlasts restarts that are no failures of its own',
      [futile, restartIsThrough(), siteIsRestarted, futile],
      [0, 0, 0, 1],
    ],
    ['is forgiven by a release', [futile, cannotBeReloaded(), isReleased(), futile], [0, 0, 0, 0]],
  ] as const)('%s', (_title, events, expected) => {
    expect(rollBacks(AT_THE_SECOND, events)).toEqual(expected);
  });

  test('is broken by a clean end', () => {
    const history = new History();
    for (const event of [direct('a'), indirect('child'), failsFutilely('child', 4)]) history.put(event);
    for (const event of [restartIsThrough(), respawns('child'), ends('child')]) history.put(event);
    expect(history.state.groups.get(1)?.members[1]).toMatchObject({ futileFailures: 0, futileGeneration: 0 });
  });

  test('is not of the process as it is started cold', () => {
    const policy = { ...SHORT_LADDER, maxBadness: 1, maxSiteRestarts: 0 };
    const history = new History(policy);
    for (const event of [direct('a'), direct('b'), failsFutilely('b', 4)]) history.put(event);
    expect(history.state.groups.get(1)?.members[1]).toMatchObject({ futileFailures: 1, futileGeneration: 4 });
    expect(history.tell(fails('a'))[0]).toBe('escalated: cold');
    expect(history.state.groups.get(1)?.members[1]).toMatchObject({ futileFailures: 0, futileGeneration: 0 });
    history.put(isReloaded());
    expect(history.tell(failsFutilely('b', 4))).toContain('restarted: group');
  });

  test('does not grow while the group is loaded afresh: those generations are gone anyway', () => {
    const history = new History({ ...SHORT_LADDER, maxBadness: 0, maxSiteRestarts: 0 });
    for (const event of [direct('a'), fails('a')]) history.put(event);
    expect(history.tell(failsFutilely('a', 4))[0]).toBe('escalated: quarantine');
  });
});

describe('the policy', () => {
  const futile = [1, 2, 3, 4].map(() => failsFutilely('a', 1));
  test.each([
    ['maxFutileFailures 0', { maxFutileFailures: 0 }, [1, 1, 1, 1]],
    ['maxFutileFailures 1', { maxFutileFailures: 1 }, [1, 1, 1, 1]],
    ['maxFutileFailures 2', { maxFutileFailures: 2 }, [0, 1, 0, 1]],
    ['maxFutileFailures 3', { maxFutileFailures: 3 }, [0, 0, 1, 0]],
    ['no limit, slowly: a series longer than the badness allows', {}, [0, 0, 1, 0]],
    ['no limit, at the limit of badness', { maxBadness: 0 }, [1, 1, 1, 1]],
    ['no limit of badness', { maxFutileFailures: 2, maxBadness: Number.POSITIVE_INFINITY }, [0, 1, 0, 1]],
    [
      'switched off',
      { maxFutileFailures: 2, rungs: { ...SHORT_LADDER.rungs, rollback: false } },
      [0, 0, 0, 0],
    ],
  ] as const)('%s', (_title, changes, expected) => {
    expect(rollBacks({ ...SHORT_LADDER, ...changes }, futile)).toEqual(expected);
  });

  test.each([
    [0, 1],
    [1, 2],
    [2, 3],
    [5, 6],
  ])(
    'maxBadness %i, no limit of futile failures: number %i within the interval rolls back',
    (maxBadness, nth) => {
      const history = new History({ ...SHORT_LADDER, maxBadness });
      history.put(direct('a'));
      const rolledBack = Array.from({ length: 2 * nth }, () =>
        history.tell(failsFutilely('a', 1)).includes('roll back a'),
      );
      expect(rolledBack).toEqual(rolledBack.map((_, index) => (index + 1) % nth === 0));
    },
  );

  test('the default: when the ladder would be climbed, or the series is as long', () => {
    expect(DEFAULT_POLICY.maxFutileFailures).toBe(Number.POSITIVE_INFINITY);
  });

  test('switched off, futile failures climb the ladder', () => {
    const history = new History({
      ...SHORT_LADDER,
      maxBadness: 0,
      rungs: { ...SHORT_LADDER.rungs, rollback: false },
    });
    history.put(direct('a'));
    expect(history.tell(failsFutilely('a', 7))[0]).toBe('escalated: site');
  });

  const futileFailure = failsFutilely('a', 9);
  const usefulFailure = failsUsefully('a', 9);
  test.each([
    ['its own futile ones go', {}, [futileFailure, futileFailure, futileFailure], []],
    ['a useful one stays', {}, [usefulFailure, futileFailure, futileFailure], [1]],
    ['so do those of others', {}, [failsFutilely('b', 9), futileFailure, futileFailure], [1]],
    [
      'whatever the badness',
      { maxFutileFailures: 2, maxBadness: 5 },
      [usefulFailure, usefulFailure, futileFailure, futileFailure],
      [1, 2],
    ],
    [
      'what has left the window is not made up for',
      { maxFutileFailures: 4, maxBadness: 5, intervalMs: 3 },
      [futileFailure, futileFailure, futileFailure, futileFailure],
      [],
    ],
  ] as const)(
    'a roll-back is no restart that counts, and of those before it: %s',
    (_title, changes, events, left) => {
      const history = new History({ ...SHORT_LADDER, ...changes });
      for (const event of [direct('a'), direct('b')]) history.put(event);
      const told = events.map((event, index) => history.tell(event, index + 1));
      expect(told.at(-1)).toContain('roll back a');
      expect(history.state.groups.get(1)?.restartTimesMs).toEqual(left);
    },
  );
});
