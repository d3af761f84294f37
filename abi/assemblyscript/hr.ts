// Hot restart for guests: the hrfexec family, groups, the exit handler and checkpoints (reference, section 3). A call that
// fails returns -1 and sets errno; none of them may end the guest.
import { EINVAL, ENAMETOOLONG, ENOENT } from '../errors.ts';
import { anyHasNul, cString, hasNul, stringVector } from './c-layout.ts';
import { errno, failWith, resultOrErrno } from './errno.ts';
import { AcParam, KnCap } from './hr-structures.ts';
import * as host from './imports/hr.ts';
import { PmmName } from './pmm.ts';
import { getenv } from './process.ts';

/** Where hrfexeclp and hrfexecvp look when the caller's environment has no PATH. */
const DEFAULT_SEARCH_PATH = 'bin';

/**
 * Runs the module at `path` as a restartable process of the caller's restart group, named `baseName`: a first run loads
 * it from stable storage, a later one starts it again from its image. `capability` is filled in when given; without
 * `param` defaults hold; without `argv` the only argument is the path; without `envp` the caller's environment is passed on.
 * Returns the pid, or -1 with errno: EEXIST when the name is running, ENOENT when there is no such module, ENAMETOOLONG for
 * a name that does not fit, EINVAL for a text with a NUL in it, and what else the host says (reference, sections 3.2 and 12
 * row 4).
 */
export function hrfexecve(
  baseName: PmmName,
  path: string,
  capability: KnCap | null,
  param: AcParam | null,
  argv: string[] | null,
  envp: string[] | null,
): i32 {
  if (!baseName.fits) return failWith(ENAMETOOLONG);
  if (hasNul(path)) return failWith(EINVAL);
  if (argv && anyHasNul(argv)) return failWith(EINVAL);
  if (envp && anyHasNul(envp)) return failWith(EINVAL);
  // These variables hold the vectors until the call is over; the host is given addresses only.
  const pathBytes = cString(path);
  const argvVector = argv ? stringVector(argv) : null;
  const envpVector = envp ? stringVector(envp) : null;
  return resultOrErrno(
    host.hrfexec(
      baseName.address,
      changetype<usize>(pathBytes),
      capability ? capability.address : 0,
      param ? param.address : 0,
      changetype<usize>(argvVector),
      changetype<usize>(envpVector),
    ),
  );
}

/** hrfexecve with the caller's environment. */
export function hrfexecv(
  baseName: PmmName,
  path: string,
  capability: KnCap | null,
  param: AcParam | null,
  argv: string[] | null,
): i32 {
  return hrfexecve(baseName, path, capability, param, argv, null);
}

/**
 * hrfexecv with a search: a `path` without '/' is looked for in each directory of PATH (caller's environment, ':' between
 * directories, "bin" when there is none). ENOENT leads on to the next directory, any other error ends the search.
 */
export function hrfexecvp(
  baseName: PmmName,
  path: string,
  capability: KnCap | null,
  param: AcParam | null,
  argv: string[] | null,
): i32 {
  if (path.includes('/')) return hrfexecv(baseName, path, capability, param, argv);
  const searchPath = getenv('PATH');
  const directories = (searchPath !== null ? searchPath : DEFAULT_SEARCH_PATH).split(':');
  // As with execvp, argv[0] stays the name that was asked for, not the place where it was found.
  const args = argv !== null ? argv : [path];
  let pid = -1;
  for (let index = 0; index < directories.length; index++) {
    const directory = directories[index];
    // An empty entry is the current directory, as with execvp: the root of stable storage.
    const candidate = directory.length === 0 ? path : `${directory}/${path}`;
    pid = hrfexecv(baseName, candidate, capability, param, args);
    if (pid >= 0 || errno() !== ENOENT) break;
  }
  return pid;
}

// The l-forms of C take the arguments one by one. AssemblyScript has no variable argument lists, so here they take them as a
// literal list, `['child.wasm', '5']`, in a StaticArray; no terminating null is needed.

/** hrfexecv with the arguments listed. */
export function hrfexecl(
  baseName: PmmName,
  path: string,
  capability: KnCap | null,
  param: AcParam | null,
  args: StaticArray<string>,
): i32 {
  return hrfexecv(baseName, path, capability, param, args.slice<string[]>());
}

/** hrfexecve with the arguments listed. */
export function hrfexecle(
  baseName: PmmName,
  path: string,
  capability: KnCap | null,
  param: AcParam | null,
  args: StaticArray<string>,
  envp: string[] | null,
): i32 {
  return hrfexecve(baseName, path, capability, param, args.slice<string[]>(), envp);
}

/** hrfexecvp with the arguments listed. */
export function hrfexeclp(
  baseName: PmmName,
  path: string,
  capability: KnCap | null,
  param: AcParam | null,
  args: StaticArray<string>,
): i32 {
  return hrfexecvp(baseName, path, capability, param, args.slice<string[]>());
}

/** The restart group of the process `pid`, or -1 with errno (reference, section 3.8). */
export function hrGetprocessGroup(pid: i32): i32 {
  return resultOrErrno(host.hrGetprocessGroup(pid));
}

/** Kills every process of a group for good: 0, or -1 with errno (EPERM unless the caller is trusted; reference, section 3.8). */
export function hrKillGroup(group: i32): i32 {
  return resultOrErrno(host.hrKillGroup(group));
}

/** Call it immediately before a wanted exit: without it any exit is taken for a failure (reference, section 3.6). */
export function HR_EXIT_HDL(): i32 {
  return resultOrErrno(host.hrExitHdl());
}

/** Makes the present state the one the process restarts from: the new generation, or -1 with errno. */
export function hrCheckpoint(): i32 {
  return resultOrErrno(host.hrCheckpoint());
}

/** The pid of the caller; another one after every restart. */
export function agetId(): i32 {
  return host.agetId();
}
