// The restart decision under any sequence of events, sensible ones and stale ones alike, against what must hold of every state and
// every decision. It must never throw, whatever it is told.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Action, ControllerEvent, ControllerState, Policy } from '#runtime/controller/state.js';
import { anyHistory, anyPolicy, mayHappen, namesIn, runningIn } from './any-history.js';
import { History, type Outcome } from './history.js';

interface Moment {
  readonly before: ControllerState;
  readonly event: ControllerEvent;
  readonly decision: Outcome;
  readonly nowMs: number;
}

function everyMoment(check: (moment: Moment, policyInForce: Policy) => void): void {
  fc.assert(
    fc.property(anyPolicy, anyHistory, (policyInForce, events) => {
      const past = new History(policyInForce);
      let nowMs = 0;
      for (const [event, gapMs] of events) {
        const before = past.state;
        if (!mayHappen(before, event)) continue;
        nowMs += gapMs;
        check({ before, event, decision: past.put(event, nowMs), nowMs }, policyInForce);
      }
    }),
    { numRuns: 400 },
  );
}

const unique = (values: readonly unknown[]) => new Set(values).size === values.length;

function actionsByGroup(actions: readonly Action[]): ReadonlyMap<number, readonly Action[]> {
  const byGroup = new Map<number, Action[]>();
  for (const action of actions) byGroup.set(action.group, [...(byGroup.get(action.group) ?? []), action]);
  return byGroup;
}

test('names, serials and start orders are unique and in the past', () => {
  everyMoment(({ decision: { state } }) => {
    const groups = [...state.groups.values()];
    const members = groups.flatMap((each) => each.members);
    expect(unique(members.map((member) => member.name))).toBe(true);
    expect(unique(members.map((member) => member.startOrder))).toBe(true);
    expect(unique(groups.map((each) => each.serial))).toBe(true);
    expect(members.every((member) => member.startOrder < state.books.nextStartOrder)).toBe(true);
    expect(groups.every((each) => each.serial < state.books.nextSerial)).toBe(true);
    expect([...state.groups].every(([id, each]) => id === each.id && each.members.length > 0)).toBe(true);
  });
});

test('a live group has something to wait for: a running member, or a blocked one that has been reported', () => {
  everyMoment(({ decision: { state } }) => {
    for (const each of state.groups.values()) {
      if (each.phase !== 'live') continue;
      const stopped = each.members.some(({ status }) => status === 'stopped');
      const anyRunning = runningIn(each).length > 0;
      expect(each.blocked).toBe(!anyRunning);
      expect(anyRunning || stopped).toBe(true);
    }
  });
});

test('a quarantined group has a reason and nothing that runs; the others have no reason', () => {
  everyMoment(({ decision: { state } }) => {
    for (const each of state.groups.values()) {
      const quarantined = each.phase === 'quarantined';
      expect(each.reason !== null).toBe(quarantined);
      if (quarantined) expect(runningIn(each)).toEqual([]);
    }
  });
});

test('a quarantined group starts nothing until it is released', () => {
  everyMoment(({ before, event, decision }) => {
    for (const each of before.groups.values()) {
      if (each.phase !== 'quarantined' || (event.kind === 'released' && event.group === each.id)) continue;
      const own = decision.actions.filter((action) => action.group === each.id).map(({ kind }) => kind);
      for (const kind of ['restore', 'reload', 'launch'] as const) expect(own).not.toContain(kind);
    }
  });
});

test('actions name members of their group only, and come in order: stop, free, roll back, load, launch, report', () => {
  const ORDER: readonly Action['kind'][][] = [
    ['report-escalated'],
    ['stop'],
    ['free'],
    ['roll-back'],
    ['restore', 'reload'],
    ['confirm-reloaded'],
    ['launch'],
    ['report-restarted', 'report-blocked', 'report-quarantined', 'report-site-restarted'],
  ];
  everyMoment(({ before, event, decision }) => {
    if (event.kind === 'restarted' || event.kind === 'ended') return;
    for (const [id, actions] of actionsByGroup(decision.actions)) {
      const known = [...namesIn(before, id), ...namesIn(decision.state, id)];
      for (const action of actions) if ('name' in action) expect(known).toContain(action.name);
      const ranks = actions.map((action) => ORDER.findIndex((kinds) => kinds.includes(action.kind)));
      expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
    }
  });
});

test('what ran in a superseded group is stopped once, latest start first', () => {
  everyMoment(({ before, decision }) => {
    for (const id of decision.supersedes) {
      const ran = runningIn(before.groups.get(id)).sort((a, b) => b.startOrder - a.startOrder);
      const names = ran.map((member) => member.name);
      const stopped = decision.actions.flatMap((action) =>
        action.group === id && action.kind === 'stop' && names.includes(action.name) ? [action.name] : [],
      );
      expect(stopped).toEqual(names);
    }
  });
});

test('only superseded groups are stopped or started, and each is named once and was there', () => {
  everyMoment(({ before, decision }) => {
    expect(unique(decision.supersedes)).toBe(true);
    for (const id of decision.supersedes) expect(before.groups.has(id)).toBe(true);
    for (const action of decision.actions) {
      const moves = ['stop', 'roll-back', 'restore', 'reload', 'launch'].includes(action.kind);
      if (moves) expect(decision.supersedes).toContain(action.group);
    }
  });
});

test('exactly what is loaded is launched, and is running from then on', () => {
  everyMoment(({ decision }) => {
    for (const [id, actions] of actionsByGroup(decision.actions)) {
      const named = (...kinds: readonly Action['kind'][]) =>
        actions.flatMap((action) => ('name' in action && kinds.includes(action.kind) ? [action.name] : []));
      const launched = named('launch');
      expect(named('restore', 'reload')).toEqual(launched);
      const running = runningIn(decision.state.groups.get(id)).map((member) => member.name);
      expect(running).toEqual(expect.arrayContaining(launched));
    }
  });
});

