// Guests in Rust and Go, which come prebuilt because their compilers do not come with npm: whether each module belongs to its sources,
// and whether it runs, fails and comes back like any other.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CAUSE_TRAP } from '#abi/hr.js';
import { faultOf, MATRIX, SAMPLE_GUESTS, SiteUnderTest } from '#test/support/scenario.js';

interface Recipes {
  readonly DIGESTS: string;
  readonly RECIPES: Readonly<Record<string, unknown>>;
  sha256(bytes: Uint8Array): string;
  sourceDigest(name: string): Promise<string>;
}

// A specifier that is not a literal is not resolved: the recipes are a script, and have no declarations.
const specifier: string = new URL('../../../guests/prebuilt/recipes.mjs', import.meta.url).href;
const { DIGESTS, RECIPES, sha256, sourceDigest } = (await import(specifier)) as Recipes;
const digests = JSON.parse(readFileSync(DIGESTS, 'utf8')) as Record<
  string,
  { readonly sources: string; readonly module: string }
>;

describe('what is stored belongs to its sources', () => {
  it('every recipe has its digests, and nothing else has', () => {
    expect(Object.keys(digests).sort()).toEqual(Object.keys(RECIPES).sort());
  });

  // A failure says: run guests/prebuilt/build.mjs, and commit what it writes.
  it.each(Object.keys(RECIPES))('%s', async (name) => {
    expect(digests[name]?.sources).toBe(await sourceDigest(name));
    expect(digests[name]?.module).toBe(sha256(readFileSync(join(SAMPLE_GUESTS, `${name}.wasm`))));
  });
});

const RUST = { path: 'visits-rust.wasm', fail: [100] };
const GO = { path: 'visits-go.wasm', fail: [] };
describe.each([RUST, GO])('$path', ({ path, fail }) => {
  it.each(MATRIX)('counts on after a restart: $backend, $placement', async ({ backend, placement }) => {
    await using fixture = await SiteUnderTest.open({ backend });
    const process = await fixture.site.arun(path, { placement });
    await process.ready();
    const visits = async () => [await process.call('visit'), await process.call('total')];
    const failAndComeBack = async () => {
      expect(await faultOf(process.call('crash', fail))).toMatchObject({
        kind: 'trap',
        message: 'unreachable',
      });
      await process.ready();
    };
    expect([await visits(), await visits()]).toEqual([
      [1, 1n],
      [2, 2n],
    ]);
    await failAndComeBack();
    // From generation 0: this run's count is gone.
    expect(await visits()).toEqual([1, 3n]);
    expect(await process.call('lastCause')).toBe(-1);
    await process.checkpoint();
    expect(await visits()).toEqual([2, 4n]);
    await failAndComeBack();
    expect(await visits()).toEqual([2, 5n]);
    expect(await process.call('lastCause')).toBe(CAUSE_TRAP);
  });
});

it.each(MATRIX)(
  'Rust: a checkpoint from within a call: $backend, $placement',
  async ({ backend, placement }) => {
    await using fixture = await SiteUnderTest.open({ backend });
    const process = await fixture.site.arun(RUST.path, { placement });
    await process.ready();
    await process.call('visit');
    for (const generation of [1, 2, 3]) {
      expect(await process.call('checkpoint')).toBe(generation);
      await process.call('visit');
      await faultOf(process.call('crash', RUST.fail));
      await process.ready();
      expect(await process.call('visit')).toBe(1 + generation);
    }
  },
);

it.each(MATRIX)("Go's heap keeps off blocks: $backend, $placement", async (row) => {
  await using fixture = await SiteUnderTest.open({ backend: row.backend });
  const process = await fixture.site.arun(GO.path, { placement: row.placement });
  await process.ready();
  expect(await process.call('spoiltBytes', [20])).toBe(0);
});
