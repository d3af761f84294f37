// WASI's descriptors as far as they go here: the three standard streams, and nothing behind any other number. No function may
// keep anything between two calls: with no state there is nothing to rewind when a guest is restored.
import { MAX_OUTPUT_BYTES } from '../limits.ts';
import type { OutputStream, WasiContext } from './context.ts';
import { EBADF, EFAULT, EINVAL, ESPIPE, ESUCCESS } from './errno.ts';
import { GuestView } from './guest-view.ts';

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;

const OUTPUT_STREAMS: ReadonlyMap<number, OutputStream> = new Map([
  [STDOUT, 'stdout'],
  [STDERR, 'stderr'],
]);

const FILETYPE_CHARACTER_DEVICE = 2;
const RIGHT_FD_READ = 1n << 1n;
const RIGHT_FD_WRITE = 1n << 6n;

//  iovec, 8 bytes: where bytes are (or go), and how many.
//
//   0         4         8
//  +---------+---------+
//  | pointer | length  |
//  +---------+---------+
const IOVEC_SIZE = 8;
const IOVEC_LENGTH_OFFSET = 4;
/** Vectors in one call, as on Linux (IOV_MAX): empty ones cost time without counting as output. */
const MAX_IOVECS = 1024;

//  fdstat, 24 bytes. No flags are set and no rights are inherited: zeros.
//
//   0          1        2       4        8        16            24
//  +----------+--------+-------+--------+--------+-------------+
//  | filetype | unused | flags | unused | rights | inheriting  |
//  +----------+--------+-------+--------+--------+-------------+
const FDSTAT_SIZE = 24;
const FDSTAT_RIGHTS_OFFSET = 8;

interface Range {
  readonly pointer: number;
  readonly lengthBytes: number;
}

/** fd_write, fd_read, fd_close, fd_seek, fd_fdstat_get, fd_prestat_get and fd_prestat_dir_name. */
export function streamFunctions(context: Pick<WasiContext, 'memory' | 'write'>) {
  return {
    /** Writes at most MAX_OUTPUT_BYTES and says how many: the guest's library goes on with the rest. */
    fd_write(descriptor: number, iovecs: number, iovecCount: number, writtenBytes: number): number {
      const stream = OUTPUT_STREAMS.get(descriptor);
      if (stream === undefined) return EBADF;
      const guest = new GuestView(context.memory());
      if (!guest.holds(writtenBytes, 4)) return EFAULT;
      const ranges = readIovecs(guest, iovecs, iovecCount);
      if (typeof ranges === 'number') return ranges;
      const output = gather(guest, ranges);
      if (output.byteLength > 0) context.write(stream, output);
      guest.writeU32(writtenBytes, output.byteLength);
      return ESUCCESS;
    },

    /** Standard input is at its end. */
    fd_read(descriptor: number, iovecs: number, iovecCount: number, readBytes: number): number {
      if (descriptor !== STDIN) return EBADF;
      const guest = new GuestView(context.memory());
      if (!guest.holds(readBytes, 4)) return EFAULT;
      const ranges = readIovecs(guest, iovecs, iovecCount);
      if (typeof ranges === 'number') return ranges;
      guest.writeU32(readBytes, 0);
      return ESUCCESS;
    },

    /** The standard streams are the process's, not the guest's: closing one releases nothing, and it can still be used. */
    fd_close: (descriptor: number): number => (isStream(descriptor) ? ESUCCESS : EBADF),

    fd_seek: (descriptor: number, _offset: bigint, _whence: number, _position: number): number =>
      isStream(descriptor) ? ESPIPE : EBADF,

    /** A character device without a position makes a C library flush line by line, so that a crash takes no line with it. */
    fd_fdstat_get(descriptor: number, fdstat: number): number {
      if (!isStream(descriptor)) return EBADF;
      const guest = new GuestView(context.memory());
      if (!guest.holds(fdstat, FDSTAT_SIZE)) return EFAULT;
      const base = fdstat >>> 0;
      guest.range(base, FDSTAT_SIZE).fill(0);
      guest.writeU8(base, FILETYPE_CHARACTER_DEVICE);
      guest.writeU64(base + FDSTAT_RIGHTS_OFFSET, descriptor === STDIN ? RIGHT_FD_READ : RIGHT_FD_WRITE);
      return ESUCCESS;
    },

    /** No directory is open to the guest. */
    fd_prestat_get: (_descriptor: number, _prestat: number): number => EBADF,
    fd_prestat_dir_name: (_descriptor: number, _path: number, _pathSize: number): number => EBADF,
  };
}

function isStream(descriptor: number): boolean {
  return descriptor === STDIN || OUTPUT_STREAMS.has(descriptor);
}

/** Reads and checks every vector before any is used; an errno when one of them will not do. */
function readIovecs(guest: GuestView, iovecs: number, iovecCount: number): readonly Range[] | number {
  const count = iovecCount >>> 0;
  if (count > MAX_IOVECS) return EINVAL;
  if (!guest.holds(iovecs, count * IOVEC_SIZE)) return EFAULT;
  const ranges: Range[] = [];
  for (let index = 0; index < count; index += 1) {
    const iovec = (iovecs >>> 0) + index * IOVEC_SIZE;
    const range = { pointer: guest.readU32(iovec), lengthBytes: guest.readU32(iovec + IOVEC_LENGTH_OFFSET) };
    if (!guest.holds(range.pointer, range.lengthBytes)) return EFAULT;
    ranges.push(range);
  }
  return ranges;
}

/** A copy of what the ranges hold, one after the other, cut at MAX_OUTPUT_BYTES. */
function gather(guest: GuestView, ranges: readonly Range[]): Uint8Array {
  const offeredBytes = ranges.reduce((sum, range) => sum + range.lengthBytes, 0);
  const output = new Uint8Array(Math.min(offeredBytes, MAX_OUTPUT_BYTES));
  let filledBytes = 0;
  for (const range of ranges) {
    const takenBytes = Math.min(range.lengthBytes, output.byteLength - filledBytes);
    output.set(guest.range(range.pointer, takenBytes), filledBytes);
    filledBytes += takenBytes;
  }
  return output;
}
