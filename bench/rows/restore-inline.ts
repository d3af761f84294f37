// An inline guest whose fault has been caught, to the answer of its next call, which stores to the same pages again: a restore that leaves
// page faults behind pays for them here. One guest for each size, so that small and large ones take turns; it fills its memory when it is
// initialised and has a checkpoint of that.
import { freemem } from 'node:os';
import { openSite, type Process, type Site } from '#runtime/index.js';
import { expectAnswer, expectFaultSync, Holdings, type ModuleDirectory, NEVER_CLIMBS } from '../ground.ts';
import type { SelfTimed, Timed } from '../measure.ts';
import { ResidentPeers } from '../peers/resident-peers.ts';
import { readAllArguments, residentModule, touchArguments, touchedSum } from '../resident-guest.ts';
import type { MeasuredPoint, Point, Row, RowContext, Target } from '../row.ts';
import { MemoryFloors, PlainPeers } from './restore-inline-others.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const US_PER_MS = 1000;
const PAGE_BYTES = 4096;
/**
 * In this order on the same guests: the pages of each are among those of the next, so that none has private copies of pages that it does not
 * store to any more, which a restore would have to look at.
 */
const DIRTY_PAGES = [1, 16, 256] as const;
const LARGE_BYTES = 1024 * MIB;
/** The peers that take long are there for this many alone: they take as long however few pages are dirty. */
const PEERS_DIRTY_PAGES = 16;
/** Two guests of a gigabyte with two places in their banks for each, three memories to compare with, and room for what the machine does. */
const LARGE_NEEDS_BYTES = 10 * LARGE_BYTES;
const SLACK_BYTES = 16 * MIB;
/** Up to here what JavaScript itself takes is a good part of the whole. */
const BY_HAND_MAX_BYTES = MIB;

export interface Size {
  readonly label: string;
  readonly sizeBytes: number;
  /** `in part`: no page but those that are stored to; `wholly`: all of the memory has been read since the last call. */
  readonly residence: readonly ('in part' | 'wholly')[];
  /** Whether other programs are given such a guest too. */
  readonly hasPrograms?: boolean;
}

interface Guest {
  /** `64 MiB`, `64 MiB resident`. */
  readonly label: string;
  readonly sizeBytes: number;
  readonly isResident: boolean;
  readonly process: Process;
  /** When the last fault of the guest's site was told, by the clock of `performance`, in milliseconds. */
  readonly faultMs: () => number;
}

async function openFor(modules: ModuleDirectory, sizes: readonly Size[]): Promise<Site> {
  const sizesBytes = sizes.flatMap(({ sizeBytes, residence }) => residence.map(() => sizeBytes));
  const totalBytes = sizesBytes.reduce((sum, sizeBytes) => sum + sizeBytes, 0);
  const maxGenerations = 1;
  return await openSite({
    stableStorage: modules.path,
    backend: 'mapped',
    warmWorkers: 0,
    policy: NEVER_CLIMBS,
    limits: {
      maxGenerations,
      bankSizeBytes: (maxGenerations + 1) * totalBytes + SLACK_BYTES,
      memoryQuotaBytes: Math.max(...sizesBytes),
    },
  });
}

/** The guests of one site, each checkpointed once it is initialised. */
async function guestsOf(site: Site, sizes: readonly Size[]): Promise<readonly Guest[]> {
  let faultMs = 0;
  site.on('fault', () => {
    faultMs = performance.now();
  });
  const guests: Guest[] = [];
  for (const { label, sizeBytes, residence } of sizes) {
    for (const state of residence) {
      const process = await site.arun(fileOf(sizeBytes), { group: guests.length, placement: 'inline' });
      await process.checkpoint();
      const isResident = state === 'wholly';
      guests.push({
        label: isResident ? `${label} resident` : label,
        sizeBytes,
        isResident,
        process,
        faultMs: () => faultMs,
      });
    }
  }
  return guests;
}

function fileOf(sizeBytes: number): string {
  return `resident-${sizeBytes}.wasm`;
}

