// A guest with three memories through the whole site: each is part of its images, and the one called `memory` is where its pointers lead and its
// blocks appear, though it is not the first. Where the engine knows but one, the file says so by name.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportImage, type Process } from '#runtime/index.js';
import { ENGINE_FEATURES } from '#test/differential/engine-features.js';
import { END, GIVES, i32, KINDS, MAPS, NOTHING, raw, TYPES } from '#test/differential/raw-module.js';
import { nameStructure } from '#test/support/abi-structures.js';
import { faultOf, MATRIX, rejection, SiteUnderTest } from '#test/support/scenario.js';
import { SeededRandom } from '#test/support/seeded-random.js';
import { text, vector } from '#test/support/wasm-assembler.js';

const PAGE = 65_536;
/** The middle one is so large that it is mapped, and the others so small that they are copied. */
const FIRST_PAGES = [2, 40, 1] as const;
const QUOTA_BYTES = 400 * PAGE;
const MEMORIES = [0, 1, 2] as const;
const LINEAR = 1;

const [I32, UNREACHABLE] = [0x7f, 0x00];
const [TAKES_TWO, ALLOCATES] = [TYPES.length, TYPES.length + 1];
const [NAME_AT, KEY_AT, ADDRESS_AT] = [1024, 2048, 4096];
const IMPORTED = 2;

/** What an instruction on memory gives for its place: 32 bits wide, offset 0. */
const at = (memory: number) => [0x42, memory, 0];
const local = (index: number) => [0x20, index];

const MODULE = raw({
  types: [...TYPES, [0x60, 2, I32, I32, 0], [0x60, 5, I32, I32, I32, I32, I32, 1, I32]],
  imports: [
    [...text('hr'), ...text('hrCheckpoint'), KINDS.function, GIVES],
    [...text('pmm'), ...text('pmmAllocate'), KINDS.function, ALLOCATES],
  ],
  memories: FIRST_PAGES.map((pages) => [0, pages]),
  functions: [
    [NOTHING, [UNREACHABLE]],
    [GIVES, [0x10, 0]],
    [GIVES, [...i32(ADDRESS_AT), ...i32(NAME_AT), ...i32(PAGE), ...i32(KEY_AT), ...i32(4), 0x10, 1]],
    ...MEMORIES.flatMap((memory): [number, number[]][] => [
      [MAPS, [...local(0), 0x28, ...at(memory)]],
      [TAKES_TWO, [...local(0), ...local(1), 0x36, ...at(memory)]],
      [MAPS, [...local(0), 0x40, memory]],
    ]),
  ],
  exports: {
    crash: ['function', IMPORTED],
    checkpoint: ['function', IMPORTED + 1],
    allocate: ['function', IMPORTED + 2],
    ...Object.fromEntries(
      MEMORIES.flatMap((memory) =>
        ['read', 'store', 'grow'].map((name, place) => [
          `${name}${memory}`,
          ['function', IMPORTED + 3 + 3 * memory + place] as const,
        ]),
      ),
    ),
    memory: ['memory', LINEAR],
  },
  data: [
    [0, ...i32(8), END, ...vector([[3]])],
    [2, 1, ...i32(NAME_AT), END, ...vector([...nameStructure('several')].map((byte) => [byte]))],
    [2, 1, ...i32(KEY_AT), END, ...vector([...Buffer.from('key')].map((byte) => [byte]))],
    [2, 2, ...i32(PAGE - 4), END, ...vector([[7]])],
  ],
});

/** What the guest should hold: words by memory and address, and pages. */
interface Model {
  readonly words: ReadonlyMap<string, number>;
  readonly pages: readonly number[];
}

let stableStorage: string;

beforeAll(() => {
  stableStorage = mkdtempSync(join(tmpdir(), 'rekindle-several-'));
  writeFileSync(join(stableStorage, 'several.wasm'), MODULE);
});

afterAll(() => {
  rmSync(stableStorage, { recursive: true });
});

const FIRST: Model = {
  words: new Map([
    ['0 8', 3],
    [`2 ${PAGE - 4}`, 7],
  ]),
  pages: FIRST_PAGES,
};

/** Stores some words, and grows a memory now and then. */
async function change(process: Process, before: Model, random: SeededRandom): Promise<Model> {
  const words = new Map(before.words);
  const pages = [...before.pages];
  for (let round = 0; round < 6; round += 1) {
    const memory = random.oneOf(MEMORIES);
    const size = pages[memory] ?? 0;
    // Sometimes a zero, so that less may have to be stored than before.
    const value = random.below(4) === 0 ? 0 : random.below(1_000_000);
    // Behind the words that the linear memory has for its blocks.
    const address = memory === LINEAR ? 8192 : 0;
    const place = address + 4 * random.below((size * PAGE - address) / 4);
    await process.call(`store${memory}`, [place, value]);
    words.set(`${memory} ${place}`, value);
    if (random.below(8) > 0) continue;
    expect(await process.call(`grow${memory}`, [1])).toBe(size);
    pages[memory] = size + 1;
  }
  return { words, pages };
}

