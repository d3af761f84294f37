// The states of a process and the table of legal transitions. Nothing else decides whether a process may be called.
import { invariant } from '../invariant.ts';

/**
 * `loading`: first start, not yet at its entry point. `running`: at its entry. `ready`: a reactor whose entry has returned.
 * `restarting`: stopped, will be started again by the controller. `stopped`: stopped, will not start unless asked for
 * (an indirect process waits for its parent's hrfexec, a quarantined one for its release). `ended`: its last run is over.
 */
export type ProcessState = 'loading' | 'running' | 'ready' | 'restarting' | 'stopped' | 'ended';

const LEGAL: Readonly<Record<ProcessState, readonly ProcessState[]>> = {
  loading: ['running', 'stopped', 'ended'],
  running: ['ready', 'restarting', 'stopped', 'ended'],
  ready: ['restarting', 'stopped', 'ended'],
  restarting: ['running', 'restarting', 'stopped', 'ended'],
  stopped: ['loading', 'restarting', 'stopped', 'ended'],
  // An ended process is run again by hrfexec, and a direct one by a cold start of its group.
  ended: ['loading', 'restarting', 'ended'],
};

export function transition(processName: string, from: ProcessState, to: ProcessState): ProcessState {
  invariant(LEGAL[from].includes(to), `process ${processName} may not go from ${from} to ${to}`);
  return to;
}