/** From the fault event to the answer of the next call. */
function restored(guest: Guest, dirtyPages: number): SelfTimed {
  const { process, sizeBytes, isResident, faultMs } = guest;
  const touch = touchArguments(sizeBytes, dirtyPages);
  const readAll = readAllArguments(sizeBytes);
  const answer = touchedSum(dirtyPages);
  return {
    name: 'restored',
    slice: async (sliceMs) => {
      const samples: number[] = [];
      const endMs = performance.now() + sliceMs;
      do {
        if (isResident) process.callSync('readAll', readAll);
        expectFaultSync(process, 'crash');
        expectAnswer(process.callSync('touch', touch), answer);
        samples.push((performance.now() - faultMs()) * US_PER_MS);
      } while (performance.now() < endMs);
      return samples;
    },
  };
}

/** The same without a fault: `restore()`, then the call. */
function restoredOnRequest({ process, sizeBytes, isResident }: Guest, dirtyPages: number): Timed {
  const touch = touchArguments(sizeBytes, dirtyPages);
  const readAll = readAllArguments(sizeBytes);
  const answer = touchedSum(dirtyPages);
  return {
    name: 'restored on request',
    prepare: () => {
      if (isResident) process.callSync('readAll', readAll);
    },
    run: () => {
      process.restoreSync();
      expectAnswer(process.callSync('touch', touch), answer);
    },
  };
}

/** From the call that traps to the fault event: what the engine takes to unwind, and the way to the report. */
function trapped({ process, faultMs }: Guest): SelfTimed {
  return {
    name: 'trap told of',
    slice: async (sliceMs) => {
      const samples: number[] = [];
      const endMs = performance.now() + sliceMs;
      do {
        const startMs = performance.now();
        expectFaultSync(process, 'crash');
        samples.push((faultMs() - startMs) * US_PER_MS);
      } while (performance.now() < endMs);
      return samples;
    },
  };
}

function pointName(label: string, dirtyPages: number): string {
  return `${label}, ${dirtyPages} dirty`;
}

const WITHIN_FLOOR = { than: 'floor', atMost: 2 } as const;

function targetsAfterFault({ sizeBytes }: Guest, dirtyPages: number): readonly Target[] {
  const isFlat = { than: 'point', name: pointName('1 MiB', dirtyPages), atMost: 1.5 } as const;
  return sizeBytes === 64 * MIB ? [WITHIN_FLOOR, isFlat] : [WITHIN_FLOOR];
}

/** Every guest there is, beside its floors and peers; those of one size share their peers. */
class Comparison {
  readonly #guests: readonly Guest[];
  readonly #floors: MemoryFloors;
  readonly #plain: ReadonlyMap<number, PlainPeers>;
  readonly #programs: ReadonlyMap<number, readonly Timed[]>;

  /** `programs`: cases of other programs with guests of a size, of which PEERS_DIRTY_PAGES pages are stored to. */
  constructor(
    guests: readonly Guest[],
    floors: MemoryFloors,
    programs: ReadonlyMap<number, readonly Timed[]>,
  ) {
    this.#guests = guests;
    this.#floors = floors;
    this.#programs = programs;
    this.#plain = new Map(guests.map(({ sizeBytes }) => [sizeBytes, new PlainPeers(sizeBytes)]));
  }

