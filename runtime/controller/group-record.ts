// What of a group is written down in the bank, and how a site that comes back makes its groups of it. Nothing that is read is trusted;
// and nothing is kept that the death of the site has made meaningless: who was running, and how far a restart had come.
import type { JsonValue, LedgerChange } from '../bank/ledger-records.ts';
import { RecordReader } from '../bank/record-reader.ts';
import { shortened } from '../checks.ts';
import { RekindleError } from '../errors.ts';
import { LIMIT_BOUNDS, MAX_REASON_CHARACTERS } from '../limits.ts';
import {
  type ChangedGroup,
  type ControllerState,
  EMPTY_STATE,
  type Group,
  type Member,
  type SiteBooks,
} from './state.ts';

//  { id, serial, quarantined, reason,             reason: null unless it is quarantined
//    reloading,
//    restartTimesMs, siteRestartTimesMs,          lists of whole milliseconds
//    coldStartMs,                                 whole milliseconds, or null
//    members: [                                   in order of first start; none only in quarantine
//      { name, kind, ended, futileFailures, futileGeneration },
//      ... ] }

/** Key of a group: this and its ID. */
export const GROUP_PREFIX = 'group/';
/** Key of the serial that the next group gets: blocks may still speak of groups that are no more. */
export const NEXT_SERIAL_KEY = 'next-serial';

/** What has to be written down of groups that have changed. */
export function changesOfGroups(
  changed: Iterable<ChangedGroup>,
  nextSerial: number,
): readonly LedgerChange[] {
  const ofGroups = [...changed].map(([id, group]) => ({
    key: `${GROUP_PREFIX}${id}`,
    value: group === null ? null : recordOfGroup(group),
  }));
  return ofGroups.length === 0 ? [] : [...ofGroups, { key: NEXT_SERIAL_KEY, value: nextSerial }];
}

/** Times lose their fractions: a window is shorter by less than a millisecond after that. */
export function recordOfGroup(group: Group): JsonValue {
  return {
    id: group.id,
    serial: group.serial,
    quarantined: group.phase === 'quarantined',
    reason: group.reason === null ? null : shortened(group.reason, MAX_REASON_CHARACTERS),
    reloading: group.reloading,
    restartTimesMs: group.restartTimesMs.map(wholeMs),
    siteRestartTimesMs: group.siteRestartTimesMs.map(wholeMs),
    coldStartMs: group.coldStartMs === null ? null : wholeMs(group.coldStartMs),
    members: group.members.map(({ name, kind, status, futileFailures, futileGeneration }) => ({
      name,
      kind,
      ended: status === 'ended',
      futileFailures,
      futileGeneration,
    })),
  };
}

/** The group as it is when nothing of it runs. Throws BANK_DAMAGED, naming `key`. */
export function groupFromRecord(key: string, value: JsonValue): Group {
  const record = new RecordReader(key, value);
  const members = record.list('members', (items, index) => memberFrom(items.record(index), Number(index)));
  const reason = record.nullable('reason', (name) => record.text(name));
  const quarantined = record.boolean('quarantined');
  const id = record.integer('id', 0, LIMIT_BOUNDS.maxGroups.max - 1);
  requireSound(key, key === `${GROUP_PREFIX}${id}`, 'another group than its key');
  requireSound(key, members.length > 0 || quarantined, 'a group without members');
  requireSound(key, areUnique(members.map(({ name }) => name)), 'two members of one name');
  requireSound(
    key,
    quarantined === (reason !== null),
    'a quarantine without a reason, or a reason without one',
  );
  return {
    id,
    serial: record.integer('serial', 1, Number.MAX_SAFE_INTEGER - 1),
    phase: quarantined ? 'quarantined' : 'live',
    members,
    restartTimesMs: record.list('restartTimesMs', timeFrom),
    siteRestartTimesMs: record.list('siteRestartTimesMs', timeFrom),
    coldStartMs: record.nullable('coldStartMs', (name) => timeFrom(record, name)),
    reloading: record.boolean('reloading'),
    blocked: false,
    reason,
  };
}

/**
 * What a site knows when it has come back and before it has restarted anything. `counters`: as they were last written down; no number
 * below them is given out again. Throws BANK_DAMAGED when two of the groups cannot both be true.
 */
export function restoredState(
  groups: readonly Group[],
  counters: Pick<SiteBooks, 'nextSerial'>,
): ControllerState {
  const names = groups.flatMap(({ members }) => members.map(({ name }) => name));
  requireSound('groups', areUnique(groups.map(({ id }) => id)), 'two groups of one ID');
  requireSound('groups', areUnique(groups.map(({ serial }) => serial)), 'two groups of one serial');
  requireSound('groups', areUnique(names), 'one process in two groups');
  let { nextStartOrder } = EMPTY_STATE.books;
  const numbered = groups.map((group): [number, Group] => {
    const members = group.members.map((member) => ({ ...member, startOrder: nextStartOrder++ }));
    return [group.id, { ...group, members }];
  });
  const nextSerial = groups.reduce((next, { serial }) => Math.max(next, serial + 1), counters.nextSerial);
  return { groups: new Map(numbered), books: { ...EMPTY_STATE.books, nextSerial, nextStartOrder } };
}

/** A clock may stand before 1970; such a time is as good as none. */
function wholeMs(timeMs: number): number {
  return Math.max(0, Math.floor(timeMs));
}

function memberFrom(record: RecordReader, index: number): Member {
  const futileFailures = record.integer('futileFailures', 0, Number.MAX_SAFE_INTEGER);
  const futileGeneration = record.integer('futileGeneration', 0, Number.MAX_SAFE_INTEGER);
  requireSound(record.key, futileFailures > 0 === futileGeneration > 0, 'futile failures of no generation');
  return {
    name: record.text('name'),
    kind: record.oneOf('kind', ['direct', 'indirect']),
    status: record.boolean('ended') ? 'ended' : 'stopped',
    startOrder: index,
    futileFailures,
    futileGeneration,
  };
}

function timeFrom(record: RecordReader, name: string): number {
  return record.integer(name, 0, Number.MAX_SAFE_INTEGER);
}

function areUnique(values: readonly (string | number)[]): boolean {
  return new Set(values).size === values.length;
}

function requireSound(key: string, sound: boolean, otherwise: string): void {
  if (!sound) throw new RekindleError('BANK_DAMAGED', key, `it tells of ${otherwise}`);
}
