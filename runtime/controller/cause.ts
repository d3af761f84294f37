// Numbers of the kinds of fault, as hr_restarted is told them. The numbers are the ABI's and never change.
import {
  CAUSE_EXIT,
  CAUSE_HOST_ERROR,
  CAUSE_KILLED,
  CAUSE_MEMORY_LIMIT,
  CAUSE_TIMEOUT,
  CAUSE_TRAP,
  CAUSE_WORKER_LOST,
} from '../../abi/hr.ts';
import type { FaultKind } from '../process/fault.ts';

const CAUSES: Readonly<Record<FaultKind, number>> = {
  trap: CAUSE_TRAP,
  exit: CAUSE_EXIT,
  timeout: CAUSE_TIMEOUT,
  'memory-limit': CAUSE_MEMORY_LIMIT,
  killed: CAUSE_KILLED,
  'host-error': CAUSE_HOST_ERROR,
  'worker-lost': CAUSE_WORKER_LOST,
};

export function causeOf(kind: FaultKind): number {
  return CAUSES[kind];
}
