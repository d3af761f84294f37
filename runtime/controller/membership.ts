// Decides what follows when members come and go: who joins a group, who returns, and when a group is over or blocked because of who has
// ended. Pure and total, like all of the decision; it never starts or stops anything.
import { emptyGroup, freeing, NOTHING_FUTILE, nothing, withGroup, withoutGroup } from './decision.ts';
import type { Action, ControllerState, Decision, Group, Member, MemberKind } from './state.ts';

export function joined(state: ControllerState, id: number, name: string, kind: MemberKind): Decision {
  const known = state.groups.get(id);
  const group = known ?? emptyGroup(id, state.nextSerial);
  const member: Member = {
    name,
    kind,
    status: 'running',
    startOrder: state.nextStartOrder,
    ...NOTHING_FUTILE,
  };
  return {
    state: {
      ...withGroup(state, { ...group, members: [...group.members, member], blocked: false }),
      nextSerial: known === undefined ? state.nextSerial + 1 : state.nextSerial,
      nextStartOrder: state.nextStartOrder + 1,
    },
    actions: [],
    supersedes: [],
  };
}

export function respawned(state: ControllerState, group: Group, name: string): Decision {
  const returning = group.members.find((member) => member.name === name && member.status !== 'running');
  if (returning === undefined) return nothing(state);
  const members = group.members.map((member) =>
    member === returning
      ? { ...member, status: 'running' as const, startOrder: state.nextStartOrder }
      : member,
  );
  const next = {
    ...withGroup(state, { ...group, members, blocked: false }),
    nextStartOrder: state.nextStartOrder + 1,
  };
  return { state: next, actions: [], supersedes: [] };
}

export function ended(state: ControllerState, group: Group, name: string): Decision {
  const member = group.members.find((each) => each.name === name);
  if (member?.status !== 'running') return nothing(state);
  const members = group.members.map((each) =>
    each === member ? { ...each, ...NOTHING_FUTILE, status: 'ended' as const } : each,
  );
  return settle(state, { ...group, members }, []);
}

/** After a change of members: a group all of whose members have ended is over; one that nobody is left to finish is blocked. */
export function settle(state: ControllerState, group: Group, before: readonly Action[]): Decision {
  const waitingFor = group.members.filter((member) => member.status === 'stopped');
  const running = group.members.some((member) => member.status === 'running');
  const supersedes: readonly number[] = [];
  if (running || group.phase !== 'live')
    return { state: withGroup(state, group), actions: before, supersedes };
  if (waitingFor.length === 0) {
    return { state: withoutGroup(state, group.id), actions: [...before, freeing(group)], supersedes };
  }
  const names = waitingFor.map((member) => member.name);
  const report: Action = { kind: 'report-blocked', group: group.id, names };
  return { state: withGroup(state, { ...group, blocked: true }), actions: [...before, report], supersedes };
}
