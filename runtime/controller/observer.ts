// What the controller reports to whoever watches the site: plain frozen values, one method an occurrence. A method must not throw.
import type { Fault } from '../process/fault.ts';
import type { HostedProcess, ProcessEnd } from '../process/hosted-process.ts';
import type { Rung } from './state.ts';

export interface RestartReport {
  readonly group: number;
  readonly rung: Rung;
  /** The process whose fault caused it; null when it was asked for. */
  readonly culprit: string | null;
  readonly cause: Fault | null;
  /** Direct processes that are at their entry point again, in order of start. */
  readonly restarted: readonly string[];
  /** From the fault being known to the last process being at its entry point, in microseconds. */
  readonly elapsedUs: number;
}

export interface ControllerObserver {
  started(process: HostedProcess): void;
  faulted(process: HostedProcess, fault: Fault): void;
  restarted(report: RestartReport): void;
  exited(process: HostedProcess, end: ProcessEnd): void;
  /** The newest generation of the process has been given up. */
  rolledBack(group: number, process: HostedProcess, from: number, to: number): void;
  blocked(group: number, names: readonly string[]): void;
  escalated(group: number, rung: 'site' | 'cold' | 'quarantine', reason: string): void;
  quarantined(group: number, reason: string): void;
  siteRestarted(): void;
  output(process: HostedProcess, stream: 'stdout' | 'stderr', bytes: Uint8Array): void;
}
