// Generations over the death of a site: how many are kept, what becomes of them in a full bank, with other limits and with another
// backend; and that a process goes on making them as if nothing had happened.
import { describe, expect, it } from 'vitest';
import { BankDirectory } from '#runtime/bank/bank-directory.js';
import type { Process, Site, SiteOptions } from '#runtime/index.js';
import { BACKENDS, type Backend, MATRIX, rejection } from '#test/support/scenario.js';
import { bankOptions } from '#test/unit/bank/bank-fixture.js';
import { BANK_BYTES, Ground, MEMBER, named, number, readyMember } from './reopen-kit.js';

const NAME = 'survivor#1';
const PAGE = 4096;

/** The generations that are written down, the newest first. */
function keptIn(ground: Ground): readonly number[] {
  using directory = BankDirectory.open(bankOptions(ground.bank));
  const record = directory.ledger.get(`generations/${NAME}`) as { kept: { generation: number }[] } | null;
  return record?.kept.map(({ generation }) => generation) ?? [];
}

const places = (site: Site) => site.pmstat().filter(({ name }) => name === `__SYS:generation:${NAME}`).length;

/** So many more generations, each with its number as the count. */
async function advance(process: Process, times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    await number(process, 'count');
    await process.checkpoint();
  }
}

/** A thread adds nothing but its start to what is kept. */
const COUNTS = { inline: [1, 2, 5], thread: [2] } as const;

describe.each(MATRIX)('kept over reopenings: $backend, $placement', ({ backend, placement }) => {
  it.each(COUNTS[placement])(
    '%i generations, in turn, and no more places than that and one',
    async (maxGenerations) => {
      using ground = await Ground.create();
      const limits = { maxGenerations };
      const expected = (newest: number) =>
        Array.from({ length: maxGenerations }, (_, age) => newest - age).filter((each) => each > 0);
      let made = 0;
      for (const times of [1, 2, 6, 0, 3]) {
        {
          await using fixture = await ground.open({ backend, limits });
          const { site } = fixture;
          if (made === 0) await site.arun(MEMBER, { group: 1, placement });
          const process = await readyMember(site, NAME);
          expect([process.generation, await number(process, 'countedSoFar')]).toEqual([made, made]);
          await advance(process, times);
          made += times;
          expect(places(site)).toBeLessThanOrEqual(maxGenerations + 1);
        }
        expect(keptIn(ground)).toEqual(expected(made));
      }
    },
  );
});

describe.each(BACKENDS)('with other limits: %s', (backend: Backend) => {
  it.each([
    ['fewer', 5, 1],
    ['more', 1, 5],
  ])(
    '%s generations: what is there stays until it is its turn, and no place is forgotten',
    async (_, first, later) => {
      using ground = await Ground.create();
      {
        await using fixture = await ground.open({ backend, limits: { maxGenerations: first } });
        await advance(await readyAfter(fixture.site), 6);
      }
      {
        await using fixture = await ground.open({ backend, limits: { maxGenerations: later } });
        const process = await readyMember(fixture.site, NAME);
        await advance(process, 1);
        expect(places(fixture.site)).toBeLessThanOrEqual(later + 1);
        await advance(process, 5);
        expect(places(fixture.site)).toBeLessThanOrEqual(later + 1);
      }
      const newest = [12, 11, 10, 9, 8].slice(0, later);
      expect(keptIn(ground)).toEqual(newest);
      await using fixture = await ground.open({ backend });
      expect(await number(await readyMember(fixture.site, NAME), 'countedSoFar')).toBe(12);
    },
  );
});

async function readyAfter(site: Site): Promise<Process> {
  const process = await site.arun(MEMBER, { group: 1, placement: 'inline' });
  await process.ready();
  return process;
}

