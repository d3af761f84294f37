// The generations of one process through checkpoints, roll-backs, checkpoints that came to nothing and deaths of the site, in any order:
// what is kept holds, byte for byte, what the process had then, and no place is lost or used twice.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BankDirectory } from '#runtime/bank/bank-directory.js';
import { GENERATIONS_PREFIX, generationsFromRecord } from '#runtime/image/generation-record.js';
import { type FoundGenerations, Generations } from '#runtime/image/generations.js';
import { decodeImageHead, imageMemoryOffset } from '#runtime/image/image-codec.js';
import { checksumOfPages } from '#runtime/image/memory-checksum.js';
import { type ProcessImage, ProcessImages } from '#runtime/image/process-image.js';
import { Bank } from '#runtime/memory/bank.js';
import type { GuestMemory } from '#runtime/memory/guest-memory.js';
import { InstanceMemories } from '#runtime/memory/instance-memories.js';
import { placeMemories, storedBytesOf } from '#runtime/memory/memory-places.js';
import { runsBetween } from '#runtime/memory/page-runs.js';
import { PersistentMemoryManager } from '#runtime/memory/persistent-memory-manager.js';
import { makeGeneration } from '#runtime/process/checkpoint.js';
import { MemoryFiles } from '#test/support/memory-files.js';
import { sourceOf } from '#test/support/module-source.js';
import { assemble } from '#test/support/wasm-assembler.js';
import { bankOptions, SIZE_BYTES } from '../bank/bank-fixture.js';

const PAGE = 4096;
const NO_WASI = new Uint8Array(0);
const NAME = 'subject';
const MAX_PAGES = 8;
const MEMORY_BYTES = 16 * 65536;
const MODULE = assemble({ memories: [{ initial: 1 }] });
const QUOTA_BYTES = 2 ** 20;

type Page = number;
/** Content of one memory by page, each filled with one byte; what follows is zero. */
type Content = readonly Page[];
/** Of the two memories. */
type Contents = readonly [Content, Content];

const lastContent = (content: Content): number => content.findLastIndex((page) => page !== 0) + 1;
const NOTHING: Contents = [[], []];
const bytesOf = (content: Content): Uint8Array => {
  const bytes = new Uint8Array(lastContent(content) * PAGE);
  content.forEach((page, index) => {
    if (page !== 0) bytes.fill(page, index * PAGE, (index + 1) * PAGE);
  });
  return bytes;
};

/** A site's part in this: the bank, its managers and the generations of one process; `reopen` is its death and the next opening. */
class Subject implements Disposable {
  readonly #files = new MemoryFiles();
  #bank: Bank;
  #pmm: PersistentMemoryManager;
  #image: ProcessImage;
  #generations: Generations;
  #maxKept: number;
  /** What the process has in memory now, and what it had at each generation that is kept, the newest first. */
  #now: Contents = NOTHING;
  #kept: { readonly generation: number; readonly contents: Contents }[] = [];

