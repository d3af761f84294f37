// What an earlier site has left in the bank: reads the records of groups, processes and images, makes sure of every image, and drops what
// belongs to nobody. It must never restore anything older than what was written down last without naming the loss.
import type { BankLoss } from '../bank/bank-loss.ts';
import type { LedgerChange } from '../bank/ledger-records.ts';
import { RekindleError } from '../errors.ts';
import type { Volumes } from '../files/volumes.ts';
import {
  changeOfGenerations,
  GENERATIONS_PREFIX,
  generationsFromRecord,
} from '../image/generation-record.ts';
import type { FoundGeneration, FoundGenerations } from '../image/generations.ts';
import type { ProcessImage, ProcessImages } from '../image/process-image.ts';
import { readSoundImage } from '../image/sound-image.ts';
import type { Bank } from '../memory/bank.ts';
import type { Extent } from '../memory/extents.ts';
import type { PersistentMemoryManager, SystemBlock } from '../memory/persistent-memory-manager.ts';
import type { ProcessPast } from '../process/hosted-process.ts';
import {
  changesOfGroups,
  GROUP_PREFIX,
  groupFromRecord,
  NEXT_SERIAL_KEY,
  restoredState,
} from './group-record.ts';
import { PROCESS_PREFIX, type ProcessRecord, processFromRecord, removalOfProcess } from './process-record.ts';
import { type ControllerState, EMPTY_STATE, type Group } from './state.ts';
import { reasonWhileStopped } from './stop-reason.ts';

export interface PastProcess {
  readonly record: ProcessRecord;
  /** Held once for it: to be released when it is not taken over after all. */
  readonly image: ProcessImage;
  readonly past: ProcessPast;
}

export interface SitePast {
  readonly state: ControllerState;
  /** In the order of their groups and of their first start. */
  readonly processes: readonly PastProcess[];
  readonly losses: readonly BankLoss[];
}

/** Of a site that begins anew. */
export const NO_PAST: SitePast = Object.freeze({ state: EMPTY_STATE, processes: [], losses: [] });

/** To be read once, before anything else is put into the bank. Throws BANK_DAMAGED when the records contradict each other. */
export function readPast(
  bank: Bank,
  pmm: PersistentMemoryManager,
  images: ProcessImages,
  volumes: Volumes,
  nowMs: number,
): SitePast {
  return new PastReader(bank, pmm, images, volumes, nowMs).read();
}

class PastReader {
  readonly #bank: Bank;
  readonly #pmm: PersistentMemoryManager;
  readonly #images: ProcessImages;
  readonly #volumes: Volumes;
  readonly #nowMs: number;
  readonly #losses: BankLoss[] = [];
  readonly #changes: LedgerChange[] = [];

  constructor(
    bank: Bank,
    pmm: PersistentMemoryManager,
    images: ProcessImages,
    volumes: Volumes,
    nowMs: number,
  ) {
    this.#nowMs = nowMs;
    this.#volumes = volumes;
    this.#bank = bank;
    this.#pmm = pmm;
    this.#images = images;
  }

  read(): SitePast {
    const { ledger } = this.#bank;
    const written = this.#readGroups();
    this.#changes.push(...this.#pmm.adopt(new Set([...written.groups.values()].map(({ serial }) => serial))));
    const { losses, changes } = this.#images.adopt();
    this.#losses.push(...losses);
    this.#changes.push(...changes);
    const records = new Map(
      ledger.entries(PROCESS_PREFIX).map(([key, value]) => {
        const record = processFromRecord(key, value);
        return [record.identity.name, record];
      }),
    );
    const processes: PastProcess[] = [];
    const groups = [...written.groups.values()].map((group) => {
      const members = group.members.filter((member) => {
        const process = this.#readProcess(
          group,
          member.name,
          member.status === 'ended',
          records.get(member.name),
        );
        if (process !== null) processes.push(process);
        return process !== null;
      });
      return members.length === group.members.length ? group : withoutLost({ ...group, members });
    });
    const present = new Set(processes.map(({ record }) => record.identity.name));
    this.#dropOrphans(present, [...records.keys()]);
    const ofVolumes = this.#volumes.adopt();
    this.#losses.push(...ofVolumes.losses);
    this.#changes.push(...ofVolumes.changes);
    const state = restoredState(groups, written.books);
    ledger.commit([...this.#changes, ...changesOfGroups(state.groups, state.books.nextSerial)]);
    this.#images.dropUnused();
    this.#bank.releaseHoles();
    return { state, processes, losses: this.#losses };
  }

  #readGroups(): ControllerState {
    const { ledger } = this.#bank;
    const groups = ledger
      .entries(GROUP_PREFIX)
      .map(([key, value]) => notAfter(groupFromRecord(key, value), this.#nowMs));
    const nextSerial = ledger.get(NEXT_SERIAL_KEY);
    return restoredState(groups, {
      nextSerial: typeof nextSerial === 'number' ? nextSerial : EMPTY_STATE.books.nextSerial,
    });
  }

  #readProcess(
    group: Group,
    name: string,
    ended: boolean,
    record: ProcessRecord | undefined,
  ): PastProcess | null {
    if (record === undefined || record.identity.groupId !== group.id)
      throw new RekindleError(
        'BANK_DAMAGED',
        `${GROUP_PREFIX}${group.id}`,
        `it tells of ${name}, which is not registered`,
      );
    const image = this.#images.reacquire(record.imageDigest);
    if (image === null) {
      this.#losses.push({
        kind: 'process',
        name,
        reason: `the process image of ${record.identity.path} is lost`,
      });
      return null;
    }
    const generations = this.#readGenerations(name, image);
    return {
      record,
      image,
      past: {
        state: ended ? 'ended' : 'stopped',
        groupSerial: group.serial,
        generations,
        stopReason: reasonWhileStopped(group),
      },
    };
  }

