// State that goes beyond one 32-bit memory and globals of a module's own, through the whole site: globals that the embedder gives, memory with 64-bit
// addresses, and modules of which no image can be made. What the engine does not know is listed as such.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostImports } from '#runtime/index.js';
import { ENGINE_FEATURES, type EngineFeature } from '#test/differential/engine-features.js';
import { GIVES, get, i32, i64, imported, KINDS, NOTHING, raw, set } from '#test/differential/raw-module.js';
import { faultOf, MATRIX, rejection, SiteUnderTest } from '#test/support/scenario.js';
import { text, vector } from '#test/support/wasm-assembler.js';

const GROUP = 3;
const ADD = 0x6a;
const UNREACHABLE = 0x00;
const END = 0x0b;
const I64 = 0x7e;
const I32 = 0x7f;

/** `base` is where its only byte of data is; `pointer` is changed by `change`. */
const GLOBALS = raw({
  imports: [
    imported('base', KINDS.global, I32, 0),
    imported('pointer', KINDS.global, I32, 1),
    imported('wide', KINDS.global, I64, 1),
  ],
  memories: [[0, 1]],
  functions: [
    [GIVES, [...get(0), 0x2d, 0, 0, ...get(1), ADD]],
    [NOTHING, [...get(1), ...i32(1), ADD, ...set(1), ...i64(-1), ...set(2)]],
    [NOTHING, [UNREACHABLE]],
  ],
  exports: { read: ['function', 0], change: ['function', 1], crash: ['function', 2] },
  data: [[0, ...get(0), END, ...vector([[100]])]],
});

/** A memory of 64-bit addresses that starts with one page, and may have checkpoints made from inside. */
const WIDE = raw({
  imports: [[...text('hr'), ...text('hrCheckpoint'), KINDS.function, GIVES]],
  memories: [[4, 1]],
  functions: [
    [GIVES, [...i64(70_000), 0x28, 2, 0, ...i64(8), 0x28, 2, 0, ADD]],
    [NOTHING, [...i64(1), 0x40, 0, 0x1a, ...i64(70_000), ...i32(7), 0x36, 2, 0]],
    [NOTHING, [...i64(8), ...i32(1000), 0x36, 2, 0, UNREACHABLE]],
    [GIVES, [0x10, 0]],
  ],
  exports: {
    read: ['function', 1],
    change: ['function', 2],
    crash: ['function', 3],
    checkpoint: ['function', 4],
  },
});

const WIDE_WITH_POINTERS = raw({
  types: [[0x60, 1, I64, 1, I32]],
  imports: [[...text('pmm'), ...text('pmmFree'), KINDS.function, 0]],
  memories: [[4, 1]],
  functions: [],
  exports: {},
});

const OBJECT = raw({
  types: [
    [0x60, 0, 1, I32],
    [0x5f, 1, I32, 1],
  ],
  globals: [[0x64, 1, 0, ...i32(4), 0xfb, 0, 1, END]],
  functions: [
    [0, [...get(0), ...get(0), 0xfb, 2, 1, 0, ...i32(1), ADD, 0xfb, 5, 1, 0, ...get(0), 0xfb, 2, 1, 0]],
    [0, [UNREACHABLE]],
  ],
  exports: { next: ['function', 0], crash: ['function', 1] },
});

const MODULES = {
  'globals.wasm': GLOBALS,
  'wide.wasm': WIDE,
  'pointers.wasm': WIDE_WITH_POINTERS,
  'object.wasm': OBJECT,
};

let stableStorage: string;

beforeAll(() => {
  stableStorage = mkdtempSync(join(tmpdir(), 'rekindle-whole-'));
  for (const [name, bytes] of Object.entries(MODULES)) writeFileSync(join(stableStorage, name), bytes);
});

afterAll(() => {
  rmSync(stableStorage, { recursive: true });
});

const given = (base: number, pointer: number): HostImports => ({ env: { base, pointer, wide: 5n } });
const missing = (feature: EngineFeature): string | null =>
  ENGINE_FEATURES.includes(feature) ? null : `not in this engine: ${feature}`;

