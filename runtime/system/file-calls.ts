// Calls on files that Node lacks or rounds: times to the nanosecond, and space that is promised. Bound through koffi on first use; where
// koffi cannot be had the callers get null and do with what Node has. No call here follows a symbolic link.
import { RekindleError } from '../errors.ts';
import { loadLibc } from './libc.ts';
import { bindNative, type NativeLibrary } from './native-library.ts';

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
/** In place of nanoseconds: this time stays as it is. */
const UTIME_OMIT = 0x3ffffffen;
const NS_PER_S = 1_000_000_000n;

/** Each returns the errno name when the kernel refuses, else null. */
export interface FileCalls {
  /** Times in nanoseconds since 1970; null leaves one as it is. */
  setTimes(path: string, accessedNs: bigint | null, modifiedNs: bigint | null): string | null;
  setTimesOfOpen(fd: number, accessedNs: bigint | null, modifiedNs: bigint | null): string | null;
  /** The file is that long at least, and the range has its pages. */
  allocate(fd: number, offset: number, sizeBytes: number): string | null;
}

let bound: FileCalls | null | undefined;

/** Once per thread. Null where they cannot be bound. */
export function loadFileCalls(): FileCalls | null {
  if (bound === undefined) bound = bindFileCalls();
  return bound;
}

function bindFileCalls(): FileCalls | null {
  if (process.platform !== 'linux') return null;
  try {
    return bindNative('int futimens(int fd, uintptr_t times)', bindFunctions);
  } catch (error) {
    if (error instanceof RekindleError && error.code === 'BACKEND_UNAVAILABLE') return null;
    throw error;
  }
}

function bindFunctions({ handle: library, koffi, lastErrno }: NativeLibrary): FileCalls {
  const utimensat: (directory: number, path: string, times: number, flags: number) => number = library.func(
    'int utimensat(int directory, const char* path, uintptr_t times, int flags)',
  );
  const futimens: (fd: number, times: number) => number = library.func(
    'int futimens(int fd, uintptr_t times)',
  );
  // Tried again when a signal comes in between.
  const { reserve } = loadLibc();
  // Two timespecs: seconds and nanoseconds of each, 64 bits wide.
  const times = new BigInt64Array(new ArrayBuffer(32));
  const timesAddress = Number(koffi.address(new Uint8Array(times.buffer)));
  const fillTimes = (...given: readonly (bigint | null)[]): void => {
    for (const [index, timeNs] of given.entries()) {
      times[index * 2] = timeNs === null ? 0n : timeNs / NS_PER_S;
      times[index * 2 + 1] = timeNs === null ? UTIME_OMIT : timeNs % NS_PER_S;
    }
  };
  const errnoOf = (result: number): string | null => (result === 0 ? null : lastErrno());
  return {
    setTimes: (path, accessedNs, modifiedNs) => {
      fillTimes(accessedNs, modifiedNs);
      return errnoOf(utimensat(AT_FDCWD, path, timesAddress, AT_SYMLINK_NOFOLLOW));
    },
    setTimesOfOpen: (fd, accessedNs, modifiedNs) => {
      fillTimes(accessedNs, modifiedNs);
      return errnoOf(futimens(fd, timesAddress));
    },
    allocate: reserve,
  };
}
