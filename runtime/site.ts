// A site: opens the bank, builds the managers and joins them. Wiring only; every rule lives in the room it belongs to.
import { type ArunOptions, identityFromOptions } from './cinit/arun-options.ts';
import { PersistentBlocks } from './cinit/persistent-blocks.ts';
import { blockRows, groupRows, type ProcessRow, processRows, type SiteReport } from './cinit/reports.ts';
import { HotRestartController } from './controller/controller.ts';
import { makeEmbedding } from './controller/embedding.ts';
import { guestServices } from './controller/guest-services.ts';
import type { ControllerObserver } from './controller/observer.ts';
import { PlacementMaker } from './controller/placements.ts';
import { ProcessTable } from './controller/process-table.ts';
import { reconcile } from './controller/reconcile.ts';
import { Spawner } from './controller/spawner.ts';
import { RekindleError } from './errors.ts';
import { ProcessImages } from './image/process-image.ts';
import { Bank } from './memory/bank.ts';
import { type BlockRow, PersistentMemoryManager } from './memory/persistent-memory-manager.ts';
import { loadEmbedderFactory } from './process/embedder-imports.ts';
import type { HostedProcess } from './process/hosted-process.ts';
import type { PlacementEvents } from './process/placement.ts';
import { Process } from './process/process.ts';
import { systemCircumstances } from './process/system-circumstances.ts';
import { whenUnguarded } from './process/time-limit.ts';
import { WorkerPool } from './process/worker-pool.ts';
import { SiteEmitter, type SiteEvents, type SiteListener, uncaught } from './site-events.ts';
import {
  type CheckedSiteOptions,
  checkSiteOptions,
  type GuestOutput,
  type SiteOptions,
} from './site-options.ts';
import { StableStorage } from './storage/stable-storage.ts';

/**
 * Opens a site on a bank of its own, in memory. Close it with `shutdown`, or by `await using`.
 * Rejects with OPTION_INVALID, STORAGE_UNAVAILABLE or BACKEND_UNAVAILABLE.
 */
export async function openSite(options: SiteOptions): Promise<Site> {
  return new Site(checkSiteOptions(options));
}

/** One running Rekindle: a bank, its managers, and the processes it hosts. Every method rejects or throws SITE_CLOSED after `shutdown`. */
export class Site implements AsyncDisposable {
  readonly #options: CheckedSiteOptions;
  readonly #bank: Bank;
  readonly #pmm: PersistentMemoryManager;
  readonly #images: ProcessImages;
  readonly #pool: WorkerPool;
  readonly #table: ProcessTable;
  readonly #controller: HotRestartController;
  readonly #spawner: Spawner;
  readonly #emitter = new SiteEmitter();
  readonly #handles = new WeakMap<HostedProcess, Process>();
  #closing: Promise<void> | null = null;

  /** Persistent blocks as the host sees them. */
  readonly pmm: PersistentBlocks;

