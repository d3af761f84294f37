// The functions of WASI that concern a descriptor as such: what it is, what it may do, its number, and its end. None of them moves content.
import { answering, type FunctionContext } from './answer.ts';
import type { WasiContext } from './context.ts';
import {
  type Descriptor,
  KNOWN_FLAGS,
  requireFile,
  requireRights,
  type StreamDescriptor,
} from './descriptors.ts';
import { EBADF, EINVAL, ENAMETOOLONG, ENOTCAPABLE, ESTALE, FileError } from './errno.ts';
import type { FileStat, FileType, OpenDirectory, OpenFile } from './file-system.ts';
import { FILETYPE, STREAM_STAT, timesFrom, writeFilestat } from './filestat.ts';
import type { GuestView } from './guest-view.ts';
import {
  FD_FDSTAT_SET_FLAGS,
  FD_FILESTAT_GET,
  FD_FILESTAT_SET_SIZE,
  FD_FILESTAT_SET_TIMES,
  rightsFrom,
} from './rights.ts';
import { sizeFrom } from './sizes.ts';

//  fdstat, 24 bytes.
//
//   0          1        2       4        8        16            24
//  +----------+--------+-------+--------+--------+-------------+
//  | filetype | unused | flags | unused | rights | inheriting  |
//  +----------+--------+-------+--------+--------+-------------+
const FDSTAT_SIZE = 24;
//  prestat, 8 bytes: a tag, 0 for a directory, and the length of its name.
const PRESTAT_SIZE = 8;

export function descriptorFunctions(functions: FunctionContext) {
  const { context, table } = functions;
  return {
    fd_close: answering(functions, (_guest, number: number) => table.close(number)),

    fd_renumber: answering(functions, (_guest, from: number, to: number) => table.renumber(from, to)),

    fd_fdstat_get: answering(functions, (guest, number: number, fdstat: number) =>
      writeFdstat(guest, fdstat, context, table.get(number)),
    ),

    fd_fdstat_set_flags: answering(functions, (_guest, number: number, flags: number) => {
      const descriptor = table.get(number);
      requireRights(descriptor, FD_FDSTAT_SET_FLAGS);
      if ((flags & ~KNOWN_FLAGS) !== 0) throw new FileError(EINVAL);
      descriptor.flags = flags;
    }),

    /** Rights can be given up and never be had again. */
    fd_fdstat_set_rights: answering(
      functions,
      (_guest, number: number, rightsBits: bigint, inheritingBits: bigint) => {
        const descriptor = table.get(number);
        const [rights, inheriting] = [rightsFrom(rightsBits), rightsFrom(inheritingBits)];
        if ((rights & ~descriptor.rights) !== 0 || (inheriting & ~descriptor.inheriting) !== 0)
          throw new FileError(ENOTCAPABLE);
        descriptor.rights = rights;
        descriptor.inheriting = inheriting;
      },
    ),

    fd_filestat_get: answering(functions, (guest, number: number, filestat: number) => {
      const descriptor = table.get(number);
      requireRights(descriptor, FD_FILESTAT_GET);
      writeFilestat(guest, filestat, statOf(context, descriptor));
    }),

    fd_filestat_set_size: answering(functions, (_guest, number: number, sizeBytes: bigint) => {
      const { node, access } = requireFile(table.get(number), FD_FILESTAT_SET_SIZE);
      // As POSIX has it of a file that was not opened for writing.
      if (!access.write) throw new FileError(EINVAL);
      node.setSize(sizeFrom(sizeBytes));
    }),

    fd_filestat_set_times: answering(
      functions,
      (_guest, number: number, accessedNs: bigint, modifiedNs: bigint, flags: number) => {
        const descriptor = table.get(number);
        requireRights(descriptor, FD_FILESTAT_SET_TIMES);
        nodeOf(descriptor).setTimes(timesFrom(flags, accessedNs, modifiedNs, context.clock));
      },
    ),

    fd_prestat_get: answering(functions, (guest, number: number, prestat: number) => {
      const name = preopenName(table.get(number));
      guest.range(prestat, PRESTAT_SIZE).fill(0);
      guest.writeU32((prestat >>> 0) + 4, name.byteLength);
    }),

    fd_prestat_dir_name: answering(functions, (guest, number: number, path: number, sizeBytes: number) => {
      const name = preopenName(table.get(number));
      if (name.byteLength > sizeBytes >>> 0) throw new FileError(ENAMETOOLONG);
      guest.range(path, name.byteLength).set(name);
    }),
  };
}

function writeFdstat(guest: GuestView, fdstat: number, context: WasiContext, descriptor: Descriptor): void {
  guest.range(fdstat, FDSTAT_SIZE).fill(0);
  const base = fdstat >>> 0;
  guest.writeU8(base, FILETYPE[filetypeOf(context, descriptor)]);
  guest.writeU16(base + 2, descriptor.flags);
  guest.writeU64(base + 8, BigInt(descriptor.rights));
  guest.writeU64(base + 16, BigInt(descriptor.inheriting));
}

function filetypeOf(context: WasiContext, descriptor: Descriptor): FileType {
  if (descriptor.kind === 'stream') return streamType(context, descriptor);
  const kind = descriptor.kind === 'stale' ? descriptor.captured.kind : descriptor.kind;
  return kind === 'file' ? 'regular' : 'directory';
}

/** A character device without a position is a terminal to a C library. */
function streamType({ terminals }: WasiContext, { stream }: StreamDescriptor): FileType {
  return terminals[stream] ? 'character-device' : 'other';
}

function statOf(context: WasiContext, descriptor: Descriptor): FileStat {
  if (descriptor.kind !== 'stream') return nodeOf(descriptor).stat();
  return { ...STREAM_STAT, type: streamType(context, descriptor) };
}

function nodeOf(descriptor: Descriptor): OpenDirectory | OpenFile {
  if (descriptor.kind === 'stale') throw new FileError(ESTALE);
  if (descriptor.kind === 'stream') throw new FileError(EINVAL);
  return descriptor.node;
}

function preopenName(descriptor: Descriptor): Uint8Array {
  const from = descriptor.kind === 'stale' ? descriptor.captured : descriptor;
  if (from.kind !== 'directory' || from.preopenName === null) throw new FileError(EBADF);
  return new TextEncoder().encode(from.preopenName);
}
