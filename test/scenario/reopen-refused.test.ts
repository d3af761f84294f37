// An opening that is refused: nothing of it stays open, not a byte of the bank is changed, and whoever sets right what was wrong opens it
// as if nobody had tried.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { BankDirectory } from '#runtime/bank/bank-directory.js';
import type { JsonValue, LedgerChange } from '#runtime/bank/ledger-records.js';
import { BACKENDS, rejection } from '#test/support/scenario.js';
import { bankOptions } from '#test/unit/bank/bank-fixture.js';
import { BANK_BYTES, Ground, lasting, lived, MEMBER, number, readyMember } from './reopen-kit.js';
import { lifeCalled } from './reopen-lives.js';

const onLinux = process.platform === 'linux';
const LOCK = 'lock';

/** Digests of all files but the note of who has it, which is nobody's any more. */
function bytesOf(ground: Ground): readonly string[] {
  const names = readdirSync(ground.bank).filter((name) => name !== LOCK);
  const digest = (name: string) => createHash('sha256').update(readFileSync(join(ground.bank, name)));
  return names.sort().map((name) => `${name} ${digest(name).digest('hex')}`);
}

/** All that a bank nobody has open tells. Its ledger is written anew, as it is, whenever it is opened: what counts are the entries. */
function contentOf(ground: Ground): object {
  using directory = BankDirectory.open(bankOptions(ground.bank));
  const files = bytesOf(ground).filter((line) => !line.startsWith('ledger '));
  return { files, entries: directory.ledger.entries(''), losses: directory.losses };
}

/** Open files and mappings of a bank in this process, by their paths. */
function heldOf(ground: Ground): readonly string[] {
  if (!onLinux) return [];
  const maps = readFileSync('/proc/self/maps', 'utf8').split('\n');
  return maps.filter((line) => line.includes(ground.bank));
}

const descriptors = () => (onLinux ? readdirSync('/proc/self/fd').length : 0);

/** Changes records of a bank that nobody has open; what they were. */
function edit(ground: Ground, changes: (get: (key: string) => JsonValue | null) => readonly LedgerChange[]) {
  using directory = BankDirectory.open(bankOptions(ground.bank));
  const { ledger } = directory;
  const wanted = changes((key) => ledger.get(key));
  const before = wanted.map(({ key }): LedgerChange => ({ key, value: ledger.get(key) }));
  ledger.commit(wanted);
  return before;
}

type Fields = Readonly<Record<string, JsonValue>>;
const withFields = (value: JsonValue | null, fields: Fields): JsonValue => ({
  ...(value as Fields),
  ...fields,
});

const FIRST = 'process/survivor#1';
const GROUP = 'group/3';
const GENERATIONS = 'generations/survivor#1';

/** What no site has ever written: it contradicts something else, or itself. */
const CONTRADICTIONS: readonly (readonly [
  title: string,
  key: string,
  change: (value: JsonValue | null, get: (key: string) => JsonValue | null) => JsonValue | null,
])[] = [
  ['a group whose member is not registered', FIRST, () => null],
  ['a member of two groups', FIRST, (value) => withFields(value, { group: 4 })],
  ['a process without its arguments', FIRST, (value) => withFields(value, { args: 5 })],
  ['a placement there is not', FIRST, (value) => withFields(value, { placement: 'cloud' })],
  ['a group of a number beyond any', GROUP, (value) => withFields(value, { id: -1 })],
  [
    'two groups of one serial',
    GROUP,
    (value, get) => withFields(value, { serial: serialOf(get('group/4')) }),
  ],
  ['a quarantine without a reason', GROUP, (value) => withFields(value, { quarantined: true })],
  ['a group that is no record', GROUP, () => 'three'],
  ['a block in the place of another', 'block/1000', (_, get) => blockAt(get)],
  ['a block beyond the bank', 'block/1000', (_, get) => withFields(blockAt(get), { offset: BANK_BYTES })],
  ['generations that are no list', GENERATIONS, (value) => withFields(value, { kept: 'all' })],
  ['a generation in the place of another', GENERATIONS, (value) => twice(value)],
];

const serialOf = (group: JsonValue | null): JsonValue => {
  const { serial = 0 } = group as Fields;
  return serial;
};

/** A block that claims the place of the first generation there is. */
function blockAt(get: (key: string) => JsonValue | null): JsonValue {
  const { kept } = get(GENERATIONS) as unknown as { kept: readonly { offset: number; sizeBytes: number }[] };
  return {
    name: 'IN_THE_WAY',
    offset: kept[0]?.offset ?? 0,
    sizeBytes: 4096,
    owner: 'nobody',
    key: '6b',
    hasGroupKey: false,
    creator: { uid: 0, gid: 0, groups: [], trusted: false },
    group: null,
  };
}

