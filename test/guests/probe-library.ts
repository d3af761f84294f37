// The part of the probe that goes through the guest library: the six forms of hrfexec, and errno. It must not check what it is given.
import {
  AcParam,
  Credentials,
  errno,
  hrfexecl,
  hrfexecle,
  hrfexeclp,
  hrfexecv,
  hrfexecve,
  hrfexecvp,
  KnCap,
  PmmName,
} from '../../abi/assemblyscript/index.ts';

const FIRST_CAPABILITY_WORD: usize = 0;

let capability: KnCap | null = null;

/** Calls the form of that name with the list of arguments; `environment` goes to the forms that take one. */
export function spawn(form: string, name: string, path: string, args: string[], environment: string[]): i32 {
  const baseName = new PmmName(name);
  capability = new KnCap();
  if (form === 'l') return hrfexecl(baseName, path, capability, null, StaticArray.fromArray(args));
  if (form === 'le')
    return hrfexecle(baseName, path, capability, null, StaticArray.fromArray(args), environment);
  if (form === 'lp') return hrfexeclp(baseName, path, capability, null, StaticArray.fromArray(args));
  if (form === 'v') return hrfexecv(baseName, path, capability, null, args);
  if (form === 've') return hrfexecve(baseName, path, capability, null, args, environment);
  assert(form === 'vp', 'there is no such form of hrfexec');
  return hrfexecvp(baseName, path, capability, null, args);
}

/** hrfexecve with an AcParam of these flags, and of credentials unless `uid` is negative. */
export function spawnAs(name: string, path: string, flags: i32, uid: i32, gid: i32): i32 {
  let credentials: Credentials | null = null;
  if (uid >= 0) credentials = new Credentials(uid, gid);
  return hrfexecve(new PmmName(name), path, null, new AcParam(flags, credentials), null, null);
}

/** Whether the capability of the last spawn is all zero. */
export function capabilityIsZero(): bool {
  const last = capability;
  return last === null || last.equals(new KnCap());
}

/** The first bytes of the capability of the last spawn. */
export function capabilityWord(): i64 {
  const last = capability;
  return last === null ? 0 : load<i64>(last.address + FIRST_CAPABILITY_WORD);
}

export function lastErrno(): i32 {
  return errno();
}
