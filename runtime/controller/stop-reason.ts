// What calls get of a process whose run is stopped, or that does not run: the code, and why, as far as it is known. Pure, and it must never be
// asked about a plain process.
import type { StopReason } from '../process/placement.ts';
import type { RestartCause } from './perform.ts';
import type { Group } from './state.ts';

/** For the calls under way in a run that is stopped with its group, as it is now; undefined when the group is gone. */
export function reasonToStop(group: Group | undefined, cause: RestartCause | undefined): StopReason {
  if (group === undefined) return { code: 'PROCESS_ENDED' };
  if (group.phase === 'quarantined') return reasonWhileStopped(group);
  const { culprit = null, fault = null } = cause ?? {};
  if (culprit === null || fault === null) return { code: 'PROCESS_RESTARTED' };
  return { code: 'PROCESS_RESTARTED', detail: `after ${culprit}: ${fault.kind}: ${fault.message}` };
}

/** For calls of a process of the group that does not run. */
export function reasonWhileStopped({ id, phase, reason }: Group): StopReason {
  if (phase !== 'quarantined') return { code: 'PROCESS_RESTARTING' };
  return { code: 'GROUP_QUARANTINED', detail: `group ${id}, ${reason}` };
}
