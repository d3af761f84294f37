// What the command says of guests while a site runs, fed with events by hand: the words of each line, which events have none, and the
// bound on how many there are in a second.
import { describe, expect, it } from 'vitest';
import { EventLines, MAX_LINES_PER_SECOND } from '#runtime/cli-events.js';
import type { Process } from '#runtime/index.js';
import { SITE_EVENTS, SiteEmitter, type SiteEvents } from '#runtime/site-events.js';
import { ManualTimers } from '../keeper/keeper-fixture.js';

const TRAP = {
  kind: 'trap',
  message: 'unreachable',
  activity: 'crash',
  exitStatus: null,
  frames: [],
  generation: 0,
} as const;

const named = (name: string, kind: Process['kind'] = 'direct') => ({ name, kind }) as Process;
const restarted: SiteEvents['restarted'] = {
  group: 7,
  rung: 'group',
  culprit: 'a#1',
  cause: TRAP,
  restarted: ['a#1', 'b#2'],
  elapsedUs: 1234,
};

class Listening {
  readonly timers = new ManualTimers();
  readonly lines: string[] = [];
  readonly events = new EventLines(this.timers, (line) => void this.lines.push(line));
  readonly #emitter = new SiteEmitter();

  constructor() {
    for (const name of SITE_EVENTS) this.#emitter.adopt(name, this.events.listeners);
  }

  hear<Name extends keyof SiteEvents>(name: Name, event: SiteEvents[Name], times = 1): void {
    for (let time = 0; time < times; time += 1) this.#emitter.emit(name, { ...event });
  }

  take(): readonly string[] {
    return this.lines.splice(0);
  }
}

describe('a line for', () => {
  const told = <Name extends keyof SiteEvents>(name: Name, event: SiteEvents[Name]): readonly string[] => {
    const listening = new Listening();
    listening.hear(name, event);
    return listening.take();
  };

  it('a fault', () => {
    expect(told('fault', { process: named('a#1'), fault: TRAP })).toEqual([
      'a#1: trap in crash: unreachable',
    ]);
    const killed = { ...TRAP, kind: 'killed', message: 'a#1 was killed', activity: null } as const;
    expect(told('fault', { process: named('a#1'), fault: killed })).toEqual([
      'a#1: killed in no call: a#1 was killed',
    ]);
  });

  it.each([
    ['group', 'group 7: restarted in 1.2 ms: a#1, b#2'],
    ['site', 'group 7: restarted with the site in 1.2 ms: a#1, b#2'],
    ['cold', 'group 7: started cold in 1.2 ms: a#1, b#2'],
  ] as const)('a restart on the rung %s', (rung, line) => {
    expect(told('restarted', { ...restarted, rung })).toEqual([line]);
  });

  it.each<[SiteEvents['exited']['end'], string]>([
    [{ kind: 'exit', status: 3 }, 'p#1: ended: exit status 3'],
    [{ kind: 'fault', fault: TRAP }, 'p#1: ended: trap in crash: unreachable'],
    [{ kind: 'killed' }, 'p#1: ended: killed'],
  ])('the end of a plain process: %j', (end, line) => {
    expect(told('exited', { process: named('p#1', 'plain'), end })).toEqual([line]);
  });

  it('a fault that was an end, a step of the ladder, a roll-back', () => {
    expect(told('exited', { process: named('a#1'), end: { kind: 'fault', fault: TRAP } })).toEqual([
      'a#1: ended: trap in crash: unreachable',
    ]);
    expect(told('escalated', { group: 7, rung: 'site', reason: 'why' })).toEqual([
      'group 7: escalated to site: why',
    ]);
    expect(told('rolledBack', { group: 7, process: named('a#1'), from: 3, to: 2 })).toEqual([
      'group 7: a#1 rolled back from generation 3 to 2',
    ]);
  });

  it('nothing that is told elsewhere, or was asked for', () => {
    expect(told('fault', { process: named('p#1', 'plain'), fault: TRAP })).toEqual([]);
    expect(told('restarted', { ...restarted, culprit: null, cause: null })).toEqual([]);
    expect(told('exited', { process: named('a#1'), end: { kind: 'exit', status: 0 } })).toEqual([]);
    expect(told('escalated', { group: 7, rung: 'quarantine', reason: 'why' })).toEqual([]);
    expect(told('quarantined', { group: 7, reason: 'why' })).toEqual([]);
  });
});

describe('the bound', () => {
  const fault = { process: named('a#1'), fault: TRAP };

  it('leaves out what is too much in a second, and says how much that was', () => {
    const listening = new Listening();
    listening.hear('fault', fault, MAX_LINES_PER_SECOND + 5);
    listening.hear('restarted', restarted, 2);
    expect(listening.take()).toHaveLength(MAX_LINES_PER_SECOND);
    listening.timers.pass(999);
    expect(listening.take()).toEqual([]);
    listening.timers.pass(1);
    expect(listening.take()).toEqual(['7 more lines like these left out']);
    listening.hear('fault', fault);
    expect(listening.take()).toHaveLength(1);
    listening.timers.pass(1000);
    expect([listening.take(), listening.timers.count]).toEqual([[], 0]);
  });

  it('is not for what the policy bounds', () => {
    const listening = new Listening();
    listening.hear('fault', fault, MAX_LINES_PER_SECOND);
    listening.take();
    listening.hear('escalated', { group: 7, rung: 'cold', reason: 'why' });
    expect(listening.take()).toEqual(['group 7: escalated to cold: why']);
  });

  it('at the end tells what has been left out so far', () => {
    const listening = new Listening();
    listening.hear('fault', fault, MAX_LINES_PER_SECOND + 1);
    listening.take();
    listening.events[Symbol.dispose]();
    expect([listening.take(), listening.timers.count]).toEqual([['1 more line like these left out'], 0]);
    listening.events[Symbol.dispose]();
    expect(listening.take()).toEqual([]);
  });
});
