// A site: opens the bank, builds the managers and joins them. Wiring only; every rule lives in the room it belongs to.
import type { BankLoss } from './bank/bank-loss.ts';
import { type ArunOptions, identityFromOptions } from './cinit/arun-options.ts';
import type { CommandFailure } from './cinit/command-failure.ts';
import { PersistentBlocks } from './cinit/persistent-blocks.ts';
import { PersistentVolumes } from './cinit/persistent-volumes.ts';
import { blockRows, groupRows, type ProcessRow, processRows, type SiteReport } from './cinit/reports.ts';
import { makeEmbedding, mergeImports } from './controller/embedding.ts';
import type { ControllerObserver } from './controller/observer.ts';
import { RekindleError } from './errors.ts';
import { HostFiles } from './files/host-files.ts';
import type { BlockRow } from './memory/persistent-memory-manager.ts';
import { loadEmbedderFactory } from './process/embedder-imports.ts';
import type { HostedProcess } from './process/hosted-process.ts';
import { Process } from './process/process.ts';
import { whenUnguarded } from './process/time-limit.ts';
import { uncaught } from './process/uncaught.ts';
import { hasPast, markStarted, type OpenedBank, openBank, watchBank } from './site-bank.ts';
import { adoptPast, beginWithCommands } from './site-beginning.ts';
import { type SiteEnvironment, SYSTEM_ENVIRONMENT } from './site-environment.ts';
import { SITE_EVENTS, SiteEmitter, type SiteEvents, type SiteListener } from './site-events.ts';
import {
  type CheckedSiteOptions,
  checkSiteOptions,
  type GuestOutput,
  type SiteOptions,
} from './site-options.ts';
import { buildParts, type SiteParts } from './site-parts.ts';
import { StableStorage } from './storage/stable-storage.ts';

/**
 * Opens a site: on its bank, if one is named, else on one in memory. What is registered in the bank has been put back when this
 * resolves, without stable storage; in a new bank the commands of `sysadm.ini` have been run. Close it with `shutdown`, or by `await
 * using`; the bank stays as it is then.
 *
 * Rejects with OPTION_INVALID, STORAGE_UNAVAILABLE or BACKEND_UNAVAILABLE; for the bank with BANK_OWNED, BANK_UNAVAILABLE,
 * BANK_FOREIGN, BANK_VERSION, BANK_DAMAGED or BANK_FULL; what the bank tells is as it was then.
 */
export async function openSite(options: SiteOptions): Promise<Site> {
  return Site.open(checkSiteOptions(options));
}

/** One running Rekindle: a bank, its managers, and the processes it hosts. Every method rejects or throws SITE_CLOSED after `shutdown`. */
export class Site implements AsyncDisposable {
  readonly #options: CheckedSiteOptions;
  readonly #parts: SiteParts;
  readonly #watch: Disposable | null;
  readonly #emitter = new SiteEmitter();
  readonly #handles = new WeakMap<HostedProcess, Process>();
  #sysadmFailures: readonly CommandFailure[] = [];
  #closing: Promise<void> | null = null;

  /** `hot`: the bank had been there, and what was registered in it has come back. */
  readonly start: 'cold' | 'hot';
  /** What was found damaged or missing in the bank. Everything else in it is as it was written down last. */
  readonly losses: readonly BankLoss[];
  /** Persistent blocks as the host sees them. */
  readonly pmm: PersistentBlocks;
  /** Volumes, the file systems in the bank, as the host sees them. */
  readonly volumes: PersistentVolumes;

  /** What `openSite` does, once its options have been checked. */
  static async open(
    options: CheckedSiteOptions,
    environment: SiteEnvironment = SYSTEM_ENVIRONMENT,
  ): Promise<Site> {
    const storage = new StableStorage(options.stableStorage, options.limits);
    // Before a bank is made, or begun anew, for nothing.
    if (!hasPast(options)) storage.requirePresent();
    const told: { site: Site | null; lost: string | null } = { site: null, lost: null };
    const opened = openBank(options, environment, (reason) => {
      told.lost = reason;
      if (told.site !== null) told.site.#bankLost(reason);
    });
    try {
      if (opened.start === 'cold') storage.requirePresent();
      told.site = new Site(options, environment, storage, opened);
    } catch (error) {
      opened.bank[Symbol.dispose]();
      throw error;
    }
    const { site, lost } = told;
    if (lost !== null) site.#bankLost(lost);
    await site.#begin();
    return site;
  }

