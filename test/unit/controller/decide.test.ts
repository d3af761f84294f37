// The restart decision, scenario by scenario: what a group does when members fail, end and come back. Each scenario is a table of
// events with the actions and groups they lead to; kills, site restarts and the ladder have files of their own.
import { describe, expect, test } from 'vitest';
import {
  direct,
  ends,
  fails,
  indirect,
  respawns,
  restartIsThrough,
  retell,
  type Scenario,
} from './history.js';

const GROUP_RESTARTS: readonly Scenario[] = [
  {
    title: 'one member: stopped, restored, launched, reported',
    steps: [
      [direct('a'), [], ['1 live: a running']],
      [fails('a'), ['stop a', 'restore a', 'launch a', 'restarted: group'], ['1 restarting: a running']],
      [restartIsThrough(), [], ['1 live: a running']],
    ],
  },
  {
    title:
      'stops in reverse order of start; starts direct members in first order, each loaded before any runs (row 8)',
    steps: [
      [direct('a'), [], ['1 live: a running']],
      [direct('b'), [], ['1 live: a running, b running']],
      [direct('c'), [], ['1 live: a running, b running, c running']],
      [
        fails('b'),
        [
          ...['stop c', 'stop b', 'stop a'],
          ...['restore a', 'restore b', 'restore c'],
          ...['launch a', 'launch b', 'launch c'],
          'restarted: group',
        ],
        ['1 restarting: a running, b running, c running'],
      ],
    ],
  },
  {
    title: 'indirect members are stopped and come back only by hrfexec (3.5)',
    steps: [
      [direct('a'), [], ['1 live: a running']],
      [indirect('child'), [], ['1 live: a running, child running']],
      [
        fails('a'),
        ['stop child', 'stop a', 'restore a', 'launch a', 'restarted: group'],
        ['1 restarting: a running, child stopped'],
      ],
      [restartIsThrough(), [], ['1 live: a running, child stopped']],
      [respawns('child'), [], ['1 live: a running, child running']],
    ],
  },
  {
    title: 'the failure of an indirect member restarts the whole group',
    steps: [
      [direct('a'), [], ['1 live: a running']],
      [indirect('child'), [], ['1 live: a running, child running']],
      [
        fails('child'),
        ['stop child', 'stop a', 'restore a', 'launch a', 'restarted: group'],
        ['1 restarting: a running, child stopped'],
      ],
    ],
  },
  {
    title: 'the order of stop is that of the latest start',
    steps: [
      [direct('a'), [], ['1 live: a running']],
      [indirect('child'), [], ['1 live: a running, child running']],
      [direct('b'), [], ['1 live: a running, child running, b running']],
      [
        fails('a'),
        [
          ...['stop b', 'stop child', 'stop a'],
          ...['restore a', 'restore b', 'launch a', 'launch b'],
          'restarted: group',
        ],
        ['1 restarting: a running, child stopped, b running'],
      ],
      [restartIsThrough(), [], ['1 live: a running, child stopped, b running']],
      [respawns('child'), [], ['1 live: a running, child running, b running']],
      [
        fails('b'),
        [
          ...['stop child', 'stop b', 'stop a'],
          ...['restore a', 'restore b', 'launch a', 'launch b'],
          'restarted: group',
        ],
        ['1 restarting: a running, child stopped, b running'],
      ],
    ],
  },
  {
    title: 'a direct member that had ended cleanly stays ended (row 10)',
    steps: [
      [direct('a'), [], ['1 live: a running']],
      [direct('b'), [], ['1 live: a running, b running']],
      [ends('a'), [], ['1 live: a ended, b running']],
      [
        fails('b'),
        ['stop b', 'restore b', 'launch b', 'restarted: group'],
        ['1 restarting: a ended, b running'],
      ],
    ],
  },
  {
    title: 'an indirect member that had ended cleanly stays ended, and may be run again (row 4)',
    steps: [
      [direct('a'), [], ['1 live: a running']],
      [indirect('child'), [], ['1 live: a running, child running']],
      [ends('child'), [], ['1 live: a running, child ended']],
      [
        fails('a'),
        ['stop a', 'restore a', 'launch a', 'restarted: group'],
        ['1 restarting: a running, child ended'],
      ],
      [respawns('child'), [], ['1 restarting: a running, child running']],
    ],
  },
  {
    title: 'a failure while restarting is a new failure: it begins the restart anew (row 8)',
    steps: [
      [direct('a'), [], ['1 live: a running']],
      [fails('a'), ['stop a', 'restore a', 'launch a', 'restarted: group'], ['1 restarting: a running']],
      [fails('a'), ['stop a', 'restore a', 'launch a', 'restarted: group'], ['1 restarting: a running']],
      [
        fails('a'),
        ['escalated: site', 'stop a', 'restore a', 'launch a', 'restarted: site'],
        ['1 restarting: a running'],
      ],
    ],
  },
  {
    title: 'other groups take no part',
    steps: [
      [direct('a'), [], ['1 live: a running']],
      [direct('b', 2), [], ['1 live: a running', '2 live: b running']],
      [
        fails('b', 2),
        ['stop b @2', 'restore b @2', 'launch b @2', 'restarted: group @2'],
        ['1 live: a running', '2 restarting: b running'],
      ],
    ],
  },
];

