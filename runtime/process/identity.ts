// What a process is: said once, when it is first started, and the same for as long as it is registered. Plain data; nothing of a run
// is in it.
import type { MountSpec } from '../files/mount-spec.ts';
import type { Credentials } from '../memory/credentials.ts';
import type { PlacementKind } from './placement.ts';
import type { StdioRoutes } from './stdio.ts';

/** `direct`: started by arun in a group. `indirect`: by hrfexec. `plain`: not restartable (reference, section 1.2). */
export type ProcessKind = 'direct' | 'indirect' | 'plain';

/** What was said when the process was first started; handed on to the processes it spawns. */
export interface ProcessSettings {
  readonly placement: PlacementKind;
  readonly credentials: Credentials;
  readonly memoryQuotaBytes: number;
  /** `zero`: exit status 0 is clean without HR_EXIT_HDL (reference, section 12). */
  readonly cleanExit: 'handler' | 'zero';
  /** Limit of each call that does not bring its own, in milliseconds; null for none. */
  readonly callLimitMs: number | null;
  /** Limit of the entry, in milliseconds; null for none. */
  readonly entryLimitMs: number | null;
  readonly restore: 'in-place' | 'fresh';
  /** In the order of the descriptors they get. */
  readonly mounts: readonly MountSpec[];
  /** What becomes of WASI descriptors when the process goes back to a checkpoint. */
  readonly descriptors: 'lost' | 'restored';
  readonly stdio: StdioRoutes;
}

export interface ProcessIdentity {
  readonly name: string;
  readonly kind: ProcessKind;
  readonly path: string;
  /** Null for plain processes. */
  readonly groupId: number | null;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly settings: ProcessSettings;
}
