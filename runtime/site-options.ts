// What a site is opened with, and the check of every part of it. Nothing here opens anything.
import { fileURLToPath } from 'node:url';
import {
  refuse,
  requireBoolean,
  requireInteger,
  requireKnown,
  requireLimit,
  requireOneOf,
  requireText,
} from './checks.ts';
import { type HostImports, makeEmbedding } from './controller/embedding.ts';
import { DEFAULT_POLICY, type Policy } from './controller/state.ts';
import { RekindleError } from './errors.ts';
import { DEFAULT_LIMITS, LIMIT_BOUNDS, type Limits, MAX_COUNTED_RESTARTS } from './limits.ts';
import { SITE_EVENTS, type SiteListeners } from './site-events.ts';
import { HOST_STDIO } from './site-stdio.ts';

/** A piece of what a guest wrote. */
export interface GuestOutput {
  /** `HR_CTRL` for the controller's own lines on the console. */
  readonly processName: string;
  readonly stream: 'stdout' | 'stderr';
  readonly bytes: Uint8Array;
}

/** A bank in a directory. */
export interface BankOptions {
  readonly path: string;
  /** `hot` (default): what is registered in it comes back. `cold`: it is begun anew, and everything in it is gone. */
  readonly start?: 'hot' | 'cold';
  /**
   * When what is committed goes to the medium, to outlive a loss of power. `auto` (default): with every commit, unless the file system
   * is in memory. `commit`, `none`: with every one, or never.
   */
  readonly sync?: 'auto' | 'commit' | 'none';
}

export interface SiteOptions {
  /** Directory of the modules, as a path or a `file:` URL. Paths given to `arun` and hrfexec are relative to it and confined to it. */
  readonly stableStorage: string | URL;
  /**
   * Directory of the bank: what is in it outlives this program, and a site that is opened on it comes back with everything that was
   * registered. Its parent must exist. Default: none, a bank in memory that ends with the site.
   */
  readonly bank?: string | BankOptions;
  /** How persistent memory is backed. `auto` (default): `mapped` where it works (Linux), else `copied`. */
  readonly backend?: 'auto' | 'mapped' | 'copied';
  /** Settable limits, in the units of their names. Default: DEFAULT_LIMITS. */
  readonly limits?: Partial<Limits>;
  /** When the ladder is climbed, and how far. Default: DEFAULT_POLICY. */
  readonly policy?: Partial<Omit<Policy, 'rungs'>> & { readonly rungs?: Partial<Policy['rungs']> };
  /** Idle worker threads kept ready once the first process in a thread has been started. Default 1. */
  readonly warmWorkers?: number;
  /**
   * Functions of this thread that every guest may import, and the values of globals, by import module and name. Processes that come back from
   * a bank find here the functions they were started with, since those cannot be written down.
   */
  readonly imports?: HostImports;
  /** Listeners that are there from the start: what happens while a bank comes back is heard by no others. */
  readonly listeners?: SiteListeners;
  /** `run` (default): the commands in `sysadm.ini` of stable storage are run when the site opens, if there is such a file. */
  readonly sysadm?: 'run' | 'ignore';
  /** Takes what guests write. What it throws reaches the host as an uncaught exception. Default: the host's own stdout and stderr, which
   * are not made to hold more than a few MB for a slow reader. */
  readonly output?: (output: GuestOutput) => void;
}

export interface CheckedSiteOptions {
  readonly stableStorage: string;
  readonly bank: Required<BankOptions> | null;
  readonly bankSizeIsGiven: boolean;
  readonly imports: HostImports;
  readonly listeners: SiteListeners;
  readonly sysadm: 'run' | 'ignore';
  readonly backend: 'auto' | 'mapped' | 'copied';
  readonly limits: Limits;
  readonly policy: Policy;
  readonly warmWorkers: number;
  readonly output: (output: GuestOutput) => void;
}

