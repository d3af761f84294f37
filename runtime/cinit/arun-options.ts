// Reads the options of `arun`: what an embedder, or a command line, may say of a process to be started. Everything is checked here,
// by name, so that nothing further in has to doubt it.

import {
  printable,
  refuse,
  requireArray,
  requireBoolean,
  requireInteger,
  requireKnown,
  requireLimit,
  requireOneOf,
  requireRecord,
  requireText,
} from '../checks.ts';
import type { HostImports } from '../controller/embedding.ts';
import { RekindleError } from '../errors.ts';
import { LIMIT_BOUNDS, type Limits, MAX_ARGUMENT_BYTES, MAX_ARGUMENT_COUNT } from '../limits.ts';
import type { Credentials } from '../memory/credentials.ts';
import type { ProcessIdentity } from '../process/identity.ts';
import type { StdioEnds } from '../process/stdio.ts';
import { type MountOption, mountsFromOptions } from './mount-options.ts';
import { type StdioOptions, stdioFromOptions } from './stdio-options.ts';

export interface ArunOptions {
  /** Restart group, made or joined (reference, section 5.1, `arun -g`). Default 0. */
  readonly group?: number;
  /** False: a plain process. It belongs to no group, and its end is its end. Default true. */
  readonly restartable?: boolean;
  /** argv from 1 on; argv[0] is the path. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** `thread` (default): a worker of its own. `inline`: the caller's thread. */
  readonly placement?: 'thread' | 'inline';
  /** Kept through restarts and inherited (reference, section 3.3). Default: uid 0, gid 0, no groups, not trusted. */
  readonly credentials?: Partial<Credentials>;
  /** `zero`: exit status 0 is a clean end without HR_EXIT_HDL. Default `handler` (reference, section 12). */
  readonly cleanExit?: 'handler' | 'zero';
  /** Linear memory the process may have, persistent blocks included, in bytes. Default: the site's limit. */
  readonly memoryQuotaBytes?: number;
  /** Limit of every call, in milliseconds. Default: none. */
  readonly callLimitMs?: number;
  /** Limit of the entry (_start, _initialize, hr_restarted), in milliseconds. Default: none. */
  readonly entryLimitMs?: number;
  /** `fresh`: every restore takes a new instance. Default `in-place`, where the instance allows it. */
  readonly restore?: 'in-place' | 'fresh';
  /** What WASI shows the guest of files, by the name the guest has for it. Default: nothing. Inherited by the processes it spawns. */
  readonly mounts?: Readonly<Record<string, MountOption>>;
  /**
   * What becomes of open files when the process goes back to a checkpoint. `restored` (default): the guest has the descriptors it had then.
   * `lost`: it has those it was started with, as in ChorusOS.
   */
  readonly descriptors?: 'lost' | 'restored';
  /** Where the standard streams lead. */
  readonly stdio?: StdioOptions;
  /**
   * What the guest may import, by import module and name: functions of this thread, which take and give numbers and bigints only, and the values
   * that imported globals begin with.
   */
  readonly imports?: HostImports;
  /** An ES module whose default export makes such functions in the guest's own thread, with access to its memory. */
  readonly importsUrl?: string | URL;
}

const KNOWN: readonly (keyof ArunOptions)[] = [
  'group',
  'restartable',
  'args',
  'env',
  'placement',
  'credentials',
  'cleanExit',
  'memoryQuotaBytes',
  'callLimitMs',
  'entryLimitMs',
  'restore',
  'mounts',
  'descriptors',
  'stdio',
  'imports',
  'importsUrl',
];

const U32_MAX = 2 ** 32 - 1;

function requireRoom(option: string, strings: readonly string[]): readonly string[] {
  if (strings.length > MAX_ARGUMENT_COUNT) refuse(option, `has more than ${MAX_ARGUMENT_COUNT} entries`);
  const sizeBytes = strings.reduce((sum, each) => sum + Buffer.byteLength(each) + 1, 0);
  if (sizeBytes > MAX_ARGUMENT_BYTES) refuse(option, `takes more than ${MAX_ARGUMENT_BYTES} bytes`);
  return strings;
}

function checkCredentials(given: Partial<Credentials>): Credentials {
  const known = requireKnown('credentials', given, ['uid', 'gid', 'groups', 'trusted']);
  const { uid = 0, gid = 0, groups = [], trusted = false } = known;
  return Object.freeze({
    uid: requireInteger('credentials.uid', uid, 0, U32_MAX),
    gid: requireInteger('credentials.gid', gid, 0, U32_MAX),
    groups: Object.freeze(
      requireArray('credentials.groups', groups).map((each, index) =>
        requireInteger(`credentials.groups[${index}]`, each, 0, U32_MAX),
      ),
    ),
    trusted: requireBoolean('credentials.trusted', trusted),
  });
}

function checkEnv(given: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(requireRecord('env', given)).map(([name, value]) => {
    if (name === '' || name.includes('=')) refuse(`env.${name}`, 'is not a name of an environment variable');
    return `${requireText('env', name)}=${requireText(`env.${name}`, value)}`;
  });
}

/** What the options say of the process at `path`, and what stands behind its streams; the name comes later. Throws OPTION_INVALID, naming the option. */
export function identityFromOptions(
  path: string,
  options: ArunOptions,
  limits: Limits,
): { readonly identity: Omit<ProcessIdentity, 'name'>; readonly stdio: StdioEnds } {
  requireKnown('arun', options, KNOWN);
  if (typeof path !== 'string') {
    throw new RekindleError('MODULE_PATH_REFUSED', printable(path), 'the path is not a string');
  }
  const args = requireArray('args', options.args ?? []).map((each, index) =>
    requireText(`args[${index}]`, each),
  );
  const { min, max } = LIMIT_BOUNDS.memoryQuotaBytes;
  const restartable = requireBoolean('restartable', options.restartable ?? true);
  if (!restartable && options.group !== undefined) refuse('group', 'a plain process belongs to no group');
  const stdio = stdioFromOptions(options.stdio ?? {});
  const identity = {
    kind: restartable ? 'direct' : 'plain',
    path,
    groupId: restartable ? (options.group ?? 0) : null,
    args: requireRoom('args', [path, ...args]),
    env: requireRoom('env', checkEnv(options.env ?? {})),
    settings: {
      placement: requireOneOf('placement', options.placement ?? 'thread', ['thread', 'inline']),
      credentials: checkCredentials(options.credentials ?? {}),
      memoryQuotaBytes: requireInteger(
        'memoryQuotaBytes',
        options.memoryQuotaBytes ?? limits.memoryQuotaBytes,
        min,
        max,
      ),
      cleanExit: requireOneOf('cleanExit', options.cleanExit ?? 'handler', ['handler', 'zero']),
      callLimitMs: requireLimit('callLimitMs', options.callLimitMs),
      entryLimitMs: requireLimit('entryLimitMs', options.entryLimitMs),
      restore: requireOneOf('restore', options.restore ?? 'in-place', ['in-place', 'fresh']),
      mounts: mountsFromOptions(options.mounts ?? {}),
      descriptors: requireOneOf('descriptors', options.descriptors ?? 'restored', ['lost', 'restored']),
      stdio: stdio.routes,
    },
  } as const;
  return { identity, stdio: stdio.ends };
}
