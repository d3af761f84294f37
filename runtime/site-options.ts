// What a site is opened with, and the check of every part of it. Nothing here opens anything.
import {
  refuse,
  requireBoolean,
  requireInteger,
  requireKnown,
  requireLimit,
  requireOneOf,
  requireText,
} from './checks.ts';
import { DEFAULT_POLICY, type Policy } from './controller/state.ts';
import { DEFAULT_LIMITS, LIMIT_BOUNDS, type Limits, MAX_COUNTED_RESTARTS } from './limits.ts';

/** A piece of what a guest wrote. */
export interface GuestOutput {
  /** `HR_CTRL` for the controller's own lines on the console. */
  readonly processName: string;
  readonly stream: 'stdout' | 'stderr';
  readonly bytes: Uint8Array;
}

export interface SiteOptions {
  /** Directory of the modules. Paths given to `arun` and hrfexec are relative to it and confined to it. */
  readonly stableStorage: string;
  /** How persistent memory is backed. `auto` (default): `mapped` where it works (Linux), else `copied`. */
  readonly backend?: 'auto' | 'mapped' | 'copied';
  /** Settable limits, in the units of their names. Default: DEFAULT_LIMITS. */
  readonly limits?: Partial<Limits>;
  /** When the ladder is climbed, and how far. Default: DEFAULT_POLICY. */
  readonly policy?: Partial<Omit<Policy, 'rungs'>> & { readonly rungs?: Partial<Policy['rungs']> };
  /** Idle worker threads kept ready once the first process in a thread has been started. Default 1. */
  readonly warmWorkers?: number;
  /** Takes what guests write. What it throws reaches the host as an uncaught exception. Default: the host's own stdout and stderr. */
  readonly output?: (output: GuestOutput) => void;
}

export interface CheckedSiteOptions {
  readonly stableStorage: string;
  readonly backend: 'auto' | 'mapped' | 'copied';
  readonly limits: Limits;
  readonly policy: Policy;
  readonly warmWorkers: number;
  readonly output: (output: GuestOutput) => void;
}

const KNOWN = ['stableStorage', 'backend', 'limits', 'policy', 'warmWorkers', 'output'];

function checkLimits(given: Partial<Limits>): Limits {
  const limits = { ...DEFAULT_LIMITS, ...requireKnown('limits', given, Object.keys(DEFAULT_LIMITS)) };
  for (const [name, { min, max }] of Object.entries(LIMIT_BOUNDS)) {
    requireInteger(`limits.${name}`, limits[name as keyof Limits], min, max);
  }
  return Object.freeze(limits);
}

function checkRungs(given: Partial<Policy['rungs']>): Policy['rungs'] {
  const rungs = {
    ...DEFAULT_POLICY.rungs,
    ...requireKnown('policy.rungs', given, Object.keys(DEFAULT_POLICY.rungs)),
  };
  for (const [name, value] of Object.entries(rungs)) requireBoolean(`policy.rungs.${name}`, value);
  return Object.freeze(rungs);
}

function checkPolicy(given: NonNullable<SiteOptions['policy']>): Policy {
  requireKnown('policy', given, Object.keys(DEFAULT_POLICY));
  const policy = { ...DEFAULT_POLICY, ...given, rungs: checkRungs(given.rungs ?? {}) };
  for (const name of ['maxBadness', 'maxSiteRestarts'] as const) {
    if (policy[name] === Number.POSITIVE_INFINITY) continue;
    requireInteger(`policy.${name}`, policy[name], 0, MAX_COUNTED_RESTARTS);
  }
  for (const name of ['intervalMs', 'siteIntervalMs'] as const) requireLimit(`policy.${name}`, policy[name]);
  return Object.freeze(policy);
}

function writeToHost({ stream, bytes }: GuestOutput): void {
  (stream === 'stdout' ? process.stdout : process.stderr).write(bytes);
}

/** Throws OPTION_INVALID, naming the option. */
export function checkSiteOptions(options: SiteOptions): CheckedSiteOptions {
  requireKnown('openSite', options, KNOWN);
  const { backend = 'auto', warmWorkers = 1, output = writeToHost } = options;
  if (typeof output !== 'function') refuse('output', 'must be a function');
  const limits = checkLimits(options.limits ?? {});
  return {
    stableStorage: requireText('stableStorage', options.stableStorage),
    backend: requireOneOf('backend', backend, ['auto', 'mapped', 'copied']),
    limits,
    policy: checkPolicy(options.policy ?? {}),
    warmWorkers: requireInteger('warmWorkers', warmWorkers, 0, limits.maxWorkers),
    output,
  };
}
