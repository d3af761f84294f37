// What guests ask of a volume, done: each request becomes one thing that its names or its content do, and an answer in plain data.
// It decides only what has to do with who has a file open.
import { unreachable } from '../invariant.ts';
import { MAX_VOLUME_HANDLES } from '../limits.ts';
import { EBADF, EEXIST, EISDIR, ELOOP, ENFILE, ENOENT, ESTALE, FileError } from '../wasi/errno.ts';
import type { OpenOptions } from '../wasi/file-system.ts';
import type { VolumeBooks } from './volume-books.ts';
import type { VolumeContent } from './volume-content.ts';
import type { VolumeHandles } from './volume-handles.ts';
import type { VolumeNames } from './volume-names.ts';
import type { NamedPlace, VolumeOperation, VolumeReply } from './volume-protocol.ts';

export interface ServedVolume {
  readonly books: VolumeBooks;
  readonly names: VolumeNames;
  readonly content: VolumeContent;
}

const DONE: VolumeReply = Object.freeze({ kind: 'done' });

/** Throws FileError. */
export function serveVolume(
  volume: ServedVolume,
  handles: VolumeHandles,
  pid: number,
  request: VolumeOperation,
): VolumeReply {
  const { books, names, content } = volume;
  switch (request.kind) {
    case 'stat':
      return { kind: 'stat', stat: books.stat(request.inode) };
    case 'lookup':
      return { kind: 'stat', stat: books.stat(names.lookup(request).inode) };
    case 'list':
      return { kind: 'entries', entries: names.list(request.inode) };
    case 'make-directory':
      names.make(request, { kind: 'directory' });
      return DONE;
    case 'symlink':
      names.make(request, { kind: 'symlink', content: request.content });
      return DONE;
    case 'remove-directory':
      names.removeDirectory(request);
      return DONE;
    case 'unlink':
      names.unlink(request);
      return DONE;
    case 'rename':
      names.rename(request, request.target);
      return DONE;
    case 'link':
      names.link(request, request.target);
      return DONE;
    case 'readlink':
      return { kind: 'text', text: names.readlink(request) };
    case 'set-times':
      names.setTimes(request.inode, request.times);
      return DONE;
    case 'set-times-of':
      names.setTimes(names.lookup(request).inode, request.times);
      return DONE;
    case 'open':
      return open(volume, handles, pid, request, request.options);
    case 'open-inode':
      if (books.tree.node(request.inode)?.kind !== 'regular') throw new FileError(ESTALE);
      return opened(volume, handles, pid, request.inode);
    case 'write': {
      const { writtenBytes, endBytes } = content.write(
        fileOf(volume, handles, pid, request.handle),
        request.position,
        request.bytes,
      );
      return { kind: 'written', writtenBytes, endBytes };
    }
    case 'set-size': {
      const inode = fileOf(volume, handles, pid, request.handle);
      content.setSize(inode, request.sizeBytes, isOnlyUser(volume, handles, pid, inode));
      return DONE;
    }
    case 'allocate':
      content.allocate(fileOf(volume, handles, pid, request.handle), request.position, request.sizeBytes);
      return DONE;
    case 'layout':
      return {
        kind: 'layout',
        layout: content.node(fileOf(volume, handles, pid, request.handle)).layout,
      };
    case 'close':
      close(volume, handles, pid, request.handle);
      return DONE;
    case 'sync':
      books.sync();
      return DONE;
    default:
      return unreachable(request);
  }
}

function open(
  volume: ServedVolume,
  handles: VolumeHandles,
  pid: number,
  place: NamedPlace,
  options: OpenOptions,
): VolumeReply {
  requireHandle(handles, pid);
  const found = volume.names.find(place);
  if (found === null) {
    if (!options.create) throw new FileError(ENOENT);
    return opened(volume, handles, pid, volume.names.make(place, { kind: 'regular' }));
  }
  const { inode, node } = found;
  if (options.create && options.exclusive) throw new FileError(EEXIST);
  if (node.kind === 'directory') throw new FileError(EISDIR);
  if (node.kind === 'symlink') throw new FileError(ELOOP);
  if (options.truncate) volume.content.setSize(inode, 0, isOnlyUser(volume, handles, pid, inode));
  return opened(volume, handles, pid, inode);
}

function opened({ books }: ServedVolume, handles: VolumeHandles, pid: number, inode: number): VolumeReply {
  requireHandle(handles, pid);
  const { handle } = handles.open({ pid, volume: books.number, inode });
  return { kind: 'opened', handle, inode, slotOffset: books.slotOffset(books.node(inode)) };
}

function close({ books, content }: ServedVolume, handles: VolumeHandles, pid: number, handle: number): void {
  const found = handles.get(pid, handle);
  if (found === null || found.inode === null || found.volume !== books.number) throw new FileError(EBADF);
  handles.close(found);
  if (!handles.isOpen(books.number, found.inode)) content.closed(found.inode);
}

function requireHandle(handles: VolumeHandles, pid: number): void {
  if (handles.countOf(pid) >= MAX_VOLUME_HANDLES) throw new FileError(ENFILE);
}

/** The file that a handle of this run stands for. EBADF. */
function fileOf({ books }: ServedVolume, handles: VolumeHandles, pid: number, handle: number): number {
  const found = handles.get(pid, handle);
  if (found === null || found.inode === null || found.volume !== books.number) throw new FileError(EBADF);
  return found.inode;
}

/** What a run asks for it asks in the only thread it has: it stores nothing meanwhile. */
function isOnlyUser({ books }: ServedVolume, handles: VolumeHandles, pid: number, inode: number): boolean {
  return handles.ofSubject(books.number, inode).every((handle) => handle.pid === pid);
}
