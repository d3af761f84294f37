// What the keeper does when its site has died: pure decisions over the times of earlier deaths. It must never let a site that
// always dies be started without end, nor start one again that a new start cannot mend.
import { MAX_DELAY_MS } from './timers.ts';

/** Times in milliseconds. */
export interface KeeperPolicy {
  /** Deaths within `intervalMs`; with one more the keeper stops. */
  readonly maxDeaths: number;
  readonly intervalMs: number;
  /** A site that has been open and sends no sign of life for so long is killed. 0: it is not watched. */
  readonly watchdogMs: number;
  /** A site that is not open so long after its start is killed. */
  readonly startLimitMs: number;
}

export const DEFAULT_KEEPER_POLICY: KeeperPolicy = Object.freeze({
  maxDeaths: 5,
  intervalMs: 60_000,
  watchdogMs: 10_000,
  startLimitMs: 60_000,
});

export const KEEPER_BOUNDS = Object.freeze({
  // Each is remembered by its time.
  maxDeaths: { min: 0, max: 10_000 },
  intervalMs: { min: 1, max: MAX_DELAY_MS },
  // Four signs within it: they cannot come at any pace.
  watchdogMs: { min: 100, max: MAX_DELAY_MS, zeroIsOff: true },
  startLimitMs: { min: 1, max: MAX_DELAY_MS },
} as const satisfies Record<keyof KeeperPolicy, { min: number; max: number; zeroIsOff?: true }>);

/** How a child process ended. */
export type Death =
  | { readonly kind: 'exited'; readonly exitCode: number }
  | { readonly kind: 'killed'; readonly signal: string }
  /** It was killed by the keeper: no sign of life for `limitMs`. */
  | { readonly kind: 'hung'; readonly limitMs: number }
  /** It was killed by the keeper: not open within `limitMs`. */
  | { readonly kind: 'not-ready'; readonly limitMs: number }
  | { readonly kind: 'not-started'; readonly reason: string }
  /** It was killed by the keeper, and did not end. */
  | { readonly kind: 'unkillable' };

export type Decision =
  | { readonly kind: 'start-again'; readonly delayMs: number }
  | { readonly kind: 'stop'; readonly exitCode: number; readonly reason: string };

/** Exit codes of the command. */
export const EXIT_ENDED = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
/** What is wrong will be wrong at the next start too. */
export const EXIT_UNMENDABLE = 3;

const FIRST_DELAY_MS = 100;
const MAX_START_DELAY_MS = 5_000;

/** The site ended because somebody told it to. */
export function isOnPurpose(death: Death): boolean {
  return death.kind === 'exited' && death.exitCode === EXIT_ENDED;
}

/** How a site may end that has been told to. One that has not come so far as to heed SIGTERM dies of it. */
export function endsInOrder(death: Death): boolean {
  return isOnPurpose(death) || (death.kind === 'killed' && death.signal === 'SIGTERM');
}

export function describeDeath(death: Death): string {
  switch (death.kind) {
    case 'exited':
      return `exit code ${death.exitCode}`;
    case 'killed':
      return `killed by ${death.signal}`;
    case 'hung':
      return `hung, no sign of life for ${death.limitMs} ms`;
    case 'not-ready':
      return `not open within ${death.limitMs} ms`;
    case 'not-started':
      return `could not be started: ${death.reason}`;
    case 'unkillable':
      return 'killed, but it does not end';
  }
}

/** The earlier deaths that still count at `nowMs`, and this one. Never longer than `maxDeaths` + 1. */
export function rememberDeath(
  history: readonly number[],
  nowMs: number,
  policy: KeeperPolicy,
): readonly number[] {
  const recent = history.filter((diedMs) => nowMs - diedMs < policy.intervalMs);
  return [...recent, nowMs].slice(-(policy.maxDeaths + 1));
}

/** `history`: times of the deaths before this one, as `rememberDeath` keeps them. */
export function decideOnDeath(
  history: readonly number[],
  death: Death,
  nowMs: number,
  policy: KeeperPolicy,
): Decision {
  if (isOnPurpose(death)) {
    return { kind: 'stop', exitCode: EXIT_ENDED, reason: 'the site was ended on purpose' };
  }
  if (death.kind === 'exited' && death.exitCode === EXIT_UNMENDABLE) {
    const reason = 'the site cannot be opened, and another start would not mend that';
    return { kind: 'stop', exitCode: EXIT_UNMENDABLE, reason };
  }
  if (death.kind === 'unkillable') {
    // It still owns the bank.
    return { kind: 'stop', exitCode: EXIT_FAILED, reason: `the site was ${describeDeath(death)}` };
  }
  const deathCount = rememberDeath(history, nowMs, policy).length;
  if (deathCount > policy.maxDeaths) {
    const times = deathCount === 1 ? 'once' : `${deathCount} times`;
    const reason = `the site died ${times} within ${policy.intervalMs} ms, last: ${describeDeath(death)}`;
    return { kind: 'stop', exitCode: EXIT_FAILED, reason };
  }
  return { kind: 'start-again', delayMs: startDelayMs(deathCount) };
}

/** At once after the first death, then doubling. */
function startDelayMs(deathCount: number): number {
  return deathCount === 1 ? 0 : Math.min(FIRST_DELAY_MS * 2 ** (deathCount - 2), MAX_START_DELAY_MS);
}
