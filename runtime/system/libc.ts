// The handful of Linux system calls the mapped backend needs, bound through koffi, which is loaded on first use so that the
// copied backend runs where koffi cannot. Addresses are numbers: exact below 2^53, and faster than bigint.
// It must never be handed a range its caller does not own: MAP_FIXED replaces whatever lies there.
import { ftruncateSync } from 'node:fs';
import { RekindleError } from '../errors.ts';
import { invariant } from '../invariant.ts';
import { bindNative, type NativeLibrary } from './native-library.ts';

const PROT_READ_WRITE = 0x1 | 0x2;
const MAP_SHARED = 0x01;
const MAP_PRIVATE = 0x02;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
const MAP_NORESERVE = 0x4000;
const MADV_DONTNEED = 4;
const MADV_NOHUGEPAGE = 15;
const RUSAGE_THREAD = 1;
const FALLOC_FL_KEEP_SIZE = 0x01;
const FALLOC_FL_PUNCH_HOLE = 0x02;
const MFD_CLOEXEC = 0x1;
const MFD_ALLOW_SEALING = 0x2;
const F_ADD_SEALS = 1033;
const F_SEAL_SEAL = 0x1;
const F_SEAL_SHRINK = 0x2;
const F_SEAL_GROW = 0x4;
const PAGEMAP_SCAN = 0xc0606610;

/** The numbers above are those of the generic Linux ABI, which these architectures share. */
const ARCHITECTURES: readonly string[] = ['x64', 'arm64', 'riscv64', 'loong64'];
/** fallocate is undone and must be repeated when a signal arrives; more signals in a row than this is a failure. */
const MAX_INTERRUPTIONS = 16;

/** The bound calls. Sizes in bytes. Every range lies on page boundaries, except those of `copy` and `zero`. */
export interface Libc {
  /** Address of the first byte of a view. The buffer must stay referenced as long as the address is used. */
  addressOf(bytes: Uint8Array): number;
  /** Fresh pages that read as zero and take no memory until written; never huge ones. */
  mapAnonymous(address: number, sizeBytes: number): void;
  /** The kernel is not to make huge pages of the pages in this range, at a fault or on its own account. */
  refuseHugePages(address: number, sizeBytes: number): void;
  /** The file's own pages: stores go to the file. */
  mapShared(address: number, sizeBytes: number, fd: number, offset: number): void;
  /** The file's pages until the first store to each, then a copy of one's own. */
  mapPrivate(address: number, sizeBytes: number, fd: number, offset: number): void;
  /** Gives up one's own copies: anonymous pages read as zero again, file pages as the file. */
  dropPages(address: number, sizeBytes: number): void;
  copy(target: number, source: number, sizeBytes: number): void;
  zero(target: number, sizeBytes: number): void;
  /** A nameless file in memory, of a size sealed for good. The caller ends it with `closeMemoryFile`. */
  createMemoryFile(name: string, sizeBytes: number): number;
  /** Not node:fs: in a worker that warns of descriptors it did not open. */
  closeMemoryFile(fd: number): void;
  /** Makes sure that a range of a memory file has pages; else the errno name, and nothing is changed. */
  reserve(fd: number, offset: number, sizeBytes: number): string | null;
  /** Gives the pages of a range back to the kernel; it reads as zero from then on. */
  punchHole(fd: number, offset: number, sizeBytes: number): void;
  /** ioctl PAGEMAP_SCAN with the `pm_scan_arg` at an address: regions found, or -1 where the kernel does not know the call. */
  scanPages(pagemapFd: number, argumentAddress: number): number;
  /** getrusage of the calling thread, into the `rusage` at an address. */
  threadUsage(usageAddress: number): void;
}

let bound: Libc | null = null;

/**
 * Binds the calls, once per thread.
 *
 * @throws RekindleError BACKEND_UNAVAILABLE where they cannot be bound. The calls themselves throw SYSTEM_CALL_FAILED when the kernel
 * refuses one: the culprit is the call, the detail the errno name.
 */
export function loadLibc(): Libc {
  bound ??= bindLibc();
  return bound;
}

function bindLibc(): Libc {
  if (process.platform !== 'linux' || !ARCHITECTURES.includes(process.arch)) {
    const platform = `${process.platform} ${process.arch}`;
    throw new RekindleError('BACKEND_UNAVAILABLE', 'mapped', `not available on ${platform}`);
  }
  return bindNative('int memfd_create(const char* name, unsigned int flags)', bindFunctions);
}

