// path_open: a descriptor for what a path leads to. It opens with no more access than was asked for, and passes on no right that the
// directory it begins in could not.
import { answering, type FunctionContext } from './answer.ts';
import type { NewDescriptor } from './descriptor-table.ts';
import { type DirectoryDescriptor, KNOWN_FLAGS, requireDirectory, requireRights } from './descriptors.ts';
import { EEXIST, EINVAL, EISDIR, ENOENT, EPERM, FileError } from './errno.ts';
import type { FileStat, OpenDirectory, OpenOptions } from './file-system.ts';
import { lastOf, type Place, walk } from './path-walk.ts';
import {
  DIRECTORY_RIGHTS,
  FD_READ,
  FD_WRITE,
  FILE_RIGHTS,
  PATH_CREATE_FILE,
  PATH_FILESTAT_SET_SIZE,
  PATH_OPEN,
  rightsFrom,
} from './rights.ts';

const OPEN_CREATE = 1 << 0;
const OPEN_DIRECTORY = 1 << 1;
const OPEN_EXCLUSIVE = 1 << 2;
const OPEN_TRUNCATE = 1 << 3;
const KNOWN_OPEN_FLAGS = OPEN_CREATE | OPEN_DIRECTORY | OPEN_EXCLUSIVE | OPEN_TRUNCATE;

interface OpenRequest {
  readonly from: DirectoryDescriptor;
  readonly openFlags: number;
  /** As asked for; what the directory cannot pass on is left out. */
  readonly rights: number;
  readonly inheriting: number;
  readonly flags: number;
}

export function pathOpen(functions: FunctionContext) {
  const { table } = functions;
  return answering(
    functions,
    (
      guest,
      number: number,
      lookupFlags: number,
      path: number,
      bytes: number,
      openFlags: number,
      rightsBits: bigint,
      inheritingBits: bigint,
      flags: number,
      opened: number,
    ) => {
      const from = requireDirectory(table.get(number), PATH_OPEN);
      guest.check(opened, 4);
      table.requireRoom();
      requireOpenFlags(from, openFlags, flags);
      const [rights, inheriting] = [rightsFrom(rightsBits), rightsFrom(inheritingBits) & from.inheriting];
      const request = { from, openFlags, rights: rights & from.inheriting, inheriting, flags };
      const last = isExclusive(openFlags) ? 'keep' : lastOf(lookupFlags);
      const descriptor = walk(from.node, guest.path(path, bytes), last, (place) => openPlace(request, place));
      guest.writeU32(opened, table.add(descriptor));
    },
  );
}

function requireOpenFlags(from: DirectoryDescriptor, openFlags: number, flags: number): void {
  if ((openFlags & ~KNOWN_OPEN_FLAGS) !== 0 || (flags & ~KNOWN_FLAGS) !== 0) throw new FileError(EINVAL);
  if ((openFlags & OPEN_CREATE) !== 0) {
    if ((openFlags & OPEN_DIRECTORY) !== 0) throw new FileError(EINVAL);
    requireRights(from, PATH_CREATE_FILE);
  }
  if ((openFlags & OPEN_TRUNCATE) !== 0 && (from.rights & PATH_FILESTAT_SET_SIZE) === 0)
    throw new FileError(EPERM);
}

/** A link in the place of what is to be made is something that is there, wherever it leads. */
function isExclusive(openFlags: number): boolean {
  const exclusive = OPEN_CREATE | OPEN_EXCLUSIVE;
  return (openFlags & exclusive) === exclusive;
}

function openPlace(request: OpenRequest, { directory, name, mustBeDirectory }: Place): NewDescriptor {
  const { openFlags } = request;
  if (name === null) {
    requireDirectoryAccess(request);
    return directoryDescriptor(request, directory.openAgain());
  }
  const found = lookup(directory, name);
  const wantsDirectory = mustBeDirectory || (openFlags & OPEN_DIRECTORY) !== 0;
  if (wantsDirectory || found?.type === 'directory') {
    if (found?.type === 'directory') requireDirectoryAccess(request);
    return directoryDescriptor(request, directory.openDirectory(name));
  }
  const options = optionsOf(request);
  const node = directory.openFile(name, options);
  return {
    kind: 'file',
    mount: request.from.mount,
    node,
    access: { read: options.read, write: options.write },
    position: 0,
    rights: request.rights & FILE_RIGHTS,
    inheriting: request.inheriting & FILE_RIGHTS,
    flags: request.flags,
  };
}

/** What can be asked of a file alone is refused of a directory. */
function requireDirectoryAccess({ openFlags, rights }: OpenRequest): void {
  if (isExclusive(openFlags)) throw new FileError(EEXIST);
  const changes = (openFlags & (OPEN_CREATE | OPEN_TRUNCATE)) !== 0 || (rights & FD_WRITE) !== 0;
  if (changes) throw new FileError(EISDIR);
}

function directoryDescriptor(request: OpenRequest, node: OpenDirectory): NewDescriptor {
  return {
    kind: 'directory',
    mount: request.from.mount,
    node,
    preopenName: null,
    listing: null,
    rights: request.rights & DIRECTORY_RIGHTS,
    inheriting: request.inheriting,
    flags: request.flags,
  };
}

function optionsOf({ openFlags, rights }: OpenRequest): OpenOptions {
  const truncate = (openFlags & OPEN_TRUNCATE) !== 0;
  // The other rights to change a file are asked for by libraries that only want to read.
  const write = truncate || (rights & FD_WRITE) !== 0;
  return {
    read: !write || (rights & FD_READ) !== 0,
    write,
    create: (openFlags & OPEN_CREATE) !== 0,
    exclusive: (openFlags & OPEN_EXCLUSIVE) !== 0,
    truncate,
  };
}

function lookup(directory: OpenDirectory, name: string): FileStat | null {
  try {
    return directory.lookup(name);
  } catch (error) {
    if (error instanceof FileError && error.errno === ENOENT) return null;
    throw error;
  }
}
