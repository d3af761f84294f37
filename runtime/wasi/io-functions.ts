// The functions of WASI that move the content of files and streams, and the position in them. A call moves at most MAX_OUTPUT_BYTES and
// says how many: the guest's library goes on with the rest.
import { INPUT_WAIT_MS, MAX_OUTPUT_BYTES } from '../limits.ts';
import { answering, type FunctionContext } from './answer.ts';
import {
  type FileDescriptor,
  FLAG_APPEND,
  FLAG_DSYNC,
  FLAG_NONBLOCK,
  FLAG_SYNC,
  requireFile,
  requireRights,
  type StreamDescriptor,
} from './descriptors.ts';
import { EAGAIN, EINVAL, ESTALE, FileError } from './errno.ts';
import {
  FD_ADVISE,
  FD_ALLOCATE,
  FD_DATASYNC,
  FD_READ,
  FD_SEEK,
  FD_SYNC,
  FD_TELL,
  FD_WRITE,
} from './rights.ts';
import { sizeFrom } from './sizes.ts';

const WHENCE_SET = 0;
const WHENCE_CURRENT = 1;
const WHENCE_END = 2;
/** Kinds of advice there are: normal, sequential, random, willneed, dontneed, noreuse. */
const ADVICE_COUNT = 6;

export function ioFunctions(functions: FunctionContext) {
  const { context, table } = functions;

  const readStream = (descriptor: StreamDescriptor, ranges: readonly Uint8Array[]): number => {
    const [into] = ranges;
    if (into === undefined) return 0;
    for (;;) {
      const waitMs = (descriptor.flags & FLAG_NONBLOCK) === 0 ? INPUT_WAIT_MS : 0;
      const reply = context.readInput(descriptor.position, into.byteLength, waitMs);
      if (reply.kind === 'end') return 0;
      if (reply.kind === 'bytes') {
        into.set(reply.bytes);
        descriptor.position += reply.bytes.byteLength;
        return reply.bytes.byteLength;
      }
      if (waitMs === 0 || reply.kind === 'unavailable') throw new FileError(EAGAIN);
    }
  };

  const writeStream = (descriptor: StreamDescriptor, ranges: readonly Uint8Array[]): number => {
    const bytes = joined(ranges);
    if (bytes.byteLength > 0 && descriptor.stream !== 'stdin') context.write(descriptor.stream, bytes);
    return bytes.byteLength;
  };

  return {
    fd_read: answering(functions, (guest, number: number, iovecs: number, count: number, read: number) => {
      const descriptor = table.get(number);
      guest.check(read, 4);
      if (descriptor.kind === 'stream') {
        requireRights(descriptor, FD_READ);
        guest.writeU32(read, readStream(descriptor, guest.iovecs(iovecs, count, MAX_OUTPUT_BYTES)));
        return;
      }
      const file = requireFile(descriptor, FD_READ);
      const bytes = readFile(file, guest.iovecs(iovecs, count, MAX_OUTPUT_BYTES), file.position);
      file.position += bytes;
      guest.writeU32(read, bytes);
    }),

    fd_pread: answering(
      functions,
      (guest, number: number, iovecs: number, count: number, position: bigint, read: number) => {
        const file = requireFile(table.get(number), FD_READ | FD_SEEK);
        guest.check(read, 4);
        const ranges = guest.iovecs(iovecs, count, MAX_OUTPUT_BYTES);
        guest.writeU32(read, readFile(file, ranges, sizeFrom(position)));
      },
    ),

    fd_write: answering(
      functions,
      (guest, number: number, iovecs: number, count: number, written: number) => {
        const descriptor = table.get(number);
        guest.check(written, 4);
        if (descriptor.kind === 'stream') {
          requireRights(descriptor, FD_WRITE);
          guest.writeU32(written, writeStream(descriptor, guest.iovecs(iovecs, count, MAX_OUTPUT_BYTES)));
          return;
        }
        const file = requireFile(descriptor, FD_WRITE);
        const ranges = guest.iovecs(iovecs, count, MAX_OUTPUT_BYTES);
        const bytes = (file.flags & FLAG_APPEND) === 0 ? writeOn(file, ranges) : append(file, ranges);
        syncAsAsked(file);
        guest.writeU32(written, bytes);
      },
    ),

    fd_pwrite: answering(
      functions,
      (guest, number: number, iovecs: number, count: number, position: bigint, written: number) => {
        const file = requireFile(table.get(number), FD_WRITE | FD_SEEK);
        guest.check(written, 4);
        const ranges = guest.iovecs(iovecs, count, MAX_OUTPUT_BYTES);
        const bytes = writeFile(file, ranges, sizeFrom(position));
        syncAsAsked(file);
        guest.writeU32(written, bytes);
      },
    ),

    fd_seek: answering(
      functions,
      (guest, number: number, offset: bigint, whence: number, position: number) => {
        // To ask where one is takes the right to tell alone.
        const onlyTells = whence === WHENCE_CURRENT && offset === 0n;
        const file = requireFile(table.get(number), onlyTells ? 0 : FD_SEEK);
        if (onlyTells && (file.rights & FD_SEEK) === 0) requireRights(file, FD_TELL);
        guest.check(position, 8);
        const target = BigInt(originOf(file, whence)) + BigInt.asIntN(64, offset);
        file.position = sizeFrom(target);
        guest.writeU64(position, target);
      },
    ),

    fd_tell: answering(functions, (guest, number: number, position: number) => {
      guest.writeU64(position, BigInt(requireFile(table.get(number), FD_TELL).position));
    }),

    fd_sync: answering(functions, (_guest, number: number) => sync(functions, number, FD_SYNC, 'all')),
    fd_datasync: answering(functions, (_guest, number: number) =>
      sync(functions, number, FD_DATASYNC, 'data'),
    ),

    /** Taken note of by nobody: nothing is read ahead here. */
    fd_advise: answering(
      functions,
      (_guest, number: number, offset: bigint, lengthBytes: bigint, advice: number) => {
        requireFile(table.get(number), FD_ADVISE);
        sizeFrom(offset);
        sizeFrom(lengthBytes);
        if (advice >>> 0 >= ADVICE_COUNT) throw new FileError(EINVAL);
      },
    ),

    fd_allocate: answering(functions, (_guest, number: number, offset: bigint, lengthBytes: bigint) => {
      const { node } = requireFile(table.get(number), FD_ALLOCATE | FD_WRITE);
      const [position, sizeBytes] = [sizeFrom(offset), sizeFrom(lengthBytes)];
      if (sizeBytes === 0) throw new FileError(EINVAL);
      sizeFrom(BigInt(position) + BigInt(sizeBytes));
      node.allocate(position, sizeBytes);
    }),
  };
}

