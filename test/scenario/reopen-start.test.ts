// How a site begins on a bank: cold with all of sysadm.ini, hot without its `arun -g` lines, anew when a cold start was cut off in the
// middle or when it is asked for; and that site restarts are what they are without a bank.
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SiteOptions } from '#runtime/index.js';
import {
  BACKENDS,
  MATRIX,
  PLACEMENTS,
  rejection,
  type SiteUnderTest,
  until,
} from '#test/support/scenario.js';
import { PLACES } from '#test/unit/bank/bank-fixture.js';
import { died, Ground, lasting, lived, MEMBER, MORTAL, named, number, readyMember } from './reopen-kit.js';
import { lifeCalled } from './reopen-lives.js';

const SYSADM = 'sysadm.ini';
const registered = ({ site }: SiteUnderTest) =>
  site.aps().map(({ name, kind, group }) => `${name} ${kind} ${group}`);

describe.each(PLACEMENTS)('sysadm.ini: %s', (placement) => {
  const lines = (word: string) => `
echo ${word}
setenv MODE ${word}
arun -g 1 -p ${placement} ${MEMBER}
arun -p ${placement} ${MEMBER} plain
arun missing.wasm
`;

  it('is run whole at a cold start, and without its groups at every hot one', async () => {
    using ground = await Ground.create();
    const write = (word: string) => writeFileSync(join(ground.storage, SYSADM), lines(word));
    write('cold');
    {
      await using fixture = await ground.open();
      expect(fixture.site.start).toBe('cold');
      expect(registered(fixture)).toEqual(['survivor#1 direct 1', 'survivor#2 plain null']);
      expect(fixture.output).toMatch(
        /^cold\nStarted pid = 1\nStarted pid = 2\nC_INIT: sysadm.ini:6: MODULE_NOT_FOUND/,
      );
      await number(await readyMember(fixture.site, 'survivor#1'), 'count');
    }
    for (const word of ['hot', 'hotter']) {
      write(word);
      await using fixture = await ground.open();
      const { site } = fixture;
      expect(site.start).toBe('hot');
      expect(fixture.output).toMatch(
        new RegExp(`^${word}\nStarted pid = \\d+\nC_INIT: sysadm.ini:6: MODULE_NOT_FOUND`),
      );
      expect(fixture.output.match(/Started/g)).toHaveLength(1);
      expect(registered(fixture).sort()).toEqual(['survivor#1 direct 1', 'survivor#2 plain null']);
      expect(site.report().sysadmFailures.map(({ line }) => line)).toEqual([6]);
      // The member has the surroundings it was started with, the plain process those of this start.
      const env = async (name: string) =>
        (await readyMember(site, name)).call('env', [], { returns: 'strings' });
      expect([await env('survivor#1'), await env('survivor#2')]).toEqual([['MODE=cold'], [`MODE=${word}`]]);
      expect(await number(named(site, 'survivor#1'), 'countedSoFar')).toBe(0);
    }
  });
});

it('is not run when it is to be ignored, and its absence, or that of the storage, keeps nobody from coming back', async () => {
  using ground = await Ground.create();
  writeFileSync(join(ground.storage, SYSADM), `arun -g 1 -p inline ${MEMBER}\necho done\n`);
  {
    await using fixture = await ground.open();
    expect(fixture.output).toBe('Started pid = 1\ndone\n');
  }
  {
    await using fixture = await ground.open({ sysadm: 'ignore' });
    expect([fixture.output, registered(fixture)]).toEqual(['', ['survivor#1 direct 1']]);
  }
  ground.loseStorage();
  await using fixture = await ground.open();
  expect(registered(fixture)).toEqual(['survivor#1 direct 1']);
  expect(await number(await readyMember(fixture.site, 'survivor#1'), 'count')).toBe(1);
  expect(fixture.output).toMatch(/^C_INIT: sysadm.ini: STORAGE_UNAVAILABLE: .*\n$/);
  expect(fixture.site.report().sysadmFailures).toMatchObject([{ line: 0 }]);
});