  /** Those that are sound, and the place for the next. */
  #readGenerations(name: string, image: ProcessImage): FoundGenerations {
    const key = `${GENERATIONS_PREFIX}${name}`;
    const value = this.#bank.ledger.get(key);
    if (value === null) return { kept: [], spare: null };
    const written = generationsFromRecord(key, value);
    const kept = written.kept.flatMap((record): FoundGeneration[] => {
      const { extent, generation, headBytes, headChecksum } = record;
      const culprit = `generation ${generation} of ${name}`;
      const block = this.#adopt(key, name, extent);
      try {
        const head = readSoundImage(this.#bank.view, record, image.layout, culprit);
        if (head.generation === generation) return [{ block, headBytes, headChecksum, head }];
        throw new RekindleError('IMAGE_DAMAGED', culprit, `it is generation ${head.generation}`);
      } catch (error) {
        if (!(error instanceof RekindleError) || error.code !== 'IMAGE_DAMAGED') throw error;
        const lostName = `${name}, generation ${generation}`;
        this.#losses.push({ kind: 'generation', name: lostName, reason: error.message });
        this.#pmm.freeSystem(block);
        return [];
      }
    });
    const { spare } = written;
    const foundSpare = spare === null ? null : { ...spare, block: this.#adopt(key, name, spare.extent) };
    if (kept.length < written.kept.length) {
      const sound = new Set(kept.map(({ head }) => head.generation));
      const left = written.kept.filter((each) => sound.has(each.generation));
      this.#changes.push(changeOfGenerations(name, { ...written, kept: left }));
    }
    return { kept, spare: foundSpare };
  }

  #adopt(key: string, name: string, extent: Extent): SystemBlock {
    const block = this.#pmm.adoptSystem(`__SYS:generation:${name}`, extent);
    if (block !== null) return block;
    throw new RekindleError('BANK_DAMAGED', key, 'a generation is in the way of something else');
  }

  /** What a site was about to register, or to give up, when it died. */
  #dropOrphans(present: ReadonlySet<string>, registered: readonly string[]): void {
    for (const name of registered) if (!present.has(name)) this.#changes.push(removalOfProcess(name));
    for (const [key] of this.#bank.ledger.entries(GENERATIONS_PREFIX)) {
      if (!present.has(key.slice(GENERATIONS_PREFIX.length))) this.#changes.push({ key, value: null });
    }
  }
}

/** Its blocks stay for as long as it is on record: whoever runs the site decides about them. */
function withoutLost(group: Group): Group {
  if (group.members.length > 0) return group;
  return { ...group, phase: 'quarantined', reason: group.reason ?? 'all its processes are lost' };
}

/** The wall clock may have been set back since: what seems yet to come would count for longer than its window. */
function notAfter(group: Group, nowMs: number): Group {
  const cut = (timeMs: number): number => Math.min(timeMs, nowMs);
  return {
    ...group,
    restartTimesMs: group.restartTimesMs.map(cut),
    siteRestartTimesMs: group.siteRestartTimesMs.map(cut),
    coldStartMs: group.coldStartMs === null ? null : cut(group.coldStartMs),
  };
}