test('a direct member that has ended is started by a cold start only, an indirect one never', () => {
  everyMoment(({ before, decision }) => {
    for (const action of decision.actions) {
      if (action.kind !== 'restore' && action.kind !== 'reload') continue;
      const member = before.groups.get(action.group)?.members.find((each) => each.name === action.name);
      expect(member?.kind).toBe('direct');
      if (action.kind === 'restore') expect(member?.status).not.toBe('ended');
    }
  });
});

test('a group that goes is freed, with all its names and its serial, and only then', () => {
  everyMoment(({ before, decision: { state, actions } }) => {
    for (const each of before.groups.values()) {
      const gone = state.groups.get(each.id)?.serial !== each.serial;
      const freed = actions.filter((action) => action.kind === 'free' && action.group === each.id);
      const names = each.members.map((member) => member.name);
      expect(freed).toEqual(gone ? [{ kind: 'free', group: each.id, serial: each.serial, names }] : []);
    }
  });
});

test('a failing group restarts within its badness and no more', () => {
  everyMoment(({ before, event, decision, nowMs }, { maxBadness, intervalMs }) => {
    const failing = event.kind === 'failed' ? before.groups.get(event.group) : undefined;
    if (failing === undefined || decision.actions.length === 0) return;
    const recent = failing.restartTimesMs.filter((timeMs) => nowMs - timeMs < intervalMs).length;
    const within = recent < maxBadness;
    const escalated = decision.actions.some((action) => action.kind === 'report-escalated');
    if (within) expect(escalated).toBe(false);
    expect(decision.state.groups.get(failing.id)?.restartTimesMs.length).toBeLessThanOrEqual(maxBadness + 1);
  });
});

test('only a process that failed futilely is rolled back, once, alone, and instead of climbing', () => {
  everyMoment(({ before, event, decision }, { rungs }) => {
    const rolledBack = decision.actions.filter((action) => action.kind === 'roll-back');
    if (rolledBack.length === 0) return;
    if (event.kind !== 'failed') throw new Error(`${event.kind} led to a roll-back`);
    expect(rungs.rollback && !event.useful && event.generation > 0).toBe(true);
    expect(rolledBack).toEqual([{ kind: 'roll-back', group: event.group, name: event.name }]);
    expect(decision.actions.some((action) => action.kind === 'report-escalated')).toBe(false);
    const times = (state: ControllerState) => state.groups.get(event.group)?.restartTimesMs ?? [];
    expect(times(before)).toEqual(expect.arrayContaining([...times(decision.state)]));
  });
});

test('the ladder is climbed only by failures of the host, useful ones, those from generation 0, or the first futile one of their row', () => {
  everyMoment(({ before, event, decision }, { maxBadness, rungs }) => {
    if (event.kind !== 'failed' || !decision.actions.some(({ kind }) => kind === 'report-escalated')) return;
    const group = before.groups.get(event.group);
    if (event.ofHost || event.useful || event.generation === 0) return;
    if (group?.reloading === true || !rungs.rollback) return;
    const member = group?.members.find((each) => each.name === event.name);
    expect(maxBadness).toBeGreaterThan(0);
    if (member?.futileGeneration === event.generation) expect(member.futileFailures).toBe(0);
  });
});

test('the row of futile failures is below its limit, is of one generation, and is held against nobody who has ended', () => {
  everyMoment(({ decision: { state } }, { maxFutileFailures, rungs }) => {
    for (const each of [...state.groups.values()].flatMap(({ members }) => members)) {
      expect(each.futileFailures).toBeLessThan(Math.max(maxFutileFailures, 1));
      expect(each.futileGeneration > 0).toBe(each.futileFailures > 0);
      if (each.status === 'ended' || !rungs.rollback) expect(each.futileFailures).toBe(0);
    }
  });
});

test('a site restart waits for groups that restart, and is reported when it waits for none', () => {
  everyMoment(({ before, event, decision: { state, actions } }) => {
    for (const id of state.books.siteRestartPending) expect(state.groups.get(id)?.phase).toBe('restarting');
    const reported = actions.filter((action) => action.kind === 'report-site-restarted').length;
    const asked = event.kind === 'site-restart-asked';
    const due =
      (before.books.siteRestartPending.size > 0 || asked) && state.books.siteRestartPending.size === 0;
    expect(reported).toBe(due ? 1 : 0);
  });
});

test('an event that leads to nothing leaves the very same state', () => {
  everyMoment(({ before, event, decision }) => {
    const id = event.kind === 'site-restart-asked' ? null : event.group;
    const unknown = id !== null && event.kind !== 'joined' && !before.groups.has(id);
    if (unknown)
      expect(decision).toEqual({
        changed: [],
        books: before.books,
        actions: [],
        supersedes: [],
        state: before,
      });
    if (unknown) expect(decision.state).toBe(before);
  });
});

test('a decision names the groups that it changes, each once, and no others', () => {
  everyMoment(({ before, decision: { changed, state } }) => {
    const ids = changed.map(([id]) => id);
    expect(unique(ids)).toBe(true);
    for (const [id, group] of changed) {
      expect(group?.id ?? id).toBe(id);
      expect(state.groups.get(id) ?? null).toBe(group);
      expect(group ?? before.groups.get(id)).toBeDefined();
    }
    for (const id of new Set([...before.groups.keys(), ...state.groups.keys()]))
      if (!ids.includes(id)) expect(state.groups.get(id)).toBe(before.groups.get(id));
  });
});