  /** The guests that have so many pages. */
  pointsOf(dirtyPages: number): readonly Point[] {
    const peers = new Map(
      [...this.#plain].map(([sizeBytes, size]) => [sizeBytes, this.#peersOf(size, sizeBytes, dirtyPages)]),
    );
    return this.#guests
      .filter(({ sizeBytes }) => dirtyPages * PAGE_BYTES <= sizeBytes)
      .flatMap((guest): Point[] => {
        const { label, sizeBytes, isResident } = guest;
        const floors = this.#floors.of({ memoryBytes: sizeBytes, dirtyPages, isResident });
        const name = pointName(label, dirtyPages);
        return [
          {
            name,
            ours: restored(guest, dirtyPages),
            floors,
            peers: peers.get(sizeBytes) ?? [],
            targets: targetsAfterFault(guest, dirtyPages),
          },
          {
            name: `${name}, restore()`,
            ours: restoredOnRequest(guest, dirtyPages),
            floors,
            targets: [WITHIN_FLOOR],
          },
        ];
      });
  }

  /** What comes before the restore. */
  trapPoints(): readonly Point[] {
    return this.#guests.slice(0, 1).map((guest) => ({
      name: `${guest.label}, trap to fault event`,
      ours: trapped(guest),
      peers: [...this.#plain.values()].slice(0, 1).map((size) => size.bareTrap()),
      targets: [],
    }));
  }

  #peersOf(plain: PlainPeers, sizeBytes: number, dirtyPages: number): readonly Timed[] {
    const isMeant = dirtyPages === PEERS_DIRTY_PAGES;
    return [
      ...(isMeant || sizeBytes < LARGE_BYTES
        ? [plain.wholeCopy(dirtyPages), plain.newInstance(dirtyPages)]
        : []),
      ...(sizeBytes <= BY_HAND_MAX_BYTES ? [plain.byHand(dirtyPages)] : []),
      ...(isMeant ? (this.#programs.get(sizeBytes) ?? []) : []),
    ];
  }
}

/** Two of the largest do not fit into the largest bank there can be. */
export const restoreInline: Row = makeRestoreInline([
  [
    { label: '64 KiB', sizeBytes: 64 * KIB, residence: ['in part'] },
    { label: '1 MiB', sizeBytes: MIB, residence: ['in part'], hasPrograms: true },
    { label: '64 MiB', sizeBytes: 64 * MIB, residence: ['in part', 'wholly'], hasPrograms: true },
  ],
  [{ label: '1024 MiB', sizeBytes: LARGE_BYTES, residence: ['in part'] }],
  [{ label: '1024 MiB', sizeBytes: LARGE_BYTES, residence: ['wholly'] }],
]);

/** `sites`: the sizes of the guests of each site. */
export function makeRestoreInline(sites: readonly (readonly Size[])[]): Row {
  return {
    id: 'restore.inline',
    title:
      'from the fault event, or from restore(), to the answer of the next call, which stores to the same pages again',
    share: 36,
    run: async ({ modules, floor, measure, leaveOut }) => {
      await using holdings = new Holdings();
      const guests: Guest[] = [];
      const programs = new Map<number, readonly Timed[]>();
      for (const sizes of thatFit(sites, leaveOut)) {
        for (const { sizeBytes, hasPrograms = false } of sizes) {
          modules.add(fileOf(sizeBytes), residentModule(sizeBytes));
          if (!hasPrograms) continue;
          const asked = { sizeBytes, pageCount: PEERS_DIRTY_PAGES };
          const peers = holdings.add(await ResidentPeers.start(modules, asked, leaveOut));
          programs.set(sizeBytes, peers.cases);
        }
        const site = holdings.add(await openFor(modules, sizes));
        guests.push(...(await guestsOf(site, sizes)));
      }
      const comparison = new Comparison(guests, new MemoryFloors(floor), programs);
      const measured: MeasuredPoint[] = [];
      for (const dirtyPages of DIRTY_PAGES) {
        const trapPoints = dirtyPages === DIRTY_PAGES[0] ? comparison.trapPoints() : [];
        const points = [...trapPoints, ...comparison.pointsOf(dirtyPages)];
        measured.push(...(await measure(points, 1 / DIRTY_PAGES.length)));
      }
      return measured;
    },
  };
}

/** All of them, or those without a gigabyte where there is no room for it. */
function thatFit(
  sites: readonly (readonly Size[])[],
  leaveOut: RowContext['leaveOut'],
): readonly (readonly Size[])[] {
  const isLarge = ({ sizeBytes }: Size): boolean => sizeBytes >= LARGE_BYTES;
  const freeBytes = freemem();
  if (freeBytes >= LARGE_NEEDS_BYTES) return sites;
  const reason = `${Math.floor(freeBytes / MIB)} MiB of memory are free, ${LARGE_NEEDS_BYTES / MIB} needed`;
  for (const label of new Set(sites.flat().flatMap((size) => (isLarge(size) ? [size.label] : []))))
    leaveOut(label, reason);
  return sites.filter((sizes) => !sizes.some(isLarge));
}
