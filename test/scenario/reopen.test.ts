// A site that was shut down, and one that was killed with SIGKILL, come back from their bank alone: everybody who was registered, as it
// was, from its newest generation, without stable storage; and nothing that was gone.
import { describe, expect, it } from 'vitest';
import { K_EINVAL, K_EPRIV } from '#abi/errors.js';
import { CAUSE_REQUEST } from '#abi/hr.js';
import type { Site } from '#runtime/index.js';
import { inTime, MATRIX, rejection } from '#test/support/scenario.js';
import { ENDS, Ground, lasting, lived, named, number, readyMember } from './reopen-kit.js';
import { lifeCalled } from './reopen-lives.js';

const [FIRST, SECOND, THIRD, PARENT] = ['survivor#1', 'survivor#2', 'survivor#3', 'survivor#4'] as const;
const WAYS = MATRIX.flatMap((way) => ENDS.map((end) => ({ ...way, end })));

const userBlocks = (site: Site) => site.pmstat().flatMap(({ name, system }) => (system ? [] : [name]));
const argsOf = (site: Site, name: string) => named(site, name).call('args', [], { returns: 'strings' });
const envOf = (site: Site, name: string) => named(site, name).call('env', [], { returns: 'strings' });

describe.each(WAYS)('after $end: $backend, $placement', ({ backend, placement, end }) => {
  it('everything registered is back, as it was', async () => {
    using ground = await Ground.create();
    const before = await lived(ground, end, lifeCalled('populate'), placement, { backend });
    ground.loseStorage();
    await using fixture = await ground.open({ backend });
    const { site } = fixture;
    expect([site.start, site.losses, site.report().backend]).toEqual(['hot', [], backend]);
    expect(lasting(site)).toEqual(before);

    // Names, kinds, order of first start: each direct process got its pid after the one before it.
    for (const name of [FIRST, SECOND, PARENT]) await readyMember(site, name);
    expect(named(site, FIRST).pid).toBeLessThan(named(site, SECOND).pid);
    expect(site.aps().filter(({ kind }) => kind === 'plain')).toEqual([]);
    expect(named(site, THIRD).state).toBe('ended');
    expect((await rejection(named(site, THIRD).call('count'))).code).toBe('PROCESS_ENDED');

    // State: from the newest generation, or from generation 0.
    expect(await number(named(site, FIRST), 'countedSoFar')).toBe(3);
    expect(await number(named(site, FIRST), 'cause')).toBe(CAUSE_REQUEST);
    expect(await number(named(site, SECOND), 'countedSoFar')).toBe(0);
    expect(await number(named(site, SECOND), 'cause')).toBe(CAUSE_REQUEST);
    expect(await number(named(site, PARENT), 'cause')).toBe(-1);

    // Surroundings.
    expect(await argsOf(site, FIRST)).toEqual(['survivor.wasm', 'greet', 'a b', '']);
    expect(await envOf(site, FIRST)).toEqual(['NAME=first', 'EMPTY=']);
    expect(await argsOf(site, SECOND)).toEqual(['survivor.wasm', 'second']);
    expect(fixture.output).not.toContain('greet');

    // The child is there again because its parent asked for it, from its own generation.
    const child = await readyMember(site, 'CHILD');
    expect([child.kind, child.generation]).toEqual(['indirect', 1]);
    expect(await number(child, 'countedSoFar')).toBe(1);
    expect(await argsOf(site, 'CHILD')).toEqual(['survivor.wasm', 'CHILD']);

    // Blocks: what was committed, who may reach it, and nothing that was freed.
    expect(userBlocks(site).sort()).toEqual(['KEPT', 'OF_PLAIN', 'OUTLIVES_GROUP', 'TIED']);
    const word = (name: string) => site.pmm.read(name)?.[0];
    expect([word('KEPT'), word('TIED'), word('OF_PLAIN'), word('OUTLIVES_GROUP')]).toEqual([41, 42, 43, 0]);
    expect(await number(named(site, SECOND), 'allocate', 'KEPT', 5000, 'of first')).toBe(0);
    expect(await number(named(site, SECOND), 'get', 'KEPT')).toBe(41);
    expect(await number(named(site, FIRST), 'allocate', 'KEPT', 5000, 'another key')).toBe(K_EINVAL);
    expect(await number(named(site, PARENT), 'allocate', 'KEPT', 5000, 'of first')).toBe(K_EPRIV);
    expect(await number(named(site, PARENT), 'allocate', 'OF_PLAIN', 8, 'of plain')).toBe(0);
    expect(await number(named(site, PARENT), 'get', 'OF_PLAIN')).toBe(43);
    expect(await number(named(site, FIRST), 'allocate', 'OF_PLAIN', 8, 'of plain')).toBe(K_EPRIV);

    // It goes on from there.
    expect(await inTime('a checkpoint', named(site, FIRST).checkpoint())).toBe(4);
    const { pid } = named(site, FIRST);
    await rejection(named(site, SECOND).call('trap'));
    await fixture.backSince(named(site, FIRST), pid);
    expect(await number(named(site, FIRST), 'countedSoFar')).toBe(3);
    await site.killGroup(3);
    expect(site.process(FIRST)).toBeNull();
    expect(userBlocks(site)).not.toContain('TIED');
    expect(fixture.log.mishaps).toEqual([]);
  });
});