  constructor(maxKept: number) {
    this.#maxKept = maxKept;
    const { bank, pmm, images } = this.#open();
    [this.#bank, this.#pmm] = [bank, pmm];
    this.#image = images.acquire('subject.wasm', sourceOf(MODULE), {
      memoryQuotaBytes: QUOTA_BYTES,
      globals: {},
      restartable: true,
    });
    this.#generations = this.#generationsOf({ kept: [], spare: null });
  }

  store({ memory, page, value }: Store): void {
    const next = [...this.#now[memory]];
    while (next.length <= page) next.push(0);
    next[page] = value;
    this.#now = memory === 0 ? [next, this.#now[1]] : [this.#now[0], next];
  }

  /** `cutOff`: everything has been written, but it is never committed. */
  checkpoint({ cutOff = false } = {}): void {
    const before = this.#kept[0]?.contents ?? NOTHING;
    const generation = this.#generations.current.generation + 1;
    const { view } = this.#bank;
    const memories = new InstanceMemories(
      [this.#memory(0, before, generation), this.#memory(1, before, generation)],
      0,
    );
    const base = before.map((content) => ({
      memoryBytes: MEMORY_BYTES,
      storedBytes: bytesOf(content).byteLength,
    }));
    memories.restore(placeMemories(base, 0), []);
    const program = {
      processName: NAME,
      entryKind: 'reactor',
      firstStackPointer: null,
      layout: { functionExports: [], stackPointer: null, randomSeeded: null },
    };
    const services = {
      reserveImage: (wanted: { generation: number; memoryOffset: number; storedBytes: number }) =>
        this.#generations.reserve(wanted.generation, wanted.memoryOffset, wanted.storedBytes),
      commitImage: ({ made, changed }: { made: never; changed: never }) => {
        if (!cutOff) this.#generations.commit(made, changed);
      },
    };
    const state = { globals: [], tables: [], dropped: [] };
    const subject = {
      program,
      bank: view,
      services,
      generation,
      state,
      memories,
      blocks: [],
      wasi: NO_WASI,
      inCall: false,
    };
    makeGeneration(subject as unknown as Parameters<typeof makeGeneration>[0]);
    if (!cutOff) this.#kept = [{ generation, contents: this.#now }, ...this.#kept].slice(0, this.#maxKept);
  }

  /** As the process has it now; `before`: what it was last put back to, or an image was made of. */
  #memory(index: 0 | 1, before: Contents, generation: number): GuestMemory {
    const [now, then] = [this.#now[index], before[index]];
    const bytes = bytesOf(now);
    const dirty = Array.from({ length: MAX_PAGES }, (_, page) => page)
      .filter((page) => (now[page] ?? 0) !== (then[page] ?? 0))
      .map((firstPage) => ({ firstPage, pageCount: 1 }));
    const { view } = this.#bank;
    return {
      memory: { buffer: { byteLength: MEMORY_BYTES } },
      blocks: [],
      exchange: () => undefined,
      restore: () => undefined,
      // Nothing is known of what differs from generation 0, nor now and then of one memory.
      survey: () => ({
        storedBytes: bytes.length,
        dirty: generation === 1 || generation % (3 + index) === 0 ? ('all' as const) : dirty,
      }),
      write: (offset: number, storedBytes: number, pages: ReturnType<typeof runsBetween> | 'all') => {
        for (const { firstPage, pageCount } of pages === 'all' ? runsBetween(0, storedBytes) : pages) {
          const part = bytes.subarray(firstPage * PAGE, (firstPage + pageCount) * PAGE);
          if (part.length > 0) view.write(part.slice(), offset + firstPage * PAGE);
        }
      },
    } as unknown as GuestMemory;
  }

  rollBack(): void {
    const had = this.#kept.length > 0;
    expect(this.#generations.rollBack()).toBe(had);
    this.#kept.shift();
    this.#now = this.#kept[0]?.contents ?? NOTHING;
  }

  reopen(maxKept: number): void {
    this.#bank[Symbol.dispose]();
    this.#maxKept = maxKept;
    const { bank, pmm, images } = this.#open();
    [this.#bank, this.#pmm] = [bank, pmm];
    pmm.adopt(new Set());
    expect(images.adopt().losses).toEqual([]);
    const image = images.reacquire(this.#image.digest);
    if (image === null) throw new Error('the image is gone');
    this.#image = image;
    this.#generations = this.#generationsOf(this.#found());
    bank.releaseHoles();
    this.#now = this.#kept[0]?.contents ?? NOTHING;
  }

  /** The numbers, the bytes of every one, their checksums, and that each place is somebody's. */
  check(): void {
    const numbers = [...this.#kept.map(({ generation }) => generation), 0];
    expect(this.#generations.numbers).toEqual(numbers);
    const record = this.#record();
    for (const [index, { generation, contents }] of this.#kept.entries()) {
      const written = record.kept[index];
      if (written === undefined) throw new Error(`generation ${generation} is not written down`);
      const { offset } = written.extent;
      const head = decodeImageHead(this.#bank.view.bytes(offset, written.headBytes), NAME);
      const memory = this.#bank.view.bytes(
        offset + imageMemoryOffset(written.headBytes),
        storedBytesOf(head.memories),
      );
      expect(Buffer.compare(memory, Buffer.concat(contents.map(bytesOf)))).toBe(0);
      expect(head.memoryChecksum).toBe(checksumOfPages(memory, runsBetween(0, memory.byteLength)));
      expect(head.generation).toBe(generation);
    }
    const places = this.#pmm.list().filter(({ name }) => name === `__SYS:generation:${NAME}`);
    expect(this.#generations.blockIds()).toHaveLength(places.length);
    expect(places.length).toBeLessThanOrEqual(Math.max(this.#kept.length, this.#maxKept) + 1);
  }

  [Symbol.dispose](): void {
    this.#bank[Symbol.dispose]();
  }

  #open(): { bank: Bank; pmm: PersistentMemoryManager; images: ProcessImages } {
    const options = bankOptions('/memory', { sizeBytes: 2 * SIZE_BYTES });
    const bank = Bank.open(
      BankDirectory.open(options, () => this.#files),
      'copied',
    );
    const pmm = new PersistentMemoryManager(bank, { maxBlocks: 64 });
    return { bank, pmm, images: new ProcessImages(bank, pmm) };
  }

  #generationsOf(found: FoundGenerations): Generations {
    const [bank, pmm, image, maxKept] = [this.#bank, this.#pmm, this.#image, this.#maxKept];
    return new Generations({ bank, pmm, processName: NAME, image, maxKept }, found);
  }

  #record(): ReturnType<typeof generationsFromRecord> {
    const key = `${GENERATIONS_PREFIX}${NAME}`;
    const value = this.#bank.ledger.get(key);
    return value === null ? { kept: [], spare: null } : generationsFromRecord(key, value);
  }

  #found(): FoundGenerations {
    const { kept, spare } = this.#record();
    const adopt = (extent: { readonly offset: number; readonly sizeBytes: number }) => {
      const block = this.#pmm.adoptSystem(`__SYS:generation:${NAME}`, extent);
      if (block === null) throw new Error('its place is taken');
      return block;
    };
    return {
      kept: kept.map(({ extent, headBytes, headChecksum }) => {
        const block = adopt(extent);
        const head = decodeImageHead(this.#bank.view.bytes(extent.offset, headBytes), NAME);
        return { block, headBytes, headChecksum, head };
      }),
      spare: spare === null ? null : { ...spare, block: adopt(spare.extent) },
    };
  }
}

interface Store {
  readonly memory: 0 | 1;
  readonly page: number;
  readonly value: number;
}

/** What the process stores before each of them is lost but with a checkpoint. */
type Step = { readonly stores: readonly Store[] } & (
  | { readonly kind: 'checkpoint' }
  | { readonly kind: 'cut-off' }
  | { readonly kind: 'roll-back' }
  | { readonly kind: 'reopen'; readonly maxKept: number }
);

const stores: fc.Arbitrary<readonly Store[]> = fc.array(
  // Zero too, now and then: what is stored may become shorter.
  fc.record({
    memory: fc.constantFrom(0 as const, 1 as const),
    page: fc.nat({ max: MAX_PAGES - 1 }),
    value: fc.oneof({ weight: 5, arbitrary: fc.nat({ max: 255 }) }, fc.constant(0)),
  }),
  { maxLength: 3 },
);
const ofKind = <const Kind extends 'checkpoint' | 'cut-off' | 'roll-back'>(kind: Kind) =>
  fc.record({ kind: fc.constant(kind), stores });

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: ofKind('checkpoint') },
  { weight: 1, arbitrary: ofKind('cut-off') },
  { weight: 1, arbitrary: ofKind('roll-back') },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('reopen' as const),
      stores,
      maxKept: fc.integer({ min: 1, max: 5 }),
    }),
  },
);

function perform(subject: Subject, each: Step): void {
  for (const store of each.stores) subject.store(store);
  if (each.kind === 'checkpoint') subject.checkpoint();
  else if (each.kind === 'cut-off') subject.checkpoint({ cutOff: true });
  else if (each.kind === 'roll-back') subject.rollBack();
  else subject.reopen(each.maxKept);
}

describe('generations', () => {
  it('hold zeros where a memory of which nothing was known stored less, and more again', () => {
    using subject = new Subject(1);
    const store = (page: number, value: number) => subject.store({ memory: 1, page, value });
    for (const page of [0, 1, 2]) store(page, 7);
    for (let generation = 1; generation <= 3; generation += 1) subject.checkpoint();
    for (const page of [1, 2]) store(page, 0);
    subject.checkpoint();
    store(2, 9);
    subject.checkpoint();
    subject.check();
  });

  it.each([1, 2, 5])('with %i kept, in any history, are what the process had', (maxKept) => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 30 }), (steps) => {
        using subject = new Subject(maxKept);
        for (const each of steps) {
          perform(subject, each);
          subject.check();
        }
      }),
      { numRuns: 20 },
    );
  });

  it('of a process that has made none is 0 alone, which cannot be rolled back', () => {
    using subject = new Subject(2);
    subject.rollBack();
    subject.check();
    subject.reopen(2);
    subject.check();
  });
});
