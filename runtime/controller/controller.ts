// The Hot Restart Controller: turns what happens to processes into events, lets `decide` decide, begins the stops and queues the rest
// for the performer. It takes no decision of its own.
import type { Ledger } from '../bank/ledger.ts';
import type { LedgerChange } from '../bank/ledger-records.ts';
import { RekindleError } from '../errors.ts';
import type { ModuleSource, ProcessImages } from '../image/process-image.ts';
import { invariant } from '../invariant.ts';
import type { PersistentMemoryManager } from '../memory/persistent-memory-manager.ts';
import { type Fault, faultFromOutside } from '../process/fault.ts';
import type { HostedProcess, ProcessEnd } from '../process/hosted-process.ts';
import type { MaybePromise } from '../process/placement.ts';
import { unguarded, whenUnguarded } from '../process/time-limit.ts';
import { ActionQueue } from './action-queue.ts';
import { decide } from './decide.ts';
import { changesOfGroups } from './group-record.ts';
import { KnownState } from './known-state.ts';
import type { ControllerObserver } from './observer.ts';
import { ActionPerformer, type RestartCause } from './perform.ts';
import { changeOfProcess } from './process-record.ts';
import type { ProcessTable } from './process-table.ts';
import { ReturnWatch } from './return-watch.ts';
import type { Action, ControllerEvent, ControllerState, Decision, Group, Policy } from './state.ts';
import { reasonToStop, reasonWhileStopped } from './stop-reason.ts';

export interface Clock {
  /** Milliseconds since 1970, with a fraction; never goes back while this program runs. */
  nowMs(): number;
}

export interface ControllerOptions {
  readonly table: ProcessTable;
  readonly ledger: Ledger;
  readonly pmm: PersistentMemoryManager;
  readonly images: ProcessImages;
  /** Stable storage; only a cold start asks for it. */
  readonly modules: ModuleSource;
  readonly policy: Policy;
  readonly clock: Clock;
  readonly observer: ControllerObserver;
}

interface DispatchOptions {
  /** Why the groups that the decision sets in motion are restarted. */
  readonly cause?: RestartCause | null;
  /** The process that joins with it: it is written down together with the decision. */
  readonly joining?: HostedProcess | null;
  /** Called when all of it has been written down, and before anything is done about it. */
  readonly writtenDown?: () => void;
}

/** Actions that mean nothing once another decision has been taken on their group. */
const VOIDABLE: readonly Action['kind'][] = [
  'restore',
  'reload',
  'confirm-reloaded',
  'launch',
  'report-restarted',
];

export class HotRestartController {
  readonly #options: ControllerOptions;
  readonly #performer: ActionPerformer;
  readonly #queue: ActionQueue;
  readonly #causes = new Map<number, RestartCause>();
  /** Stops under way, by group. */
  readonly #stopping = new Map<number, Set<Promise<void>>>();
  /** Who waits for a group to be restarted, and is told when it fails on the way. */
  readonly #settling = new Map<number, Set<() => void>>();
  readonly #returnWatch: ReturnWatch;
  readonly #known: KnownState;
  #closed = false;

