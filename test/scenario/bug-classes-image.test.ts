// Bug classes of captured and restored state: globals, tables, segments, memory, start code, dirty pages. One test for each class that
// others met in snapshot and restart systems, named after it; the other classes, and those that are left out, are in bug-classes.test.ts.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Process } from '#runtime/index.js';
import { crash, openProbe, openZoo, WAYS } from '#test/scenario/bug-classes-kit.js';

const PAGE_BYTES = 4096;
const WASM_PAGE_BYTES = 65536;
const SEED = 20_240_607;

describe.each(WAYS)('bug classes of state: $backend, $placement, $restore', (way) => {
  const GLOBALS = ['i32', 'i64', 'f32', 'f64', 'v128_low', 'v128_high', 'funcref'] as const;
  const globalsOf = async (process: Process) => {
    const seen: unknown[] = [];
    for (const type of GLOBALS) seen.push(await process.call(`global_${type}`));
    return seen;
  };

  it('globals forgotten in the image; only exported globals restored', async () => {
    const { process, fail } = await openZoo(way);
    const first = await globalsOf(process);
    await process.call('mutate');
    const mutated = await globalsOf(process);
    expect(mutated.every((value, index) => value !== first[index])).toBe(true);
    await fail();
    expect(await globalsOf(process)).toEqual(first);
    await process.call('mutate');
    await process.checkpoint();
    await fail();
    expect(await globalsOf(process)).toEqual(mutated);
  });

  it('tables ignored', async () => {
    const { process, fail } = await openZoo(way);
    const tables = async () => [
      await process.call('callEntry', [0]),
      await process.call('tableSize'),
      await process.call('externTableSize'),
    ];
    const first = await tables();
    await process.call('mutate');
    await process.call('growTables');
    const changed = await tables();
    expect(changed).toEqual([33, 5, 3]);
    await fail();
    expect(await tables()).toEqual(first);
    await process.call('mutate');
    await process.call('growTables');
    await process.checkpoint();
    await fail();
    expect(await tables()).toEqual(changed);
  });

  it('dropped segments ignored', async () => {
    const { process, fail } = await openZoo(way);
    for (const [drop, use] of [
      ['dropData', 'useData'],
      ['dropElements', 'useElements'],
    ] as const) {
      await process.call(drop);
      await fail();
      // A dropped segment would trap.
      await process.call(use);
      await process.call(drop);
      await process.checkpoint();
      await fail();
      await crash(process, use);
    }
  });

  it('start code or active data run again by a restore', async () => {
    const { process, fail, starts } = await openZoo(way);
    expect(starts()).toBe(1);
    await process.call('mutate');
    await process.checkpoint();
    const before = await globalsOf(process);
    await fail();
    await fail();
    expect(starts()).toBe(1);
    expect(await globalsOf(process)).toEqual(before);
    const probe = await openProbe(way);
    const data = () => probe.calls.process.call('data', [], { returns: 'string' });
    await probe.calls.process.call('scribble');
    const scribbled = await data();
    expect(scribbled).not.toBe('pristine.');
    await probe.calls.process.checkpoint();
    await crash(probe.calls.process);
    expect(await data()).toBe(scribbled);
  });

  it('memory grown after the image', async () => {
    const { calls } = await openProbe(way);
    const image = await calls.call('memoryBytes');
    await calls.call('growPages', 3);
    await calls.process.call('fill', [image, 0xaa, 3 * WASM_PAGE_BYTES]);
    await crash(calls.process);
    expect(await calls.call('memoryBytes')).toBe(image);
    await calls.call('growPages', 3);
    expect(await calls.notZero(image, 3 * WASM_PAGE_BYTES)).toBe(0);
  });

  it('image larger than the initial memory', async () => {
    const { calls } = await openProbe(way);
    const start = await calls.call('memoryBytes');
    await calls.call('growPages', 5);
    await calls.process.call('fill', [start + WASM_PAGE_BYTES, 0xaa, PAGE_BYTES]);
    await calls.process.checkpoint();
    await calls.process.call('fill', [start, 0xbb, 5 * WASM_PAGE_BYTES]);
    await crash(calls.process);
    expect(await calls.call('memoryBytes')).toBe(start + 5 * WASM_PAGE_BYTES);
    expect(await calls.notZero(start, 5 * WASM_PAGE_BYTES)).toBe(PAGE_BYTES);
  });

  it('dirty marks cleared at the wrong moment, so a page is missing from a chain of checkpoints', async () => {
    const { calls } = await openProbe(way);
    const pages = 24;
    const address = await calls.call('memoryBytes');
    await calls.call('growPages', 8);
    await calls.process.checkpoint();
    let image = new Uint8Array(pages);
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ page: fc.nat(pages - 1), value: fc.integer({ min: 1, max: 255 }) }),
      },
      { weight: 3, arbitrary: fc.constant('checkpoint' as const) },
      { weight: 2, arbitrary: fc.constant('crash' as const) },
    );
    const chain = fc.array(step, { minLength: 30, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(chain, async (steps) => {
        await crash(calls.process);
        let present = image.slice();
        for (const each of steps) {
          if (each === 'checkpoint') {
            await calls.process.checkpoint();
            image = present.slice();
          } else if (each === 'crash') {
            await crash(calls.process);
            present = image.slice();
          } else {
            await calls.process.call('fill', [address + each.page * PAGE_BYTES, each.value, PAGE_BYTES]);
            present[each.page] = each.value;
          }
        }
        await crash(calls.process);
        const expected = Buffer.alloc(pages * PAGE_BYTES);
        for (const [page, value] of image.entries())
          expected.fill(value, page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
        const bytes = await calls.process.call('bytesAt', [address, expected.length], { returns: 'array' });
        expect(Buffer.compare(Buffer.from(bytes as Uint8Array), expected)).toBe(0);
      }),
      { seed: SEED, numRuns: 4 },
    );
  });
});
