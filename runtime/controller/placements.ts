// Makes placements: joins a process's program, its services and the events it reports to, for either thread. The only place that
// knows both kinds of placement.
import { invariant } from '../invariant.ts';
import type { Limits } from '../limits.ts';
import type { Bank } from '../memory/bank.ts';
import type { Circumstances } from '../process/guest-imports.ts';
import type { HostedProcess } from '../process/hosted-process.ts';
import { InlinePlacement } from '../process/inline-placement.ts';
import type { Placement, PlacementEvents } from '../process/placement.ts';
import type { GuestProgram } from '../process/program.ts';
import type { HostServices } from '../process/services.ts';
import { type AsynchronousServices, ThreadPlacement } from '../process/thread-placement.ts';
import type { WorkerPool } from '../process/worker-pool.ts';
import type { Embedding } from './embedding.ts';

export interface PlacementMakerOptions {
  readonly bank: Bank;
  readonly pool: WorkerPool;
  readonly limits: Limits;
  readonly circumstances: Circumstances;
  readonly servicesFor: (process: HostedProcess) => AsynchronousServices;
  readonly eventsFor: (process: HostedProcess) => PlacementEvents;
  readonly embeddingOf: (process: HostedProcess) => Embedding;
}

export class PlacementMaker {
  readonly #options: PlacementMakerOptions;

  constructor(options: PlacementMakerOptions) {
    this.#options = options;
  }

  make(process: HostedProcess, program: GuestProgram): Placement {
    const { bank, pool, limits, circumstances, servicesFor, eventsFor, embeddingOf } = this.#options;
    const { placement, entryLimitMs } = process.identity.settings;
    const services = servicesFor(process);
    const events = eventsFor(process);
    if (placement === 'thread') {
      const { maxQueuedCalls } = limits;
      return new ThreadPlacement({ program, pool, services, events, entryLimitMs, maxQueuedCalls });
    }
    return new InlinePlacement({
      program,
      bank: bank.view,
      services: immediate(services),
      embedder: embeddingOf(process).factory,
      circumstances,
      // Nobody ends the main thread from outside; its watchdog strikes only in guest code, or is made good by `reconcile`.
      exchanging: (exchange) => exchange(),
      events,
      entryLimitMs,
    });
  }
}

/** For a guest in the main thread every service answers at once, since none of what it can reach is in another thread. */
function immediate(services: AsynchronousServices): HostServices {
  const now = <T>(answer: T | Promise<T>): T => {
    invariant(!(answer instanceof Promise), 'an inline guest is never made to wait');
    return answer;
  };
  return {
    pmmAllocate: (...args) => now(services.pmmAllocate(...args)),
    pmmFree: (...args) => now(services.pmmFree(...args)),
    pmmFreeAll: (...args) => now(services.pmmFreeAll(...args)),
    pmmUnmapped: (...args) => now(services.pmmUnmapped(...args)),
    hrfexec: (...args) => now(services.hrfexec(...args)),
    hrGetprocessGroup: (...args) => now(services.hrGetprocessGroup(...args)),
    hrKillGroup: (...args) => now(services.hrKillGroup(...args)),
    reserveImage: (...args) => now(services.reserveImage(...args)),
    commitImage: (...args) => now(services.commitImage(...args)),
    reacquireBlocks: () => now(services.reacquireBlocks()),
    callHostFunction: (...args) => now(services.callHostFunction(...args)),
    readInput: (...args) => now(services.readInput(...args)),
    volume: (...args) => now(services.volume(...args)),
    write: (...args) => now(services.write(...args)),
    outputTaken: () => now(services.outputTaken()),
    exitHandlerInstalled: () => now(services.exitHandlerInstalled()),
  };
}