  private constructor(
    options: CheckedSiteOptions,
    environment: SiteEnvironment,
    storage: StableStorage,
    opened: OpenedBank,
  ) {
    this.#options = options;
    for (const name of SITE_EVENTS) this.#emitter.adopt(name, options.listeners);
    this.#parts = buildParts(options, environment, storage, opened, this.#observer());
    const { bank, losses, pmm, volumes } = this.#parts;
    this.#watch = opened.directory === null ? null : watchBank(opened.directory);
    this.start = opened.start;
    this.losses = losses;
    this.pmm = new PersistentBlocks(pmm, bank, () => this.#refuseWhenClosed());
    this.volumes = new PersistentVolumes(volumes, new HostFiles(volumes), () => this.#refuseWhenClosed());
  }

  /**
   * Loads the module at `path` in stable storage and starts it (reference, section 5.1). Resolves when it has been loaded and
   * launched. Rejects with OPTION_INVALID, MODULE_*, IMPORT*, MOUNT_UNAVAILABLE, GROUP_*, PROCESS_LIMIT, BANK_FULL, BLOCK_LIMIT or WORKER_UNAVAILABLE,
   * naming the culprit; the site is as it was then.
   */
  async arun(path: string, options: ArunOptions = {}): Promise<Process> {
    this.#refuseWhenClosed();
    const { identity, stdio } = identityFromOptions(path, options, this.#options.limits);
    const importsUrl = options.importsUrl === undefined ? null : String(options.importsUrl);
    const inline = identity.settings.placement === 'inline';
    const factory = await loadEmbedderFactory(inline ? importsUrl : null);
    this.#refuseWhenClosed();
    const process = await this.#parts.spawner.arun(
      identity,
      makeEmbedding(mergeImports(this.#options.imports, options.imports ?? {}), importsUrl, factory, stdio),
    );
    return this.#handle(process);
  }

  /** The registered processes (reference, section 5.2). */
  aps(): readonly ProcessRow[] {
    return processRows(this.#parts.table);
  }

  /** A registered process by name; null when there is none. */
  process(name: string): Process | null {
    const process = this.#parts.table.get(name);
    return process === null ? null : this.#handle(process);
  }

  /**
   * Kills the run with this pid: its group restarts as if it had crashed; a plain process ends (reference, section 5.3).
   * Rejects with PROCESS_UNKNOWN.
   */
  async akill(pid: number): Promise<void> {
    this.#refuseWhenClosed();
    const process = this.#parts.table.withPid(pid);
    if (process === null) throw new RekindleError('PROCESS_UNKNOWN', `pid ${pid}`);
    await this.#parts.controller.kill(process);
  }

  /** Ends a group for good (reference, section 5.3, `akill -g`). An unknown group is no error. */
  async killGroup(group: number): Promise<void> {
    this.#refuseWhenClosed();
    await this.#parts.controller.killGroup(group);
  }

  /** Starts a quarantined group again, from its images, with a clean record. No error when it is not quarantined. */
  async releaseGroup(group: number): Promise<void> {
    this.#refuseWhenClosed();
    await this.#parts.controller.release(group);
  }

  /** Restarts all groups from their images (reference, section 5.4). */
  async restart(): Promise<void> {
    this.#refuseWhenClosed();
    await this.#parts.controller.restartSite();
  }

  /** The persistent blocks (reference, section 12 row 11). */
  pmstat(): readonly BlockRow[] {
    return blockRows(this.#parts.pmm);
  }

  /** The whole site as plain data: a copy, which later changes do not reach. Readable after `shutdown` too. */
  report(): SiteReport {
    return {
      backend: this.#parts.bank.backend,
      start: this.start,
      bankPath: this.#parts.directory?.path ?? null,
      bankPresent: this.#closing === null && (this.#parts.directory?.isPresent() ?? true),
      losses: this.losses,
      sysadmFailures: this.#sysadmFailures,
      processes: this.aps(),
      groups: groupRows(this.#parts.controller),
      blocks: this.pmstat(),
      volumes: this.volumes.list(),
      bank: this.#parts.pmm.usage(),
      workers: this.#parts.pool.size,
      policy: this.#options.policy,
      limits: this.#options.limits,
    };
  }

  /**
   * Listens to an event. Listeners are called synchronously, in the order they came; one that is added twice is called once. What a
   * listener throws is thrown again where nobody is on the stack, so that it reaches the host as an uncaught exception. Throws
   * OPTION_INVALID for an event there is not.
   */
  on<Name extends keyof SiteEvents>(name: Name, listener: SiteListener<Name>): void {
    this.#emitter.on(name, listener);
  }

  /** Ends what `on` began. No error when there was nothing. */
  off<Name extends keyof SiteEvents>(name: Name, listener: SiteListener<Name>): void {
    this.#emitter.off(name, listener);
  }

  /**
   * On a disk: what guests have stored in their blocks, and all else in the bank, outlives a loss of power when this returns. It is
   * done with every commit anyway; nothing to do for a bank in memory.
   */
  sync(): void {
    this.#refuseWhenClosed();
    this.#parts.bank.syncContent();
  }

  /**
   * Ends every process, thread and mapping of the site; calls under way reject with SITE_CLOSED. What is registered stays in the bank,
   * and comes back when it is opened again.
   */
  shutdown(): Promise<void> {
    this.#closing ??= new Promise((resolve, reject) => {
      // Done whole, or not yet: a guest on the stack may have a watchdog.
      whenUnguarded(() => this.#close().then(resolve, reject));
    });
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  async #close(): Promise<void> {
    const { bank, controller, pool, table } = this.#parts;
    controller.close();
    this.#watch?.[Symbol.dispose]();
    const processes = [...table];
    await Promise.all(
      processes.map((process) => process.finish({ kind: 'killed' }, { code: 'SITE_CLOSED' })),
    );
    for (const process of processes) {
      table.remove(process);
      process.conclude();
    }
    await pool.close();
    bank.syncContent();
    bank[Symbol.dispose]();
  }

  /** Nothing is known of the site yet but to who opens it: what goes wrong here closes it again. */
  async #begin(): Promise<void> {
    const { bank, controller } = this.#parts;
    try {
      const unrestorable = await adoptPast(this.#parts, this.#options.imports);
      if (this.#options.sysadm === 'run') {
        const say = (text: string): void => this.#write('C_INIT', 'stdout', text);
        this.#sysadmFailures = await beginWithCommands(this.#parts.storage, this, say);
      }
      if (this.start === 'hot') await controller.comeBack(unrestorable);
      else markStarted(bank);
    } catch (error) {
      await this.shutdown();
      throw error;
    }
  }

  #bankLost(reason: string): void {
    this.#say(`the bank is lost, nothing outlives this site any more: ${reason}`);
    this.#emitter.emit('bankLost', { reason });
  }

  /** A line of the controller's own on the console. */
  #say(message: string): void {
    this.#write('HR_CTRL', 'stderr', `HR_CTRL: ${message}\n`);
  }

  #write(processName: string, stream: 'stdout' | 'stderr', text: string): void {
    uncaught(() => this.#options.output({ processName, stream, bytes: Buffer.from(text) }));
  }

  #refuseWhenClosed(): void {
    if (this.#closing !== null) throw new RekindleError('SITE_CLOSED', 'site');
  }

  #handle(process: HostedProcess): Process {
    const present = this.#handles.get(process);
    if (present !== undefined) return present;
    const handle = new Process(process);
    this.#handles.set(process, handle);
    return handle;
  }

  #observer(): ControllerObserver {
    const emitter = this.#emitter;
    const output = (piece: GuestOutput): void => uncaught(() => this.#options.output(piece));
    return {
      started: (process) => emitter.emit('started', { process: this.#handle(process) }),
      faulted: (process, fault) => emitter.emit('fault', { process: this.#handle(process), fault }),
      restarted: (report) => emitter.emit('restarted', report),
      exited: (process, end) => emitter.emit('exited', { process: this.#handle(process), end }),
      rolledBack: (group, process, from, to) =>
        emitter.emit('rolledBack', { group, process: this.#handle(process), from, to }),
      blocked: (group, names) => {
        const told = `group ${group} blocked, some members have not terminated: ${names.join(', ')}`;
        this.#say(told);
        emitter.emit('blocked', { group, names, message: `HR_CTRL: ${told}` });
      },
      escalated: (group, rung, why) => emitter.emit('escalated', { group, rung, reason: why }),
      quarantined: (group, why) => {
        // What nobody hears of looks like a host that hangs, or ends for no reason.
        if (!emitter.isHeard('quarantined')) this.#say(`group ${group} is quarantined: ${why}`);
        emitter.emit('quarantined', { group, reason: why });
      },
      siteRestarted: () => emitter.emit('siteRestarted', {}),
      output: (process, stream, bytes) => output({ processName: process.identity.name, stream, bytes }),
    };
  }
}
