// Decides what a failure calls for: the ladder from a roll-back over the restarts of the group and of the site to a cold start and to
// quarantine, and the way down again. Pure and total. A generation must not take its group up the ladder as long as an older one may
// be sound; and as a roll-back forgets no failure but those of the generation it gives up, every series comes to the top in the end.
import { altered, emptyGroup, freeing, NOTHING_FUTILE, nothing, stops } from './decision.ts';
import { leaveSiteRestart, restartGroup, restartSite, starts } from './restart.ts';
import type {
  ControllerEvent,
  ControllerState,
  Decision,
  Group,
  Member,
  Policy,
  SiteBooks,
} from './state.ts';

type Failure = ControllerEvent & { readonly kind: 'failed' };

export function failed(
  state: ControllerState,
  present: Group,
  failure: Failure,
  nowMs: number,
  policy: Policy,
): Decision {
  const { books } = state;
  const member = present.members.find((each) => each.name === failure.name);
  if (member?.status !== 'running') return nothing(books);
  const group = withoutHungTime(present, failure.entryMs, nowMs);
  const restartTimesMs = recent(group.restartTimesMs, nowMs, policy.intervalMs);
  const atLimit = restartTimesMs.length >= policy.maxBadness;
  const charged = charge(member, failure, group, policy);
  if (isPoisoned(charged, atLimit, policy))
    return rollBack(books, { ...group, restartTimesMs }, member, charged);
  const members = replaced(group.members, member, charged);
  if (atLimit) {
    const culprit = { ...group, members, restartTimesMs };
    return failure.ofHost
      ? giveUp(books, culprit, failure.reason, nowMs, policy)
      : escalate(state, culprit, failure.reason, nowMs, policy);
  }
  const counted = Number.isFinite(policy.maxBadness) ? [...restartTimesMs, nowMs] : [];
  return restartGroup(books, altered(group, { members, restartTimesMs: counted }), 'group');
}

/**
 * The windows of the policy run while a group is up: what it has spent in an entry that never came to its end does not make the failures
 * before it older. Else a start that hangs until its limit would never fill a window.
 */
function withoutHungTime(group: Group, entryMs: number, nowMs: number): Group {
  if (entryMs === 0) return group;
  const later = (timeMs: number): number => Math.min(timeMs + entryMs, nowMs);
  return {
    ...group,
    restartTimesMs: group.restartTimesMs.map(later),
    siteRestartTimesMs: group.siteRestartTimesMs.map(later),
    coldStartMs: group.coldStartMs === null ? null : later(group.coldStartMs),
  };
}

/**
 * What the host cannot put back, no other group's restart makes good; and a cold start would throw away what there is nothing wrong with.
 */
function giveUp(books: SiteBooks, group: Group, reason: string, nowMs: number, { rungs }: Policy): Decision {
  if (rungs.quarantine) return quarantine(books, group, `it cannot be put back: ${reason}`);
  return restartGroup(
    books,
    { ...group, restartTimesMs: [...group.restartTimesMs.slice(1), nowMs] },
    'group',
  );
}

/**
 * The member with the failure held against it, if that was futile: then its generation may be what it fails of. A generation that is
 * about to be given up in a cold start is nothing to be rolled back.
 */
function charge(member: Member, failure: Failure, group: Group, { rungs }: Policy): Member {
  const { generation, useful, ofHost } = failure;
  if (useful || ofHost || generation === 0 || group.reloading || !rungs.rollback)
    return member.futileFailures === 0 ? member : { ...member, ...NOTHING_FUTILE };
  const before = member.futileGeneration === generation ? member.futileFailures : 0;
  return { ...member, futileFailures: before + 1, futileGeneration: generation };
}

/**
 * Whether its newest generation is given up. A single futile failure among failures of other kinds may be a matter of chance: it takes
 * the generation away only where the policy leaves no room for a second one.
 */
function isPoisoned(
  { futileFailures }: Member,
  atLimit: boolean,
  { maxBadness, maxFutileFailures }: Policy,
): boolean {
  if (futileFailures === 0) return false;
  // A series as long as the window allows is one, however slowly it came.
  if (futileFailures >= maxFutileFailures || futileFailures > Math.max(1, maxBadness)) return true;
  return atLimit && futileFailures >= Math.min(2, maxBadness + 1);
}

