// A site with a till, set up so that it can be seen to need its modules only once: they are a copy, which is deleted on the way. It
// owns that copy and the site, and must give both back.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Argument,
  type Fault,
  GuestFaultError,
  openSite,
  type Process,
  type Site,
  type SiteEvents,
} from 'rekindle';
import { StepFailed } from './story-log.ts';

const GUESTS = fileURLToPath(new URL('../../guests/build/', import.meta.url));
const MODULES = ['till.wasm', 'till-printer.wasm'];
/** The modules of the demonstration, where the build has put them. */
export const MODULE_PATHS: readonly string[] = MODULES.map((module) => join(GUESTS, module));
/** The restart group of till and printer. */
export const GROUP = 7;
/** What has not come by then will not come. */
const PATIENCE_MS = 20_000;

export class Demonstration {
  readonly site: Site;
  /** What the guests have written, a line each. */
  readonly printed: string[];
  readonly #storage: string;

  /** `maxRestarts`: how many there will be, for the site must not take them for a group that cannot be helped. */
  static async open(maxRestarts: number): Promise<Demonstration> {
    const storage = mkdtempSync(join(tmpdir(), 'rekindle-'));
    const printed: string[] = [];
    for (const module of MODULES) cpSync(join(GUESTS, module), join(storage, module));
    const site = await openSite({
      stableStorage: storage,
      policy: { maxBadness: maxRestarts },
      output: ({ processName, bytes }) => {
        printed.push(`${processName}: ${Buffer.from(bytes).toString().trimEnd()}`);
      },
    });
    return new Demonstration(site, storage, printed);
  }

  private constructor(site: Site, storage: string, printed: string[]) {
    this.site = site;
    this.printed = printed;
    this.#storage = storage;
  }

  /** The process that the till has spawned. */
  get printer(): Process {
    const printer = this.site.process('printer');
    if (printer === null) throw new StepFailed('there is no printer');
    return printer;
  }

  startTill(placement: Process['placement']): Promise<Process> {
    return this.site.arun('till.wasm', { group: GROUP, placement });
  }

  deleteStableStorage(): void {
    rmSync(this.#storage, { recursive: true, force: true });
  }

  /** A sale in which the till fails, and the restart of its group. Rejects with StepFailed when one of them does not come. */
  async failInSale(
    till: Process,
    cents: number,
  ): Promise<{
    readonly fault: Fault;
    readonly faultMs: number;
    readonly restarted: SiteEvents['restarted'];
  }> {
    const restarted = new Promise<SiteEvents['restarted']>((resolve) => {
      const listener = (event: SiteEvents['restarted']): void => {
        this.site.off('restarted', listener);
        resolve(event);
      };
      this.site.on('restarted', listener);
    });
    const startMs = performance.now();
    const fault = await faultOf(till, 'sellAndFail', [cents]);
    const faultMs = performance.now() - startMs;
    return { fault, faultMs, restarted: await inTime('the restart', restarted) };
  }

  async close(): Promise<void> {
    await this.site.shutdown();
    this.deleteStableStorage();
  }
}

/** The number that a call returns; throws StepFailed when it is none. */
export async function numberFrom(
  process: Process,
  exportName: string,
  args: readonly Argument[] = [],
): Promise<number> {
  const value = await process.call(exportName, args);
  if (typeof value === 'number') return value;
  throw new StepFailed(`${exportName} returned no number`);
}

async function faultOf(process: Process, exportName: string, args: readonly Argument[]): Promise<Fault> {
  try {
    await process.call(exportName, args);
  } catch (error) {
    if (error instanceof GuestFaultError) return error.fault;
    throw error;
  }
  throw new StepFailed(`${exportName} was to fail and did not`);
}

async function inTime<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new StepFailed(`${what} did not come within ${PATIENCE_MS} ms`)),
      PATIENCE_MS,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
