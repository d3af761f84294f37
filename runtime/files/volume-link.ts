// A run's line to one mounted volume: requests with the handle of its mount, answers of the kind that was asked for, and bookmarks. It
// must never let an answer of another kind through, nor a change of what is mounted to be read.
import { invariant } from '../invariant.ts';
import { ENOTDIR, EROFS, ESTALE, FileError } from '../wasi/errno.ts';
import type { FileStat } from '../wasi/file-system.ts';
import type { VolumeCall, VolumeOperation, VolumeReply, VolumeRequest } from './volume-protocol.ts';

/** The numbers of volume and file: neither is used again. */
const BOOKMARK = /^([1-9][0-9]{0,15})\/([1-9][0-9]{0,15})$/;

/** What changes nothing. */
const READING: readonly VolumeOperation['kind'][] = [
  'stat',
  'list',
  'lookup',
  'readlink',
  'open-inode',
  'layout',
  'close',
  'sync',
];

export class VolumeLink {
  /** Number of the volume. */
  readonly volume: number;
  readonly access: 'read-only' | 'read-write';
  readonly #call: VolumeCall;
  readonly #mount: number;
  #isOver = false;

  /** Throws FileError as the mount of the volume does. */
  constructor(call: VolumeCall, name: string, access: 'read-only' | 'read-write') {
    this.#call = call;
    this.access = access;
    const { mount, volume } = this.#answered({ kind: 'mount', name }, 'mounted');
    this.#mount = mount;
    this.volume = volume;
  }

  /** The run is over: what it has opened has been taken back, and nothing is asked any more. */
  runIsOver(): void {
    this.#isOver = true;
  }

  /** Gives a handle back, unless that was done with the end of the run. */
  close(handle: number): void {
    if (!this.#isOver) this.ask({ kind: 'close', handle }, 'done');
  }

  /** Throws FileError; ESTALE after the end of the run. */
  ask<Kind extends VolumeReply['kind']>(
    operation: VolumeOperation,
    kind: Kind,
  ): VolumeReply & { readonly kind: Kind } {
    if (this.#isOver) throw new FileError(ESTALE);
    if (this.access === 'read-only' && !isReading(operation)) throw new FileError(EROFS);
    return this.#answered({ ...operation, mount: this.#mount }, kind);
  }

  bookmarkOf(inode: number): string {
    return `${this.volume}/${inode}`;
  }

  /** Throws ESTALE for a bookmark of another volume: this one may have been made after that was removed. */
  inodeOf(bookmark: string): number {
    const [, volume, inode] = BOOKMARK.exec(bookmark) ?? [];
    if (Number(volume) !== this.volume) throw new FileError(ESTALE);
    return Number(inode);
  }

  requireDirectory(stat: FileStat): FileStat {
    if (stat.type === 'directory') return stat;
    throw new FileError(ENOTDIR);
  }

  #answered<Kind extends VolumeReply['kind']>(
    request: VolumeRequest,
    kind: Kind,
  ): VolumeReply & { readonly kind: Kind } {
    const reply = this.#call(request);
    if (reply.kind === 'refused') throw new FileError(reply.errno);
    invariant(isOfKind(reply, kind), 'a volume answers what it was asked');
    return reply;
  }
}

/** A file that has to be made is not there to be read. */
function isReading(operation: VolumeOperation): boolean {
  if (operation.kind !== 'open') return READING.includes(operation.kind);
  const { write, create } = operation.options;
  return !write && !create;
}

function isOfKind<Kind extends VolumeReply['kind']>(
  reply: VolumeReply,
  kind: Kind,
): reply is VolumeReply & { readonly kind: Kind } {
  return reply.kind === kind;
}