/**
 * The older generation gets a series of its own: the restarts after the futile failures are forgotten, the latest in the group's row.
 * Invariant: the others still count. Else a process that makes its poisoned generation anew after every roll-back would never climb.
 */
function rollBack(books: SiteBooks, group: Group, member: Member, charged: Member): Decision {
  const earlierRestarts = charged.futileFailures - 1;
  const othersCount = Math.max(0, group.restartTimesMs.length - earlierRestarts);
  const restartTimesMs = group.restartTimesMs.slice(0, othersCount);
  const members = replaced(group.members, member, { ...member, ...NOTHING_FUTILE });
  const forgiven = { ...group, members, restartTimesMs };
  return restartGroup(books, forgiven, 'group', [{ kind: 'roll-back', group: group.id, name: member.name }]);
}

function replaced(members: readonly Member[], before: Member, after: Member): readonly Member[] {
  return before === after ? members : members.map((each) => (each === before ? after : each));
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
  const { books } = state;
  const cause = `restarted ${group.restartTimesMs.length} times within ${policy.intervalMs} ms, last: ${reason}`;
  // The oldest makes way: the badness stays at its limit instead of growing with every restart that the policy lets pass.
  const overLimit = { ...group, restartTimesMs: [...group.restartTimesMs.slice(1), nowMs] };
  const siteRestartTimesMs = recent(group.siteRestartTimesMs, nowMs, policy.siteIntervalMs);
  const coldAlready = group.coldStartMs !== null && nowMs - group.coldStartMs < policy.siteIntervalMs;
  if (policy.rungs.site && !coldAlready && siteRestartTimesMs.length < policy.maxSiteRestarts) {
    const culprit = { ...overLimit, siteRestartTimesMs: [...siteRestartTimesMs, nowMs] };
    const decision = restartSite(state, culprit);
    return {
      ...decision,
      actions: [
        { kind: 'report-escalated', group: group.id, rung: 'site', reason: cause },
        ...decision.actions,
      ],
    };
  }
  if (policy.rungs.cold && !coldAlready) return coldStart(books, group, cause, nowMs);
  if (policy.rungs.quarantine) return quarantine(books, group, cause);
  return restartGroup(books, overLimit, 'group');
}

/** The group as if it had been started for the first time, its blocks with other keys untouched. */
function coldStart(books: SiteBooks, group: Group, reason: string, nowMs: number): Decision {
  const direct = group.members.filter((member) => member.kind === 'direct');
  let startOrder = books.nextStartOrder;
  const members = direct.map(
    (member): Member => ({ ...member, ...NOTHING_FUTILE, status: 'running', startOrder: startOrder++ }),
  );
  const cold: Group = {
    ...emptyGroup(group.id, books.nextSerial),
    phase: 'restarting',
    members,
    siteRestartTimesMs: group.siteRestartTimesMs,
    coldStartMs: nowMs,
    reloading: true,
  };
  const id = group.id;
  return {
    changed: [[id, cold]],
    books: { ...books, nextSerial: books.nextSerial + 1, nextStartOrder: startOrder },
    actions: [
      { kind: 'report-escalated', group: id, rung: 'cold', reason },
      ...stops(group),
      freeing(group),
      ...starts(cold, members, 'cold'),
    ],
    supersedes: [id],
  };
}

export function quarantine(books: SiteBooks, group: Group, reason: string): Decision {
  const members = group.members.map((member) =>
    member.status === 'running' ? { ...member, status: 'stopped' as const } : member,
  );
  const left = leaveSiteRestart(books, group.id);
  return {
    changed: [[group.id, { ...group, members, phase: 'quarantined', reason }]],
    books: left.books,
    actions: [
      { kind: 'report-escalated', group: group.id, rung: 'quarantine', reason },
      ...stops(group),
      { kind: 'report-quarantined', group: group.id, reason },
      ...left.reports,
    ],
    supersedes: [group.id],
  };
}

export function released(books: SiteBooks, group: Group, nowMs: number): Decision {
  if (group.phase !== 'quarantined') return nothing(books);
  const forgiven: Group = {
    ...group,
    members: group.members.map((member) => ({ ...member, ...NOTHING_FUTILE })),
    restartTimesMs: [nowMs],
    siteRestartTimesMs: [],
    coldStartMs: null,
    reason: null,
  };
  return restartGroup(books, forgiven, 'group');
}
