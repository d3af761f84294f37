// A living site whose bank is recorded, and the account of what it has promised by which step. Every operation is done through here, one
// after another: what lies between its first step and its last is a crash in the middle of it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Process, RekindleError } from '#runtime/index.js';
import { Site } from '#runtime/site.js';
import type { SiteEnvironment } from '#runtime/site-environment.js';
import { checkSiteOptions, type SiteOptions } from '#runtime/site-options.js';
import { Medium, PAGE_BYTES } from './medium.js';
import { Recorder } from './recorder.js';
import { type SiteState, settled, spawnChild, stateOf } from './site-state.js';

/** Generations kept beside generation 0. */
export const KEPT_GENERATIONS = 2;
export const BANK_BYTES = 4 * 1024 * 1024;

/** Values that the words of a block may have, by the name of the block. */
export type BlockValues = ReadonlyMap<string, number>;

/** One operation, from step `from` to step `to`, and what held before and after it. */
export interface Operation {
  readonly title: string;
  readonly from: number;
  readonly to: number;
  readonly before: SiteState;
  readonly after: SiteState;
  readonly valuesBefore: BlockValues;
  readonly valuesAfter: BlockValues;
  /** Of the site's clock, at its end. */
  readonly nowMs: number;
  /** A crash in the middle of it is gone on from with stable storage only. */
  readonly needsStorage: boolean;
  /** Lines that may be as before, as after, or in between while it is under way. */
  readonly isVague: (key: string) => boolean;
}

export interface Recording {
  readonly options: RecordingOptions;
  readonly recorder: Recorder;
  readonly operations: readonly Operation[];
}

export interface RecordingOptions {
  readonly seed: number;
  readonly backend: 'mapped' | 'copied';
  readonly sync: 'commit' | 'none';
  readonly operations: number;
  readonly stableStorage: string;
  /** Directory of the bank; its parent is there. */
  readonly path: string;
}

export function siteOptions({
  backend,
  sync,
  path,
  stableStorage,
}: Omit<RecordingOptions, 'seed' | 'operations'>): SiteOptions {
  return {
    stableStorage,
    bank: { path, sync },
    backend,
    limits: { bankSizeBytes: BANK_BYTES, maxGenerations: KEPT_GENERATIONS, memoryQuotaBytes: 1024 * 1024 },
    policy: { maxBadness: 2, intervalMs: 1e9, maxSiteRestarts: 1, siteIntervalMs: 1e9, maxFutileFailures: 2 },
    warmWorkers: 0,
    sysadm: 'ignore',
    output: () => undefined,
  };
}

/** A clock that goes on by a millisecond whenever it is read. */
export function steppingClock(startMs: number): { readonly nowMs: () => number } {
  let nowMs = startMs;
  return { nowMs: () => nowMs++ };
}

export const FIRST_MS = 1_700_000_000_000;

export class RecordedSite {
  readonly options: RecordingOptions;
  readonly recorder = new Recorder();
  readonly operations: Operation[] = [];
  readonly #clock = steppingClock(FIRST_MS);
  readonly #medium = new Medium();
  readonly #digests = new Map<string, Map<number, bigint>>();
  readonly #places = new Map<string, number>();
  readonly #values = new Map<string, number>();
  #applied = 0;
  #state: SiteState = new Map();
  #site: Site | null = null;

  constructor(options: RecordingOptions) {
    this.options = options;
  }

