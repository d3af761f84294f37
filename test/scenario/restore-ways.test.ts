// There are several ways to put linear memory back, and the runtime takes the one that is cheapest for the size and for the pages that
// were changed. A guest must not be able to tell them apart: the same histories are run in each, against a plain array of bytes.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Process } from '#runtime/index.js';
import { ObservedSite } from '#test/support/image-observer.js';
import { faultOf, MATRIX } from '#test/support/scenario.js';
import { assemble, ins } from '#test/support/wasm-assembler.js';

const GROUP = 4;
const WASM_PAGE_BYTES = 65_536;
const MAX_GROWTH_PAGES = 3;
/** memory.fill, of which the assembler knows nothing. */
const MEMORY_FILL = [0xfc, 11, 0];

/** Sizes in WebAssembly pages on either side of where one way ends and the next begins (256 KiB: copied whole up to there). */
const SIZES_PAGES = [1, 4, 5, 24];
/** 20 MiB, all of it changed: more pages than are worth copying back one by one. */
const LARGE_PAGES = 320;

type Step =
  | { readonly kind: 'fill'; readonly from: number; readonly length: number; readonly value: number }
  | { readonly kind: 'grow'; readonly pages: number }
  | { readonly kind: 'checkpoint' }
  | { readonly kind: 'restore' }
  | { readonly kind: 'fail' };

/** `from` and `length` are parts per thousand of the memory: long runs are as likely as short ones. */
const steps = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('fill' as const),
        from: fc.nat({ max: 999 }),
        length: fc.oneof(fc.constant(0), fc.nat({ max: 1000 })),
        value: fc.nat({ max: 255 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('grow' as const), pages: fc.integer({ min: 1, max: 2 }) }),
    },
    { weight: 3, arbitrary: fc.constant<Step>({ kind: 'checkpoint' }) },
    { weight: 3, arbitrary: fc.constant<Step>({ kind: 'restore' }) },
    { weight: 3, arbitrary: fc.constant<Step>({ kind: 'fail' }) },
  ),
  { minLength: 2, maxLength: 14 },
);

let stableStorage: string;

beforeAll(() => {
  stableStorage = mkdtempSync(join(tmpdir(), 'rekindle-restore-'));
  for (const pages of [...SIZES_PAGES, LARGE_PAGES])
    writeFileSync(join(stableStorage, moduleName(pages)), memoryModule(pages));
});

afterAll(() => {
  rmSync(stableStorage, { recursive: true });
});

describe.each(MATRIX)('$backend, $placement', ({ backend, placement }) => {
  describe.each(['in-place', 'fresh'] as const)('restored %s', (restore) => {
    let observed: ObservedSite;

    beforeAll(async () => {
      observed = await ObservedSite.open({ backend, stableStorage });
    });

    afterAll(async () => {
      await observed[Symbol.asyncDispose]();
    });

    /** Runs the steps on a guest of this size and on an array, and compares what both hold at the end, and once more after a failure. */
    async function expectSame(pages: number, all: readonly Step[]): Promise<void> {
      const { site, log } = observed.fixture;
      const process = await site.arun(moduleName(pages), { group: GROUP, placement, restore });
      const model = new MemoryModel(pages);
      for (const step of all) {
        await perform(process, step, model.bytes.length);
        model.perform(step);
      }
      await expectHolds(process, model.bytes);
      await perform(process, { kind: 'fail' }, model.bytes.length);
      await expectHolds(process, model.bytes);
      await site.killGroup(GROUP);
      expect(log.mishaps).toEqual([]);
    }

    async function perform(process: Process, step: Step, sizeBytes: number): Promise<void> {
      switch (step.kind) {
        case 'fill': {
          const { start, end } = rangeOf(step, sizeBytes);
          await process.call('fill', [start, step.value, end - start]);
          return;
        }
        case 'grow':
          await process.call('grow', [step.pages]);
          return;
        case 'checkpoint':
          await process.checkpoint();
          return;
        case 'restore':
          // Before the first checkpoint there is nothing to go back to, and nothing happens.
          if (process.generation === 0) await expect(process.restore()).rejects.toThrow('RESTORE_REFUSED');
          else await process.restore();
          return;
        case 'fail': {
          const { pid } = process;
          const fault = await faultOf(process.call('fail'));
          expect(fault).toMatchObject({ kind: 'trap', message: 'memory access out of bounds' });
          await observed.fixture.backSince(process, pid);
        }
      }
    }

    /** Reading the image makes a generation: what follows is restored to it. */
    async function expectHolds(process: Process, bytes: Buffer): Promise<void> {
      expect(await process.call('size')).toBe(bytes.length / WASM_PAGE_BYTES);
      const { memory, memoryBytes } = await observed.checkpoint(process);
      expect(memoryBytes).toBe(bytes.length);
      expect(firstDifference(memory, bytes)).toBe(-1);
    }

    it.each(SIZES_PAGES)('any history of a guest of %i pages', async (pages) => {
      await fc.assert(
        fc.asyncProperty(steps, (all) => expectSame(pages, all)),
        { numRuns: placement === 'inline' ? 20 : 4, seed: 20_260_104 },
      );
    });

    it('a large guest that changes all it has', async () => {
      const everywhere = (value: number): Step => ({ kind: 'fill', from: 0, length: 1000, value });
      const somewhere = (value: number): Step => ({ kind: 'fill', from: 500, length: 1, value });
      await expectSame(LARGE_PAGES, [
        everywhere(1),
        { kind: 'checkpoint' },
        everywhere(2),
        { kind: 'fail' },
        somewhere(3),
        { kind: 'checkpoint' },
        somewhere(4),
        { kind: 'restore' },
        somewhere(6),
        { kind: 'fail' },
        everywhere(5),
        { kind: 'fail' },
      ]);
    });
  });
});

