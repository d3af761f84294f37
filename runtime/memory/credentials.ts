// Who a process runs as, also as it is written down in the bank. Plain data; what it permits is decided by the managers.
import type { JsonValue } from '../bank/ledger-records.ts';
import type { RecordReader } from '../bank/record-reader.ts';

/** Given at the first start, kept through restarts, inherited by children (reference, section 3.3). Numbers below 2^32. */
export interface Credentials {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** May do what is reserved for trusted callers, and reach every user block. */
  readonly trusted: boolean;
}

/** Whether two processes run as the same user: user and group are equal (reference, section 12, sharing blocks). */
export function sameUser(a: Credentials, b: Credentials): boolean {
  return a.uid === b.uid && a.gid === b.gid;
}

const U32_MAX = 2 ** 32 - 1;

export function recordOfCredentials({ uid, gid, groups, trusted }: Credentials): JsonValue {
  return { uid, gid, groups: [...groups], trusted };
}

/** Throws BANK_DAMAGED. */
export function credentialsFromRecord(record: RecordReader): Credentials {
  return Object.freeze({
    uid: record.integer('uid', 0, U32_MAX),
    gid: record.integer('gid', 0, U32_MAX),
    groups: Object.freeze(record.list('groups', (items, index) => items.integer(index, 0, U32_MAX))),
    trusted: record.boolean('trusted'),
  });
}