const ENDS: readonly Scenario[] = [
  {
    title: 'a group is freed when its last member ends (3.7)',
    steps: [
      [direct('a'), [], ['1 live: a running']],
      [indirect('child'), [], ['1 live: a running, child running']],
      [ends('a'), [], ['1 live: a ended, child running']],
      [ends('child'), ['free a child'], []],
    ],
  },
  {
    title: 'a group is blocked, once, when nobody is left to run a member that was stopped (3.7)',
    steps: [
      [direct('a'), [], ['1 live: a running']],
      [direct('b'), [], ['1 live: a running, b running']],
      [indirect('child'), [], ['1 live: a running, b running, child running']],
      [
        fails('a'),
        [
          ...['stop child', 'stop b', 'stop a'],
          ...['restore a', 'restore b', 'launch a', 'launch b'],
          'restarted: group',
        ],
        ['1 restarting: a running, b running, child stopped'],
      ],
      [restartIsThrough(), [], ['1 live: a running, b running, child stopped']],
      [ends('a'), [], ['1 live: a ended, b running, child stopped']],
      [ends('b'), ['blocked: child'], ['1 live: a ended, b ended, child stopped']],
      [ends('b'), [], ['1 live: a ended, b ended, child stopped']],
    ],
  },
  {
    title: 'the report of a blocked group names every member it waits for',
    steps: [
      [direct('a'), [], ['1 live: a running']],
      [indirect('x'), [], ['1 live: a running, x running']],
      [indirect('y'), [], ['1 live: a running, x running, y running']],
      [indirect('z'), [], ['1 live: a running, x running, y running, z running']],
      [ends('y'), [], ['1 live: a running, x running, y ended, z running']],
      [
        fails('a'),
        ['stop z', 'stop x', 'stop a', 'restore a', 'launch a', 'restarted: group'],
        ['1 restarting: a running, x stopped, y ended, z stopped'],
      ],
      [restartIsThrough(), [], ['1 live: a running, x stopped, y ended, z stopped']],
      [ends('a'), ['blocked: x z'], ['1 live: a ended, x stopped, y ended, z stopped']],
    ],
  },
  {
    title: 'a blocked group is freed after all when a newcomer brings the missing member back',
    steps: [
      [direct('a'), [], ['1 live: a running']],
      [indirect('child'), [], ['1 live: a running, child running']],
      [
        fails('child'),
        ['stop child', 'stop a', 'restore a', 'launch a', 'restarted: group'],
        ['1 restarting: a running, child stopped'],
      ],
      [restartIsThrough(), [], ['1 live: a running, child stopped']],
      [ends('a'), ['blocked: child'], ['1 live: a ended, child stopped']],
      [direct('b'), [], ['1 live: a ended, child stopped, b running']],
      [respawns('child'), [], ['1 live: a ended, child running, b running']],
      [ends('b'), [], ['1 live: a ended, child running, b ended']],
      [ends('child'), ['free a child b'], []],
    ],
  },
  {
    title: 'a group that is blocked again is reported again',
    steps: [
      [direct('a'), [], ['1 live: a running']],
      [indirect('child'), [], ['1 live: a running, child running']],
      [
        fails('a'),
        ['stop child', 'stop a', 'restore a', 'launch a', 'restarted: group'],
        ['1 restarting: a running, child stopped'],
      ],
      [restartIsThrough(), [], ['1 live: a running, child stopped']],
      [ends('a'), ['blocked: child'], ['1 live: a ended, child stopped']],
      [direct('b'), [], ['1 live: a ended, child stopped, b running']],
      [ends('b'), ['blocked: child'], ['1 live: a ended, child stopped, b ended']],
    ],
  },
  {
    title: 'a group restarted with nobody to start is blocked when the restart is through',
    steps: [
      [direct('a'), [], ['1 live: a running']],
      [indirect('child'), [], ['1 live: a running, child running']],
      [ends('a'), [], ['1 live: a ended, child running']],
      [fails('child'), ['stop child', 'restarted: group'], ['1 restarting: a ended, child stopped']],
      [restartIsThrough(), ['blocked: child'], ['1 live: a ended, child stopped']],
    ],
  },
  {
    title: 'what a member does before the restart is through is settled when it is through',
    steps: [
      [direct('a'), [], ['1 live: a running']],
      [fails('a'), ['stop a', 'restore a', 'launch a', 'restarted: group'], ['1 restarting: a running']],
      [ends('a'), [], ['1 restarting: a ended']],
      [restartIsThrough(), ['free a'], []],
    ],
  },
];

describe.each([
  ['the restart of a group', GROUP_RESTARTS],
  ['clean ends', ENDS],
] as const)('%s', (_topic, scenarios) => {
  test.each(scenarios)('$title', (scenario) => {
    expect(retell(scenario)).toEqual(scenario.steps);
  });
});
