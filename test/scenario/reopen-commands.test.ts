// Commands and children whose host died under them: a command goes on at hr_restarted or begins again, a child comes back when its parent
// asks for it and is told of when nobody does, and who had ended stays so.
import { describe, expect, it } from 'vitest';
import { CAUSE_REQUEST } from '#abi/hr.js';
import { MATRIX, rejection, until } from '#test/support/scenario.js';
import {
  died,
  ENTERED,
  Ground,
  lasting,
  lived,
  MEMBER,
  MORTAL,
  MORTAL_AFTER_CHECKPOINT,
  named,
  number,
  RESTARTED,
  readyMember,
} from './reopen-kit.js';
import { lifeCalled } from './reopen-lives.js';

describe.each(MATRIX)('a command killed with its host: $backend, $placement', ({ backend, placement }) => {
  it.each([
    ['before any checkpoint begins again', MORTAL, ENTERED],
    ['after a checkpoint goes on at hr_restarted', MORTAL_AFTER_CHECKPOINT, RESTARTED + CAUSE_REQUEST],
  ])('%s', async (_, path, expected) => {
    using ground = await Ground.create();
    await died(ground, 'command', { placement, path }, { backend });
    ground.loseStorage();
    const notes: unknown[] = [];
    const host = { note: (value: unknown) => void notes.push(value) as undefined, die: () => undefined };
    await using fixture = await ground.open({ backend, imports: { host } });
    await until('it has ended, and its group with it', () => fixture.site.report().groups.length === 0);
    expect(notes).toEqual([expected]);
    expect([fixture.site.start, fixture.site.aps(), fixture.log.mishaps]).toEqual(['hot', [], []]);
  });
});

const WAYS = [
  { placement: 'inline', end: 'shutdown' },
  { placement: 'thread', end: 'SIGKILL' },
] as const;

describe.each(WAYS)('children after $end: $placement', ({ placement, end }) => {
  const family = (ground: Ground) => lived(ground, end, lifeCalled('raise'), { placement });

  it('come back when the parent asks for them, as they were', async () => {
    using ground = await Ground.create();
    const before = await family(ground);
    ground.loseStorage();
    await using fixture = await ground.open();
    const { site } = fixture;
    const parent = await readyMember(site, 'survivor#1');
    expect(lasting(site)).toEqual(before);
    expect(named(site, 'CHILD').state).toBe('stopped');
    expect((await rejection(named(site, 'CHILD').call('count'))).code).toBe('PROCESS_RESTARTING');
    // Its parent runs, and may ask for it yet.
    expect(site.report().groups[0]?.blocked).toBe(false);
    expect(await number(parent, 'spawn', 'CHILD')).toBe(named(site, 'CHILD').pid);
    const child = await readyMember(site, 'CHILD');
    expect([child.kind, child.generation, await number(child, 'countedSoFar')]).toEqual(['indirect', 2, 2]);
    expect(await number(parent, 'spawn', 'CHILD')).toBeLessThan(0);
    expect(lasting(site)).toEqual(before);
  });

  it('are told of when the parent ends without having asked', async () => {
    using ground = await Ground.create();
    await family(ground);
    await using fixture = await ground.open();
    const { site, log } = fixture;
    const parent = await readyMember(site, 'survivor#1');
    await rejection(parent.call('quit'));
    await until('the group is blocked', () => log.mishaps.length > 0);
    expect(log.mishaps).toEqual(['HR_CTRL: group 6 blocked, some members have not terminated: CHILD']);
    expect(site.report().groups[0]?.blocked).toBe(true);
  });

  it('are told of by the opening itself when the parent had ended before', async () => {
    using ground = await Ground.create();
    await lived(ground, end, lifeCalled('orphan'), { placement });
    for (const opening of [1, 2]) {
      await using fixture = await ground.open();
      const { site } = fixture;
      expect(fixture.output, `opening ${opening}`).toBe(
        'HR_CTRL: group 6 blocked, some members have not terminated: CHILD\n',
      );
      expect([named(site, 'survivor#1').state, named(site, 'CHILD').state]).toEqual(['ended', 'stopped']);
      expect(site.report().groups).toMatchObject([{ group: 6, blocked: true, phase: 'live' }]);
    }
    await using fixture = await ground.open();
    const { site } = fixture;
    // The name is taken until the group is ended, and free afterwards.
    const sameGroup = await site.arun(MEMBER, { group: 6, placement });
    await sameGroup.ready();
    expect(await number(sameGroup, 'spawn', 'CHILD')).toBeGreaterThan(0);
    await site.killGroup(6);
    expect(site.report().groups).toEqual([]);
    expect(site.aps()).toEqual([]);
  });
});
