// The judge of the kills: what a bank has to be after one, given what was acknowledged and what was under way, and that it lets nothing
// else pass. A table of what may be found and of what may not.
import { describe, expect, it } from 'vitest';
import { HR_GROUP_KEY } from '#abi/pmm.js';
import { Account } from './account.js';
import type { Found, FoundBlock, FoundGroup, FoundMember, Line, Step } from './facts.js';

const GROUP = 4;
const OWNER: FoundMember = {
  name: 'member#1',
  role: 'A',
  kind: 'direct',
  state: 'ready',
  generation: 2,
  stamp: 2,
  total: 3,
};
const SECOND: FoundMember = {
  ...OWNER,
  name: 'member#2',
  role: 'B',
  generation: 0,
  stamp: 0,
  total: 0,
};
const SECOND_ENDED: FoundMember = { ...SECOND, role: null, state: 'ended', stamp: null, total: null };
const TOTAL: FoundBlock = {
  name: `T${GROUP}A`,
  key: HR_GROUP_KEY,
  group: GROUP,
  sizeBytes: 4096,
  seeds: [],
  total: 3,
};
const SECOND_TOTAL: FoundBlock = { ...TOTAL, name: `T${GROUP}B`, total: 0 };
const BLOCK: FoundBlock = { ...TOTAL, name: `B${GROUP}_0`, sizeBytes: 8192, seeds: [7], total: 1 };
const OWN_BLOCK: FoundBlock = { ...BLOCK, name: `B${GROUP}_1`, key: `KEY${GROUP}`, seeds: [9] };
const OWN_BLOCK_2: FoundBlock = { ...OWN_BLOCK, name: `B${GROUP}_2` };
const LIVE: FoundGroup = {
  group: GROUP,
  phase: 'live',
  badness: 1,
  blocked: false,
  members: [OWNER, SECOND],
};
const BLOCKS = [TOTAL, SECOND_TOTAL, BLOCK, OWN_BLOCK, OWN_BLOCK_2];

function found(changes: Partial<FoundGroup> | null = {}, blocks: readonly FoundBlock[] = BLOCKS): Found {
  return {
    start: 'hot',
    losses: [],
    groups: changes === null ? [] : [{ ...LIVE, ...changes }],
    blocks,
    systemBlocks: ['__SYS:generation:member#1'].slice(changes === null ? 1 : 0),
    usedBytes: 4096,
    blockBytes: 4096,
  };
}

function intended(step: Step): Line {
  return { kind: 'intended', group: GROUP, step };
}

function done(name: string | null = null): Line {
  return { kind: 'done', group: GROUP, name };
}

const own = { sizeBytes: 8192, withGroupKey: false, seed: 9 };
const PROMISED: readonly Line[] = [
  intended({ kind: 'register', role: 'A' }),
  done(OWNER.name),
  intended({ kind: 'register', role: 'B' }),
  done(SECOND.name),
  ...[1, 2].flatMap((generation) => [intended({ kind: 'checkpoint', role: 'A', generation }), done()]),
  ...[1, 2, 3].flatMap(() => [intended({ kind: 'count', role: 'A' }), done()]),
  intended({ kind: 'allocate', name: BLOCK.name, block: { sizeBytes: 8192, withGroupKey: true, seed: 7 } }),
  done(),
  ...[OWN_BLOCK, OWN_BLOCK_2].flatMap(({ name }) => [
    intended({ kind: 'allocate', name, block: own }),
    done(),
  ]),
  intended({ kind: 'crash', role: 'A' }),
  done(),
];

/** What the account says of a bank in which that was found, when the host died with `step` under way. */
function judged(step: Step | null, state: Found): string {
  const account = new Account();
  for (const line of PROMISED) account.take(line);
  if (step !== null) account.take(intended(step));
  account.take({ kind: 'found', found: state });
  return account.failures.join('\n');
}