  /** `first`: what is known of groups at the start: nothing, or what an earlier site has written down. */
  constructor(options: ControllerOptions, first: ControllerState) {
    const { table, ledger, pmm, images, modules, observer, clock } = options;
    this.#options = options;
    this.#known = new KnownState(first);
    this.#returnWatch = new ReturnWatch(ledger);
    this.#performer = new ActionPerformer({
      table,
      ledger,
      pmm,
      images,
      modules,
      observer,
      nowMs: () => clock.nowMs(),
      group: (id) => this.#known.groups.get(id) ?? null,
      causeOfRestart: (group) => this.#causes.get(group) ?? null,
      dispatch: (event) => this.#dispatch(event),
      notPutBack: (process, fault) => this.notPutBack(process, fault),
      launching: (group) => this.#returnWatch.launching(group),
    });
    this.#queue = new ActionQueue({
      perform: (action) => (this.#closed ? undefined : this.#performer.perform(action)),
      gate: (next) => this.#stopsUnderWay(next.group) ?? this.#performer.loadsBefore(next),
      voidable: ({ kind }) => VOIDABLE.includes(kind),
      failed: (error) => this.#bug(error),
    });
  }

  get groups(): ReadonlyMap<number, Group> {
    return this.#known.groups;
  }

  /** From now on nothing is decided or done any more; what waits is dropped. The processes are the caller's to finish. */
  close(): void {
    this.#closed = true;
  }

  /** Throws SITE_CLOSED, naming the process. */
  refuseWhenClosed(process: HostedProcess): void {
    if (this.#closed) throw new RekindleError('SITE_CLOSED', process.identity.name);
  }

  /** A process that has been loaded becomes a member of its group and is launched. Throws SITE_CLOSED. */
  admit(process: HostedProcess): void {
    this.refuseWhenClosed(process);
    process.admissionPending = true;
    whenUnguarded(() => this.#admit(process));
  }

  /**
   * An indirect process that has been loaded again by hrfexec, or is being loaded: then it is launched with its load, and if that fails, that
   * is a failure of its group. Throws SITE_CLOSED.
   */
  readmit(process: HostedProcess, loading: Promise<void> | null): void {
    this.refuseWhenClosed(process);
    process.admissionPending = true;
    const { groupId } = process.identity;
    invariant(groupId !== null, 'an indirect process has a group');
    if (loading !== null) this.#performer.awaitLoad(groupId, process, loading);
    whenUnguarded(() => this.#readmit(process, groupId));
  }

  /**
   * The run failed. With the exit handler installed it was no longer watched, and so it has merely ended (reference, section 3.6).
   */
  faulted(process: HostedProcess, fault: Fault, handlerInstalled = false): void {
    whenUnguarded(() => this.#faulted(process, fault, handlerInstalled, false));
  }

  /** The host could not put the process back. */
  notPutBack(process: HostedProcess, fault: Fault): void {
    whenUnguarded(() => this.#faulted(process, fault, false, true));
  }

  /** The guest ended itself. Returns the fault when that was a premature exit (reference, section 3.4). */
  exited(
    process: HostedProcess,
    exit: { readonly status: number; readonly handlerInstalled: boolean; readonly activity: string },
  ): Fault | null {
    const { groupId, settings } = process.identity;
    const end: ProcessEnd = { kind: 'exit', status: exit.status };
    const clean = exit.handlerInstalled || (settings.cleanExit === 'zero' && exit.status === 0);
    if (groupId === null || clean) {
      whenUnguarded(() => this.#ended(process, end));
      return null;
    }
    const remedies = exit.status === 0 ? "cleanExit: 'zero' or restartable: false" : 'restartable: false';
    const fault = faultFromOutside(
      'exit',
      `exit(${exit.status}) without HR_EXIT_HDL, an end only with ${remedies}`,
      {
        activity: exit.activity,
        generation: process.generations.current.generation,
        exitStatus: exit.status,
      },
    );
    this.faulted(process, fault);
    return fault;
  }

  /** Kills the run of a process from outside: its group restarts (reference, section 3.4 c); a plain one ends. */
  async kill(process: HostedProcess): Promise<void> {
    const { name, groupId } = process.identity;
    const { pid } = process;
    let ending: MaybePromise<void> | null = null;
    await unguarded(() => {
      // Another end of the run may have been quicker.
      if (process.pid !== pid || !process.hasRun) return;
      const where = { activity: null, generation: process.generations.current.generation };
      if (groupId === null) ending = this.#endPlain(process, { kind: 'killed' });
      else this.#faulted(process, faultFromOutside('killed', `${name} was killed`, where), false, false);
    });
    await ending;
    if (groupId !== null) await this.#settled(groupId);
  }

  /** Ends a group for good; an unknown one is no error (reference, section 3.8). */
  async killGroup(group: number): Promise<void> {
    await unguarded(() => this.#dispatch({ kind: 'group-killed', group }));
    await this.#queue.idle(group);
  }

  async restartSite(): Promise<void> {
    const groups = [...this.#known.groups.keys()];
    await unguarded(() => this.#dispatch({ kind: 'site-restart-asked' }, { cause: this.#asked() }));
    await Promise.all(groups.map((group) => this.#settled(group)));
  }

  /**
   * Restarts what an earlier site has left, but for the groups that cannot be: by group, why. Resolves when every group has been put
   * back once, or has failed on the way; what follows from that goes on by itself.
   */
  async comeBack(unrestorable: ReadonlyMap<number, string>): Promise<void> {
    const groups = [...this.#known.groups.keys()];
    const { condemned } = this.#returnWatch;
    await unguarded(() => {
      for (const [group, reason] of unrestorable) this.#dispatch({ kind: 'unrestorable', group, reason });
      if (condemned !== null) this.#dispatch({ kind: 'unrestorable', ...condemned });
      this.#returnWatch.begin();
      if (groups.length > 0) this.#dispatch({ kind: 'site-restart-asked' }, { cause: this.#asked() });
      this.#returnWatch.end();
    });
    await Promise.all(groups.map((group) => this.#settled(group)));
  }

  async release(group: number): Promise<void> {
    await unguarded(() => this.#dispatch({ kind: 'released', group }, { cause: this.#asked() }));
    await this.#settled(group);
  }

  /** Resolves when nothing is left to be done for the group, or it fails again: a group that fails at every start is never done. */
  async #settled(group: number): Promise<void> {
    const waiting = this.#settling.get(group) ?? new Set();
    this.#settling.set(group, waiting);
    let wake = (): void => undefined;
    const failed = new Promise<void>((resolve) => {
      wake = resolve;
    });
    waiting.add(wake);
    await Promise.race([failed, this.#queue.idle(group)]);
    waiting.delete(wake);
  }

  #admit(process: HostedProcess): void {
    process.admissionPending = false;
    const { name, kind, groupId } = process.identity;
    if (groupId !== null && kind !== 'plain') {
      // Of an earlier group of this ID.
      if (!this.#known.groups.has(groupId)) this.#causes.delete(groupId);
      const joined: ControllerEvent = { kind: 'joined', group: groupId, name, memberKind: kind };
      this.#dispatch(joined, { joining: process });
      process.groupSerial = this.#known.groups.get(groupId)?.serial ?? null;
    }
    this.#options.observer.started(process);
    // Whoever was told may have ended it already.
    if (process.state === 'loading') process.launch();
  }

  #readmit(process: HostedProcess, groupId: number): void {
    process.admissionPending = false;
    this.#dispatch({ kind: 'respawned', group: groupId, name: process.identity.name });
    this.#options.observer.started(process);
    if (process.state === 'loading') process.launch(this.#performer.causeNumber(groupId));
  }

  #faulted(process: HostedProcess, fault: Fault, handlerInstalled: boolean, ofHost: boolean): void {
    const { name, groupId } = process.identity;
    const end: ProcessEnd = { kind: 'fault', fault };
    if (handlerInstalled && groupId !== null) return this.#ended(process, end);
    this.#options.observer.faulted(process, fault);
    if (groupId === null) return this.#ended(process, end);
    const cause = { culprit: name, fault, startedMs: this.#options.clock.nowMs() };
    const reason = `${name}: ${fault.kind}: ${fault.message}`;
    const { entryMs, useful } = this.#accountOf(process, fault);
    const { generation } = process.generations.current;
    this.#dispatch(
      { kind: 'failed', group: groupId, name, reason, generation, useful, entryMs, ofHost },
      { cause },
    );
    for (const wake of this.#settling.get(groupId) ?? []) wake();
  }

  /** Whether the run was of use, and what of its time was spent in an entry that led nowhere. */
  #accountOf(process: HostedProcess, fault: Fault): { readonly useful: boolean; readonly entryMs: number } {
    const { upMs, entryMs } = process.lasted;
    const wasCutOff = fault.kind === 'timeout' && !process.isReactor;
    if (wasCutOff) return { useful: process.useful, entryMs: upMs };
    // One that was up as long as failures are counted has no part in a series of them; nor has one that was killed from outside.
    const hasLasted = upMs >= this.#options.policy.intervalMs;
    return { useful: process.useful || hasLasted || fault.kind === 'killed', entryMs };
  }

  /** The run is over, and that is no failure. Nobody waits for its thread: failing to give that back would be our bug. */
  #ended(process: HostedProcess, end: ProcessEnd): void {
    const { name, groupId } = process.identity;
    if (groupId === null) {
      void this.#endPlain(process, end);
      return;
    }
    void process.finish(end, { code: 'PROCESS_ENDED' });
    const writtenDown = (): void => this.#options.observer.exited(process, end);
    this.#dispatch({ kind: 'ended', group: groupId, name }, { writtenDown });
  }

  #asked(): RestartCause {
    return { culprit: null, fault: null, startedMs: this.#options.clock.nowMs() };
  }

  /**
   * Invariant: a decision is written down before anything is done about it, so that a site that dies in the middle comes back to it.
   */
  #dispatch(
    event: ControllerEvent,
    { cause = null, joining = null, writtenDown }: DispatchOptions = {},
  ): void {
    if (this.#closed) return;
    const { clock, ledger, policy } = this.#options;
    const decision = decide(this.#known, event, clock.nowMs(), policy);
    if (!ledger.isVolatile) ledger.commit(recordOf(decision, joining));
    const turned = this.#known.apply(decision);
    writtenDown?.();
    if (cause !== null) for (const group of decision.supersedes) this.#causes.set(group, cause);
    const later: Action[] = [];
    for (const action of decision.actions) {
      if (action.kind === 'stop') this.#beginStop(action.group, this.#process(action.name));
      else later.push(action);
    }
    for (const group of turned) this.#tellStopped(group);
    this.#queue.push(later, decision.supersedes);
  }

  /** Members that did not run when their group was quarantined, or released, have not been stopped for it: they are told. */
  #tellStopped(group: Group): void {
    for (const { name } of group.members) this.#process(name).answerWhileStopped(reasonWhileStopped(group));
  }

  /** Nobody called this, so nobody can be given the error: our bug ends the host rather than being lost. */
  #bug(error: unknown): void {
    queueMicrotask(() => {
      throw error;
    });
  }

  /**
   * Invariant: a run that has been condemned is not heard any more. So a stop begins with the decision; only what follows it waits.
   */
  #beginStop(group: number, process: HostedProcess): void {
    // A cold start also wants what had ended: nothing of that runs.
    if (process.state === 'ended') return;
    const known = this.#known.groups.get(group);
    const reason = reasonToStop(known, this.#causes.get(group));
    const willStart = known?.phase === 'restarting' && process.identity.kind === 'direct';
    const stopped = process.stop(willStart ? 'restarting' : 'stopped', reason);
    if (!(stopped instanceof Promise)) return;
    const pending = this.#stopping.get(group) ?? new Set();
    this.#stopping.set(group, pending);
    const over = stopped
      .catch((error: unknown) => this.#bug(error))
      .then(() => {
        pending.delete(over);
        if (pending.size === 0) this.#stopping.delete(group);
      });
    pending.add(over);
  }

  #stopsUnderWay(group: number): Promise<unknown> | null {
    const pending = this.#stopping.get(group);
    return pending === undefined ? null : Promise.all(pending);
  }

  #endPlain(process: HostedProcess, end: ProcessEnd): MaybePromise<void> {
    const { images, observer, table } = this.#options;
    const finished = process.finish(end, { code: 'PROCESS_ENDED' });
    const retire = (): void => {
      images.release(process.image);
      table.remove(process);
      process.retire();
      observer.exited(process, end);
    };
    return finished instanceof Promise ? finished.then(retire) : retire();
  }

  #process(name: string): HostedProcess {
    const process = this.#options.table.get(name);
    invariant(process !== null, `member ${name} is in the process table`);
    return process;
  }
}

function recordOf({ changed, books }: Decision, joining: HostedProcess | null): readonly LedgerChange[] {
  const ofGroups = changesOfGroups(changed, books.nextSerial);
  return joining === null ? ofGroups : [changeOfProcess(joining), ...ofGroups];
}