describe.each(BACKENDS)('a bank without room for a third place: %s', (backend: Backend) => {
  it.each([
    ['two places: the older generation makes way', 2, [7, 6]],
    ['one place: the generation before stays what it is', 1, [1]],
  ])('%s', async (_, roomFor, expected) => {
    using ground = await Ground.create();
    {
      await using fixture = await ground.open({ backend });
      const process = await readyAfter(fixture.site);
      await process.call('grow', [16]);
      const before = fixture.site.pmm.usage().usedBytes;
      await advance(process, 1);
      const { usedBytes, sizeBytes } = fixture.site.pmm.usage();
      const placeBytes = usedBytes - before;
      const spared = (roomFor - 1) * placeBytes + 16 * PAGE;
      expect(await number(process, 'allocate', 'FILL', sizeBytes - usedBytes - spared, 'fill')).toBe(0);
      for (let time = 0; time < 3; time += 1) await oneMore(process, roomFor);
    }
    for (let opening = 0; opening < 3; opening += 1) {
      await using fixture = await ground.open({ backend });
      const process = await readyMember(fixture.site, NAME);
      const counted = await number(process, 'countedSoFar');
      expect([counted, process.generation]).toEqual(roomFor === 1 ? [1, 1] : [4 + opening, 4 + opening]);
      await oneMore(process, roomFor);
    }
    expect(keptIn(ground)).toEqual(expected);
  });
});

async function oneMore(process: Process, roomFor: number): Promise<void> {
  if (roomFor > 1) return advance(process, 1);
  await number(process, 'count');
  expect((await rejection(process.checkpoint())).code).toBe('BANK_FULL');
  expect(await number(process, 'checkpoint')).toBeLessThan(0);
}

it('a bank goes from one backend to the other and back, with all that is in it', async () => {
  using ground = await Ground.create();
  const backends: readonly (Backend | 'auto')[] = [...BACKENDS, 'auto', ...BACKENDS.toReversed()];
  for (const [opening, backend] of backends.entries()) {
    await using fixture = await ground.open({ backend });
    const { site } = fixture;
    if (opening === 0) {
      for (const placement of ['inline', 'thread'] as const)
        await (await site.arun(MEMBER, { group: 1, placement })).ready();
    }
    for (const name of [NAME, 'survivor#2']) {
      const process = await readyMember(site, name);
      expect([process.generation, await number(process, 'countedSoFar')]).toEqual([opening, opening]);
      expect(await number(process, 'allocate', `OF_${name}`, 8, 'k')).toBe(0);
      expect(await number(process, 'get', `OF_${name}`)).toBe(opening);
      await process.call('put', [`OF_${name}`, opening + 1]);
      await advance(process, 1);
    }
    expect(site.losses).toEqual([]);
  }
});

describe('other limits than before', () => {
  async function registered(): Promise<Ground> {
    const ground = await Ground.create();
    await using fixture = await ground.open();
    for (const group of [1, 200, 3])
      await (await fixture.site.arun(MEMBER, { group, placement: 'inline' })).ready();
    const first = named(fixture.site, NAME);
    for (const name of ['A', 'B', 'C']) await number(first, 'allocate', name, 8, 'k');
    return ground;
  }

  const BESIDE: readonly SiteOptions['limits'][] = [
    { maxProcesses: 1 },
    { maxGroups: 2 },
    { maxBlocks: 8 },
    { memoryQuotaBytes: 65536 },
    { maxModuleBytes: 8 },
    { maxQueuedCalls: 1 },
  ];
  it.each(BESIDE)('%o: what is registered is back all the same', async (limits) => {
    using ground = await registered();
    await using fixture = await ground.open({ limits: { ...limits } });
    const { site, log } = fixture;
    for (const name of [NAME, 'survivor#2', 'survivor#3'])
      expect(await number(await readyMember(site, name), 'count')).toBe(1);
    expect([site.losses, log.mishaps, fixture.output]).toEqual([[], [], '']);
    expect(
      site
        .report()
        .groups.map(({ group, phase }) => `${group}: ${phase}`)
        .sort(),
    ).toEqual(['1: live', '200: live', '3: live']);
  });

  it('another size, said outright, is refused by name; the default one is not meant', async () => {
    using ground = await registered();
    const refused = await rejection(ground.open({ limits: { bankSizeBytes: 2 * BANK_BYTES } }));
    expect([refused.code, refused.culprit]).toEqual(['OPTION_INVALID', 'limits.bankSizeBytes']);
    expect(refused.message).toContain(String(BANK_BYTES));
    const { limits: _, ...silent } = ground.options();
    await using fixture = await ground.openWith(silent);
    expect(fixture.site.report().bank.sizeBytes).toBe(BANK_BYTES);
    expect(await number(await readyMember(fixture.site, NAME), 'count')).toBe(1);
  });
});
