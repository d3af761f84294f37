// Decides what follows when members come and go: who joins a group, who returns, and when a group is over or blocked because of who has
// ended. Pure and total, like all of the decision; it never starts or stops anything.
import { altered, changes, emptyGroup, freeing, NOTHING_FUTILE, nothing } from './decision.ts';
import type { Action, ControllerEvent, Decision, Group, Member, SiteBooks } from './state.ts';

type Joining = ControllerEvent & { readonly kind: 'joined' };

/** `known`: the group, if there is one already. */
export function joined(
  books: SiteBooks,
  known: Group | null,
  { group: id, name, memberKind }: Joining,
): Decision {
  const { nextSerial, nextStartOrder } = books;
  const group = known ?? emptyGroup(id, nextSerial);
  const member: Member = {
    name,
    kind: memberKind,
    status: 'running',
    startOrder: nextStartOrder,
    ...NOTHING_FUTILE,
  };
  const counted: SiteBooks = {
    ...books,
    nextSerial: known === null ? nextSerial + 1 : nextSerial,
    nextStartOrder: nextStartOrder + 1,
  };
  return changes(counted, altered(group, { members: [...group.members, member], blocked: false }));
}

export function respawned(books: SiteBooks, group: Group, name: string): Decision {
  const returning = group.members.find((member) => member.name === name && member.status !== 'running');
  if (returning === undefined) return nothing(books);
  const { nextStartOrder } = books;
  const members = group.members.map((member) =>
    member === returning ? { ...member, status: 'running' as const, startOrder: nextStartOrder } : member,
  );
  return changes({ ...books, nextStartOrder: nextStartOrder + 1 }, { ...group, members, blocked: false });
}

export function ended(books: SiteBooks, group: Group, name: string): Decision {
  const member = group.members.find((each) => each.name === name);
  if (member?.status !== 'running') return nothing(books);
  const members = group.members.map((each) =>
    each === member ? { ...each, ...NOTHING_FUTILE, status: 'ended' as const } : each,
  );
  return settle(books, { ...group, members }, []);
}

/** After a change of members: a group all of whose members have ended is over; one that nobody is left to finish is blocked. */
export function settle(books: SiteBooks, group: Group, before: readonly Action[]): Decision {
  const running = group.members.some((member) => member.status === 'running');
  if (running || group.phase !== 'live') return changes(books, group, before);
  const waitingFor = group.members.filter((member) => member.status === 'stopped');
  if (waitingFor.length === 0)
    return { changed: [[group.id, null]], books, actions: [...before, freeing(group)], supersedes: [] };
  const names = waitingFor.map((member) => member.name);
  const report: Action = { kind: 'report-blocked', group: group.id, names };
  return changes(books, { ...group, blocked: true }, [...before, report]);
}
