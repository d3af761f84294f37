// The pieces that decisions are put together from: nothing at all, one group changed, and the actions every way to the end of a group
// has in common. What a decision is must be said elsewhere: nothing here looks at an event.
import type { Action, Decision, Group, Member, SiteBooks } from './state.ts';

/** What is held against a member that has just joined, or to which all is forgiven. */
export const NOTHING_FUTILE: Pick<Member, 'futileFailures' | 'futileGeneration'> = Object.freeze({
  futileFailures: 0,
  futileGeneration: 0,
});

export function nothing(books: SiteBooks): Decision {
  return { changed: [], books, actions: [], supersedes: [] };
}

/** The group is another one from now on; nothing that waits to be done becomes void. */
export function changes(books: SiteBooks, group: Group, actions: readonly Action[] = []): Decision {
  return { changed: [[group.id, group]], books, actions, supersedes: [] };
}

type Alterable<Of, Name extends keyof Of> = Partial<Pick<Of, Name>>;

/** Field by field: an object spread with changes takes twenty times as long, for every member of every group that restarts. */
export function altered(
  group: Group,
  to: Alterable<Group, 'phase' | 'members' | 'restartTimesMs' | 'blocked'>,
): Group {
  const { id, serial, siteRestartTimesMs, coldStartMs, reloading, reason } = group;
  const {
    phase = group.phase,
    members = group.members,
    restartTimesMs = group.restartTimesMs,
    blocked = group.blocked,
  } = to;
  return {
    id,
    serial,
    phase,
    members,
    restartTimesMs,
    siteRestartTimesMs,
    coldStartMs,
    reloading,
    blocked,
    reason,
  };
}

/** As `altered`. */
export function alteredMember(member: Member, to: Alterable<Member, 'status' | 'startOrder'>): Member {
  const { name, kind, futileFailures, futileGeneration } = member;
  const { status = member.status, startOrder = member.startOrder } = to;
  return { name, kind, status, startOrder, futileFailures, futileGeneration };
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