function readFile({ node }: FileDescriptor, ranges: readonly Uint8Array[], position: number): number {
  let bytes = 0;
  for (const into of ranges) {
    const read = node.read(into, position + bytes);
    bytes += read;
    if (read < into.byteLength) break;
  }
  return bytes;
}

/** What was written before something went wrong counts; the error comes with the next call. */
function writePieces(ranges: readonly Uint8Array[], write: (bytes: Uint8Array) => number): number {
  let bytes = 0;
  for (const range of ranges) {
    let written: number;
    try {
      written = write(range);
    } catch (error) {
      if (error instanceof FileError && bytes > 0) return bytes;
      throw error;
    }
    bytes += written;
    if (written < range.byteLength) break;
  }
  return bytes;
}

function writeFile({ node }: FileDescriptor, ranges: readonly Uint8Array[], position: number): number {
  let at = position;
  return writePieces(ranges, (bytes) => {
    const written = node.write(bytes, at);
    at += written;
    return written;
  });
}

function writeOn(file: FileDescriptor, ranges: readonly Uint8Array[]): number {
  const bytes = writeFile(file, ranges, file.position);
  file.position += bytes;
  return bytes;
}

/** In one piece, so that nobody else's comes in between. */
function append(file: FileDescriptor, ranges: readonly Uint8Array[]): number {
  const bytes = joined(ranges);
  if (bytes.byteLength === 0) return 0;
  const { writtenBytes, endBytes } = file.node.append(bytes);
  file.position = endBytes;
  return writtenBytes;
}

function syncAsAsked({ node, flags }: FileDescriptor): void {
  if ((flags & FLAG_SYNC) !== 0) node.sync('all');
  else if ((flags & FLAG_DSYNC) !== 0) node.sync('data');
}

function joined(ranges: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(ranges.reduce((sum, range) => sum + range.byteLength, 0));
  let offset = 0;
  for (const range of ranges) {
    bytes.set(range, offset);
    offset += range.byteLength;
  }
  return bytes;
}

function originOf(file: FileDescriptor, whence: number): number {
  switch (whence) {
    case WHENCE_SET:
      return 0;
    case WHENCE_CURRENT:
      return file.position;
    case WHENCE_END:
      return sizeFrom(file.node.stat().sizeBytes);
    default:
      throw new FileError(EINVAL);
  }
}

/** EINVAL for a stream, as POSIX has it. */
function sync({ table }: FunctionContext, number: number, right: number, what: 'data' | 'all'): void {
  const descriptor = table.get(number);
  if (descriptor.kind === 'stale') throw new FileError(ESTALE);
  if (descriptor.kind === 'stream') throw new FileError(EINVAL);
  requireRights(descriptor, right);
  descriptor.node.sync(what);
}
