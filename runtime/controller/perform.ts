// Performs what was decided: the one file that restores, reloads, launches and frees the processes of groups. It takes no decision;
// what goes wrong on the way becomes another event.
import { CAUSE_REQUEST } from '../../abi/hr.ts';
import type { Ledger } from '../bank/ledger.ts';
import { type ErrorCode, RekindleError } from '../errors.ts';
import type { ModuleSource, ProcessImages } from '../image/process-image.ts';
import { InvariantViolation, invariant, unreachable } from '../invariant.ts';
import type { PersistentMemoryManager } from '../memory/persistent-memory-manager.ts';
import { type Fault, faultFromOutside } from '../process/fault.ts';
import type { HostedProcess } from '../process/hosted-process.ts';
import type { MaybePromise, StopReason } from '../process/placement.ts';
import { causeOf } from './cause.ts';
import type { ControllerObserver } from './observer.ts';
import { changeOfProcess, removalOfProcess } from './process-record.ts';
import type { ProcessTable } from './process-table.ts';
import type { Action, ControllerEvent, Group } from './state.ts';

/** Why a group is being restarted, and since when. */
export interface RestartCause {
  /** Name of the process that failed; null when the restart was asked for. */
  readonly culprit: string | null;
  readonly fault: Fault | null;
  readonly startedMs: number;
}

export interface PerformerOptions {
  readonly table: ProcessTable;
  readonly ledger: Ledger;
  readonly pmm: PersistentMemoryManager;
  readonly images: ProcessImages;
  /** Stable storage; only a cold start asks for it. */
  readonly modules: ModuleSource;
  readonly nowMs: () => number;
  readonly observer: ControllerObserver;
  readonly group: (id: number) => Group | null;
  readonly causeOfRestart: (group: number) => RestartCause | null;
  readonly dispatch: (event: ControllerEvent) => void;
  /** A process of the group is about to run in this thread. */
  readonly launching: (group: number) => void;
  readonly notPutBack: (process: HostedProcess, fault: Fault) => void;
}

/** What a load rejects with because its process was stopped: whoever stopped it has already decided what comes next. */
const STOP_CODES: readonly ErrorCode[] = [
  'PROCESS_RESTARTED',
  'PROCESS_ENDED',
  'GROUP_QUARANTINED',
  'SITE_CLOSED',
];

function wasStopped(error: unknown): boolean {
  return error instanceof RekindleError && STOP_CODES.includes(error.code);
}

export class ActionPerformer {
  readonly #options: PerformerOptions;
  /** Restores that a thread has not answered yet, by group and name of the process. */
  readonly #loading = new Map<number, Map<string, Promise<void>>>();

  constructor(options: PerformerOptions) {
    this.#options = options;
  }

  perform(action: Action): MaybePromise<void> {
    const { dispatch, observer } = this.#options;
    switch (action.kind) {
      case 'stop':
        throw new InvariantViolation('stops are begun when they are decided');
      case 'roll-back':
        return this.#rollBack(action.group, this.#process(action.name));
      case 'restore':
        return this.#restore(action.group, this.#process(action.name));
      case 'launch':
        return this.#launch(action.group, this.#process(action.name));
      case 'reload':
        return this.#reload(action.group, this.#process(action.name));
      case 'confirm-reloaded':
        return dispatch({ kind: 'reloaded', group: action.group });
      case 'free':
        return this.#free(action.group, action.serial, action.names);
      case 'report-restarted':
        return this.#reportRestarted(action);
      case 'report-escalated':
        return observer.escalated(action.group, action.rung, action.reason);
      case 'report-blocked':
        return observer.blocked(action.group, action.names);
      case 'report-quarantined':
        return observer.quarantined(action.group, action.reason);
      case 'report-site-restarted':
        return observer.siteRestarted();
      default:
        return unreachable(action);
    }
  }

  /** What hr_restarted is told: the CAUSE_* number (abi/hr.ts) of the fault that made the group restart last. */
  causeNumber(group: number): number {
    const fault = this.#options.causeOfRestart(group)?.fault ?? null;
    return fault === null ? CAUSE_REQUEST : causeOf(fault.kind);
  }

  /**
   * What must be over before `next` is performed. Threads restore side by side, so that a group waits for its slowest member and not for
   * the sum of them.
   *
   * Invariant: no member runs before all are loaded. A member's own load is no matter here: its thread runs nothing it could not load.
   */
  loadsBefore(next: Action): Promise<unknown> | null {
    const loading = this.#loading.get(next.group);
    if (loading === undefined) return null;
    if (next.kind === 'restore') return loading.get(next.name) ?? null;
    const own = next.kind === 'launch' ? next.name : null;
    const others = [...loading].filter(([name]) => name !== own);
    return others.length === 0 ? null : Promise.all(others.map(([, load]) => load));
  }

  #restore(group: number, process: HostedProcess): void {
    if (process.state === 'stopped') process.willRestart();
    try {
      const loaded = process.load(this.#options.table.nextPid());
      if (loaded instanceof Promise) this.awaitLoad(group, process, loaded);
    } catch (error) {
      this.#failedToStart(group, process, error);
    }
  }

