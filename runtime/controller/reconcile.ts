// Puts a site's books in order after the watchdog of an inline call struck while host code was serving the guest: that code never
// came to its end. What it had half done is undone here; nothing that a process owns is touched.
import type { Ledger } from '../bank/ledger.ts';
import type { Volumes } from '../files/volumes.ts';
import type { ProcessImages } from '../image/process-image.ts';
import type { PersistentMemoryManager } from '../memory/persistent-memory-manager.ts';
import type { HostedProcess } from '../process/hosted-process.ts';
import type { ProcessTable } from './process-table.ts';
import type { Group, MemberStatus } from './state.ts';

export interface ReconciledSite {
  readonly table: ProcessTable;
  readonly images: ProcessImages;
  readonly pmm: PersistentMemoryManager;
  readonly volumes: Volumes;
  readonly ledger: Ledger;
  readonly groups: ReadonlyMap<number, Group>;
}

/**
 * Every change in host code is ordered so that being cut off loses room at worst and never gives it to two owners: so it is enough
 * to take back what nobody owns.
 */
export function reconcile({ table, images, pmm, volumes, ledger, groups }: ReconciledSite): void {
  for (const process of [...table]) {
    if (wasCutOff(process)) abandon(process, statusOf(process, groups), table);
  }
  const processes = [...table];
  ledger.commit(processes.map((process) => process.generations.change()));
  const held = images.reconcile(processes.map((process) => process.image));
  const generations = processes.flatMap((process) => process.generations.blockIds());
  pmm.reconcile(new Set([...held, ...generations]), volumes.reconcile());
}

/** An inline process is loaded and put before the controller without giving up the thread: one that is only loading was cut off. */
function wasCutOff({ state, identity, admissionPending }: HostedProcess): boolean {
  return state === 'loading' && identity.settings.placement === 'inline' && !admissionPending;
}

function statusOf({ identity }: HostedProcess, groups: ReadonlyMap<number, Group>): MemberStatus | null {
  const members = identity.groupId === null ? [] : (groups.get(identity.groupId)?.members ?? []);
  return members.find(({ name }) => name === identity.name)?.status ?? null;
}

/** `status`: what the controller knows of it; null for one it has not heard of yet. */
function abandon(process: HostedProcess, status: MemberStatus | null, table: ProcessTable): void {
  if (status === null) table.remove(process);
  // Inline: neither of these gives up the thread.
  else void process.loadAbandoned(status === 'ended' ? { kind: 'killed' } : null);
}
