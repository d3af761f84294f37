// The site as plain data: what `aps` and `pmstat` list, and the whole report. Read only; nothing in it is live.
import type { BankLoss } from '../bank/bank-loss.ts';
import type { HotRestartController } from '../controller/controller.ts';
import type { ProcessTable } from '../controller/process-table.ts';
import type { GroupPhase, MemberStatus, Policy } from '../controller/state.ts';
import type { VolumeRow } from '../files/volumes.ts';
import type { Limits } from '../limits.ts';
import type { BankUsage, BlockRow, PersistentMemoryManager } from '../memory/persistent-memory-manager.ts';
import type { ProcessKind } from '../process/identity.ts';
import type { ProcessState } from '../process/process-state.ts';
import type { CommandFailure } from './command-failure.ts';

/** One line of `aps` (reference, section 5.2). */
export interface ProcessRow {
  readonly uid: number;
  /** Of its current run, or of the last one. */
  readonly pid: number;
  readonly name: string;
  readonly path: string;
  readonly kind: ProcessKind;
  readonly group: number | null;
  readonly state: ProcessState;
  readonly placement: 'inline' | 'thread';
  readonly generation: number;
}

/** A group, its record and its members in order of first start. */
export interface GroupRow {
  readonly group: number;
  readonly phase: GroupPhase;
  /** Restarts within the policy's interval, as far as they have been counted. */
  readonly badness: number;
  readonly blocked: boolean;
  /** Why it is quarantined; null otherwise. */
  readonly reason: string | null;
  readonly members: readonly { readonly name: string; readonly status: MemberStatus }[];
}

/** The site at one moment. */
export interface SiteReport {
  readonly backend: 'mapped' | 'copied';
  readonly start: 'cold' | 'hot';
  /** Directory of the bank; null for one in memory. */
  readonly bankPath: string | null;
  /** False once the site is closed, or the bank's directory has been taken away. */
  readonly bankPresent: boolean;
  readonly losses: readonly BankLoss[];
  /** Lines of sysadm.ini that were not done. */
  readonly sysadmFailures: readonly CommandFailure[];
  readonly processes: readonly ProcessRow[];
  readonly groups: readonly GroupRow[];
  readonly blocks: readonly BlockRow[];
  readonly volumes: readonly VolumeRow[];
  readonly bank: BankUsage;
  readonly workers: number;
  readonly policy: Policy;
  readonly limits: Limits;
}

export function processRows(table: ProcessTable): readonly ProcessRow[] {
  return [...table].map(({ identity, pid, state, generations }) => ({
    uid: identity.settings.credentials.uid,
    pid,
    name: identity.name,
    path: identity.path,
    kind: identity.kind,
    group: identity.groupId,
    state,
    placement: identity.settings.placement,
    generation: generations.current.generation,
  }));
}

export function groupRows(controller: HotRestartController): readonly GroupRow[] {
  return [...controller.groups.values()].map(({ id, phase, restartTimesMs, blocked, reason, members }) => ({
    group: id,
    phase,
    badness: restartTimesMs.length,
    blocked,
    reason,
    members: members.map(({ name, status }) => ({ name, status })),
  }));
}

/** One line of `pmstat` a block (reference, section 12 row 11). */
export function blockRows(pmm: PersistentMemoryManager): readonly BlockRow[] {
  return pmm.list();
}
