// The restart decision: what a group's state and an event call for. Pure and total: no clock, no effect, and an event that means
// nothing any more changes nothing. It never looks at how a process is run.
import { unreachable } from '../invariant.ts';
import { changes, freeing, nothing, stops } from './decision.ts';
import { failed, quarantine, released } from './ladder.ts';
import { ended, joined, respawned } from './membership.ts';
import { leaveSiteRestart, restarted, restartSite } from './restart.ts';
import type { ControllerEvent, ControllerState, Decision, Group, Policy, SiteBooks } from './state.ts';

/** Decides on one event at `nowMs`. Reference, sections 3.5 to 3.8, 4.1 and 12 rows 1, 1b, 8, 10. */
export function decide(
  state: ControllerState,
  event: ControllerEvent,
  nowMs: number,
  policy: Policy,
): Decision {
  if (event.kind === 'site-restart-asked') return restartSite(state);
  const { books } = state;
  const group = state.groups.get(event.group);
  if (event.kind === 'joined') return joined(books, group ?? null, event);
  if (group === undefined) return nothing(books);
  switch (event.kind) {
    case 'respawned':
      return respawned(books, group, event.name);
    case 'ended':
      return ended(books, group, event.name);
    case 'failed':
      return failed(state, group, event, nowMs, policy);
    case 'unrestorable':
      return group.phase === 'quarantined' ? nothing(books) : quarantine(books, group, event.reason);
    case 'reloaded':
      return group.reloading ? changes(books, { ...group, reloading: false }) : nothing(books);
    case 'restarted':
      return restarted(books, group);
    case 'group-killed':
      return killed(books, group);
    case 'released':
      return released(books, group, nowMs);
    default:
      return unreachable(event);
  }
}

function killed(books: SiteBooks, group: Group): Decision {
  const left = leaveSiteRestart(books, group.id);
  return {
    changed: [[group.id, null]],
    books: left.books,
    actions: [...stops(group), freeing(group), ...left.reports],
    supersedes: [group.id],
  };
}