const KNOWN: readonly (keyof SiteOptions)[] = [
  'stableStorage',
  'bank',
  'backend',
  'limits',
  'policy',
  'warmWorkers',
  'imports',
  'listeners',
  'sysadm',
  'output',
];

function checkLimits(given: Partial<Limits>): Limits {
  const limits = { ...DEFAULT_LIMITS, ...requireKnown('limits', given, Object.keys(DEFAULT_LIMITS)) };
  for (const [name, { min, max }] of Object.entries(LIMIT_BOUNDS)) {
    requireInteger(`limits.${name}`, limits[name as keyof Limits], min, max);
  }
  return Object.freeze(limits);
}

function checkBank(given: string | BankOptions | undefined): Required<BankOptions> | null {
  if (given === undefined) return null;
  const options = typeof given === 'string' ? { path: given } : given;
  const { path, start = 'hot', sync = 'auto' } = requireKnown('bank', options, ['path', 'start', 'sync']);
  const checkedPath = requireText('bank.path', path);
  if (checkedPath === '') refuse('bank.path', 'must not be empty');
  return Object.freeze({
    path: checkedPath,
    start: requireOneOf('bank.start', start, ['hot', 'cold']),
    sync: requireOneOf('bank.sync', sync, ['auto', 'commit', 'none']),
  });
}

/** Made into an embedding for its checks alone. */
function checkImports(given: HostImports): HostImports {
  makeEmbedding(given, null, () => ({}));
  return given;
}

function checkListeners(given: SiteListeners): SiteListeners {
  for (const [name, listener] of Object.entries(requireKnown('listeners', given, SITE_EVENTS))) {
    if (typeof listener !== 'function') refuse(`listeners.${name}`, 'must be a function');
  }
  return given;
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
  for (const name of ['maxBadness', 'maxSiteRestarts', 'maxFutileFailures'] as const) {
    if (policy[name] === Number.POSITIVE_INFINITY) continue;
    requireInteger(`policy.${name}`, policy[name], 0, MAX_COUNTED_RESTARTS);
  }
  for (const name of ['intervalMs', 'siteIntervalMs'] as const) requireLimit(`policy.${name}`, policy[name]);
  return Object.freeze(policy);
}

function pathOf(option: string, given: string | URL): string {
  if (!(given instanceof URL)) return requireText(option, given);
  try {
    return requireText(option, fileURLToPath(given));
  } catch (cause) {
    if (cause instanceof RekindleError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RekindleError('OPTION_INVALID', option, `leads to no file: ${why}`, { cause });
  }
}

function writeToHost({ stream, bytes }: GuestOutput): void {
  HOST_STDIO[stream].write(bytes);
}

/** Throws OPTION_INVALID, naming the option. */
export function checkSiteOptions(options: SiteOptions): CheckedSiteOptions {
  if (typeof options !== 'object' || options === null)
    refuse('openSite', 'must be an object with stableStorage, the directory of the modules');
  requireKnown('openSite', options, KNOWN);
  const { backend = 'auto', warmWorkers = 1, sysadm = 'run', output = writeToHost } = options;
  if (typeof output !== 'function') refuse('output', 'must be a function');
  const limits = checkLimits(options.limits ?? {});
  return {
    stableStorage: pathOf('stableStorage', options.stableStorage),
    bank: checkBank(options.bank),
    bankSizeIsGiven: options.limits?.bankSizeBytes !== undefined,
    imports: checkImports(options.imports ?? {}),
    listeners: checkListeners(options.listeners ?? {}),
    sysadm: requireOneOf('sysadm', sysadm, ['run', 'ignore']),
    backend: requireOneOf('backend', backend, ['auto', 'mapped', 'copied']),
    limits,
    policy: checkPolicy(options.policy ?? {}),
    warmWorkers: requireInteger('warmWorkers', warmWorkers, 0, limits.maxWorkers),
    output,
  };
}