  constructor(options: CheckedSiteOptions) {
    const { limits, policy } = options;
    const storage = new StableStorage(options.stableStorage, limits);
    this.#options = options;
    this.#bank = Bank.create({ backend: options.backend, sizeBytes: limits.bankSizeBytes });
    this.#pmm = new PersistentMemoryManager(this.#bank, limits);
    this.pmm = new PersistentBlocks(this.#pmm, this.#bank, () => this.#refuseWhenClosed());
    this.#pool = new WorkerPool({
      bank: this.#bank.handle(),
      warmWorkers: options.warmWorkers,
      maxWorkers: limits.maxWorkers,
    });
    this.#table = new ProcessTable(limits.maxProcesses);
    this.#images = new ProcessImages(this.#bank, this.#pmm);
    const readModule = (path: string): Uint8Array => storage.read(path).bytes;
    const observer = this.#observer();
    this.#controller = new HotRestartController({
      table: this.#table,
      pmm: this.#pmm,
      images: this.#images,
      readModule,
      policy,
      clock: { nowMs: () => performance.now() },
      observer,
    });
    const placements = new PlacementMaker({
      bank: this.#bank,
      pool: this.#pool,
      limits,
      circumstances: systemCircumstances,
      servicesFor: (process) =>
        guestServices(process, {
          pmm: this.#pmm,
          table: this.#table,
          controller: this.#controller,
          spawner: this.#spawner,
          observer,
        }),
      eventsFor: (process) => this.#eventsFor(process),
      embeddingOf: (process) => this.#spawner.embeddingOf(process),
    });
    this.#spawner = new Spawner({
      readModule,
      images: this.#images,
      pmm: this.#pmm,
      table: this.#table,
      controller: this.#controller,
      placements,
      limits,
    });
  }

  /**
   * Loads the module at `path` in stable storage and starts it (reference, section 5.1). Resolves when it has been loaded and
   * launched. Rejects with OPTION_INVALID, MODULE_*, IMPORT*, GROUP_*, PROCESS_LIMIT, BANK_FULL, BLOCK_LIMIT or WORKER_UNAVAILABLE,
   * naming the culprit; the site is as it was then.
   */
  async arun(path: string, options: ArunOptions = {}): Promise<Process> {
    this.#refuseWhenClosed();
    const identity = identityFromOptions(path, options, this.#options.limits);
    const importsUrl = options.importsUrl === undefined ? null : String(options.importsUrl);
    const inline = identity.settings.placement === 'inline';
    const factory = await loadEmbedderFactory(inline ? importsUrl : null);
    this.#refuseWhenClosed();
    const process = await this.#spawner.arun(
      identity,
      makeEmbedding(options.imports ?? {}, importsUrl, factory),
    );
    return this.#handle(process);
  }

  /** The registered processes (reference, section 5.2). */
  aps(): readonly ProcessRow[] {
    return processRows(this.#table);
  }

  /** A registered process by name; null when there is none. */
  process(name: string): Process | null {
    const process = this.#table.get(name);
    return process === null ? null : this.#handle(process);
  }

  /**
   * Kills the run with this pid: its group restarts as if it had crashed; a plain process ends (reference, section 5.3).
   * Rejects with PROCESS_UNKNOWN.
   */
  async akill(pid: number): Promise<void> {
    this.#refuseWhenClosed();
    const process = this.#table.withPid(pid);
    if (process === null) throw new RekindleError('PROCESS_UNKNOWN', `pid ${pid}`);
    await this.#controller.kill(process);
  }

  /** Ends a group for good (reference, section 5.3, `akill -g`). An unknown group is no error. */
  async killGroup(group: number): Promise<void> {
    this.#refuseWhenClosed();
    await this.#controller.killGroup(group);
  }

  /** Starts a quarantined group again, from its images, with a clean record. No error when it is not quarantined. */
  async releaseGroup(group: number): Promise<void> {
    this.#refuseWhenClosed();
    await this.#controller.release(group);
  }

  /** Restarts all groups from their images (reference, section 5.4). */
  async restart(): Promise<void> {
    this.#refuseWhenClosed();
    await this.#controller.restartSite();
  }

  /** The persistent blocks (reference, section 12 row 11). */
  pmstat(): readonly BlockRow[] {
    return blockRows(this.#pmm);
  }

  /** The whole site as plain data: a copy, which later changes do not reach. Readable after `shutdown` too. */
  report(): SiteReport {
    return {
      backend: this.#bank.backend,
      processes: this.aps(),
      groups: groupRows(this.#controller),
      blocks: this.pmstat(),
      bank: this.#pmm.usage(),
      workers: this.#pool.size,
      policy: this.#options.policy,
      limits: this.#options.limits,
    };
  }

  /**
   * Listens to an event. Listeners are called synchronously, in the order they came; one that is added twice is called once. What a
   * listener throws is thrown again where nobody is on the stack, so that it reaches the host as an uncaught exception.
   */
  on<Name extends keyof SiteEvents>(name: Name, listener: SiteListener<Name>): void {
    this.#emitter.on(name, listener);
  }

  /** Ends what `on` began. No error when there was nothing. */
  off<Name extends keyof SiteEvents>(name: Name, listener: SiteListener<Name>): void {
    this.#emitter.off(name, listener);
  }

  /** Ends every process, thread and mapping of the site; calls under way reject with SITE_CLOSED. */
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
    this.#controller.close();
    const processes = [...this.#table];
    await Promise.all(
      processes.map((process) => process.finish({ kind: 'killed' }, { code: 'SITE_CLOSED' })),
    );
    for (const process of processes) {
      this.#table.remove(process);
      process.retire();
    }
    await this.#pool.close();
    this.#bank[Symbol.dispose]();
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

  #eventsFor(process: HostedProcess): PlacementEvents {
    return {
      ready: () => process.becomeReady(),
      exited: (exit) => this.#controller.exited(process, exit),
      faulted: (fault, handlerInstalled) => this.#controller.faulted(process, fault, handlerInstalled),
      hostFunctionCutOff: () => this.#reconcile(),
    };
  }

  #reconcile(): void {
    const { groups } = this.#controller;
    reconcile({ table: this.#table, images: this.#images, pmm: this.#pmm, groups });
  }

  #observer(): ControllerObserver {
    const emitter = this.#emitter;
    const output = (piece: GuestOutput): void => uncaught(() => this.#options.output(piece));
    return {
      started: (process) => emitter.emit('started', { process: this.#handle(process) }),
      faulted: (process, fault) => emitter.emit('fault', { process: this.#handle(process), fault }),
      restarted: (report) => emitter.emit('restarted', report),
      exited: (process, end) => emitter.emit('exited', { process: this.#handle(process), end }),
      blocked: (group, names) => {
        const message = `HR_CTRL: group ${group} blocked, some members have not terminated: ${names.join(', ')}`;
        output({ processName: 'HR_CTRL', stream: 'stderr', bytes: Buffer.from(`${message}\n`) });
        emitter.emit('blocked', { group, names, message });
      },
      escalated: (group, rung, why) => emitter.emit('escalated', { group, rung, reason: why }),
      quarantined: (group, why) => emitter.emit('quarantined', { group, reason: why }),
      siteRestarted: () => emitter.emit('siteRestarted', {}),
      output: (process, stream, bytes) => output({ processName: process.identity.name, stream, bytes }),
    };
  }
}
