// A checkpoint of a few dirty pages in guests of very different sizes, which ought to cost the same, with a bank in memory and with one in a
// directory. Every place that holds a generation has been filled before: what is measured is a guest that has been at it for a while.
import { closeSync, openSync, writeSync } from 'node:fs';
import { openSite, RekindleError, type Site } from '#runtime/index.js';
import { BankPlace } from '../bank-place.ts';
import { expectAnswer } from '../ground.ts';
import type { Case } from '../report.ts';
import { residentModule, touchArguments, WASM_PAGE_BYTES } from '../resident-guest.ts';
import type { Scenario } from '../scenario.ts';

const MIB = 1024 * 1024;
const PAGE_BYTES = 4096;
const DIRTY_PAGES = 16;
/** The pages move on with every checkpoint and come round after so many: a place is behind in others than are dirty. */
const ROUND = 4;
/** Of heads, texts and the first image of each guest. */
const BANK_SLACK_BYTES = 16 * MIB;
const MAX_BANK_BYTES = 65535 * WASM_PAGE_BYTES;
/** Where the default of two does not fit. */
const FEWER_GENERATIONS = [2, 1] as const;

interface Plan {
  readonly sizesMib: readonly number[];
  readonly maxGenerations: number;
  readonly bankSizeBytes: number;
}

/** What fits: as many sizes as can be had, then as many generations. The least sizes are there in any case. */
export function planFor(sizesMib: readonly number[], freeBytes: number): Plan {
  for (const maxGenerations of FEWER_GENERATIONS) {
    const totalBytes = sizesMib.reduce((sum, sizeMib) => sum + sizeMib * MIB, 0);
    const wishedBytes = (maxGenerations + 1) * totalBytes + BANK_SLACK_BYTES;
    const bankSizeBytes = Math.ceil(wishedBytes / WASM_PAGE_BYTES) * WASM_PAGE_BYTES;
    // Two banks, the memory of the guests before they are mapped from them, and two memories to copy between.
    const neededBytes = 2 * bankSizeBytes + 3 * totalBytes;
    const isLast = sizesMib.length === 1 && maxGenerations === FEWER_GENERATIONS.at(-1);
    if ((bankSizeBytes <= MAX_BANK_BYTES && neededBytes <= freeBytes) || isLast)
      return { sizesMib, maxGenerations, bankSizeBytes };
  }
  return planFor(sizesMib.slice(0, -1), freeBytes);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Arguments of `touch` that store to pages all over the memory, but to others than the last time. */
function touchInTurn(sizeBytes: number): () => readonly number[] {
  const [pages, stride, sum] = touchArguments(sizeBytes, DIRTY_PAGES);
  let turn = 0;
  return () => {
    turn = (turn + 1) % ROUND;
    return [pages, stride - turn * PAGE_BYTES, sum];
  };
}

async function openMapped(
  stableStorage: string,
  bank: string | null,
  { maxGenerations, bankSizeBytes, sizesMib }: Plan,
): Promise<Site | null> {
  const limits = { maxGenerations, bankSizeBytes, memoryQuotaBytes: Math.max(...sizesMib) * MIB };
  try {
    return await openSite({
      stableStorage,
      backend: 'mapped',
      limits,
      warmWorkers: 0,
      ...(bank === null ? {} : { bank }),
    });
  } catch (error) {
    if (!(error instanceof RekindleError && error.code === 'BACKEND_UNAVAILABLE')) throw error;
    say(`left out: ${error.message}`);
    return null;
  }
}

async function checkpoint(
  site: Site,
  { sizeMib, group, kind }: { readonly sizeMib: number; readonly group: number; readonly kind: string },
  { maxGenerations }: Plan,
): Promise<Case> {
  const process = await site.arun(fileOf(sizeMib), { group, placement: 'inline' });
  const nextTouch = touchInTurn(sizeMib * MIB);
  const usedBefore = site.report().bank.usedBytes;
  let generation = 0;
  const store = (): void => {
    process.callSync('touch', nextTouch());
  };
  const next = async (): Promise<void> => {
    generation += 1;
    expectAnswer(await process.checkpoint(), generation);
  };
  for (let place = 0; place <= maxGenerations + 1; place += 1) {
    store();
    await next();
  }
  const storedBytes = site.report().bank.usedBytes - usedBefore;
  if (storedBytes < (maxGenerations + 1) * sizeMib * MIB)
    throw new Error(`${storedBytes} bytes are stored of a guest of ${sizeMib} MiB`);
  return {
    ...commonOf(sizeMib),
    name: `checkpoint.${kind}`,
    backend: 'mapped',
    role: 'measured',
    series: `checkpoint, ${kind}`,
    prepare: store,
    run: next,
  };
}

function commonOf(sizeMib: number): { readonly subject: string; readonly guest: string } {
  return { subject: `checkpoint, ${sizeMib} MiB`, guest: `${sizeMib} MiB, ${DIRTY_PAGES} dirty` };
}

function fileOf(sizeMib: number): string {
  return `resident-${sizeMib}.wasm`;
}

/** What one would do without knowing what has changed. */
function wholeCopy(sizeMib: number): Case {
  const source = new Uint8Array(sizeMib * MIB).fill(1);
  const target = new Uint8Array(sizeMib * MIB);
  return {
    ...commonOf(sizeMib),
    name: 'whole.copy',
    backend: null,
    role: 'cold',
    run: () => target.set(source),
  };
}

/** The pages alone, written to a file at the places where they belong. */
function pageWrites(sizeMib: number, fd: number): Case {
  const nextTouch = touchInTurn(sizeMib * MIB);
  const page = new Uint8Array(PAGE_BYTES).fill(1);
  return {
    ...commonOf(sizeMib),
    name: 'floor.write',
    backend: null,
    role: 'floor',
    run: () => {
      const [pages = 0, stride = 0] = nextTouch();
      for (let index = 0; index < pages; index += 1) writeSync(fd, page, 0, PAGE_BYTES, index * stride);
    },
  };
}

async function casesOf(site: Site, plan: Plan, kind: 'memory' | 'directory'): Promise<readonly Case[]> {
  const cases: Case[] = [];
  for (const [group, sizeMib] of plan.sizesMib.entries())
    cases.push(await checkpoint(site, { sizeMib, group, kind }, plan));
  return cases;
}

/** `sizesMib`: ascending. */
export function checkpointCost(sizesMib: readonly number[], share: number): Scenario {
  return {
    name: 'checkpoint-cost',
    share,
    run: async ({ modules, measure }) => {
      using place = new BankPlace();
      const plan = planFor(sizesMib, place.freeBytes());
      if (plan.sizesMib.length < sizesMib.length || plan.maxGenerations < FEWER_GENERATIONS[0])
        say(`no room for all: ${plan.sizesMib.join(', ')} MiB, ${plan.maxGenerations} generations kept`);
      for (const sizeMib of plan.sizesMib) modules.add(fileOf(sizeMib), residentModule(sizeMib * MIB));
      await using memory = await openMapped(modules.path, null, plan);
      await using directory = await openMapped(modules.path, place.pathOf('bank'), plan);
      if (memory === null || directory === null) return [];
      const fd = openSync(place.pathOf('pages'), 'w');
      try {
        return await measure([
          ...(await casesOf(memory, plan, 'memory')),
          ...(await casesOf(directory, plan, 'directory')),
          ...plan.sizesMib.flatMap((sizeMib) => [wholeCopy(sizeMib), pageWrites(sizeMib, fd)]),
        ]);
      } finally {
        closeSync(fd);
      }
    },
  };
}
