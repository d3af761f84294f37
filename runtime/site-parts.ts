// Builds the managers of a site and joins them. Wiring only: every rule lives in the room it belongs to.
import type { BankDirectory } from './bank/bank-directory.ts';
import type { BankLoss } from './bank/bank-loss.ts';
import { HotRestartController } from './controller/controller.ts';
import { guestServices } from './controller/guest-services.ts';
import type { ControllerObserver } from './controller/observer.ts';
import { NO_PAST, type PastProcess, readPast } from './controller/past.ts';
import { PlacementMaker } from './controller/placements.ts';
import { ProcessTable } from './controller/process-table.ts';
import { reconcile } from './controller/reconcile.ts';
import { Spawner } from './controller/spawner.ts';
import { Volumes } from './files/volumes.ts';
import { ProcessImages } from './image/process-image.ts';
import type { Bank } from './memory/bank.ts';
import { PersistentMemoryManager } from './memory/persistent-memory-manager.ts';
import type { HostedProcess } from './process/hosted-process.ts';
import type { PlacementEvents } from './process/placement.ts';
import { systemCircumstances } from './process/system-circumstances.ts';
import { WorkerPool } from './process/worker-pool.ts';
import type { OpenedBank } from './site-bank.ts';
import type { SiteEnvironment } from './site-environment.ts';
import type { CheckedSiteOptions } from './site-options.ts';
import { HOST_STDIO } from './site-stdio.ts';
import type { StableStorage } from './storage/stable-storage.ts';

export interface SiteParts {
  readonly bank: Bank;
  readonly directory: BankDirectory | null;
  readonly storage: StableStorage;
  readonly pmm: PersistentMemoryManager;
  readonly volumes: Volumes;
  readonly images: ProcessImages;
  readonly pool: WorkerPool;
  readonly table: ProcessTable;
  readonly controller: HotRestartController;
  readonly spawner: Spawner;
  /** What an earlier site has left, to be taken over before anything is started. */
  readonly pastProcesses: readonly PastProcess[];
  readonly losses: readonly BankLoss[];
}

/** Throws BANK_DAMAGED; the bank stays the caller's then. */
export function buildParts(
  options: CheckedSiteOptions,
  environment: SiteEnvironment,
  storage: StableStorage,
  { bank, directory, start }: OpenedBank,
  observer: ControllerObserver,
): SiteParts {
  const { limits, policy } = options;
  const pmm = new PersistentMemoryManager(bank, limits);
  const images = new ProcessImages(bank, pmm);
  const { volumeQuotaBytes } = limits;
  const volumes = new Volumes({ bank, volumeQuotaBytes, nowMs: () => environment.nowMs() });
  const past = start === 'hot' ? readPast(bank, pmm, images, volumes, environment.nowMs()) : NO_PAST;
  const pool = new WorkerPool({
    bank: bank.handle(),
    warmWorkers: options.warmWorkers,
    maxWorkers: limits.maxWorkers,
  });
  const table = new ProcessTable(limits.maxProcesses);
  const { ledger } = bank;
  const controller = new HotRestartController(
    { table, ledger, pmm, images, modules: storage, policy, clock: environment, observer },
    past.state,
  );
  const eventsFor = (process: HostedProcess): PlacementEvents => ({
    ready: () => process.becomeReady(),
    exited: (exit) => controller.exited(process, exit),
    faulted: (fault, handlerInstalled) => controller.faulted(process, fault, handlerInstalled),
    hostFunctionCutOff: () => reconcile({ table, images, pmm, volumes, ledger, groups: controller.groups }),
  });
  const placements = new PlacementMaker({
    bank,
    pool,
    limits,
    circumstances: systemCircumstances,
    servicesFor: (process) => guestServices(process, { pmm, volumes, table, controller, spawner, observer }),
    eventsFor,
    embeddingOf: (process) => spawner.embeddingOf(process),
  });
  const spawner = new Spawner({
    modules: storage,
    bank,
    images,
    pmm,
    volumes,
    table,
    controller,
    placements,
    limits,
    hostStdio: HOST_STDIO,
  });
  const losses = Object.freeze([...(directory?.losses ?? []), ...past.losses]);
  const pastProcesses = past.processes;
  return {
    bank,
    directory,
    storage,
    pmm,
    volumes,
    images,
    pool,
    table,
    controller,
    spawner,
    pastProcesses,
    losses,
  };
}
