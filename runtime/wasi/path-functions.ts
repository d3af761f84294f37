// The functions of WASI that take a path. Where a path leads is walk's to say; what is done there is the file system's. Nothing here may
// touch a name that walk has not arrived at.
import { answering, type FunctionContext } from './answer.ts';
import { type DirectoryDescriptor, requireDirectory } from './descriptors.ts';
import { EBUSY, EEXIST, EINVAL, EISDIR, ENOENT, ENOTDIR, EPERM, EXDEV, FileError } from './errno.ts';
import { timesFrom, writeFilestat } from './filestat.ts';
import { pathOpen } from './path-open.ts';
import { lastOf, type NamedPlace, walk, walkToName } from './path-walk.ts';
import {
  PATH_CREATE_DIRECTORY,
  PATH_FILESTAT_GET,
  PATH_FILESTAT_SET_TIMES,
  PATH_LINK_SOURCE,
  PATH_LINK_TARGET,
  PATH_READLINK,
  PATH_REMOVE_DIRECTORY,
  PATH_RENAME_SOURCE,
  PATH_RENAME_TARGET,
  PATH_SYMLINK,
  PATH_UNLINK_FILE,
} from './rights.ts';

export function pathFunctions(functions: FunctionContext) {
  const { context, table } = functions;
  const directoryOf = (number: number, rights: number): DirectoryDescriptor =>
    requireDirectory(table.get(number), rights);

  return {
    path_open: pathOpen(functions),

    path_create_directory: answering(functions, (guest, number: number, path: number, bytes: number) => {
      const { node } = directoryOf(number, PATH_CREATE_DIRECTORY);
      walkToName(node, guest.path(path, bytes), EEXIST, ({ directory, name }) =>
        directory.makeDirectory(name),
      );
    }),

    path_remove_directory: answering(functions, (guest, number: number, path: number, bytes: number) => {
      const { node } = directoryOf(number, PATH_REMOVE_DIRECTORY);
      walkToName(node, guest.path(path, bytes), EINVAL, ({ directory, name }) =>
        directory.removeDirectory(name),
      );
    }),

    path_unlink_file: answering(functions, (guest, number: number, path: number, bytes: number) => {
      const { node } = directoryOf(number, PATH_UNLINK_FILE);
      walkToName(node, guest.path(path, bytes), EISDIR, (place) => {
        // Of a directory the file system says so itself.
        if (!isDirectory(place)) requireNoSlash(place);
        place.directory.unlink(place.name);
      });
    }),

    path_rename: answering(
      functions,
      (
        guest,
        number: number,
        path: number,
        bytes: number,
        newNumber: number,
        newPath: number,
        newBytes: number,
      ) => {
        const from = directoryOf(number, PATH_RENAME_SOURCE);
        const to = directoryOf(newNumber, PATH_RENAME_TARGET);
        if (from.mount !== to.mount) throw new FileError(EXDEV);
        const [oldName, newName] = [guest.path(path, bytes), guest.path(newPath, newBytes)];
        walkToName(from.node, oldName, EBUSY, (source) => {
          walkToName(to.node, newName, EBUSY, (target) => {
            if ((source.mustBeDirectory || target.mustBeDirectory) && !isDirectory(source))
              throw new FileError(ENOTDIR);
            source.directory.rename(source.name, target.directory, target.name);
          });
        });
      },
    ),

    path_link: answering(
      functions,
      (
        guest,
        number: number,
        flags: number,
        path: number,
        bytes: number,
        newNumber: number,
        newPath: number,
        newBytes: number,
      ) => {
        const from = directoryOf(number, PATH_LINK_SOURCE);
        const to = directoryOf(newNumber, PATH_LINK_TARGET);
        if (from.mount !== to.mount) throw new FileError(EXDEV);
        const [oldName, newName] = [guest.path(path, bytes), guest.path(newPath, newBytes)];
        walk(from.node, oldName, lastOf(flags), ({ directory, name, mustBeDirectory }) => {
          if (name === null) throw new FileError(EPERM);
          const source = { directory, name, mustBeDirectory };
          if (mustBeDirectory && !isDirectory(source)) throw new FileError(ENOTDIR);
          walkToName(to.node, newName, EEXIST, (target) => {
            requireNewName(target);
            directory.link(name, target.directory, target.name);
          });
        });
      },
    ),

    /** What a link says is the guest's; that it leads nowhere above its mount is seen to when it is followed. */
    path_symlink: answering(
      functions,
      (guest, content: number, contentBytes: number, number: number, path: number, bytes: number) => {
        const { node } = directoryOf(number, PATH_SYMLINK);
        const text = guest.path(content, contentBytes);
        if (text === '') throw new FileError(ENOENT);
        // Others than guests follow links in a host's directory, and for them it would lead out.
        if (text.startsWith('/')) throw new FileError(EPERM);
        walkToName(node, guest.path(path, bytes), EEXIST, (place) => {
          requireNewName(place);
          place.directory.symlink(text, place.name);
        });
      },
    ),

    path_readlink: answering(
      functions,
      (
        guest,
        number: number,
        path: number,
        bytes: number,
        buffer: number,
        bufferBytes: number,
        used: number,
      ) => {
        const { node } = directoryOf(number, PATH_READLINK);
        guest.check(used, 4);
        const into = guest.range(buffer, bufferBytes);
        const text = walkToName(node, guest.path(path, bytes), EINVAL, (place) => {
          if (!isDirectory(place)) requireNoSlash(place);
          return place.directory.readlink(place.name);
        });
        const content = new TextEncoder().encode(text).subarray(0, into.byteLength);
        into.set(content);
        guest.writeU32(used, content.byteLength);
      },
    ),

    path_filestat_get: answering(
      functions,
      (guest, number: number, flags: number, path: number, bytes: number, filestat: number) => {
        const { node } = directoryOf(number, PATH_FILESTAT_GET);
        const stat = walk(
          node,
          guest.path(path, bytes),
          lastOf(flags),
          ({ directory, name, mustBeDirectory }) => {
            if (name === null) return directory.stat();
            const found = directory.lookup(name);
            if (mustBeDirectory && found.type !== 'directory') throw new FileError(ENOTDIR);
            return found;
          },
        );
        writeFilestat(guest, filestat, stat);
      },
    ),

    path_filestat_set_times: answering(
      functions,
      (
        guest,
        number: number,
        flags: number,
        path: number,
        bytes: number,
        accessedNs: bigint,
        modifiedNs: bigint,
        timeFlags: number,
      ) => {
        const { node } = directoryOf(number, PATH_FILESTAT_SET_TIMES);
        const times = timesFrom(timeFlags, accessedNs, modifiedNs, context.clock);
        walk(node, guest.path(path, bytes), lastOf(flags), ({ directory, name, mustBeDirectory }) => {
          if (name === null) return directory.setTimes(times);
          if (mustBeDirectory && directory.lookup(name).type !== 'directory') throw new FileError(ENOTDIR);
          directory.setTimesOf(name, times);
        });
      },
    ),
  };
}

/** Throws FileError ENOENT when there is nothing. */
function isDirectory({ directory, name }: NamedPlace): boolean {
  return directory.lookup(name).type === 'directory';
}

function requireNoSlash({ mustBeDirectory }: NamedPlace): void {
  if (mustBeDirectory) throw new FileError(ENOTDIR);
}

/** What is made is no directory: with a slash behind its name it cannot be made, whatever is there. */
function requireNewName(place: NamedPlace): void {
  if (!place.mustBeDirectory) return;
  throw new FileError(isDirectory(place) ? EEXIST : ENOTDIR);
}