const owner = (changes: Partial<FoundMember>): Partial<FoundGroup> => ({
  members: [{ ...OWNER, ...changes }, SECOND],
});
const blocks = (...changed: readonly FoundBlock[]): readonly FoundBlock[] =>
  BLOCKS.map((block) => changed.find(({ name }) => name === block.name) ?? block);
const without = (...names: readonly string[]): readonly FoundBlock[] =>
  BLOCKS.filter(({ name }) => !names.includes(name));
const seeded = (block: FoundBlock, ...seeds: readonly number[]): FoundBlock => ({ ...block, seeds });

const checkpoint: Step = { kind: 'checkpoint', role: 'A', generation: 3 };
const count: Step = { kind: 'count', role: 'A' };
const refill: Step = { kind: 'refill', name: BLOCK.name, seed: 8 };
const free: Step = { kind: 'free', name: BLOCK.name };
const freeAll: Step = { kind: 'free-all' };
const crash: Step = { kind: 'crash', role: 'B' };
const end: Step = { kind: 'end', role: 'B' };
const kill: Step = { kind: 'kill-group' };
const spawn: Step = { kind: 'spawn' };
const NEW_NAME = `B${GROUP}_3`;
const allocate: Step = { kind: 'allocate', name: NEW_NAME, block: own };
const CHILD: FoundMember = { ...SECOND, name: 'CHILD4', role: 'C', kind: 'indirect' };
const CHILD_TOTAL: FoundBlock = { ...SECOND_TOTAL, name: `T${GROUP}C` };
const counted = blocks({ ...TOTAL, total: 4 });

describe('accepts', () => {
  it.each<[string, Step | null, Found]>([
    ['what was promised', null, found()],
    ['the old generation', checkpoint, found()],
    ['the new generation', checkpoint, found(owner({ generation: 3, stamp: 3 }))],
    ['the old total', count, found()],
    ['the new total', count, found(owner({ total: 4 }), counted)],
    ['no child', spawn, found()],
    ['the child', spawn, found({ members: [OWNER, SECOND, CHILD] }, [...BLOCKS, CHILD_TOTAL])],
    ['no block', allocate, found()],
    ['an empty block', allocate, found({}, [...BLOCKS, { ...seeded(OWN_BLOCK, 0), name: NEW_NAME }])],
    ['a half filled block', allocate, found({}, [...BLOCKS, { ...seeded(OWN_BLOCK, 9, 0), name: NEW_NAME }])],
    ['half the new content', refill, found({}, blocks(seeded(BLOCK, 8, 7)))],
    ['a block not freed yet', free, found()],
    ['a freed block', free, found({}, without(BLOCK.name))],
    ['all blocks freed', freeAll, found({}, without(OWN_BLOCK.name, OWN_BLOCK_2.name))],
    ['a restart more', crash, found({ badness: 2 })],
    ['a clean end', end, found({ members: [OWNER, SECOND_ENDED] })],
    ['a killed group', kill, found(null, [OWN_BLOCK, OWN_BLOCK_2])],
  ])('%s', (_what, step, state) => {
    expect(judged(step, state)).toBe('');
  });
});

