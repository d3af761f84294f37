// A site for tests that drive real guests: opens it over the probe guests, records what it tells, and closes it. Waiting is always
// for a condition and always has an end; nothing here measures time.
import { afterEach, expect } from 'vitest';
import type {
  ArunOptions,
  Process,
  ReturnValue,
  SiteEvents,
  SiteOptions,
  SiteReport,
} from '#runtime/index.js';
import { openSite, RekindleError, type Site } from '#runtime/index.js';
import { SITE_EVENTS } from '#runtime/site-events.js';
import { inTime, until } from '#test/support/scenario.js';
import { TEST_GUESTS } from '#test/support/test-guests.js';

/** More restarts than any test provokes: the ladder is the policy's business, not these tests'. */
const NO_ESCALATION = { maxBadness: 1000 };

/** What a site told, in order. */
export type Told = {
  readonly [Name in keyof SiteEvents]: { readonly event: Name; readonly value: SiteEvents[Name] };
}[keyof SiteEvents];

export class ProbeSite {
  readonly site: Site;
  readonly told: Told[] = [];
  readonly #lines: { readonly processName: string; readonly text: string }[];

  constructor(site: Site, lines: { readonly processName: string; readonly text: string }[]) {
    this.site = site;
    this.#lines = lines;
    for (const event of SITE_EVENTS) {
      site.on(event, (value) => {
        this.told.push({ event, value } as Told);
      });
    }
  }

  /** What has been written, by one process or by all. */
  output(processName?: string): string {
    const from = this.#lines.filter((line) => processName === undefined || line.processName === processName);
    return from.map(({ text }) => text).join('');
  }

  /** The events of one kind so far. */
  events<Name extends keyof SiteEvents>(name: Name): readonly SiteEvents[Name][] {
    return this.told.flatMap((each) => (each.event === name ? [each.value as SiteEvents[Name]] : []));
  }

  /** A probe that has been initialised. */
  async probe(options: ArunOptions = {}): Promise<Process> {
    const process = await this.site.arun('probe.wasm', options);
    await this.ready(process);
    return process;
  }

  /** Waits until a reactor can be called. */
  async ready(process: Process): Promise<void> {
    await until(`${process.name} is ready`, () => process.state === 'ready');
  }

  /** The process of that name, initialised. */
  async named(name: string): Promise<Process> {
    const process = this.site.process(name);
    if (process === null) throw new Error(`no process ${name}`);
    await this.ready(process);
    return process;
  }

  /** Waits until the group has been restarted `count` times altogether. */
  async restarted(group: number, count: number): Promise<void> {
    await until(`group ${group} was restarted ${count} times`, () => {
      return this.events('restarted').filter((each) => each.group === group).length >= count;
    });
  }
}

const openSites: Site[] = [];

/**
 * Opens a site that is closed when the test ends. Guests' output is recorded, and no restart escalates unless `options` says so. No
 * worker is kept ready: most tests would start one, which is most of what they cost, for nothing.
 */
export async function openProbeSite(options: Partial<SiteOptions> = {}): Promise<ProbeSite> {
  const lines: { readonly processName: string; readonly text: string }[] = [];
  const site = await openSite({
    stableStorage: TEST_GUESTS,
    policy: NO_ESCALATION,
    warmWorkers: 0,
    output: ({ processName, bytes }) =>
      lines.push({ processName, text: Buffer.from(bytes).toString('utf8') }),
    ...options,
  });
  openSites.push(site);
  return new ProbeSite(site, lines);
}

afterEach(async () => {
  await Promise.all(openSites.splice(0).map((site) => site.shutdown()));
});

/** A call whose result is a number. */
export async function number(
  process: Process,
  exportName: string,
  ...args: Parameters<Process['call']>[1] & object
): Promise<number> {
  const value: ReturnValue = await process.call(exportName, args);
  if (typeof value !== 'number') throw new Error(`${exportName} returned ${String(value)}, not a number`);
  return value;
}

/** The RekindleError that `action` ends with. */
export async function refusal(action: Promise<unknown> | (() => unknown)): Promise<RekindleError> {
  try {
    await inTime('a refusal', typeof action === 'function' ? Promise.resolve(action()) : action);
  } catch (error) {
    if (error instanceof RekindleError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

/** What a site reports, without its workers: those it keeps ready come and go by themselves. */
export function books(site: Site): Omit<SiteReport, 'workers'> {
  const { workers: _, ...report } = site.report();
  return report;
}

/** Runs `body` beside a bystander: afterwards the books must be what they were, and the bystander answers as one never touched. */
export async function unchanged(
  opened: ProbeSite,
  bystander: Process,
  body: () => Promise<void>,
): Promise<void> {
  const answersBefore = await number(bystander, 'bump');
  const before = books(opened.site);
  await body();
  expect(books(opened.site)).toEqual(before);
  expect(await number(bystander, 'bump')).toBe(answersBefore + 1);
}
