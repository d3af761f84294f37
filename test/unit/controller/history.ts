// A history of events put to `decide`, and a short notation for what comes of it, so that scenarios can be read as tables. Every
// state is checked to have survived its own decision unchanged; nothing here knows what the decision should have been.
import { isDeepStrictEqual } from 'node:util';
import { decide } from '#runtime/controller/decide.js';
import { KnownState } from '#runtime/controller/known-state.js';
import {
  type Action,
  type ControllerEvent,
  type ControllerState,
  DEFAULT_POLICY,
  type Decision,
  EMPTY_STATE,
  type MemberKind,
  type Policy,
} from '#runtime/controller/state.js';

/** Events by what happens. The group is 1 where it is not said. */
export const direct = (name: string, group = 1): ControllerEvent => joined(name, group, 'direct');
export const indirect = (name: string, group = 1): ControllerEvent => joined(name, group, 'indirect');
export const respawns = (name: string, group = 1): ControllerEvent => ({ kind: 'respawned', group, name });
export const ends = (name: string, group = 1): ControllerEvent => ({ kind: 'ended', group, name });
/** From generation 0: nothing to be rolled back. */
export const fails = (name: string, group = 1): ControllerEvent => failed(name, group, 0, false);
export const failsFutilely = (name: string, generation: number, group = 1): ControllerEvent =>
  failed(name, group, generation, false);
export const failsUsefully = (name: string, generation: number, group = 1): ControllerEvent =>
  failed(name, group, generation, true);
export const restartIsThrough = (group = 1): ControllerEvent => ({ kind: 'restarted', group });
export const isReloaded = (group = 1): ControllerEvent => ({ kind: 'reloaded', group });
export const isKilled = (group = 1): ControllerEvent => ({ kind: 'group-killed', group });
export const isReleased = (group = 1): ControllerEvent => ({ kind: 'released', group });
export const cannotBeReloaded = (group = 1): ControllerEvent => ({
  kind: 'unrestorable',
  group,
  reason: 'cold start failed: no such file',
});
export const siteIsRestarted: ControllerEvent = { kind: 'site-restart-asked' };

function joined(name: string, group: number, memberKind: MemberKind): ControllerEvent {
  return { kind: 'joined', group, name, memberKind };
}

function failed(name: string, group: number, generation: number, useful: boolean): ControllerEvent {
  const reason = `${name} failed`;
  return { kind: 'failed', group, name, reason, generation, useful, entryMs: 0, ofHost: false };
}

/** One policy for all tables unless they say otherwise: small numbers, so that the ladder is short. */
export const SHORT_LADDER: Policy = {
  ...DEFAULT_POLICY,
  maxBadness: 2,
  intervalMs: 1000,
  maxSiteRestarts: 2,
  siteIntervalMs: 10_000,
};

/** A decision, and the state that it leads to. */
export interface Outcome extends Decision {
  readonly state: ControllerState;
}

/** The very same state when the decision changes nothing. */
function after(before: ControllerState, decision: Decision): ControllerState {
  const known = new KnownState(before);
  known.apply(decision);
  const { groups, books } = known;
  return decision.changed.length === 0 && books === before.books ? before : { groups, books };
}

export class History {
  readonly #policy: Policy;
  #state: ControllerState;

  constructor(policy: Policy = SHORT_LADDER, state: ControllerState = EMPTY_STATE) {
    this.#policy = policy;
    this.#state = state;
  }

  get state(): ControllerState {
    return this.#state;
  }

  put(event: ControllerEvent, nowMs = 0): Outcome {
    const before = structuredClone(this.#state);
    const decision = decide(this.#state, event, nowMs, this.#policy);
    if (!isDeepStrictEqual(this.#state, before))
      throw new Error(`${event.kind} changed the state it was put to`);
    this.#state = after(this.#state, decision);
    return { ...decision, state: this.#state };
  }

  /** What `put` decided, in the notation. Stopping what does not run does nothing, and is left out. */
  tell(event: ControllerEvent, nowMs = 0): readonly string[] {
    const running = new Set(
      [...this.#state.groups.values()].flatMap(({ members }) =>
        members.filter(({ status }) => status === 'running').map(({ name }) => name),
      ),
    );
    return this.put(event, nowMs)
      .actions.filter((action) => action.kind !== 'stop' || running.has(action.name))
      .map(notationOf);
  }

  /** Every group as `ID phase: member status, ...`. */
  groups(): readonly string[] {
    return [...this.#state.groups.values()].map(({ id, phase, members }) => {
      const list = members.map(({ name, status }) => `${name} ${status}`).join(', ');
      return `${id} ${phase}: ${list}`;
    });
  }
}

/** `verb object`, with the group behind it where it is not 1. */
function notationOf(action: Action): string {
  const text = plainNotationOf(action);
  return action.group === 1 ? text : `${text} @${action.group}`;
}

function plainNotationOf(action: Action): string {
  switch (action.kind) {
    case 'stop':
    case 'restore':
    case 'launch':
    case 'reload':
      return `${action.kind} ${action.name}`;
    case 'roll-back':
      return `roll back ${action.name}`;
    case 'free':
      return `free ${action.names.join(' ')}`;
    case 'confirm-reloaded':
      return 'confirm reloaded';
    case 'report-restarted':
      return `restarted: ${action.rung}`;
    case 'report-escalated':
      return `escalated: ${action.rung}`;
    case 'report-blocked':
      return `blocked: ${action.names.join(' ')}`;
    case 'report-quarantined':
      return 'quarantined';
    case 'report-site-restarted':
      return 'site restarted';
  }
}

/** Events, the actions each leads to, and the groups as they are then. */
export interface Scenario {
  readonly title: string;
  readonly steps: readonly (readonly [
    event: ControllerEvent,
    actions: readonly string[],
    groups: readonly string[],
  ])[];
}

/** The scenario as it really goes. */
export function retell({ steps }: Scenario): Scenario['steps'] {
  const history = new History();
  return steps.map(([event]) => [event, history.tell(event), history.groups()]);
}