describe.each(MATRIX)('a cold start that was cut off: $backend, $placement', ({ backend, placement }) => {
  it('is begun anew: nothing of it is there, and all lines are run again', async () => {
    using ground = await Ground.create();
    const begin = `arun -g 1 -p inline ${MEMBER}\narun -g 2 -p ${placement} ${MORTAL}\n`;
    // The host dies while these are being run: none of them may be half done.
    const rest = Array.from({ length: 8 }, () => `arun -g 3 -p thread ${MEMBER}\n`).join('');
    writeFileSync(join(ground.storage, SYSADM), begin + rest);
    await died(ground, 'command', null, { backend });
    expect(existsSync(join(ground.bank, 'superblock'))).toBe(true);

    writeFileSync(join(ground.storage, SYSADM), `arun -g 4 -p inline ${MEMBER}\n`);
    await using fixture = await ground.open({ backend });
    const { site } = fixture;
    expect([site.start, site.losses, registered(fixture)]).toEqual(['cold', [], ['survivor#1 direct 4']]);
    expect(await number(await readyMember(site, 'survivor#1'), 'count')).toBe(1);
  });
});

describe.each(BACKENDS)("start: 'cold': %s", (backend) => {
  it.each(PLACES)('erases all there was, in %s', async (place) => {
    using ground = await Ground.create(place);
    await lived(ground, 'shutdown', lifeCalled('populate'), 'inline', { backend });
    const files = readdirSync(ground.bank).sort();
    const cold = (more: Partial<SiteOptions> = {}) =>
      ground.open({ backend, bank: { path: ground.bank, start: 'cold' }, ...more });
    {
      await using fixture = await cold({ limits: { bankSizeBytes: 32 * 1024 * 1024 } });
      const { site } = fixture;
      expect([site.start, site.aps(), site.report().groups, site.pmstat()]).toEqual(['cold', [], [], []]);
      expect(site.report().bank).toMatchObject({ usedBytes: 0, sizeBytes: 32 * 1024 * 1024 });
      const process = await site.arun(MEMBER, { group: 3, placement: 'inline' });
      await process.ready();
      // Its block of the same name is a new one.
      expect(await number(process, 'allocate', 'KEPT', 8, 'k')).toBe(0);
      expect(await number(process, 'get', 'KEPT')).toBe(0);
    }
    expect(readdirSync(ground.bank).sort()).toEqual(files);
    const { limits: _, ...silent } = ground.options({ backend });
    await using fixture = await ground.openWith(silent);
    expect([fixture.site.start, registered(fixture)]).toEqual(['hot', ['survivor#1 direct 3']]);
  });
});

describe.each(MATRIX)('site restarts on a bank: $backend, $placement', ({ backend, placement }) => {
  it('go as without one, before and after a reopening', async () => {
    using ground = await Ground.create();
    await lived(ground, 'shutdown', lifeCalled('raise'), { placement }, { backend });
    await using fixture = await ground.open({ backend });
    const { site, log } = fixture;
    const told: string[] = [];
    site.on('restarted', ({ group, rung }) => told.push(`restarted ${group}: ${rung}`));
    site.on('siteRestarted', () => told.push('site restarted'));
    const parent = await readyMember(site, 'survivor#1');
    await number(parent, 'spawn', 'CHILD');
    const before = lasting(site);
    const { pid } = parent;
    await site.restart();
    await fixture.backSince(parent, pid);
    expect(told).toEqual(['restarted 6: site', 'site restarted']);
    expect(named(site, 'CHILD').state).toBe('stopped');
    expect(lasting(site)).toEqual(before);
    await number(parent, 'spawn', 'CHILD');
    expect(await number(await readyMember(site, 'CHILD'), 'countedSoFar')).toBe(2);
    expect(log.faults).toEqual([]);
  });
});

it('a site on a bank tells of its end by its files alone: what came after a shutdown is refused, and changes nothing', async () => {
  using ground = await Ground.create();
  const fixture = await ground.open();
  const process = await fixture.site.arun(MEMBER, { group: 1, placement: 'inline' });
  await process.ready();
  await process.checkpoint();
  await fixture.site.shutdown();
  expect((await rejection(process.checkpoint())).code).toMatch(/^(SITE_CLOSED|PROCESS_ENDED)$/);
  expect((await rejection(fixture.site.arun(MEMBER, { group: 1 }))).code).toBe('SITE_CLOSED');
  expect(fixture.site.report().bankPresent).toBe(false);
  await using again = await ground.open();
  await until('it is back', () => again.site.process('survivor#1')?.state === 'ready');
  expect(again.site.process('survivor#1')?.generation).toBe(1);
});
