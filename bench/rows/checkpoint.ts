// A checkpoint of a few dirty pages in guests of very different sizes, which ought to cost the same, with a bank in memory and with one in a
// directory. Every place that holds a generation has been filled before: what is measured is a guest that has been at it for a while, and
// that has stored to 16 pages since its last checkpoint, others each time.
import { openSite, type Site } from '#runtime/index.js';
import { BankPlace } from '../bank-place.ts';
import { expectAnswer } from '../ground.ts';
import type { Clocked } from '../measure.ts';
import { residentModule, touchArguments, WASM_PAGE_BYTES } from '../resident-guest.ts';
import type { Point, Row, RowContext, Target } from '../row.ts';

const MIB = 1024 * 1024;
const PAGE_BYTES = 4096;
const DIRTY_PAGES = 16;
/** The pages move on with every checkpoint and come round after so many: a place is behind in others than are dirty. */
const ROUND = 4;
const WHOLE_COPY = 'whole copy';
/** Where the whole copy is held against ours. */
const COPY_TARGET_MIB = 64;
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

/** Arguments of `touch` that store to pages all over the memory, but to others than the last time. */
function touchInTurn(sizeBytes: number): () => readonly number[] {
  const [pages, stride, sum] = touchArguments(sizeBytes, DIRTY_PAGES);
  let turn = 0;
  return () => {
    turn = (turn + 1) % ROUND;
    return [pages, stride - turn * PAGE_BYTES, sum];
  };
}

async function openMapped(stableStorage: string, bank: string | null, plan: Plan): Promise<Site> {
  const { maxGenerations, bankSizeBytes, sizesMib } = plan;
  return await openSite({
    stableStorage,
    backend: 'mapped',
    limits: { maxGenerations, bankSizeBytes, memoryQuotaBytes: Math.max(...sizesMib) * MIB },
    warmWorkers: 0,
    ...(bank === null ? {} : { bank }),
  });
}

async function checkpoint(
  site: Site,
  { sizeMib, group }: { readonly sizeMib: number; readonly group: number },
  { maxGenerations }: Plan,
): Promise<Clocked> {
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
  return { name: 'checkpoint', prepare: store, run: next };
}

function fileOf(sizeMib: number): string {
  return `resident-${sizeMib}.wasm`;
}

/** What one would do without knowing what has changed. */
function wholeCopy(sizeMib: number): Clocked {
  const source = new Uint8Array(sizeMib * MIB).fill(1);
  const target = new Uint8Array(sizeMib * MIB);
  return { name: WHOLE_COPY, run: () => target.set(source) };
}

const KINDS = { memory: 'bank in memory', directory: 'bank in a directory' } as const;
type Kind = keyof typeof KINDS;

function pointName(sizeMib: number, kind: Kind): string {
  return `${sizeMib} MiB, ${KINDS[kind]}`;
}

function targetsOf(sizeMib: number, smallestMib: number, kind: Kind): readonly Target[] {
  const isFlat = { than: 'point', name: pointName(smallestMib, kind), atMost: 3 } as const;
  const beatsCopy = { than: 'peer', name: WHOLE_COPY, timesFaster: 10 } as const;
  return [
    ...(sizeMib === smallestMib ? [] : [isFlat]),
    ...(sizeMib === COPY_TARGET_MIB && kind === 'memory' ? [beatsCopy] : []),
  ];
}

/** A guest of each size in each bank, beside the pages alone and the whole memory. */
async function pointsOf(
  banks: readonly (readonly [Kind, Site])[],
  plan: Plan,
  floor: RowContext['floor'],
): Promise<readonly Point[]> {
  const points: Point[] = [];
  for (const [group, sizeMib] of plan.sizesMib.entries()) {
    const peers = [wholeCopy(sizeMib)];
    const request = { memoryBytes: sizeMib * MIB, dirtyPages: DIRTY_PAGES, isResident: false } as const;
    const floors = [floor.timed('write the pages to a file in memory', { ...request, kind: 'write-pages' })];
    for (const [kind, site] of banks) {
      const ours = await checkpoint(site, { sizeMib, group }, plan);
      const targets = targetsOf(sizeMib, plan.sizesMib[0] ?? sizeMib, kind);
      points.push({ name: pointName(sizeMib, kind), ours, floors, peers, targets });
    }
  }
  return points;
}

export const checkpointRow: Row = makeCheckpointRow([1, 64, 1024]);

/** `sizesMib`: ascending. */
export function makeCheckpointRow(sizesMib: readonly number[]): Row {
  return {
    id: 'checkpoint',
    title:
      'from the call of checkpoint() to its end, of a guest that has stored to 16 pages since the last one',
    share: 12,
    run: async ({ modules, floor, measure, leaveOut }) => {
      using place = new BankPlace();
      const plan = planFor(sizesMib, place.freeBytes());
      for (const sizeMib of sizesMib.slice(plan.sizesMib.length))
        leaveOut(`${sizeMib} MiB`, `${Math.floor(place.freeBytes() / MIB)} MiB of memory are free`);
      for (const sizeMib of plan.sizesMib) modules.add(fileOf(sizeMib), residentModule(sizeMib * MIB));
      await using memory = await openMapped(modules.path, null, plan);
      await using directory = await openMapped(modules.path, place.pathOf('bank'), plan);
      const banks = [
        ['memory', memory],
        ['directory', directory],
      ] as const;
      return await measure(await pointsOf(banks, plan, floor));
    },
  };
}
