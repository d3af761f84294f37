// The structures that hrfexec takes and fills: capability, parameters, credentials. Their layouts are drawn in abi/hr.ts;
// nothing here may repeat an offset.
import {
  AC_PARAM_CRED_OFFSET,
  AC_PARAM_FLAGS_OFFSET,
  AC_PARAM_SIZE,
  CX_CRED_GID_OFFSET,
  CX_CRED_GROUPS_OFFSET,
  CX_CRED_MAX_GROUPS,
  CX_CRED_NGROUPS_OFFSET,
  CX_CRED_SIZE,
  CX_CRED_UID_OFFSET,
  KN_CAP_SIZE,
} from '../hr.ts';
import { Structure } from './c-layout.ts';

/** A capability: 16 opaque bytes, filled in by the host, new for every run of a process. */
export class KnCap extends Structure {
  constructor() {
    super(KN_CAP_SIZE);
  }

  equals(other: KnCap): bool {
    return memory.compare(this.address, other.address, KN_CAP_SIZE) === 0;
  }
}

/** cx_cred_t: user, group and further groups. */
export class Credentials extends Structure {
  /** Traps when there are more than CX_CRED_MAX_GROUPS further groups. */
  constructor(uid: i32, gid: i32, groups: StaticArray<i32> = []) {
    super(CX_CRED_SIZE);
    assert(groups.length <= CX_CRED_MAX_GROUPS, 'too many groups for cx_cred_t');
    store<i32>(this.address + CX_CRED_UID_OFFSET, uid);
    store<i32>(this.address + CX_CRED_GID_OFFSET, gid);
    store<i32>(this.address + CX_CRED_NGROUPS_OFFSET, groups.length);
    for (let index = 0; index < groups.length; index++) {
      store<i32>(this.address + CX_CRED_GROUPS_OFFSET + index * sizeof<i32>(), groups[index]);
    }
  }
}

/** AcParam. The five paths of the original stay null: a host refuses anything else. */
export class AcParam extends Structure {
  /** Held here because the collector does not look into the structure. */
  readonly credentials: Credentials | null;

  /** `flags` is a sum of AFX_ values; without credentials the process gets those of its caller. */
  constructor(flags: i32 = 0, credentials: Credentials | null = null) {
    super(AC_PARAM_SIZE);
    this.credentials = credentials;
    store<i32>(this.address + AC_PARAM_FLAGS_OFFSET, flags);
    if (credentials) store<usize>(this.address + AC_PARAM_CRED_OFFSET, credentials.address);
  }
}
