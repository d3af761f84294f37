// Decides how a group and the whole site are restarted: who stops, who starts again in which order, and when a restart is through. Pure
// and total; it must not ask why there is a restart, nor count it.
import { nothing, stops, withGroup } from './decision.ts';
import { settle } from './membership.ts';
import type { Action, ControllerState, Decision, Group, Member, Rung } from './state.ts';

/** Direct members that had not ended cleanly, in order of first start. */
function startsAgain(member: Member): boolean {
  return member.kind === 'direct' && member.status !== 'ended';
}

/** Each is loaded after the one before it; none is launched before all are. */
export function starts(group: Group, starting: readonly Member[], rung: Rung): Action[] {
  const kind = group.reloading ? 'reload' : 'restore';
  const confirmation: Action[] = group.reloading ? [{ kind: 'confirm-reloaded', group: group.id }] : [];
  return [
    ...starting.map(({ name }): Action => ({ kind, group: group.id, name })),
    ...confirmation,
    ...starting.map(({ name }): Action => ({ kind: 'launch', group: group.id, name })),
    { kind: 'report-restarted', group: group.id, rung },
  ];
}

/** `between`: what is to be done when all has stopped and nothing has been started yet. */
export function restartGroup(
  state: ControllerState,
  group: Group,
  rung: Rung,
  between: readonly Action[] = [],
): Decision {
  const starting = group.members.filter(startsAgain);
  let startOrder = state.nextStartOrder;
  const members = group.members.map((member): Member => {
    if (startsAgain(member)) return { ...member, status: 'running', startOrder: startOrder++ };
    return member.status === 'running' ? { ...member, status: 'stopped' } : member;
  });
  const actions: Action[] = [...stops(group), ...between, ...starts(group, starting, rung)];
  const restarting: Group = { ...group, members, phase: 'restarting', blocked: false };
  return {
    state: { ...withGroup(state, restarting), nextStartOrder: startOrder },
    actions,
    supersedes: [group.id],
  };
}

/** The report of the restart is through: what was put off until then. */
export function restarted(state: ControllerState, group: Group): Decision {
  if (group.phase !== 'restarting') return nothing(state);
  const left = leaveSiteRestart(state, group.id);
  return settle(left.state, { ...group, phase: 'live' }, left.reports);
}

/** The group's part in a site restart is done, or will not be done any more; the last one to say so ends the site restart. */
export function leaveSiteRestart(
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
export function restartSite(state: ControllerState): Decision {
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