function twice(value: JsonValue | null): JsonValue {
  const { kept, spare } = value as unknown as { kept: readonly JsonValue[]; spare: JsonValue };
  return { kept: [kept[0] ?? null, kept[0] ?? null], spare };
}

/** Blocks of a group that is no more: the next opening that succeeds drops them, one that is refused may not. */
function orphaned(ground: Ground): void {
  edit(ground, () => [
    {
      key: 'block/999',
      value: {
        name: 'ORPHAN',
        offset: BANK_BYTES - 4096,
        sizeBytes: 4096,
        owner: 'nobody',
        key: '',
        hasGroupKey: true,
        creator: { uid: 0, gid: 0, groups: [], trusted: false },
        group: { id: 9, serial: 99 },
      },
    },
  ]);
}

let held: readonly string[] = [];
afterEach(() => {
  expect(held).toEqual([]);
  held = [];
});

describe.each(BACKENDS)('records that contradict each other: %s', (backend) => {
  it.each(CONTRADICTIONS)('%s', async (_, key, change) => {
    using ground = await Ground.create();
    const lasted = await lived(ground, 'shutdown', lifeCalled('populate'), 'inline', { backend });
    orphaned(ground);
    const before = edit(ground, (get) => [{ key, value: change(get(key), get) }]);
    const content = contentOf(ground);
    const open = descriptors();
    for (const attempt of [1, 2]) {
      const refused = await rejection(ground.open({ backend }));
      expect([attempt, refused.code]).toEqual([attempt, 'BANK_DAMAGED']);
      expect(contentOf(ground)).toEqual(content);
    }
    held = heldOf(ground);
    expect(descriptors()).toBe(open);

    // Set right, it opens with all that was in it.
    edit(ground, () => before);
    await using fixture = await ground.open({ backend });
    expect([fixture.site.start, fixture.site.losses]).toEqual(['hot', []]);
    expect(lasting(fixture.site)).toEqual(lasted);
    expect(await number(await readyMember(fixture.site, 'survivor#1'), 'countedSoFar')).toBe(3);
  });
});

describe('an opening with something else wrong', () => {
  it('another size: refused, the bank as it was', async () => {
    using ground = await Ground.create();
    await lived(ground, 'shutdown', lifeCalled('populate'), 'inline');
    const [content, open] = [contentOf(ground), descriptors()];
    const refused = await rejection(ground.open({ limits: { bankSizeBytes: 2 * BANK_BYTES } }));
    expect([refused.code, refused.culprit]).toEqual(['OPTION_INVALID', 'limits.bankSizeBytes']);
    expect(contentOf(ground)).toEqual(content);
    held = heldOf(ground);
    expect(descriptors()).toBe(open);
    await using fixture = await ground.open();
    await readyMember(fixture.site, 'survivor#1');
  });

  it('a site that has it open: named, and not disturbed', async () => {
    using ground = await Ground.create();
    await using owner = await ground.open();
    const process = await owner.site.arun(MEMBER, { group: 1, placement: 'inline' });
    await process.ready();
    const [bytes, open] = [bytesOf(ground), descriptors()];
    for (const start of ['hot', 'cold'] as const) {
      const refused = await rejection(ground.open({ bank: { path: ground.bank, start } }));
      expect([refused.code, refused.culprit]).toEqual(['BANK_OWNED', ground.bank]);
      expect(refused.message).toContain(`process ${globalThis.process.pid}`);
      expect(bytesOf(ground)).toEqual(bytes);
    }
    expect(descriptors()).toBe(open);
    expect(await number(process, 'count')).toBe(1);
    expect(await process.checkpoint()).toBe(1);
  });

  it('no stable storage for a cold start: the next one, with storage, begins', async () => {
    using ground = await Ground.create();
    const open = descriptors();
    const refused = await rejection(ground.open({ stableStorage: ground.at('nowhere') }));
    expect(refused.code).toBe('STORAGE_UNAVAILABLE');
    held = heldOf(ground);
    expect(descriptors()).toBe(open);
    await using fixture = await ground.open();
    expect(fixture.site.start).toBe('cold');
  });

  it('a missing parent directory is named, and not made', async () => {
    using ground = await Ground.create();
    const refused = await rejection(ground.open({ bank: ground.at('absent/bank') }));
    expect(refused.code).toBe('BANK_UNAVAILABLE');
    expect(refused.message).toContain(ground.at('absent'));
    expect(() => readdirSync(ground.at('absent'))).toThrow('ENOENT');
  });
});
