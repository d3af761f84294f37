// What the Hot Restart Controller knows of groups and their members, and the policy it goes by: plain immutable data. Which thread
// or instance runs a member is known elsewhere.

export type MemberKind = 'direct' | 'indirect';

/** `stopped`: ran once and has neither ended cleanly nor been run again since its group restarted. */
export type MemberStatus = 'running' | 'ended' | 'stopped';

export interface Member {
  readonly name: string;
  readonly kind: MemberKind;
  readonly status: MemberStatus;
  /** Rises with every start in the site: members stop in reverse order of start. */
  readonly startOrder: number;
  /** Failures in a row of runs that did nothing useful, all of them from `futileGeneration`. */
  readonly futileFailures: number;
  /** Above 0 as long as `futileFailures` is, else 0. */
  readonly futileGeneration: number;
}

export type GroupPhase = 'live' | 'restarting' | 'quarantined';

export interface Group {
  readonly id: number;
  /** Tells this group from an earlier one of the same ID. */
  readonly serial: number;
  readonly phase: GroupPhase;
  /** In order of first start. */
  readonly members: readonly Member[];
  /** Times of its restarts, in ms; their number within the interval is the group's badness. */
  readonly restartTimesMs: readonly number[];
  /** Times of the site restarts on its account, in ms. */
  readonly siteRestartTimesMs: readonly number[];
  readonly coldStartMs: number | null;
  /** Not all of it has been loaded for its cold start: until it is, a restart loads its processes afresh instead of restoring them. */
  readonly reloading: boolean;
  /** That it is blocked has been reported and is still so. */
  readonly blocked: boolean;
  /** Why it is quarantined; null otherwise. */
  readonly reason: string | null;
}

/** What is known of the site beside its groups. */
export interface SiteBooks {
  readonly nextSerial: number;
  readonly nextStartOrder: number;
  /** Groups whose part of the site restart under way is not done; empty when there is none. */
  readonly siteRestartPending: ReadonlySet<number>;
}

export interface ControllerState {
  readonly groups: ReadonlyMap<number, Group>;
  readonly books: SiteBooks;
}

export const EMPTY_STATE: ControllerState = Object.freeze({
  groups: new Map<number, Group>(),
  books: Object.freeze({ nextSerial: 1, nextStartOrder: 1, siteRestartPending: new Set<number>() }),
});

/** Reference, section 12 rows 1 and 1b. Times in milliseconds. */
export interface Policy {
  /** Restarts of a group within `intervalMs`; one more climbs the ladder. Infinity: it is never climbed, and none are counted. */
  readonly maxBadness: number;
  /** ChorusOS: hrCtrl.interval. */
  readonly intervalMs: number;
  /** Site restarts on account of one group within `siteIntervalMs`; one more starts that group cold. */
  readonly maxSiteRestarts: number;
  readonly siteIntervalMs: number;
  /**
   * With so many futile failures in a row a process is rolled back, whatever the badness. Infinity: when the ladder would be climbed
   * otherwise, and not by a single futile failure where the badness allows for more; or after more than `maxBadness` in a row.
   */
  readonly maxFutileFailures: number;
  /** Rungs of the ladder above the group restart that may be used; `rollback` comes before the others. */
  readonly rungs: {
    readonly rollback: boolean;
    readonly site: boolean;
    readonly cold: boolean;
    readonly quarantine: boolean;
  };
}

export const DEFAULT_POLICY: Policy = Object.freeze({
  maxBadness: 5,
  intervalMs: 10_000,
  maxSiteRestarts: 3,
  siteIntervalMs: 60_000,
  maxFutileFailures: Number.POSITIVE_INFINITY,
  rungs: Object.freeze({ rollback: true, site: true, cold: true, quarantine: true }),
});

/** How high a restart was on the ladder: of the group alone, of the whole site, or cold, from stable storage. */
export type Rung = 'group' | 'site' | 'cold';

/** What happened. `group` is a group ID; `cause` a CAUSE_* number of abi/hr.ts. */
export type ControllerEvent =
  | {
      readonly kind: 'joined';
      readonly group: number;
      readonly name: string;
      readonly memberKind: MemberKind;
    }
  | { readonly kind: 'respawned'; readonly group: number; readonly name: string }
  | { readonly kind: 'ended'; readonly group: number; readonly name: string }
  | {
      readonly kind: 'failed';
      readonly group: number;
      readonly name: string;
      readonly reason: string;
      /** The newest the failed run had started from or made. */
      readonly generation: number;
      /** The run answered a call, came to the end of its entry from generation 0, or made a generation. */
      readonly useful: boolean;
      /** How long the run had been in an entry that did not come to its end, in milliseconds; 0 when it had. */
      readonly entryMs: number;
      /** The host could not put it back: no guest has done anything. */
      readonly ofHost: boolean;
    }
  /** A member cannot be brought back, from its images or from stable storage; `reason` says so in full. */
  | { readonly kind: 'unrestorable'; readonly group: number; readonly reason: string }
  | { readonly kind: 'reloaded'; readonly group: number }
  | { readonly kind: 'restarted'; readonly group: number }
  | { readonly kind: 'group-killed'; readonly group: number }
  | { readonly kind: 'site-restart-asked' }
  | { readonly kind: 'released'; readonly group: number };

/**
 * What is to be done, in order. Every action belongs to one group. `stop` is begun as soon as it is decided, for all that are to be
 * stopped: what a condemned run still says is of no account. The others wait until the group's stops are through.
 */
export type Action = { readonly group: number } & (
  | { readonly kind: 'stop'; readonly name: string }
  /** The newest generation of the process is given up for the one before it that is kept, and at last for generation 0. */
  | { readonly kind: 'roll-back'; readonly name: string }
  | { readonly kind: 'restore'; readonly name: string }
  | { readonly kind: 'launch'; readonly name: string }
  /** Loads a direct process afresh from stable storage. */
  | { readonly kind: 'reload'; readonly name: string }
  /** All of the group has been reloaded. */
  | { readonly kind: 'confirm-reloaded' }
  | { readonly kind: 'report-restarted'; readonly rung: Rung }
  | {
      readonly kind: 'report-escalated';
      readonly rung: 'site' | 'cold' | 'quarantine';
      readonly reason: string;
    }
  | { readonly kind: 'report-blocked'; readonly names: readonly string[] }
  | { readonly kind: 'report-quarantined'; readonly reason: string }
  | { readonly kind: 'report-site-restarted' }
  /** Frees names, images and HR_GROUP_KEY blocks. */
  | { readonly kind: 'free'; readonly serial: number; readonly names: readonly string[] }
);

/** A group as it is after a decision; null: it is no more. */
export type ChangedGroup = readonly [id: number, group: Group | null];

export interface Decision {
  /** All others are what they were: a decision on one group costs the same beside a thousand others. */
  readonly changed: readonly ChangedGroup[];
  readonly books: SiteBooks;
  readonly actions: readonly Action[];
  /** Groups whose waiting restores, reloads, launches and restart reports are void: these actions take their place. */
  readonly supersedes: readonly number[];
}
