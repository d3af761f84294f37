// The banks that are fuzzed, made by real sites from the same steps every time: processes in groups, generations, blocks, a group in
// quarantine, ended members, ledgers with many frames and freshly compacted ones. What they answer is known beforehand.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OpenBankFiles } from '#runtime/bank/bank-directory.js';
import { DirectoryFiles } from '#runtime/bank/directory-files.js';
import type { Process } from '#runtime/index.js';
import { Site } from '#runtime/site.js';
import type { SiteEnvironment } from '#runtime/site-environment.js';
import { checkSiteOptions, type SiteOptions } from '#runtime/site-options.js';
import { type BankImage, MemoryFiles } from '#test/support/memory-files.js';
import { allocateBlock, bump, spawnChild, specimenGuest } from './specimen-guest.js';

export type Backend = 'mapped' | 'copied';

export interface Specimen {
  readonly name: string;
  /** With which it was made. */
  readonly backend: Backend;
  readonly image: BankImage;
}

export interface Specimens {
  readonly all: readonly Specimen[];
  /** Earlier copies of the first specimen. */
  readonly older: readonly BankImage[];
  /** Where the guests' modules lie. */
  readonly storage: string;
}

/** The processes there are in one bank or another, and the WebAssembly pages they begin with. Those with the same number share an image. */
const GUESTS = { steady: 2, child: 2, second: 8, worker: 2, ended: 2, poor: 8, lonely: 3, only: 2 } as const;
const SIZE_BYTES = 1024 * 1024;
/** Bumps between two generations: what a process answers is that many times its generation. */
export const BUMPS_A_GENERATION = 10;
const BEGIN_MS = 1_700_000_000_000;
/** Later than everything that has been written down: nobody's clock has been set back. */
export const REOPEN_MS = BEGIN_MS + 1_000_000_000;

/** The world of a site that is the same every time. */
export function fixedEnvironment(
  openBankFiles: OpenBankFiles,
  { bankNumber = 1, nowMs = BEGIN_MS } = {},
): SiteEnvironment {
  let time = nowMs;
  return {
    nowMs: () => {
      time += 1;
      return time;
    },
    newBankId: () => new Uint8Array(16).fill(bankNumber),
    openBankFiles,
    owner: () => ({ pid: 4711, startedAt: '2026-01-01T00:00:00.000Z', program: 'specimen' }),
  };
}

export function optionsOf(path: string, storage: string, backend: Backend, more: Partial<SiteOptions> = {}) {
  return checkSiteOptions({
    stableStorage: storage,
    bank: { path, sync: 'none' },
    limits: { bankSizeBytes: SIZE_BYTES },
    backend,
    warmWorkers: 0,
    sysadm: 'ignore',
    output: () => undefined,
    ...more,
  });
}

/** Leaves nothing in `scratch`, a directory, but the modules. */
export async function makeSpecimens(scratch: string): Promise<Specimens> {
  const storage = join(scratch, 'storage');
  mkdirSync(storage);
  for (const [name, pages] of Object.entries(GUESTS)) {
    writeFileSync(join(storage, `${name}.wasm`), specimenGuest(pages));
  }
  const [varied, older] = await inMemory('varied', 1, storage, makeVaried);
  const compacted = await reopened('compacted', varied, storage);
  const [sparse] = await inMemory('sparse', 2, storage, makeSparse);
  const mapped = process.platform === 'linux' ? [await inDirectory('mapped', 3, scratch, storage)] : [];
  const killed: Specimen = { name: 'killed', backend: 'copied', image: older.at(-1) ?? new Map() };
  return { all: [varied, killed, compacted, sparse, ...mapped], older, storage };
}

type Make = (open: (options?: Partial<SiteOptions>) => Promise<Site>, keep: () => void) => Promise<void>;

async function inMemory(
  name: string,
  bankNumber: number,
  storage: string,
  make: Make,
): Promise<[Specimen, BankImage[]]> {
  const files = new MemoryFiles();
  const environment = fixedEnvironment(() => files, { bankNumber });
  const kept: BankImage[] = [];
  await make(
    (more = {}) => Site.open(optionsOf('/memory', storage, 'copied', more), environment),
    () => kept.push(withoutLock(files.image())),
  );
  return [{ name, backend: 'copied', image: withoutLock(files.image()) }, kept];
}

