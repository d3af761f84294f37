// The guest library for AssemblyScript: everything a guest may use, re-exported. It must hold no code of its own.
// Compile guests with the incremental or the minimal runtime; the stub runtime does not work (see pmm.ts). The paths below
// have no '.ts' because asc takes it in an import only.

export * from '../errors';
export {
  AFX_ANY_SPACE,
  AFX_SUPERVISOR_SPACE,
  AFX_TRUSTED,
  AFX_USER_SPACE,
  CAUSE_EXIT,
  CAUSE_HOST_ERROR,
  CAUSE_KILLED,
  CAUSE_MEMORY_LIMIT,
  CAUSE_REQUEST,
  CAUSE_TIMEOUT,
  CAUSE_TRAP,
  CAUSE_WORKER_LOST,
} from '../hr';
export { errno } from './errno';
export * from './hr';
export * from './hr-structures';
export * from './pmm';
export * from './process';