describe('refuses', () => {
  it.each<[string, Step | null, Found, string]>([
    ['a bank begun anew', null, { ...found(null, []), start: 'cold' }, 'the bank was begun anew'],
    ['a loss', null, { ...found(), losses: ['content'] }, 'this was lost: content'],
    [
      'an older generation',
      null,
      found(owner({ generation: 1, stamp: 1 })),
      'generation of A: 1 instead of 2',
    ],
    [
      'a generation too new',
      null,
      found(owner({ generation: 3, stamp: 3 })),
      'generation of A: 3 instead of 2',
    ],
    ['the memory of another one', null, found(owner({ stamp: 1 })), 'memory of A: 1 instead of 2'],
    ['mixed memory', checkpoint, found(owner({ generation: 3, stamp: -2 })), 'memory of A: -2 instead of 3'],
    [
      'the new number on old memory',
      checkpoint,
      found(owner({ generation: 3 })),
      'memory of A: 2 instead of 3',
    ],
    [
      'a lost count',
      null,
      found(owner({ total: 2 }), blocks({ ...TOTAL, total: 2 })),
      'total of A: 2 instead',
    ],
    ['two counts more', count, found(owner({ total: 5 }), blocks({ ...TOTAL, total: 5 })), 'total of A: 5'],
    ['a count its block has not', count, found(owner({ total: 4 })), 'in its block: 3 instead of 4'],
    ['a lost process', null, found({ members: [OWNER] }), 'members: A instead of A,B'],
    ['one twice', null, found({ members: [OWNER, OWNER, SECOND] }), 'members by number: 3'],
    [
      'one that is not back',
      null,
      found(owner({ state: 'stopped' })),
      'state of A: stopped instead of ready',
    ],
    ['one of another kind', null, found(owner({ kind: 'plain' })), 'kind of A: plain instead of direct'],
    ['an end nobody asked for', null, found({ members: [OWNER, SECOND_ENDED] }), 'state of B: ended'],
    ['a quarantine', null, found({ phase: 'quarantined' }), 'phase: quarantined'],
    ['a blocked group', null, found({ blocked: true }), 'blocked: true'],
    ['a forgotten restart', null, found({ badness: 0 }), 'badness: 0 instead of 1'],
    ['a lost block', null, found({}, without(BLOCK.name)), 'blocks: '],
    ['lost content', null, found({}, blocks(seeded(BLOCK, 7, 0))), 'that is none of 7: 0'],
    ['torn content', refill, found({}, blocks(seeded(BLOCK, 8, -1))), 'that is none of 7,8: -1'],
    ['another size', null, found({}, blocks({ ...BLOCK, sizeBytes: 4096 })), `size of ${BLOCK.name}`],
    ['another key', null, found({}, blocks({ ...BLOCK, key: 'KEY4' })), `key of ${BLOCK.name}`],
    ['one of two freed', freeAll, found({}, without(OWN_BLOCK.name)), 'blocks: '],
    ['half a killed group', kill, found({ members: [OWNER] }, without(SECOND_TOTAL.name)), 'members: A'],
    ['blocks of a killed group', kill, found(null, BLOCKS), 'blocks: '],
    ['a killed group that took too much', kill, found(null, []), 'blocks: '],
    ['a block nobody made', null, found({}, [...BLOCKS, { ...BLOCK, name: 'X' }]), 'nobody has made: X'],
    [
      'an image of nobody',
      null,
      { ...found(), systemBlocks: ['__SYS:generation:member#9'] },
      'a system block of nobody',
    ],
    ['pages of nobody', null, { ...found(), usedBytes: 8192 }, '8192 bytes are in use, the blocks have 4096'],
  ])('%s', (_what, step, state, expected) => {
    expect(judged(step, state)).toContain(expected);
  });

  it('that what was found once changes again', () => {
    const account = new Account();
    for (const line of PROMISED) account.take(line);
    account.take(intended(checkpoint));
    account.take({ kind: 'found', found: found(owner({ generation: 3, stamp: 3 })) });
    expect(account.failures).toEqual([]);
    account.take({ kind: 'found', found: found() });
    expect(account.failures.join()).toContain('generation of A: 2 instead of 3');
  });

  it('a freed block that is back', () => {
    const account = new Account();
    for (const line of [...PROMISED, intended(free), done()]) account.take(line);
    account.take({ kind: 'found', found: found() });
    expect(account.failures.join()).toContain('blocks: B4_0,');
  });

  it('a bank that is not empty when all has been freed', () => {
    const account = new Account();
    account.take({ kind: 'emptied', usedBytes: 4096, contentBytesOnMedium: 512 });
    expect(account.failures).toEqual([
      '4096 bytes are in use of an empty bank',
      "512 bytes of an empty bank's content lie on the medium",
    ]);
  });
});