/** The same bank after one more opening, with a ledger that begins with all there is, and a few frames behind. */
async function reopened(name: string, { image }: Specimen, storage: string): Promise<Specimen> {
  const files = new MemoryFiles(image);
  const environment = fixedEnvironment(() => files, { nowMs: BEGIN_MS + 1_000_000 });
  const site = await Site.open(optionsOf('/memory', storage, 'copied'), environment);
  await checkpoints(processOf(site, 'steady'), 2);
  await site.shutdown();
  return { name, backend: 'copied', image: withoutLock(files.image()) };
}

function withoutLock(image: BankImage): BankImage {
  return new Map([...image].filter(([name]) => name !== 'lock'));
}

async function inDirectory(
  name: string,
  bankNumber: number,
  scratch: string,
  storage: string,
): Promise<Specimen> {
  const path = mkdtempSync(join(scratch, 'specimen-'));
  const environment = fixedEnvironment(DirectoryFiles.open, { bankNumber });
  await makeVaried(
    (more = {}) => Site.open(optionsOf(path, storage, 'mapped', more), environment),
    () => undefined,
  );
  const image = readImage(path);
  rmSync(path, { recursive: true });
  return { name, backend: 'mapped', image };
}

/** The files of a bank's directory, without its lock. */
export function readImage(path: string): BankImage {
  return withoutLock(
    new Map(readdirSync(path).map((name) => [name, new Uint8Array(readFileSync(join(path, name)))])),
  );
}

/** Groups 1 to 4: one of three members, of which one is indirect; one with an ended member; one in quarantine; one on its own. */
const makeVaried: Make = async (open, keep) => {
  const site = await open();
  const steady = await start(site, 'steady', 1);
  spawnChild(steady, 'child', 'child.wasm');
  const second = await start(site, 'second', 1);
  keep();
  allocateBlock(steady, 'LEDGER', 9000, 'accounts');
  const address = allocateBlock(second, 'SCRATCH', 4096, '__SYS_HR_GROUP');
  second.callSync('poke', [address, 0x600d]);
  await checkpoints(steady, 3);
  await checkpoints(processOf(site, 'child'), 1);
  await checkpoints(second, 2);
  keep();
  const worker = await start(site, 'worker', 2);
  const ended = await start(site, 'ended', 2);
  await checkpoints(worker, 1);
  await checkpoints(ended, 1);
  allocateBlock(worker, 'WORK', 8000, 'work');
  await ended.call('quit').catch(() => undefined);
  const poor = await start(site, 'poor', 3);
  allocateBlock(poor, 'POOR', 100, '__SYS_HR_GROUP');
  const lonely = await start(site, 'lonely', 4);
  await checkpoints(lonely, 2);
  allocateBlock(lonely, 'GONE', 4096, 'gone');
  site.pmm.free('GONE');
  await worker.call('trap').catch(() => undefined);
  await processOf(site, 'worker').ready();
  keep();
  await site.shutdown();
  const rungs = { site: false, cold: false, rollback: false };
  const strict = await open({ policy: { maxBadness: 0, rungs } });
  await processOf(strict, 'poor')
    .call('trap')
    .catch(() => undefined);
  await checkpoints(processOf(strict, 'lonely'), 1);
  await strict.shutdown();
};

/** One process with one generation and one block. */
const makeSparse: Make = async (open) => {
  const site = await open();
  const only = await start(site, 'only', 0);
  allocateBlock(only, 'ONLY', 5000, 'only');
  await checkpoints(only, 1);
  await site.shutdown();
};

async function start(site: Site, name: keyof typeof GUESTS, group: number): Promise<Process> {
  const process = await site.arun(`${name}.wasm`, { group, placement: 'inline' });
  await process.ready();
  return process;
}

function processOf(site: Site, name: keyof typeof GUESTS): Process {
  const row = site.aps().find(({ path }) => path === `${name}.wasm`);
  const process = row === undefined ? null : site.process(row.name);
  if (process === null) throw new Error(`no process ${name}`);
  return process;
}

async function checkpoints(process: Process, count: number): Promise<void> {
  await process.ready();
  for (let round = 0; round < count; round += 1) {
    bump(process, BUMPS_A_GENERATION);
    await process.checkpoint();
  }
}
