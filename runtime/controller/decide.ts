// The restart decision: what a group's state and an event call for. Pure and total: no clock, no effect, and an event that means
// nothing any more changes nothing. It never looks at how a process is run.
import { unreachable } from '../invariant.ts';
import type {
  Action,
  ControllerEvent,
  ControllerState,
  Decision,
  Group,
  Member,
  MemberKind,
  Policy,
  Rung,
} from './state.ts';

/** Decides on one event at `nowMs`. Reference, sections 3.5 to 3.8, 4.1 and 12 rows 1, 1b, 8, 10. */
export function decide(
  state: ControllerState,
  event: ControllerEvent,
  nowMs: number,
  policy: Policy,
): Decision {
  if (event.kind === 'joined') return joined(state, event.group, event.name, event.memberKind);
  if (event.kind === 'site-restart-asked') return restartSite(state);
  const group = state.groups.get(event.group);
  if (group === undefined) return nothing(state);
  switch (event.kind) {
    case 'respawned':
      return respawned(state, group, event.name);
    case 'ended':
      return ended(state, group, event.name);
    case 'failed':
      return failed(state, group, event.name, event.reason, nowMs, policy);
    case 'cold-start-failed':
      return quarantine(state, group, `cold start failed: ${event.reason}`);
    case 'reloaded':
      return { ...nothing(state), state: withGroup(state, { ...group, reloading: false }) };
    case 'restarted':
      return restarted(state, group);
    case 'group-killed':
      return killed(state, group);
    case 'released':
      return released(state, group, nowMs);
    default:
      return unreachable(event);
  }
}

function nothing(state: ControllerState): Decision {
  return { state, actions: [], supersedes: [] };
}

function withGroup(state: ControllerState, group: Group): ControllerState {
  return { ...state, groups: new Map(state.groups).set(group.id, group) };
}

function withoutGroup(state: ControllerState, id: number): ControllerState {
  const groups = new Map(state.groups);
  groups.delete(id);
  return { ...state, groups };
}