  /** `loaded`: the load of a member that counts as running already, and fails with its group when it comes to nothing. */
  awaitLoad(group: number, process: HostedProcess, loaded: Promise<void>): void {
    const loading = this.#loading.get(group) ?? new Map<string, Promise<void>>();
    this.#loading.set(group, loading);
    const { name } = process.identity;
    const isAwaited = (): boolean => loading.get(name) === over;
    const over: Promise<void> = loaded
      .catch((error: unknown) => {
        if (isAwaited()) this.#failedToStart(group, process, error);
      })
      .then(() => {
        if (!isAwaited()) return;
        loading.delete(name);
        if (loading.size === 0) this.#loading.delete(group);
      });
    loading.set(name, over);
  }

  #launch(group: number, process: HostedProcess): void {
    if (process.identity.settings.placement === 'inline') this.#options.launching(group);
    process.launch(this.causeNumber(group));
  }

  #rollBack(group: number, process: HostedProcess): void {
    const rolled = process.rollBack();
    if (rolled !== null) this.#options.observer.rolledBack(group, process, rolled.from, rolled.to);
  }

  /**
   * A failure to come back is a new failure of the group (reference, section 12 row 8); the first of several loads that fail speaks for
   * all of them, since the decision stops them.
   */
  #failedToStart(group: number, process: HostedProcess, error: unknown): void {
    if (error instanceof InvariantViolation) throw error;
    if (wasStopped(error)) return;
    this.#loading.get(group)?.clear();
    this.#loading.delete(group);
    const message = error instanceof Error ? error.message : String(error);
    const where = { activity: null, generation: process.generations.current.generation };
    this.#options.notPutBack(
      process,
      faultFromOutside('host-error', `it could not be restored: ${message}`, where),
    );
  }

  async #reload(group: number, process: HostedProcess): Promise<void> {
    const { dispatch, images, ledger, modules, table } = this.#options;
    const { name, path, settings } = process.identity;
    await process.unplace({ code: 'PROCESS_RESTARTED' });
    const expecting = this.#options.group(group);
    // Killed or quarantined while its thread was being given up.
    if (expecting?.reloading !== true || expecting.phase !== 'restarting') return;
    if (!expecting.members.some((member) => member.name === name)) return;
    try {
      const image = images.acquire(path, modules, {
        memoryQuotaBytes: settings.memoryQuotaBytes,
        globals: process.globals,
        restartable: true,
      });
      const previous = process.replaceImage(image);
      ledger.commit([changeOfProcess(process)]);
      images.release(previous);
      process.groupSerial = expecting.serial;
      await process.load(table.nextPid());
    } catch (error) {
      if (wasStopped(error)) return;
      if (!(error instanceof RekindleError)) throw error;
      dispatch({ kind: 'unrestorable', group, reason: `cold start failed: ${error.message}` });
    }
  }

  /** Names, images and HR_GROUP_KEY blocks go; members that a cold start will bring back keep their place in the table. */
  async #free(group: number, serial: number, names: readonly string[]): Promise<void> {
    const { images, ledger, observer, pmm, table } = this.#options;
    const staying = new Set(this.#options.group(group)?.members.map((member) => member.name));
    const leaving: HostedProcess[] = [];
    for (const name of names) {
      const process = table.get(name);
      // Freed already, by the end of its group that overtook its cold start.
      if (process === null) continue;
      const reason: StopReason = { code: 'PROCESS_ENDED', detail: 'its group was ended' };
      if (staying.has(name)) await process.unplace(reason);
      else {
        if (process.state !== 'ended') {
          await process.finish({ kind: 'killed' }, reason);
          observer.exited(process, { kind: 'killed' });
        }
        leaving.push(process);
      }
      await process.unplacing;
    }
    pmm.freeGroup(serial);
    ledger.commit(leaving.map(({ identity }) => removalOfProcess(identity.name)));
    for (const process of leaving) {
      images.release(process.image);
      table.remove(process);
      process.retire();
    }
  }

  #reportRestarted(action: Action & { readonly kind: 'report-restarted' }): void {
    const { causeOfRestart, dispatch, nowMs, observer } = this.#options;
    const members = this.#options.group(action.group)?.members ?? [];
    const cause = causeOfRestart(action.group);
    invariant(cause !== null, 'a group is restarted for a cause');
    const elapsedUs = (nowMs() - cause.startedMs) * 1000;
    // Decided before anyone is told: a listener may well ask for the next restart.
    dispatch({ kind: 'restarted', group: action.group });
    observer.restarted({
      group: action.group,
      rung: action.rung,
      culprit: cause.culprit,
      cause: cause.fault,
      restarted: members
        .filter(({ kind, status }) => kind === 'direct' && status === 'running')
        .map(({ name }) => name),
      elapsedUs,
    });
  }

  #process(name: string): HostedProcess {
    const process = this.#options.table.get(name);
    invariant(process !== null, `member ${name} is in the process table`);
    return process;
  }
}
