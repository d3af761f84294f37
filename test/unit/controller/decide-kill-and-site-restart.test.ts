// The restart decision where somebody asks for it: kills of groups in every phase, and restarts of the whole site with what may come
// in between. Each scenario is a table of events with the actions and groups they lead to.
import { describe, expect, test } from 'vitest';
import {
  cannotBeReloaded,
  direct,
  ends,
  fails,
  indirect,
  isKilled,
  restartIsThrough,
  retell,
  type Scenario,
  siteIsRestarted,
} from './history.js';

const KILLS: readonly Scenario[] = [
  {
    title: 'a live group: stopped and freed at once (3.8)',
    steps: [
      [direct('a'), [], ['1 live: a running']],
      [indirect('child'), [], ['1 live: a running, child running']],
      [isKilled(), ['stop child', 'stop a', 'free a child'], []],
    ],
  },
  {
    title: 'a restarting group',
    steps: [
      [direct('a'), [], ['1 live: a running']],
      [fails('a'), ['stop a', 'restore a', 'launch a', 'restarted: group'], ['1 restarting: a running']],
      [isKilled(), ['stop a', 'free a'], []],
      [restartIsThrough(), [], []],
    ],
  },
  {
    title: 'a blocked group: the way out',
    steps: [
      [direct('a'), [], ['1 live: a running']],
      [indirect('child'), [], ['1 live: a running, child running']],
      [ends('a'), [], ['1 live: a ended, child running']],
      [fails('child'), ['stop child', 'restarted: group'], ['1 restarting: a ended, child stopped']],
      [restartIsThrough(), ['blocked: child'], ['1 live: a ended, child stopped']],
      [isKilled(), ['free a child'], []],
    ],
  },
  {
    title: 'a quarantined group',
    steps: [
      [direct('a'), [], ['1 live: a running']],
      [cannotBeReloaded(), ['escalated: quarantine', 'stop a', 'quarantined'], ['1 quarantined: a stopped']],
      [isKilled(), ['free a'], []],
    ],
  },
  {
    title: 'the ID may then name another group',
    steps: [
      [direct('a'), [], ['1 live: a running']],
      [isKilled(), ['stop a', 'free a'], []],
      [direct('b'), [], ['1 live: b running']],
    ],
  },
];

const SITE_RESTARTS: readonly Scenario[] = [
  {
    title: 'every group restarts; the site is restarted when the last is through (4.2)',
    steps: [
      [direct('a'), [], ['1 live: a running']],
      [direct('b', 2), [], ['1 live: a running', '2 live: b running']],
      [
        siteIsRestarted,
        [
          ...['stop a', 'restore a', 'launch a', 'restarted: site'],
          ...['stop b @2', 'restore b @2', 'launch b @2', 'restarted: site @2'],
        ],
        ['1 restarting: a running', '2 restarting: b running'],
      ],
      [restartIsThrough(2), [], ['1 restarting: a running', '2 live: b running']],
      [restartIsThrough(1), ['site restarted'], ['1 live: a running', '2 live: b running']],
    ],
  },
  {
    title: 'without groups: through at once',
    steps: [[siteIsRestarted, ['site restarted @0'], []]],
  },
  {
    title: 'asked for again before it is through: one site restart, reported once',
    steps: [
      [direct('a'), [], ['1 live: a running']],
      [siteIsRestarted, ['stop a', 'restore a', 'launch a', 'restarted: site'], ['1 restarting: a running']],
      [siteIsRestarted, ['stop a', 'restore a', 'launch a', 'restarted: site'], ['1 restarting: a running']],
      [restartIsThrough(), ['site restarted'], ['1 live: a running']],
      [restartIsThrough(), [], ['1 live: a running']],
    ],
  },
  {
    title: 'passes over quarantined groups',
    steps: [
      [direct('a'), [], ['1 live: a running']],
      [direct('b', 2), [], ['1 live: a running', '2 live: b running']],
      [
        cannotBeReloaded(2),
        ['escalated: quarantine @2', 'stop b @2', 'quarantined @2'],
        ['1 live: a running', '2 quarantined: b stopped'],
      ],
      [
        siteIsRestarted,
        ['stop a', 'restore a', 'launch a', 'restarted: site'],
        ['1 restarting: a running', '2 quarantined: b stopped'],
      ],
      [restartIsThrough(), ['site restarted'], ['1 live: a running', '2 quarantined: b stopped']],
    ],
  },
  {
    title: 'is through when the group it still waits for is killed',
    steps: [
      [direct('a'), [], ['1 live: a running']],
      [direct('b', 2), [], ['1 live: a running', '2 live: b running']],
      [
        siteIsRestarted,
        [
          ...['stop a', 'restore a', 'launch a', 'restarted: site'],
          ...['stop b @2', 'restore b @2', 'launch b @2', 'restarted: site @2'],
        ],
        ['1 restarting: a running', '2 restarting: b running'],
      ],
      [restartIsThrough(1), [], ['1 live: a running', '2 restarting: b running']],
      [isKilled(2), ['stop b @2', 'free b @2', 'site restarted @2'], ['1 live: a running']],
    ],
  },
  {
    title: 'is through when the group it still waits for is quarantined',
    steps: [
      [direct('a'), [], ['1 live: a running']],
      [siteIsRestarted, ['stop a', 'restore a', 'launch a', 'restarted: site'], ['1 restarting: a running']],
      [
        cannotBeReloaded(),
        ['escalated: quarantine', 'stop a', 'quarantined', 'site restarted'],
        ['1 quarantined: a stopped'],
      ],
    ],
  },
];

describe.each([
  ['a kill', KILLS],
  ['a site restart', SITE_RESTARTS],
] as const)('%s', (_topic, scenarios) => {
  test.each(scenarios)('$title', (scenario) => {
    expect(retell(scenario)).toEqual(scenario.steps);
  });
});