function bindFunctions({ handle: library, koffi, lastErrno }: NativeLibrary): Libc {
  const mmap: (
    address: number,
    size: number,
    prot: number,
    flags: number,
    fd: number,
    offset: number,
  ) => number = library.func(
    'intptr_t mmap(uintptr_t addr, size_t length, int prot, int flags, int fd, int64_t offset)',
  );
  const madvise: (address: number, size: number, advice: number) => number = library.func(
    'int madvise(uintptr_t addr, size_t length, int advice)',
  );
  const memcpy: (target: number, source: number, size: number) => void = library.func(
    'void memcpy(uintptr_t target, uintptr_t source, size_t size)',
  );
  const memset: (target: number, value: number, size: number) => void = library.func(
    'void memset(uintptr_t target, int value, size_t size)',
  );
  const memfdCreate: (name: string, flags: number) => number = library.func(
    'int memfd_create(const char* name, unsigned int flags)',
  );
  const close: (fd: number) => number = library.func('int close(int fd)');
  const fcntl: (fd: number, command: number, argument: number) => number = library.func(
    'int fcntl(int fd, int command, int argument)',
  );
  const fallocate: (fd: number, mode: number, offset: number, size: number) => number = library.func(
    'int fallocate(int fd, int mode, int64_t offset, int64_t size)',
  );
  const ioctl: (fd: number, request: number, argument: number) => number = library.func(
    'int ioctl(int fd, unsigned long request, uintptr_t argument)',
  );

  const getrusage: (who: number, usageAddress: number) => number = library.func(
    'int getrusage(int who, uintptr_t usage)',
  );

  const expectSuccess = (result: number, call: string): void => {
    if (result === -1) throw new RekindleError('SYSTEM_CALL_FAILED', call, lastErrno());
  };
  const map = (address: number, sizeBytes: number, flags: number, fd: number, offset: number): void => {
    const result = mmap(address, sizeBytes, PROT_READ_WRITE, flags | MAP_FIXED, fd, offset);
    expectSuccess(result, 'mmap');
    invariant(result === address, 'a fixed mapping lies where it was asked for');
  };
  const refuseHugePages = (address: number, sizeBytes: number): void => {
    if (madvise(address, sizeBytes, MADV_NOHUGEPAGE) === 0) return;
    // A kernel that has no huge pages at all does not know the advice.
    const errno = lastErrno();
    if (errno !== 'EINVAL') throw new RekindleError('SYSTEM_CALL_FAILED', 'madvise', errno);
  };
  const fallocateUninterrupted = (
    fd: number,
    mode: number,
    offset: number,
    sizeBytes: number,
  ): string | null => {
    for (let interruptions = 0; ; interruptions += 1) {
      if (fallocate(fd, mode, offset, sizeBytes) === 0) return null;
      const errno = lastErrno();
      if (errno !== 'EINTR' || interruptions === MAX_INTERRUPTIONS) return errno;
    }
  };

  return {
    addressOf: (bytes) => Number(koffi.address(bytes)),
    mapAnonymous: (address, sizeBytes) => {
      map(address, sizeBytes, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      refuseHugePages(address, sizeBytes);
    },
    refuseHugePages,
    mapShared: (address, sizeBytes, fd, offset) => map(address, sizeBytes, MAP_SHARED, fd, offset),
    mapPrivate: (address, sizeBytes, fd, offset) =>
      map(address, sizeBytes, MAP_PRIVATE | MAP_NORESERVE, fd, offset),
    dropPages: (address, sizeBytes) => expectSuccess(madvise(address, sizeBytes, MADV_DONTNEED), 'madvise'),
    copy: memcpy,
    zero: (target, sizeBytes) => memset(target, 0, sizeBytes),
    createMemoryFile: (name, sizeBytes) => {
      const fd = memfdCreate(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
      expectSuccess(fd, 'memfd_create');
      try {
        ftruncateSync(fd, sizeBytes);
        // A store to a mapped page behind the end of its file kills the process: the kernel itself keeps the size.
        expectSuccess(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 'fcntl');
      } catch (error) {
        close(fd);
        throw error;
      }
      return fd;
    },
    closeMemoryFile: (fd) => expectSuccess(close(fd), 'close'),
    reserve: (fd, offset, sizeBytes) => fallocateUninterrupted(fd, 0, offset, sizeBytes),
    punchHole: (fd, offset, sizeBytes) => {
      const mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
      const errno = fallocateUninterrupted(fd, mode, offset, sizeBytes);
      if (errno !== null) throw new RekindleError('SYSTEM_CALL_FAILED', 'fallocate', errno);
    },
    threadUsage: (usageAddress) => expectSuccess(getrusage(RUSAGE_THREAD, usageAddress), 'getrusage'),
    scanPages: (pagemapFd, argumentAddress) => ioctl(pagemapFd, PAGEMAP_SCAN, argumentAddress),
  };
}