/** What the guest should hold: now, and in the image it goes back to. */
class MemoryModel {
  bytes: Buffer;
  readonly #firstBytes: number;
  #image: Buffer;
  #hasCheckpoint = false;

  constructor(pages: number) {
    this.bytes = Buffer.alloc(pages * WASM_PAGE_BYTES);
    this.#image = Buffer.from(this.bytes);
    this.#firstBytes = this.bytes.length;
  }

  perform(step: Step): void {
    switch (step.kind) {
      case 'fill': {
        const { start, end } = rangeOf(step, this.bytes.length);
        this.bytes.fill(step.value, start, end);
        return;
      }
      case 'grow': {
        const grown = this.bytes.length + step.pages * WASM_PAGE_BYTES;
        if (grown > this.#firstBytes + MAX_GROWTH_PAGES * WASM_PAGE_BYTES) return;
        this.bytes = Buffer.concat([this.bytes], grown);
        return;
      }
      case 'checkpoint':
        this.#image = Buffer.from(this.bytes);
        this.#hasCheckpoint = true;
        return;
      case 'restore':
        if (this.#hasCheckpoint) this.bytes = Buffer.from(this.#image);
        return;
      case 'fail':
        this.bytes = Buffer.from(this.#image);
    }
  }
}

function rangeOf(step: Step & { readonly kind: 'fill' }, sizeBytes: number): { start: number; end: number } {
  const start = Math.floor((step.from * sizeBytes) / 1000);
  return { start, end: Math.min(sizeBytes, start + Math.ceil((step.length * sizeBytes) / 1000)) };
}

/** `actual` lacks the zeros at its end. */
function firstDifference(actual: Buffer, expected: Buffer): number {
  const padded = Buffer.concat([actual], expected.length);
  return padded.equals(expected) ? -1 : expected.findIndex((byte, position) => byte !== padded[position]);
}

function moduleName(pages: number): string {
  return `memory-${pages}.wasm`;
}

/** A reactor that is nothing but a linear memory: fill(address, value, length), grow(pages), size() in pages, fail(). */
function memoryModule(pages: number): Uint8Array {
  return assemble({
    types: [
      [['i32', 'i32', 'i32'], []],
      [['i32'], ['i32']],
      [[], ['i32']],
      [[], []],
    ],
    memories: [{ initial: pages, maximum: pages + MAX_GROWTH_PAGES }],
    functions: [
      { type: 0, code: [...ins.localGet(0), ...ins.localGet(1), ...ins.localGet(2), ...MEMORY_FILL] },
      { type: 1, code: [...ins.localGet(0), ...ins.memoryGrow] },
      { type: 2, code: ins.memorySize },
      { type: 3, code: [...ins.i32Const(-4), ...ins.i32Load, ...ins.drop] },
    ],
    exports: {
      fill: ['function', 0],
      grow: ['function', 1],
      size: ['function', 2],
      fail: ['function', 3],
    },
  });
}
