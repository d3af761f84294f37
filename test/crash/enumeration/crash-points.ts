// Every point at which a crash may strike a recording, and what it leaves. After a death every step is there, the last write perhaps in
// part. After a loss of power what was synced is there, and of the rest whatever the medium has come to. Pure but for the seed.
import { type FileStep, Medium, type NameStep, PAGE_BYTES, SECTOR_BYTES } from './medium.js';
import { Random } from './random.js';
import type { Step } from './recorder.js';

export interface CrashPoint {
  /** Steps that were done; the one after them was under way if `isInside`. */
  readonly done: number;
  readonly isInside: boolean;
  /** How it came about, for people. */
  readonly manner: string;
  /** Step up to which the content was on the medium for certain. */
  readonly contentSyncedAt: number;
  /** What the crash leaves; to be asked for before the next point is. */
  readonly left: () => Medium;
}

type Write = Extract<Step, { readonly kind: 'write' | 'stored' }>;

/** Torn places of a large write that are tried beside its page boundaries. */
const SAMPLED_SECTORS = 8;

/** The death of the process: after every step, and within every write at sector and page boundaries. */
export function* deaths(steps: readonly Step[], seed: number): Generator<CrashPoint> {
  const random = new Random(seed);
  const medium = new Medium();
  const left = (): Medium => medium;
  yield { done: 0, isInside: false, manner: 'nothing done', contentSyncedAt: 0, left };
  for (const [index, step] of steps.entries()) {
    if (isWrite(step)) {
      for (const tornBytes of tornPlaces(step, medium, random)) {
        const leftTorn = (): Medium => {
          const torn = medium.copy();
          torn.apply({ ...step, bytes: step.bytes.subarray(0, tornBytes) });
          return torn;
        };
        const manner = `died in it, after ${tornBytes} of ${step.bytes.length} bytes`;
        yield { done: index, isInside: true, manner, contentSyncedAt: index, left: leftTorn };
      }
    }
    medium.apply(step);
    medium.dropNameless(new Set('node' in step ? [step.node] : []));
    if (step.kind === 'sync' || step.kind === 'sync-directory') continue;
    const done = index + 1;
    yield { done, isInside: false, manner: 'died after it', contentSyncedAt: done, left };
  }
}

/** Lengths at which a write may be cut, those that leave the medium as the one before left out. */
function tornPlaces(step: Write, medium: Medium, random: Random): readonly number[] {
  const { bytes, offset } = step;
  const present = medium.fileOf(step.node).read(offset, bytes.length);
  const boundaries: number[] = [];
  for (let at = SECTOR_BYTES - (offset % SECTOR_BYTES); at < bytes.length; at += SECTOR_BYTES)
    boundaries.push(at);
  const sampled = new Set(Array.from({ length: SAMPLED_SECTORS }, () => random.below(boundaries.length)));
  const isTried = (at: number, index: number): boolean =>
    boundaries.length <= 4 * SAMPLED_SECTORS || (offset + at) % PAGE_BYTES === 0 || sampled.has(index);
  let before = 0;
  return boundaries.filter(isTried).filter((at) => {
    const isNews = !present.subarray(before, at).equals(bytes.subarray(before, at));
    if (isNews) before = at;
    return isNews;
  });
}

/** The loss of power after every step, in several manners. */
export function* powerLosses(steps: readonly Step[], seed: number): Generator<CrashPoint> {
  const random = new Random(seed);
  const cache = new Cache();
  for (const [index, step] of steps.entries()) {
    cache.take(step, index + 1);
    const { pending, pendingNames, contentSyncedAt } = cache;
    const next = steps[index + 1]?.kind ?? 'sync';
    const isLastBeforeSync = next === 'sync' || next === 'sync-directory';
    for (const { manner, names, files } of manners(pending, pendingNames, isLastBeforeSync, random)) {
      const left = (): Medium => {
        const medium = cache.durable.copy();
        for (const each of [...names, ...files]) medium.apply(each);
        return medium;
      };
      yield {
        done: index + 1,
        isInside: false,
        manner: `lost power after it: ${manner}`,
        contentSyncedAt,
        left,
      };
    }
  }
}

/** What is on the medium for certain, and what is on its way there, in order. */
class Cache {
  readonly durable = new Medium();
  pending: readonly FileStep[] = [];
  pendingNames: readonly NameStep[] = [];
  contentSyncedAt = 0;
  readonly #names = new Map<string, number>();

  take(step: Step, done: number): void {
    switch (step.kind) {
      case 'sync':
        for (const each of this.pending) if (each.node === step.node) this.durable.apply(each);
        this.pending = this.pending.filter(({ node }) => node !== step.node);
        if (step.node === this.#names.get('content')) this.contentSyncedAt = done;
        return;
      case 'sync-directory':
        for (const each of this.pendingNames) this.durable.apply(each);
        this.pendingNames = [];
        this.durable.dropNameless(new Set(this.pending.map(({ node }) => node)));
        return;
      case 'link':
      case 'remove':
      case 'rename':
        this.pendingNames = [...this.pendingNames, step];
        if (step.kind === 'link') this.#names.set(step.name, step.node);
        return;
      default:
        // The note of the owner is never synced, and says nothing to who opens the bank.
        if (step.node === this.#names.get('lock')) this.durable.apply(step);
        else this.pending = [...this.pending, step];
    }
  }
}

interface Manner {
  readonly manner: string;
  readonly names: readonly NameStep[];
  readonly files: readonly FileStep[];
}

/** `isLastBeforeSync`: until then the same is on the medium for certain, and no more has been promised later than here. */
function* manners(
  files: readonly FileStep[],
  names: readonly NameStep[],
  isLastBeforeSync: boolean,
  random: Random,
): Generator<Manner> {
  if (isLastBeforeSync) yield { manner: 'nothing unsynced is there', names: [], files: [] };
  if (files.length + names.length === 0) return;
  yield { manner: 'all is there', names, files };
  if (names.length > 0 && files.length > 0) {
    yield { manner: 'names only', names, files: [] };
    yield { manner: 'no names', names: [], files };
  }
  if (files.length > 1) {
    const half = Math.ceil(files.length / 2);
    yield { manner: 'the first half', names, files: files.slice(0, half) };
    yield { manner: 'the second half', names: [], files: files.slice(half) };
    yield { manner: 'every other one', names, files: files.filter((_, index) => index % 2 === 1) };
  }
  // Where two overlap the later one is in the cache: which are there counts, and not the order they got there in.
  const someNames = names.slice(0, random.below(names.length + 1));
  yield {
    manner: 'some sectors',
    names: someNames,
    files: files.flatMap((step) => someSectors(step, random)),
  };
}

/** What of a step has reached the medium, sector by sector. */
function someSectors(step: FileStep, random: Random): readonly FileStep[] {
  if (step.kind !== 'write' && step.kind !== 'stored') return random.chance(0.5) ? [step] : [];
  const share = random.below(5) / 4;
  const { bytes, offset } = step;
  const pieces: FileStep[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + SECTOR_BYTES - ((offset + at) % SECTOR_BYTES));
    if (random.chance(share)) pieces.push({ ...step, offset: offset + at, bytes: bytes.subarray(at, end) });
    at = end;
  }
  return pieces;
}

function isWrite(step: Step): step is Write {
  return step.kind === 'write' || step.kind === 'stored';
}