  get site(): Site {
    if (this.#site === null) throw new Error('the site is closed');
    return this.#site;
  }

  /** Does `body` as one operation. `stores`: guests store to blocks in it, which nobody tells of. */
  async operation(
    title: string,
    body: () => Promise<void> | void,
    extra: {
      readonly stores?: boolean;
      readonly needsStorage?: boolean;
      readonly isVague?: (key: string) => boolean;
    } = {},
  ): Promise<void> {
    const before = this.#state;
    const valuesBefore = new Map(this.#values);
    const from = this.recorder.steps.length;
    await body();
    if (this.#site !== null) {
      await settled(this.#site);
      this.#forgetGone(this.#site);
      this.#state = stateOf(this.#site, { digests: this.#digests, places: this.#places });
    }
    this.#account(extra.stores ?? false, title);
    const { stores: _, ...rest } = { needsStorage: false, isVague: () => false, ...extra };
    const to = this.recorder.steps.length;
    const nowMs = this.#clock.nowMs();
    const valuesAfter = new Map(this.#values);
    this.operations.push({
      title,
      from,
      to,
      before,
      after: this.#state,
      valuesBefore,
      valuesAfter,
      nowMs,
      ...rest,
    });
  }

  async open(): Promise<void> {
    const environment: SiteEnvironment = {
      nowMs: this.#clock.nowMs,
      newBankId: () => Uint8Array.from({ length: 16 }, (_, index) => (this.options.seed + index * 7) & 0xff),
      openBankFiles: this.recorder.openBankFiles,
      owner: () => ({ pid: process.pid, startedAt: new Date(FIRST_MS).toISOString(), program: 'test' }),
    };
    this.#site = await Site.open(checkSiteOptions(siteOptions(this.options)), environment);
    if (this.#site.losses.length > 0) throw new Error(`losses: ${JSON.stringify(this.#site.losses)}`);
  }

  async close(): Promise<void> {
    const site = this.site;
    this.#site = null;
    await site.shutdown();
  }

  /** A process that begins with generation 0, or anew with it. */
  async began(process: Process): Promise<void> {
    await process.ready();
    this.#places.set(process.name, 0);
    this.#digests.set(process.name, new Map([[0, await digestOf(process)]]));
  }

  async checkpoint(process: Process, inside: boolean): Promise<void> {
    const digest = await digestOf(process);
    if (inside) await process.call('checkpointInside');
    else await process.checkpoint();
    this.#digests.get(process.name)?.set(process.generation, digest);
    // With the oldest one's place as the next one to be written to.
    this.#places.set(process.name, Math.min(KEPT_GENERATIONS + 1, this.#placesOf(process) + 1));
  }

  /** The newest generation has been given up. */
  rolledBack(process: Process): void {
    this.#places.set(process.name, Math.min(KEPT_GENERATIONS, this.#placesOf(process)) - 1);
  }

  /** The child, run for the first time, again, or anew. */
  async spawn(parent: Process, name: string): Promise<void> {
    const past = this.site.process(name);
    const isAnew = past === null || past.state === 'ended';
    const pid = await spawnChild(parent, name);
    if (pid < 0) throw new Error(`${name} cannot be spawned: ${pid}`);
    const child = this.site.process(name);
    if (child === null) throw new Error(`${name} is not there`);
    if (isAnew) await this.began(child);
  }

  setValue(block: string, value: number): void {
    this.#values.set(block, value);
  }

  /** Calls what ends the run, and waits until the controller has heard of it. */
  async endRun(process: Process, exportName: string): Promise<void> {
    const { site } = this;
    let heard: () => void = () => undefined;
    const hearing = new Promise<void>((resolve) => {
      heard = resolve;
    });
    const listener = (told: { readonly process: Process }): void => {
      if (told.process === process) heard();
    };
    site.on('fault', listener);
    site.on('exited', listener);
    try {
      await process.call(exportName);
      throw new Error(`${exportName} came back`);
    } catch (error) {
      if (!(error instanceof RekindleError)) throw error;
    }
    await hearing;
    site.off('fault', listener);
    site.off('exited', listener);
  }

  #placesOf({ name }: Process): number {
    return this.#places.get(name) ?? 0;
  }

  #forgetGone(site: Site): void {
    const names = new Set(site.report().blocks.map(({ name }) => name));
    for (const name of this.#values.keys()) if (!names.has(name)) this.#values.delete(name);
  }

  /** Invariant: the steps say all that is in the files, but for what guests have stored to blocks. */
  #account(stores: boolean, title: string): void {
    this.#applySteps();
    for (const name of this.#medium.names()) {
      const bytes = readFileSync(join(this.options.path, name));
      const told = this.#medium.file(name);
      if (told?.sizeBytes !== bytes.length)
        throw new Error(`${title}: ${name} has another size than was told`);
      for (let offset = 0; offset < bytes.length; offset += PAGE_BYTES) {
        const page = bytes.subarray(offset, offset + PAGE_BYTES);
        if (page.equals(told.read(offset, page.length))) continue;
        if (!stores || name !== 'content') throw new Error(`${title}: nobody told of ${name} at ${offset}`);
        this.recorder.foundStored(name, page, offset);
      }
    }
    this.#applySteps();
  }

  #applySteps(): void {
    for (const step of this.recorder.steps.slice(this.#applied)) this.#medium.apply(step);
    this.#applied = this.recorder.steps.length;
  }
}

export async function digestOf(process: Process): Promise<bigint> {
  const digest = await process.call('digest');
  if (typeof digest !== 'bigint') throw new Error('a digest is a bigint');
  return digest;
}
