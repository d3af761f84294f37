// What of groups is written down in a bank, and what is made of it again: the round trip for groups of any history, the reading of
// damaged records, and the state a site begins with when it has come back.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonValue } from '#runtime/bank/ledger-records.js';
import { groupFromRecord, recordOfGroup, restoredState } from '#runtime/controller/group-record.js';
import type { Group } from '#runtime/controller/state.js';
import { anyHistory, anyPolicy, pastOf } from './any-history.js';
import { direct, History } from './history.js';

type Fields = { readonly [name: string]: JsonValue };

const MEMBER: Fields = { name: 'a', kind: 'direct', ended: false, futileFailures: 1, futileGeneration: 4 };
const RECORD: Fields = {
  id: 7,
  serial: 12,
  quarantined: false,
  reason: null,
  reloading: false,
  restartTimesMs: [1000, 2000],
  siteRestartTimesMs: [2000],
  coldStartMs: 500,
  members: [
    MEMBER,
    { ...MEMBER, name: 'b', kind: 'indirect', ended: true, futileFailures: 0, futileGeneration: 0 },
  ],
};

function reread(group: Group): Group {
  const written: JsonValue = JSON.parse(JSON.stringify(recordOfGroup(group)));
  return groupFromRecord(`group/${group.id}`, written);
}

test('a record becomes the group as it is when nothing of it runs', () => {
  expect(groupFromRecord('group/7', RECORD)).toEqual({
    id: 7,
    serial: 12,
    phase: 'live',
    members: [
      { name: 'a', kind: 'direct', status: 'stopped', startOrder: 0, futileFailures: 1, futileGeneration: 4 },
      { name: 'b', kind: 'indirect', status: 'ended', startOrder: 1, futileFailures: 0, futileGeneration: 0 },
    ],
    restartTimesMs: [1000, 2000],
    siteRestartTimesMs: [2000],
    coldStartMs: 500,
    reloading: false,
    blocked: false,
    reason: null,
  } satisfies Group);
  expect(recordOfGroup(groupFromRecord('group/7', RECORD))).toEqual(RECORD);
});

test('what is written of any group says the same when it has been read and is written again', () => {
  fc.assert(
    fc.property(
      anyPolicy,
      anyHistory,
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (policy, events, fraction) => {
        const past = events.map(([event, gapMs]) => [event, gapMs + fraction] as const);
        for (const group of pastOf(policy, past).history.state.groups.values()) {
          const again = reread(group);
          expect(recordOfGroup(again)).toEqual(recordOfGroup(group));
          expect(again.phase === 'quarantined').toBe(group.phase === 'quarantined');
          expect(again.members.map(({ name }) => name)).toEqual(group.members.map(({ name }) => name));
        }
      },
    ),
    { numRuns: 300 },
  );
});

describe('a damaged record is refused by name', () => {
  const withMember = (changes: Fields): Fields => ({ ...RECORD, members: [{ ...MEMBER, ...changes }] });
  const cases: readonly (readonly [string, JsonValue])[] = [
    ...Object.keys(RECORD).map((name): readonly [string, JsonValue] => {
      const { [name]: _gone, ...rest } = RECORD;
      return [`without ${name}`, rest];
    }),
    ...Object.keys(MEMBER).map((name): readonly [string, JsonValue] => {
      const { [name]: _gone, ...rest } = MEMBER;
      return [`a member without ${name}`, { ...RECORD, members: [rest] }];
    }),
    ['no record', 'group'],
    ['a negative ID', { ...RECORD, id: -1 }],
    ['an ID above every limit', { ...RECORD, id: 100_000 }],
    ['serial 0', { ...RECORD, serial: 0 }],
    ['a serial nothing can follow', { ...RECORD, serial: Number.MAX_SAFE_INTEGER }],
    ['a quarantine without a reason', { ...RECORD, quarantined: true }],
    ['a reason without a quarantine', { ...RECORD, reason: 'because' }],
    ['a reason that is a number', { ...RECORD, quarantined: true, reason: 3 }],
    ['a time with a fraction', { ...RECORD, restartTimesMs: [0.5] }],
    ['a time before all times', { ...RECORD, siteRestartTimesMs: [-1] }],
    ['a time that is a text', { ...RECORD, coldStartMs: 'noon' }],
    ['times that are no list', { ...RECORD, restartTimesMs: 4 }],
    ['no members', { ...RECORD, members: [] }],
    ['two members of one name', { ...RECORD, members: [MEMBER, MEMBER] }],
    ['a plain member', withMember({ kind: 'plain' })],
    ['an ended flag that is a number', withMember({ ended: 1 })],
    ['futile failures of no generation', withMember({ futileGeneration: 0 })],
    ['a futile generation without failures', withMember({ futileFailures: 0 })],
    ['half a futile failure', withMember({ futileFailures: 0.5 })],
  ];
  test.each(cases)('%s', (_title, value) => {
    expect(() => groupFromRecord('group/7', value)).toThrow(
      expect.objectContaining({ code: 'BANK_DAMAGED', culprit: 'group/7' }),
    );
  });

  test('anything at all: a group or BANK_DAMAGED, and what is read can be written', () => {
    const nearly = fc
      .tuple(fc.constantFrom(...Object.keys(RECORD)), fc.jsonValue())
      // Through text, as a record is: there is no -0 in that.
      .map(([name, value]) => JSON.parse(JSON.stringify({ ...RECORD, [name]: value })) as JsonValue);
    fc.assert(
      fc.property(nearly, (value) => {
        let group: Group;
        try {
          group = groupFromRecord('group/7', value);
        } catch (error) {
          expect(error).toMatchObject({ code: 'BANK_DAMAGED', culprit: 'group/7' });
          return;
        }
        expect(reread(group)).toEqual(group);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('the state of a site that has come back', () => {
  const group = (id: number, serial: number, ...names: readonly string[]): Group =>
    groupFromRecord(`group/${id}`, {
      ...RECORD,
      id,
      serial,
      members: names.map((name) => ({ ...MEMBER, name })),
    });

  test('its counters are above all that were ever given out, and its members in one order', () => {
    const state = restoredState([group(7, 12, 'a', 'b'), group(1, 5, 'c')], { nextSerial: 9 });
    expect([...state.groups.keys()]).toEqual([7, 1]);
    expect(state.books.nextSerial).toBe(13);
    const orders = [...state.groups.values()].flatMap(({ members }) =>
      members.map((each) => each.startOrder),
    );
    expect(orders).toEqual([1, 2, 3]);
    expect(state.books.nextStartOrder).toBe(4);
    expect(state.books.siteRestartPending.size).toBe(0);
  });

  test('the serial of a group that is gone is not given out again', () => {
    const history = new History(undefined, restoredState([group(7, 12, 'a')], { nextSerial: 40 }));
    history.put(direct('new', 2));
    expect(history.state.groups.get(2)?.serial).toBe(40);
  });

  test.each([
    ['two groups of one ID', [group(1, 1, 'a'), group(1, 2, 'b')]],
    ['two groups of one serial', [group(1, 1, 'a'), group(2, 1, 'b')]],
    ['one process in two groups', [group(1, 1, 'a'), group(2, 2, 'a')]],
  ] as const)('%s: BANK_DAMAGED', (_title, groups) => {
    expect(() => restoredState(groups, { nextSerial: 1 })).toThrow(
      expect.objectContaining({ code: 'BANK_DAMAGED' }),
    );
  });

  test('nothing: the empty state', () => {
    expect(restoredState([], { nextSerial: 1 }).books).toMatchObject({ nextSerial: 1, nextStartOrder: 1 });
  });
});
