// The restart decision: what a group's state and an event call for. Pure and total: no clock, no effect, and an event that means
// nothing any more changes nothing. It never looks at how a process is run.
import { unreachable } from '../invariant.ts';
import { freeing, nothing, stops, withGroup, withoutGroup } from './decision.ts';
import { failed, quarantine, released } from './ladder.ts';
import { ended, joined, respawned } from './membership.ts';
import { leaveSiteRestart, restarted, restartSite } from './restart.ts';
import type { ControllerEvent, ControllerState, Decision, Group, Policy } from './state.ts';

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
      return failed(state, group, event, nowMs, policy);
    case 'unrestorable':
      return group.phase === 'quarantined' ? nothing(state) : quarantine(state, group, event.reason);
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

function killed(state: ControllerState, group: Group): Decision {
  const left = leaveSiteRestart(state, group.id);
  return {
    state: withoutGroup(left.state, group.id),
    actions: [...stops(group), freeing(group), ...left.reports],
    supersedes: [group.id],
  };
}
