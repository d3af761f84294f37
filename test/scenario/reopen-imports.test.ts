// What guests import from their embedder, over the death of a site: functions are given again when it is opened, an import module comes
// back by itself, and a group whose functions are missing waits in quarantine, by name, while the others run.
import { rmSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { HostImports } from '#runtime/index.js';
import { PLACEMENTS, rejection, until } from '#test/support/scenario.js';
import { TEST_GUESTS } from '#test/support/test-guests.js';
import { died, Ground, MEMBER, named, number, readyMember } from './reopen-kit.js';

const CALLER = 'probe-caller.wasm';
const NAME = 'probe-caller#1';
const NEXT_IS_QUARANTINE = { maxBadness: 0, rungs: { site: false, cold: false } };
const answering = (factor: number): HostImports => ({
  'probe-embedder': {
    answer: (question) => Number(question) * factor,
    report: () => undefined,
  },
});

async function groundWithCaller(): Promise<Ground & { readonly callers: string }> {
  const ground = await Ground.create();
  return Object.assign(ground, { callers: TEST_GUESTS });
}

/** An import module beside storage, so that it outlives that. */
function importModule(ground: Ground, factor: number): string {
  const path = ground.at('imports.mjs');
  const functions = `{ answer: (question) => question * ${factor}, report: () => undefined }`;
  writeFileSync(path, `export default () => ({ 'probe-embedder': ${functions} });`);
  return pathToFileURL(path).href;
}

describe.each(PLACEMENTS)('%s', (placement) => {
  it('functions that were given to arun, or to the site, are found among those of the next opening', async () => {
    using ground = await groundWithCaller();
    const storage = { stableStorage: ground.callers };
    {
      await using fixture = await ground.open({ ...storage, imports: answering(3) });
      const own = await fixture.site.arun(CALLER, { group: 1, placement, imports: answering(5) });
      const shared = await fixture.site.arun(CALLER, { group: 2, placement });
      for (const process of [own, shared]) await process.ready();
      expect([await number(own, 'ask', 2), await number(shared, 'ask', 2)]).toEqual([10, 6]);
      await shared.checkpoint();
    }
    ground.loseStorage();
    await using fixture = await ground.open({ ...storage, imports: answering(7) });
    const { site } = fixture;
    expect(await number(await readyMember(site, NAME), 'ask', 2)).toBe(14);
    expect(await number(await readyMember(site, 'probe-caller#2'), 'ask', 3)).toBe(21);
    expect(await number(named(site, 'probe-caller#2'), 'count')).toBe(2);
    const { pid } = named(site, NAME);
    await site.restart();
    await fixture.backSince(named(site, NAME), pid);
    expect(await number(named(site, NAME), 'ask', 2)).toBe(14);
  });

  it('a group whose function is missing is quarantined, naming it; it comes back at an opening that has it', async () => {
    using ground = await groundWithCaller();
    {
      await using fixture = await ground.open({ stableStorage: ground.callers, imports: answering(3) });
      const caller = await fixture.site.arun(CALLER, { group: 1, placement });
      await caller.ready();
      expect(await number(caller, 'ask', 2)).toBe(6);
      await caller.checkpoint();
    }
    {
      await using fixture = await ground.open();
      const beside = await fixture.site.arun(MEMBER, { group: 2, placement });
      await beside.ready();
    }
    const { answer, ...without } = answering(3)['probe-embedder'] ?? {};
    expect(answer).toBeDefined();
    for (const imports of [{}, { 'probe-embedder': without }]) {
      await using fixture = await ground.open({ imports });
      const { site } = fixture;
      const row = site.report().groups.find(({ group }) => group === 1);
      expect([row?.phase, row?.reason]).toEqual([
        'quarantined',
        expect.stringMatching(
          new RegExp(`^${NAME} cannot be put back: .*IMPORT_UNRESOLVED.*probe-embedder.answer`),
        ),
      ]);
      expect((await rejection(named(site, NAME).call('count'))).code).toBe('GROUP_QUARANTINED');
      expect(await number(await readyMember(site, 'survivor#1'), 'count')).toBe(1);
    }
    await using fixture = await ground.open({ imports: answering(4) });
    const { site } = fixture;
    expect(site.report().groups.find(({ group }) => group === 1)?.phase).toBe('quarantined');
    await site.releaseGroup(1);
    const back = await readyMember(site, NAME);
    expect([await number(back, 'count'), await number(back, 'ask', 2)]).toEqual([1, 8]);
  });

  it('an import module comes back by itself', async () => {
    using ground = await groundWithCaller();
    const importsUrl = importModule(ground, 11);
    await died(ground, 'import', { placement, importsUrl }, { stableStorage: ground.callers });
    ground.loseStorage();
    await using fixture = await ground.open();
    const { site } = fixture;
    expect(await number(await readyMember(site, NAME), 'ask', 2)).toBe(22);
    const { pid } = named(site, NAME);
    await site.restart();
    await fixture.backSince(named(site, NAME), pid);
    expect(await number(named(site, NAME), 'ask', 3)).toBe(33);
  });

  it('a group whose import module is gone is quarantined, naming it, and the others run', async () => {
    using ground = await groundWithCaller();
    const importsUrl = importModule(ground, 11);
    await died(ground, 'import', { placement, importsUrl }, { stableStorage: ground.callers });
    rmSync(new URL(importsUrl));
    await using fixture = await ground.open({ policy: NEXT_IS_QUARANTINE });
    const { site } = fixture;
    const row = () => site.report().groups.find(({ group }) => group === 1);
    await until('it is quarantined', () => row()?.phase === 'quarantined');
    expect(row()?.reason).toContain(importsUrl);
    expect((await rejection(named(site, NAME).call('count'))).code).toBe('GROUP_QUARANTINED');
    const beside = await site.arun(MEMBER, { group: 2, placement });
    await beside.ready();
    expect(await number(beside, 'count')).toBe(1);
  });

  // Inline the module is in the cache of this very program, and found whether its file is there or not.
  it.skipIf(placement === 'inline')(
    'a group whose import module has gone waits in quarantine, and loses nothing by it',
    async () => {
      using ground = await groundWithCaller();
      const importsUrl = importModule(ground, 2);
      {
        await using fixture = await ground.open({ stableStorage: ground.callers });
        const caller = await fixture.site.arun(CALLER, { group: 1, placement, importsUrl });
        await caller.ready();
        expect(await number(caller, 'ask', 4)).toBe(8);
        await caller.checkpoint();
      }
      rmSync(ground.at('imports.mjs'));
      const policy = { maxBadness: 2 };
      await using fixture = await ground.open({ stableStorage: ground.callers, policy });
      const { site } = fixture;
      await until('the group is quarantined', () => site.report().groups[0]?.phase === 'quarantined');
      expect(site.report().groups[0]?.reason).toContain('it cannot be put back');
      expect(named(site, NAME).generation).toBe(1);
      expect((await rejection(named(site, NAME).call('count'))).code).toBe('GROUP_QUARANTINED');
    },
  );
});