async function expectToHold(process: Process, { words, pages }: Model): Promise<void> {
  for (const [place, value] of words) {
    const [memory, address] = place.split(' ');
    expect([place, await process.call(`read${memory}`, [Number(address)])]).toEqual([place, value]);
  }
  const sizes = [];
  for (const memory of MEMORIES) sizes.push(await process.call(`grow${memory}`, [0]));
  expect(sizes).toEqual(pages);
}

describe.runIf(ENGINE_FEATURES.includes('multimemory')).each(MATRIX)(
  'several memories, $backend, $placement',
  ({ backend, placement }) => {
    const options = { placement, group: 3, memoryQuotaBytes: QUOTA_BYTES } as const;

    it.each(['in-place', 'fresh'] as const)('are captured and restored together, %s', async (restore) => {
      await using fixture = await SiteUnderTest.open({ backend, stableStorage });
      const process = await fixture.site.arun('several.wasm', { ...options, restore });
      const random = new SeededRandom(20261128, restore === 'fresh' ? 1 : 0);
      await expectToHold(process, FIRST);
      let kept = FIRST;
      for (let round = 1; round <= 6; round += 1) {
        kept = await change(process, kept, random);
        if (round % 2 === 0) expect(await process.call('checkpoint')).toBe(round);
        else expect(await process.checkpoint()).toBe(round);
        for (let fault = 0; fault < 2; fault += 1) {
          await change(process, kept, random);
          const { pid } = process;
          expect(await faultOf(process.call('crash'))).toMatchObject({ kind: 'trap' });
          await fixture.backSince(process, pid);
          await expectToHold(process, kept);
        }
      }
      expect(fixture.log.mishaps).toEqual([]);
    });

    it('have their blocks in the one that is called memory', async () => {
      await using fixture = await SiteUnderTest.open({ backend, stableStorage });
      const process = await fixture.site.arun('several.wasm', options);
      const allocated = async (): Promise<number> => {
        expect(await process.call('allocate')).toBe(0);
        return Number(await process.call(`read${LINEAR}`, [ADDRESS_AT]));
      };
      const address = await allocated();
      expect(address).toBe(FIRST_PAGES[LINEAR] * PAGE);
      await process.call(`store${LINEAR}`, [address + 12, 77]);
      await process.checkpoint();
      await process.call(`store${LINEAR}`, [address + 16, 78]);
      const { pid } = process;
      await faultOf(process.call('crash'));
      await fixture.backSince(process, pid);
      const again = await allocated();
      const words = [12, 16].map((offset) => process.call(`read${LINEAR}`, [again + offset]));
      expect(await Promise.all(words)).toEqual([77, 78]);
      expect(await process.call('read0', [ADDRESS_AT])).toBe(0);
    });

    it('come back with a bank, and leave as a module', async () => {
      const path = mkdtempSync(join(tmpdir(), 'rekindle-several-bank-'));
      rmSync(path, { recursive: true });
      try {
        let held = FIRST;
        for (let life = 1; life <= 3; life += 1) {
          await using fixture = await SiteUnderTest.open({
            backend,
            stableStorage,
            bank: { path, start: 'hot' },
          });
          const { site } = fixture;
          const process = site.process('several#1') ?? (await site.arun('several.wasm', options));
          await process.ready();
          await expectToHold(process, held);
          held = await change(process, held, new SeededRandom(life));
          await process.checkpoint();
          const exported = await exportImage(process);
          const { exports } = new WebAssembly.Instance(new WebAssembly.Module(exported));
          for (const [place, value] of held.words) {
            const [memory, address] = place.split(' ');
            const read = exports[`read${memory}`];
            expect([place, typeof read === 'function' && read(Number(address))]).toEqual([place, value]);
          }
        }
      } finally {
        rmSync(path, { recursive: true, force: true });
      }
    });

    it('have one quota together', async () => {
      await using fixture = await SiteUnderTest.open({ backend, stableStorage });
      const small = { ...options, memoryQuotaBytes: 49 * PAGE };
      const process = await fixture.site.arun('several.wasm', small);
      // Each has a third of the six pages that are left.
      for (const memory of MEMORIES) {
        expect(await process.call(`grow${memory}`, [2])).toBe(FIRST_PAGES[memory]);
        expect(await process.call(`grow${memory}`, [1])).toBe(-1);
      }
      const tooSmall = fixture.site.arun('several.wasm', { ...options, memoryQuotaBytes: 42 * PAGE });
      expect(await rejection(tooSmall)).toMatchObject({ code: 'MODULE_OVER_QUOTA' });
    });
  },
);
