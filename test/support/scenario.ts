// What the scenarios share: the matrix of backends and placements, a site whose output and events are kept, and waiting that is
// always bounded. It reaches the site through the public interface only.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  type Fault,
  type GuestFaultError,
  openSite,
  type Process,
  type ProcessEnd,
  RekindleError,
  type Site,
  type SiteEvents,
  type SiteOptions,
} from '#runtime/index.js';

export type Backend = 'mapped' | 'copied';
export type PlacementName = 'inline' | 'thread';

/** On Linux the mapped backend has to work: there it is not skipped. */
export const BACKENDS: readonly Backend[] = process.platform === 'linux' ? ['mapped', 'copied'] : ['copied'];
export const PLACEMENTS: readonly PlacementName[] = ['inline', 'thread'];

/** Every backend with every placement. */
export const MATRIX = BACKENDS.flatMap((backend) => PLACEMENTS.map((placement) => ({ backend, placement })));

/** Either backend and either placement, for what does not depend on how the two go together. */
export const DIAGONAL = MATRIX.filter(
  ({ backend, placement }) => (backend === 'copied') === (placement === 'inline'),
);

/** The sample guests as they were built; the compiled tests lie two directories below the root's `dist`. */
export const SAMPLE_GUESTS = fileURLToPath(new URL('../../../guests/build', import.meta.url));

/** A sample guest as an engine sees it. */
export function compiledGuest(path: string): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(join(SAMPLE_GUESTS, path)));
}

/** A wait that takes longer than this is a failure. Generous: a loaded machine may take seconds to start a thread. */
const DEADLINE_MS = 20_000;
const POLL_MS = 1;
/** More restarts than any scenario causes: the ladder is not what is tested here. */
const NO_ESCALATION = 10_000;

/** Resolves when `holds` does; rejects, naming `what`, when it does not in time. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + DEADLINE_MS;
  while (!holds()) {
    if (performance.now() > deadlineMs) throw new Error(`not within ${DEADLINE_MS} ms: ${what}`);
    await sleep(POLL_MS);
  }
}

/** Rejects, naming `what`, when `promise` does not settle in time. */
export async function inTime<T>(what: string, promise: Promise<T>): Promise<T> {
  const abort = new AbortController();
  const late = sleep(DEADLINE_MS, undefined, { signal: abort.signal }).then(() => {
    throw new Error(`not within ${DEADLINE_MS} ms: ${what}`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    late.catch(() => undefined);
    abort.abort();
  }
}

/** The error `body` rejects with; fails when it does not reject with one of the runtime's. */
export async function rejection(body: Promise<unknown>): Promise<RekindleError> {
  try {
    await inTime('a rejection', body);
  } catch (error) {
    if (error instanceof RekindleError) return error;
    throw error;
  }
  throw new Error('it was expected to reject');
}

export interface Logged {
  readonly faults: { readonly name: string; readonly fault: Fault }[];
  readonly restarts: SiteEvents['restarted'][];
  readonly ends: { readonly name: string; readonly end: ProcessEnd }[];
  /** What should not happen in a scenario without escalation. */
  readonly mishaps: string[];
}

/** A site with everything it said. Shut down by `await using`. */
export class SiteUnderTest implements AsyncDisposable {
  readonly site: Site;
  readonly log: Logged;
  readonly #written: { readonly processName: string; readonly text: string }[];

  private constructor(site: Site, written: { readonly processName: string; readonly text: string }[]) {
    this.site = site;
    this.#written = written;
    this.log = { faults: [], restarts: [], ends: [], mishaps: [] };
    const { faults, restarts, ends, mishaps } = this.log;
    site.on('fault', ({ process, fault }) => faults.push({ name: process.name, fault }));
    site.on('restarted', (event) => restarts.push(event));
    site.on('exited', ({ process, end }) => ends.push({ name: process.name, end }));
    site.on('blocked', ({ message }) => mishaps.push(message));
    site.on('escalated', ({ rung, reason }) => mishaps.push(`${rung}: ${reason}`));
  }

  static async open(options: Partial<SiteOptions> = {}): Promise<SiteUnderTest> {
    const written: { processName: string; text: string }[] = [];
    const site = await openSite({
      stableStorage: SAMPLE_GUESTS,
      policy: { maxBadness: NO_ESCALATION },
      output: ({ processName, bytes }) => written.push({ processName, text: Buffer.from(bytes).toString() }),
      ...options,
    });
    return new SiteUnderTest(site, written);
  }

  /** All that the guests wrote, in order. */
  get output(): string {
    return this.#written.map(({ text }) => text).join('');
  }

  /** Resolves when a reactor has been put back since it was the run `oldPid` and may be called. */
  async backSince(process: Process, oldPid: number): Promise<void> {
    await until(
      `${process.name} is back after run ${oldPid}, now ${process.state}`,
      () => process.pid !== oldPid && process.state === 'ready',
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.site.shutdown();
  }
}

/** The fault a call ended with; fails when it ended otherwise. */
export async function faultOf(call: Promise<unknown>): Promise<Fault> {
  const error = await rejection(call);
  if (error.code !== 'GUEST_FAULT') throw error;
  return (error as GuestFaultError).fault;
}

/** An import module, as a URL, whose `embedder.fail` runs `body`. In a worker, process.exit ends the thread and nothing else. */
export function failingEmbedder(body: string): string {
  const source = `export default () => ({ embedder: { fail() { ${body} } } });`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}
