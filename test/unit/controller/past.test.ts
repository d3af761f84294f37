// What a site finds in its bank before anything is restarted: what is sound is taken over, what is damaged is named and costs itself only,
// what belongs to nobody is dropped, and a contradiction leaves the bank as it was.
import { beforeAll, describe, expect, it } from 'vitest';
import { BankDirectory } from '#runtime/bank/bank-directory.js';
import type { JsonValue, LedgerChange } from '#runtime/bank/ledger-records.js';
import { readPast, type SitePast } from '#runtime/controller/past.js';
import { Volumes } from '#runtime/files/volumes.js';
import { ProcessImages } from '#runtime/image/process-image.js';
import { Site } from '#runtime/index.js';
import { Bank } from '#runtime/memory/bank.js';
import { PersistentMemoryManager } from '#runtime/memory/persistent-memory-manager.js';
import { SYSTEM_ENVIRONMENT } from '#runtime/site-environment.js';
import { checkSiteOptions } from '#runtime/site-options.js';
import { type BankImage, MemoryFiles } from '#test/support/memory-files.js';
import { TEST_GUESTS } from '#test/support/test-guests.js';
import { bankOptions } from '../bank/bank-fixture.js';

const SIZE_BYTES = 4 * 1024 * 1024;
const NOW_MS = 4_000_000_000_000;
const [FIRST, SECOND] = ['survivor#1', 'survivor#2'] as const;

/** A bank with a group of two, of which the first has made three generations, and another group. */
let image: BankImage = new Map();

beforeAll(async () => {
  const files = new MemoryFiles();
  const site = await Site.open(
    checkSiteOptions({
      stableStorage: TEST_GUESTS,
      bank: '/memory',
      backend: 'copied',
      limits: { bankSizeBytes: SIZE_BYTES },
    }),
    { ...SYSTEM_ENVIRONMENT, nowMs: () => 1_000_000_000_000, openBankFiles: () => files },
  );
  for (const group of [1, 1, 2]) {
    const process = await site.arun('survivor.wasm', { group, placement: 'inline' });
    await process.ready();
    await process.call('allocate', [`OF_${process.name}`, 8, 'group']);
    for (let generation = 1; process.name === FIRST && generation <= 3; generation += 1) {
      await process.call('count');
      await process.checkpoint();
    }
  }
  await site.shutdown();
  image = files.image();
});

type Values = (key: string) => JsonValue | null;
interface Opened extends Disposable {
  readonly bank: Bank;
  readonly read: () => SitePast;
  readonly values: Values;
  readonly blocks: () => readonly string[];
}

/** That bank, after these changes of its records and of its content. */
function opened({
  changes = () => [],
  damage = () => null,
}: {
  changes?: (values: Values) => readonly LedgerChange[];
  /** Offset of a byte of the content to be flipped. */
  damage?: (values: Values) => number | null;
} = {}): Opened {
  const files = new MemoryFiles(image);
  const directory = BankDirectory.open(bankOptions('/memory', { sizeBytes: SIZE_BYTES }), () => files);
  const values: Values = (key) => directory.ledger.get(key);
  directory.ledger.commit(changes(values));
  const offset = damage(values);
  if (offset !== null) {
    const [byte = 0] = directory.content.read(offset, 1);
    directory.content.write(Uint8Array.of(byte ^ 0x10), offset);
  }
  const bank = Bank.open(directory, 'copied');
  const pmm = new PersistentMemoryManager(bank, { maxBlocks: 64 });
  const images = new ProcessImages(bank, pmm);
  return {
    bank,
    values,
    read: () =>
      readPast(
        bank,
        pmm,
        images,
        new Volumes({ bank, volumeQuotaBytes: SIZE_BYTES, nowMs: () => NOW_MS }),
        NOW_MS,
      ),
    blocks: () => pmm.list().flatMap(({ name, system }) => (system ? [] : [name])),
    [Symbol.dispose]: () => bank[Symbol.dispose](),
  };
}

type Fields = Record<string, JsonValue>;
const GENERATIONS = `generations/${FIRST}`;
const keptOf = (values: Values) =>
  (values(GENERATIONS) as unknown as { kept: { generation: number; offset: number; headBytes: number }[] })
    .kept;
const imageKeyOf = (values: Values) => {
  const { image: digest } = values(`process/${FIRST}`) as Fields;
  return `image/${digest}`;
};
const imageOf = (values: Values) =>
  values(imageKeyOf(values)) as unknown as Record<string, { offset: number }>;

/** Group by group, with members and what they start from. */
function summary({ state, processes }: SitePast): readonly string[] {
  const generations = new Map(
    processes.map(({ record, past }) => [
      record.identity.name,
      past.generations.kept.map(({ head }) => head.generation).join(' '),
    ]),
  );
  return [...state.groups.values()].map(({ id, phase, members }) => {
    const each = members.map(({ name }) => `${name} [${generations.get(name)}]`);
    return `${id} ${phase}: ${each.join(', ')}`;
  });
}

const WHOLE = ['1 live: survivor#1 [3 2], survivor#2 []', '2 live: survivor#3 []'];
const ALL_BLOCKS = ['OF_survivor#1', 'OF_survivor#2', 'OF_survivor#3'];

