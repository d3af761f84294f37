// Decides how a group and the whole site are restarted: who stops, who starts again in which order, and when a restart is through. Pure
// and total; it must not ask why there is a restart, nor count it.
import { altered, alteredMember, nothing, stops } from './decision.ts';
import { settle } from './membership.ts';
import type {
  Action,
  ChangedGroup,
  ControllerState,
  Decision,
  Group,
  Member,
  Rung,
  SiteBooks,
} from './state.ts';

/** Direct members that had not ended cleanly, in order of first start. */
function startsAgain(member: Member): boolean {
  return member.kind === 'direct' && member.status !== 'ended';
}

/** Loads begin in order, and threads go on with them side by side; none is launched before all are loaded. */
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
  books: SiteBooks,
  group: Group,
  rung: Rung,
  between: readonly Action[] = [],
): Decision {
  const starting = group.members.filter(startsAgain);
  let startOrder = books.nextStartOrder;
  const members = group.members.map((member): Member => {
    if (startsAgain(member)) return alteredMember(member, { status: 'running', startOrder: startOrder++ });
    return member.status === 'running' ? alteredMember(member, { status: 'stopped' }) : member;
  });
  const actions: Action[] = [...stops(group), ...between, ...starts(group, starting, rung)];
  const { nextSerial, siteRestartPending } = books;
  return {
    changed: [[group.id, altered(group, { members, phase: 'restarting', blocked: false })]],
    books: { nextSerial, nextStartOrder: startOrder, siteRestartPending },
    actions,
    supersedes: [group.id],
  };
}

/** The report of the restart is through: what was put off until then. */
export function restarted(books: SiteBooks, group: Group): Decision {
  if (group.phase !== 'restarting') return nothing(books);
  const left = leaveSiteRestart(books, group.id);
  return settle(left.books, altered(group, { phase: 'live' }), left.reports);
}

/** The group's part in a site restart is done, or will not be done any more; the last one to say so ends the site restart. */
export function leaveSiteRestart(
  books: SiteBooks,
  id: number,
): { readonly books: SiteBooks; readonly reports: readonly Action[] } {
  if (!books.siteRestartPending.has(id)) return { books, reports: [] };
  const siteRestartPending = new Set(books.siteRestartPending);
  siteRestartPending.delete(id);
  const reports: Action[] =
    siteRestartPending.size === 0 ? [{ kind: 'report-site-restarted', group: id }] : [];
  return { books: { ...books, siteRestartPending }, reports };
}

/**
 * Counts against no group: the one on whose account it happens has been charged already. `culprit`: that one, as it is charged; null when
 * there is none.
 */
export function restartSite({ groups, books }: ControllerState, culprit: Group | null = null): Decision {
  const restarting = [...groups.values()].flatMap((known) => {
    const group = known.id === culprit?.id ? culprit : known;
    return group.phase === 'quarantined' ? [] : [group];
  });
  const ids = restarting.map(({ id }) => id);
  let next: SiteBooks = { ...books, siteRestartPending: new Set(ids) };
  const changed: ChangedGroup[] = [];
  const actions: Action[] = ids.length === 0 ? [{ kind: 'report-site-restarted', group: 0 }] : [];
  for (const group of restarting) {
    const decision = restartGroup(next, group, 'site');
    next = decision.books;
    changed.push(...decision.changed);
    for (const action of decision.actions) actions.push(action);
  }
  return { changed, books: next, actions, supersedes: ids };
}