describe.each(MATRIX)('$backend, $placement', ({ backend, placement }) => {
  const open = (imports: HostImports = {}) => SiteUnderTest.open({ backend, stableStorage, imports });

  it.each(['in-place', 'fresh'] as const)('imported globals, restored %s', async (restore) => {
    await using fixture = await open(given(8, 1));
    const options = { group: GROUP, placement, restore };
    const first = await fixture.site.arun('globals.wasm', options);
    const second = await fixture.site.arun('globals.wasm', {
      ...options,
      imports: { env: { base: 64, pointer: 30 } },
    });
    expect([await first.call('read'), await second.call('read')]).toEqual([101, 130]);
    await second.call('change');
    await second.checkpoint();
    for (const each of [first, second]) await each.call('change');
    const { pid } = second;
    expect(await faultOf(first.call('crash'))).toMatchObject({ kind: 'trap' });
    await fixture.backSince(second, pid);
    await first.ready();
    expect([await first.call('read'), await second.call('read')]).toEqual([101, 131]);
    expect(fixture.log.mishaps).toEqual([]);
  });

  it('the values of globals come back with a bank, and need not be given again', async () => {
    const bank = { path: mkdtempSync(join(tmpdir(), 'rekindle-globals-')), start: 'hot' } as const;
    rmSync(bank.path, { recursive: true });
    try {
      for (const imports of [given(16, 5), {}]) {
        await using fixture = await SiteUnderTest.open({ backend, stableStorage, imports, bank });
        const { site } = fixture;
        const process =
          site.process('globals#1') ?? (await site.arun('globals.wasm', { group: GROUP, placement }));
        await process.ready();
        expect(await process.call('read')).toBe(105);
        await process.call('change');
      }
    } finally {
      rmSync(bank.path, { recursive: true });
    }
  });

  it('a global that nobody gives, or of another type, refuses the module', async () => {
    await using fixture = await open();
    const refusalWith = async (imports: HostImports) => {
      const { code, message } = await rejection(fixture.site.arun('globals.wasm', { placement, imports }));
      return `${code} ${message.slice(message.indexOf('env.'))}`;
    };
    expect(await refusalWith({})).toBe('IMPORT_UNRESOLVED env.base: it is a global, and no value is given');
    const { env } = given(0, 0);
    for (const [name, value, type] of [
      ['base', 1n, 'i32'],
      ['base', 0.5, 'i32'],
      ['pointer', null, 'i32'],
      ['pointer', 2 ** 32, 'i32'],
      ['wide', 1, 'i64'],
      ['wide', 2n ** 64n, 'i64'],
    ] as const) {
      const refused = await refusalWith({ env: { ...env, [name]: value } });
      expect(refused).toBe(`IMPORTS_INVALID env.${name}: ${value} is no value of a global of type ${type}`);
    }
    expect(fixture.site.aps()).toEqual([]);
  });

  it.for(['in-place', 'fresh'] as const)(
    'memory with 64-bit addresses, restored %s',
    async (restore, { skip }) => {
      const without = missing('memory64');
      if (without !== null) skip(without);
      await using fixture = await open();
      const process = await fixture.site.arun('wide.wasm', { group: GROUP, placement, restore });
      await process.call('change');
      expect(await process.call('checkpoint')).toBe(1);
      expect(await process.checkpoint()).toBe(2);
      for (let round = 0; round < 2; round += 1) {
        const { pid } = process;
        await faultOf(process.call('crash'));
        await fixture.backSince(process, pid);
        expect(await process.call('read')).toBe(7);
      }
      expect(await rejection(fixture.site.arun('pointers.wasm', { placement }))).toMatchObject({
        code: 'MODULE_UNSUPPORTED',
        message: expect.stringMatching(/pmm\.pmmFree takes 32-bit pointers, and its memory is a 64-bit one$/),
      });
    },
  );

  it('an object of the engine that may change: a plain process only', async ({ skip }) => {
    const without = missing('gc');
    if (without !== null) skip(without);
    await using fixture = await open();
    const { site } = fixture;
    const expectRefused = async () =>
      expect(await rejection(site.arun('object.wasm', { placement, group: GROUP }))).toMatchObject({
        code: 'MODULE_UNSUPPORTED',
        message: expect.stringMatching(/a garbage-collected object in global 0, which no image can keep/),
      });
    await expectRefused();
    const plain = await site.arun('object.wasm', { placement, restartable: false });
    expect([await plain.call('next'), await plain.call('next')]).toEqual([5, 6]);
    // Also when the plain process has made an image of the module that is there already.
    await expectRefused();
    expect(await rejection(plain.checkpoint())).toMatchObject({ code: 'CHECKPOINT_REFUSED' });
    await faultOf(plain.call('crash'));
    expect(await plain.exited).toMatchObject({ kind: 'fault' });
    expect(site.report().blocks).toEqual([]);
  });
});
