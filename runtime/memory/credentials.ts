// Who a process runs as. Plain data; what it permits is decided by the managers.

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
