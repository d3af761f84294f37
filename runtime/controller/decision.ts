// The pieces that decisions are put together from: states with one group changed, and the actions every way to the end of a group
// has in common. What a decision is must be said elsewhere: nothing here looks at an event.
import type { Action, ControllerState, Decision, Group, Member } from './state.ts';

/** What is held against a member that has just joined, or to which all is forgiven. */
export const NOTHING_FUTILE: Pick<Member, 'futileFailures' | 'futileGeneration'> = Object.freeze({
  futileFailures: 0,
  futileGeneration: 0,
});

export function nothing(state: ControllerState): Decision {
  return { state, actions: [], supersedes: [] };
}

export function withGroup(state: ControllerState, group: Group): ControllerState {
  return { ...state, groups: new Map(state.groups).set(group.id, group) };
}

export function withoutGroup(state: ControllerState, id: number): ControllerState {
  const groups = new Map(state.groups);
  groups.delete(id);
  return { ...state, groups };
}

export function emptyGroup(id: number, serial: number): Group {
  return {
    id,
    serial,
    phase: 'live',
    members: [],
    restartTimesMs: [],
    siteRestartTimesMs: [],
    coldStartMs: null,
    reloading: false,
    blocked: false,
    reason: null,
  };
}

export function freeing(group: Group): Action {
  return {
    kind: 'free',
    group: group.id,
    serial: group.serial,
    names: group.members.map((member) => member.name),
  };
}

/** Members stop in reverse order of start. */
export function stops(group: Group): Action[] {
  const running = group.members.filter((member) => member.status === 'running');
  running.sort((a, b) => b.startOrder - a.startOrder);
  return running.map(({ name }) => ({ kind: 'stop', group: group.id, name }));
}
