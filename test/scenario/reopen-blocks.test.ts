// Blocks over the death of a site: what was freed is gone, also where an image still speaks of it, and nobody else's bytes come in its
// place; rights go by credentials and by group as before; and blocks of groups that were ended do not come back with a new group.
import { describe, expect, it } from 'vitest';
import { K_EPRIV, K_OK } from '#abi/errors.js';
import type { Site } from '#runtime/index.js';
import { BACKENDS } from '#test/support/scenario.js';
import { type End, Ground, lived, MEMBER, named, number, readyMember } from './reopen-kit.js';
import { lifeCalled } from './reopen-lives.js';

const userBlocks = (site: Site) => site.pmstat().flatMap(({ name, system }) => (system ? [] : [name]));
const usedBytes = (site: Site) => site.pmm.usage().usedBytes;

const WAYS = BACKENDS.flatMap((backend) =>
  (['shutdown', 'SIGKILL'] as const).map((end: End) => ({ backend, end })),
);

describe.each(WAYS)('$backend, after $end', ({ backend, end }) => {
  const live = (ground: Ground) => lived(ground, end, lifeCalled('free'), null, { backend });

  it('what was freed while it was mapped is gone, and its space with it', async () => {
    using ground = await Ground.create();
    const before = (await live(ground)) as { readonly usedBytes: number; readonly blockBytes: number };
    await using fixture = await ground.open({ backend });
    const { site } = fixture;
    expect(userBlocks(site)).toEqual(['STAYS']);
    expect(usedBytes(site)).toBe(before.usedBytes - before.blockBytes);
    await readyMember(site, 'survivor#2');
    expect(usedBytes(site)).toBe(before.usedBytes - before.blockBytes);
  });

  it('an image that maps a freed block reads zero there, whoever has been given its place and its name since', async () => {
    using ground = await Ground.create();
    await live(ground);
    for (const opening of [1, 2, 3]) {
      await using fixture = await ground.open({ backend });
      const { site } = fixture;
      const holder = await readyMember(site, 'survivor#1');
      const other = await readyMember(site, 'survivor#2');
      // From its generation 1: it knows two addresses, of which one is of a block that is no more.
      expect([holder.generation, await number(holder, 'get', 'STAYS')]).toEqual([1, 71]);
      expect(await number(holder, 'get', 'MAPPED')).toBe(0);
      // A block of the same name, size and key as the one that was freed, and others to fill all places there are.
      for (const name of ['MAPPED', `NEW_A${opening}`, `NEW_B${opening}`]) {
        expect(await number(other, 'allocate', name, 4096, 'k')).toBe(K_OK);
        await other.call('put', [name, 1000 + opening]);
      }
      expect(await number(holder, 'get', 'MAPPED')).toBe(0);
      await holder.call('put', ['MAPPED', 5]);
      expect(await number(other, 'get', 'MAPPED')).toBe(1000 + opening);
      // Now it maps the new one, but the next opening starts from the same image.
      expect(await number(holder, 'allocate', 'MAPPED', 4096, 'k')).toBe(K_OK);
      expect(await number(holder, 'get', 'MAPPED')).toBe(1000 + opening);
    }
  });

  it('nothing of an ended group comes back with the next group of its number', async () => {
    using ground = await Ground.create();
    await lived(ground, end, lifeCalled('end'), null, { backend });
    await using fixture = await ground.open({ backend });
    const { site } = fixture;
    expect(userBlocks(site).sort()).toEqual(['LEFT_BY_GROUP', 'OF_OTHER']);
    expect(site.report().groups.map(({ group }) => group)).toEqual([2]);
    const again = await site.arun(MEMBER, { group: 1, placement: 'inline', credentials: { uid: 5 } });
    await again.ready();
    // The block was made by a process of group 1: of the earlier one, which another user ran.
    expect(await number(again, 'allocate', 'LEFT_BY_GROUP', 8, 'k')).toBe(K_EPRIV);
    expect(await number(again, 'allocate', 'TIED', 8, 'group')).toBe(K_OK);
    expect(await number(again, 'get', 'TIED')).toBe(0);
  });
});

it('rights by trust and by user are those of the credentials that were given at the first start', async () => {
  using ground = await Ground.create();
  {
    await using fixture = await ground.open();
    const { site } = fixture;
    const start = async (group: number, credentials: object) => {
      const process = await site.arun(MEMBER, { group, placement: 'inline', credentials });
      await process.ready();
      return process;
    };
    const owner = await start(1, { uid: 7, gid: 8, groups: [9] });
    await start(2, { uid: 7, gid: 8 });
    await start(3, { uid: 7, gid: 9, groups: [8] });
    await start(4, { uid: 1, gid: 1, trusted: true });
    expect(await number(owner, 'allocate', 'OWNED', 8, 'k')).toBe(K_OK);
  }
  await using fixture = await ground.open();
  const { site } = fixture;
  const statuses: number[] = [];
  for (const name of ['survivor#2', 'survivor#3', 'survivor#4'])
    statuses.push(await number(await readyMember(site, name), 'allocate', 'OWNED', 8, 'k'));
  expect(statuses).toEqual([K_OK, K_EPRIV, K_OK]);
  expect(site.pmstat().find(({ name }) => name === 'OWNED')).toMatchObject({
    key: 'k',
    group: 1,
    owner: named(site, 'survivor#1').name,
    sizeBytes: 4096,
  });
});