describe('what is sound', () => {
  it('is taken over whole, in order, twice the same', () => {
    using bank = opened();
    const past = bank.read();
    expect([summary(past), past.losses, bank.blocks()]).toEqual([WHOLE, [], ALL_BLOCKS]);
    expect(
      past.processes.map(({ record, past: { state, stopReason } }) => [
        record.identity.name,
        state,
        stopReason.code,
      ]),
    ).toEqual([FIRST, SECOND, 'survivor#3'].map((name) => [name, 'stopped', 'PROCESS_RESTARTING']));
  });

  it('times that are yet to come are taken for now', () => {
    const future = [NOW_MS + 5000, NOW_MS - 5000];
    using bank = opened({
      changes: (values) => [
        {
          key: 'group/1',
          value: {
            ...(values('group/1') as Fields),
            restartTimesMs: future,
            siteRestartTimesMs: future,
            coldStartMs: NOW_MS + 1,
          },
        },
      ],
    });
    const group = bank.read().state.groups.get(1);
    const cut = [NOW_MS, NOW_MS - 5000];
    expect([group?.restartTimesMs, group?.siteRestartTimesMs, group?.coldStartMs]).toEqual([
      cut,
      cut,
      NOW_MS,
    ]);
  });

  it('a group in quarantine, and a member that has ended, are so', () => {
    using bank = opened({
      changes: (values) => {
        const group = values('group/1') as Fields;
        const { members: before } = group;
        const [first, ...others] = before as Fields[];
        const members = [{ ...first, ended: true }, ...others] as JsonValue;
        return [{ key: 'group/1', value: { ...group, members, quarantined: true, reason: 'because' } }];
      },
    });
    const past = bank.read();
    expect(past.state.groups.get(1)).toMatchObject({ phase: 'quarantined', reason: 'because' });
    expect(
      past.processes.slice(0, 2).map(({ past: { state, stopReason } }) => [state, stopReason.code]),
    ).toEqual([
      ['ended', 'GROUP_QUARANTINED'],
      ['stopped', 'GROUP_QUARANTINED'],
    ]);
  });
});

describe('what is damaged is named, and costs itself only', () => {
  it.each([
    ['the head of the newest generation', 0, 20, '[2]', 3],
    ['the memory of the newest generation', 0, 4096 + 10, '[2]', 3],
    ['the head of an older generation', 1, 20, '[3]', 2],
  ])('%s', (_, index, at, left, lost) => {
    using bank = opened({ damage: (values) => (keptOf(values)[index]?.offset ?? 0) + at });
    const past = bank.read();
    expect(summary(past)).toEqual([`1 live: survivor#1 ${left}, survivor#2 []`, WHOLE[1]]);
    expect(past.losses).toMatchObject([{ kind: 'generation', name: `${FIRST}, generation ${lost}` }]);
    expect(keptOf(bank.values).map(({ generation }) => generation)).not.toContain(lost);
    expect(bank.blocks()).toEqual(ALL_BLOCKS);
  });

  it.each(['text', 'generation0'])(
    'the %s of a process image: all that need it; their groups wait in quarantine',
    (part) => {
      using bank = opened({ damage: (values) => (imageOf(values)[part]?.offset ?? 0) + 40 });
      const past = bank.read();
      expect(past.processes).toEqual([]);
      expect(
        [...past.state.groups.values()].map(({ phase, reason, members }) => [phase, reason, members]),
      ).toEqual(Array.from({ length: 2 }, () => ['quarantined', 'all its processes are lost', []]));
      expect(past.losses.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
        'process-image survivor.wasm',
        `process ${FIRST}`,
        `process ${SECOND}`,
        'process survivor#3',
      ]);
      // Whoever runs the site decides about their blocks.
      expect(bank.blocks()).toEqual(ALL_BLOCKS);
      expect(bank.values(`process/${FIRST}`)).toBeNull();
    },
  );

  it('a process image that is not recorded any more', () => {
    using bank = opened({ changes: (values) => [{ key: imageKeyOf(values), value: null }] });
    expect(bank.read().losses.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      `process ${FIRST}`,
      `process ${SECOND}`,
      'process survivor#3',
    ]);
  });
});

describe('what belongs to nobody is dropped', () => {
  it.each<[string, (values: Values) => LedgerChange[], string]>([
    [
      'a process that was about to be registered',
      (values) => [{ key: 'process/stray', value: values(`process/${FIRST}`) }],
      'process/stray',
    ],
    [
      'generations of nobody',
      (values) => [{ key: 'generations/stray', value: values(GENERATIONS) }],
      'generations/stray',
    ],
  ])('%s', (_, changes, key) => {
    using bank = opened({ changes });
    const past = bank.read();
    expect([summary(past), past.losses, bank.values(key)]).toEqual([WHOLE, [], null]);
  });

  it('the processes, generations and HR_GROUP_KEY blocks of a group that was ended', () => {
    using bank = opened({ changes: () => [{ key: 'group/1', value: null }] });
    const past = bank.read();
    expect([summary(past), bank.blocks()]).toEqual([[WHOLE[1]], ['OF_survivor#3']]);
    expect([`process/${FIRST}`, `process/${SECOND}`, GENERATIONS].map(bank.values)).toEqual([
      null,
      null,
      null,
    ]);
    expect(past.state.books.nextSerial).toBe(3);
  });
});

it('a contradiction is BANK_DAMAGED, and no record has been changed', () => {
  using bank = opened({
    changes: () => [
      { key: 'group/2', value: null },
      { key: `process/${SECOND}`, value: null },
    ],
  });
  const before = bank.bank.ledger.entries('');
  expect(() => bank.read()).toThrow(expect.objectContaining({ code: 'BANK_DAMAGED' }));
  expect(bank.bank.ledger.entries('')).toEqual(before);
});
