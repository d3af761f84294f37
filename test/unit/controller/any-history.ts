// Arbitrary events, times and policies for the restart decision, sensible ones and stale ones alike. It holds no expectations.
import fc from 'fast-check';
import type { ControllerEvent, ControllerState, Group, Policy } from '#runtime/controller/state.js';
import { History, SHORT_LADDER } from './history.js';

const GROUPS = [1, 2, 3];
const NAMES = ['a', 'b', 'c', 'd', 'e'];

const group = fc.constantFrom(...GROUPS);
const name = fc.constantFrom(...NAMES);
const memberKind = fc.constantFrom('direct' as const, 'indirect' as const);
export const anyEvent: fc.Arbitrary<ControllerEvent> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('joined' as const), group, name, memberKind }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('respawned' as const), group, name }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('ended' as const), group, name }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('failed' as const),
      group,
      name,
      reason: fc.constant(''),
      generation: fc.nat({ max: 3 }),
      useful: fc.boolean(),
      entryMs: fc.nat({ max: 20_000 }),
      ofHost: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('restarted' as const), group }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reloaded' as const), group }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('unrestorable' as const), group, reason: fc.constant('') }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('group-killed' as const), group }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('site-restart-asked' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('released' as const), group }) },
);

/** Events, and how long after the one before it each comes, in ms. */
export const anyHistory = fc.array(fc.tuple(anyEvent, fc.nat({ max: 400 })), { maxLength: 60 });
export const anyPolicy: fc.Arbitrary<Policy> = fc.record({
  maxBadness: fc.constantFrom(0, 1, 2),
  intervalMs: fc.constant(SHORT_LADDER.intervalMs),
  maxSiteRestarts: fc.constantFrom(0, 1, 2),
  siteIntervalMs: fc.constant(SHORT_LADDER.siteIntervalMs),
  maxFutileFailures: fc.constantFrom(0, 1, 2, 3, Number.POSITIVE_INFINITY),
  rungs: fc.record({
    rollback: fc.boolean(),
    site: fc.boolean(),
    cold: fc.boolean(),
    quarantine: fc.boolean(),
  }),
});

/** What those who report events keep to: names are unique, nothing starts in a quarantined group or without a process that asks. */
export function mayHappen(state: ControllerState, event: ControllerEvent): boolean {
  if (event.kind !== 'joined' && event.kind !== 'respawned') return true;
  const home = state.groups.get(event.group);
  const somebodyAsks = runningIn(home).length > 0;
  if (event.kind === 'respawned') {
    const known = home?.members.find((member) => member.name === event.name);
    return known === undefined || (known.kind === 'indirect' && somebodyAsks);
  }
  const taken = GROUPS.some((id) => namesIn(state, id).includes(event.name));
  if (taken || home?.phase === 'quarantined') return false;
  return event.memberKind === 'direct' || somebodyAsks;
}

export const namesIn = (state: ControllerState, id: number) =>
  state.groups.get(id)?.members.map((member) => member.name) ?? [];
export const runningIn = (each: Group | undefined) =>
  each?.members.filter(({ status }) => status === 'running') ?? [];

/** The history as far as it may happen, and the time when it is over. */
export function pastOf(
  policy: Policy,
  events: readonly (readonly [ControllerEvent, number])[],
): { readonly history: History; readonly nowMs: number } {
  const history = new History(policy);
  let nowMs = 0;
  for (const [event, gapMs] of events) {
    if (!mayHappen(history.state, event)) continue;
    nowMs += gapMs;
    history.put(event, nowMs);
  }
  return { history, nowMs };
}