function emptyGroup(id: number, serial: number): Group {
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

function joined(state: ControllerState, id: number, name: string, kind: MemberKind): Decision {
  const known = state.groups.get(id);
  const group = known ?? emptyGroup(id, state.nextSerial);
  const member: Member = { name, kind, status: 'running', startOrder: state.nextStartOrder };
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

function respawned(state: ControllerState, group: Group, name: string): Decision {
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

function ended(state: ControllerState, group: Group, name: string): Decision {
  const member = group.members.find((each) => each.name === name);
  if (member?.status !== 'running') return nothing(state);
  const members = group.members.map((each) =>
    each === member ? { ...each, status: 'ended' as const } : each,
  );
  return settle(state, { ...group, members }, []);
}

/** After a change of members: a group all of whose members have ended is over; one that nobody is left to finish is blocked. */
function settle(state: ControllerState, group: Group, before: readonly Action[]): Decision {
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

function freeing(group: Group): Action {
  return {
    kind: 'free',
    group: group.id,
    serial: group.serial,
    names: group.members.map((member) => member.name),
  };
}

function failed(
  state: ControllerState,
  group: Group,
  name: string,
  reason: string,
  nowMs: number,
  policy: Policy,
): Decision {
  const member = group.members.find((each) => each.name === name);
  if (member?.status !== 'running') return nothing(state);
  const badness = recent(group.restartTimesMs, nowMs, policy.intervalMs);
  if (badness.length < policy.maxBadness) {
    const restartTimesMs = Number.isFinite(policy.maxBadness) ? [...badness, nowMs] : [];
    return restartGroup(state, { ...group, restartTimesMs }, 'group');
  }
  return escalate(state, { ...group, restartTimesMs: badness }, reason, nowMs, policy);
}

function recent(timesMs: readonly number[], nowMs: number, intervalMs: number): readonly number[] {
  return timesMs.filter((timeMs) => nowMs - timeMs < intervalMs);
}

/** The next rung of the ladder that the policy allows; a group restart when it allows none. */
function escalate(
  state: ControllerState,
  group: Group,
  reason: string,
  nowMs: number,
  policy: Policy,
): Decision {
  const cause = `restarted ${group.restartTimesMs.length} times within ${policy.intervalMs} ms, last: ${reason}`;
  // The oldest makes way: the badness stays at its limit instead of growing with every restart that the policy lets pass.
  const overLimit = { ...group, restartTimesMs: [...group.restartTimesMs.slice(1), nowMs] };
  const siteRestartTimesMs = recent(group.siteRestartTimesMs, nowMs, policy.siteIntervalMs);
  const coldAlready = group.coldStartMs !== null && nowMs - group.coldStartMs < policy.siteIntervalMs;
  if (policy.rungs.site && !coldAlready && siteRestartTimesMs.length < policy.maxSiteRestarts) {
    const culprit = { ...overLimit, siteRestartTimesMs: [...siteRestartTimesMs, nowMs] };
    const decision = restartSite(withGroup(state, culprit));
    return {
      ...decision,
      actions: [
        { kind: 'report-escalated', group: group.id, rung: 'site', reason: cause },
        ...decision.actions,
      ],
    };
  }
  if (policy.rungs.cold && !coldAlready) return coldStart(state, group, cause, nowMs);
  if (policy.rungs.quarantine) return quarantine(state, group, cause);
  return restartGroup(state, overLimit, 'group');
}

/** Members stop in reverse order of start. */
function stops(group: Group): Action[] {
  const running = group.members.filter((member) => member.status === 'running');
  running.sort((a, b) => b.startOrder - a.startOrder);
  return running.map(({ name }) => ({ kind: 'stop', group: group.id, name }));
}

/** Direct members that had not ended cleanly, in order of first start. */
function startsAgain(member: Member): boolean {
  return member.kind === 'direct' && member.status !== 'ended';
}

/** Each is loaded after the one before it; none is launched before all are. */
function starts(group: Group, starting: readonly Member[], rung: Rung): Action[] {
  const kind = group.reloading ? 'reload' : 'restore';
  const confirmation: Action[] = group.reloading ? [{ kind: 'confirm-reloaded', group: group.id }] : [];
  return [
    ...starting.map(({ name }): Action => ({ kind, group: group.id, name })),
    ...confirmation,
    ...starting.map(({ name }): Action => ({ kind: 'launch', group: group.id, name })),
    { kind: 'report-restarted', group: group.id, rung },
  ];
}

function restartGroup(state: ControllerState, group: Group, rung: Rung): Decision {
  const starting = group.members.filter(startsAgain);
  let startOrder = state.nextStartOrder;
  const members = group.members.map((member): Member => {
    if (startsAgain(member)) return { ...member, status: 'running', startOrder: startOrder++ };
    return member.status === 'running' ? { ...member, status: 'stopped' } : member;
  });
  const actions: Action[] = [...stops(group), ...starts(group, starting, rung)];
  const restarting: Group = { ...group, members, phase: 'restarting', blocked: false };
  return {
    state: { ...withGroup(state, restarting), nextStartOrder: startOrder },
    actions,
    supersedes: [group.id],
  };
}

/** The report of the restart is through: what was put off until then. */
function restarted(state: ControllerState, group: Group): Decision {
  if (group.phase !== 'restarting') return nothing(state);
  const left = leaveSiteRestart(state, group.id);
  return settle(left.state, { ...group, phase: 'live' }, left.reports);
}

/** The group's part in a site restart is done, or will not be done any more; the last one to say so ends the site restart. */
function leaveSiteRestart(
  state: ControllerState,
  id: number,
): { readonly state: ControllerState; readonly reports: readonly Action[] } {
  if (!state.siteRestartPending.has(id)) return { state, reports: [] };
  const siteRestartPending = new Set(state.siteRestartPending);
  siteRestartPending.delete(id);
  const reports: Action[] =
    siteRestartPending.size === 0 ? [{ kind: 'report-site-restarted', group: id }] : [];
  return { state: { ...state, siteRestartPending }, reports };
}

/** Counts against no group: the one on whose account it happens has been charged already. */
function restartSite(state: ControllerState): Decision {
  const groups = [...state.groups.values()].filter((group) => group.phase !== 'quarantined');
  let next: ControllerState = { ...state, siteRestartPending: new Set(groups.map((group) => group.id)) };
  const actions: Action[] = groups.length === 0 ? [{ kind: 'report-site-restarted', group: 0 }] : [];
  for (const group of groups) {
    const decision = restartGroup(next, group, 'site');
    next = decision.state;
    actions.push(...decision.actions);
  }
  return { state: next, actions, supersedes: groups.map((group) => group.id) };
}

/** The group as if it had been started for the first time, its blocks with other keys untouched. */
function coldStart(state: ControllerState, group: Group, reason: string, nowMs: number): Decision {
  const direct = group.members.filter((member) => member.kind === 'direct');
  let startOrder = state.nextStartOrder;
  const members = direct.map(
    (member): Member => ({ ...member, status: 'running', startOrder: startOrder++ }),
  );
  const cold: Group = {
    ...emptyGroup(group.id, state.nextSerial),
    phase: 'restarting',
    members,
    siteRestartTimesMs: group.siteRestartTimesMs,
    coldStartMs: nowMs,
    reloading: true,
  };
  const id = group.id;
  return {
    state: { ...withGroup(state, cold), nextSerial: state.nextSerial + 1, nextStartOrder: startOrder },
    actions: [
      { kind: 'report-escalated', group: id, rung: 'cold', reason },
      ...stops(group),
      freeing(group),
      ...starts(cold, members, 'cold'),
    ],
    supersedes: [id],
  };
}

function quarantine(state: ControllerState, group: Group, reason: string): Decision {
  const members = group.members.map((member) =>
    member.status === 'running' ? { ...member, status: 'stopped' as const } : member,
  );
  const left = leaveSiteRestart(state, group.id);
  return {
    state: withGroup(left.state, { ...group, members, phase: 'quarantined', reason }),
    actions: [
      { kind: 'report-escalated', group: group.id, rung: 'quarantine', reason },
      ...stops(group),
      { kind: 'report-quarantined', group: group.id, reason },
      ...left.reports,
    ],
    supersedes: [group.id],
  };
}

function released(state: ControllerState, group: Group, nowMs: number): Decision {
  if (group.phase !== 'quarantined') return nothing(state);
  const forgiven: Group = {
    ...group,
    restartTimesMs: [nowMs],
    siteRestartTimesMs: [],
    coldStartMs: null,
    reason: null,
  };
  return restartGroup(state, forgiven, 'group');
}

function killed(state: ControllerState, group: Group): Decision {
  const left = leaveSiteRestart(state, group.id);
  return {
    state: withoutGroup(left.state, group.id),
    actions: [...stops(group), freeing(group), ...left.reports],
    supersedes: [group.id],
  };
}
