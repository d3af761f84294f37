// What a guest's file system asks of the main thread, and what it gets, as plain cloneable data. A request speaks of a volume by the
// handle of its mount, of directories by their number, and of files that are open by a handle; it must never carry an object.
import type { FileStat, NewTimes, OpenOptions } from '../wasi/file-system.ts';
import type { FileLayout } from './volume-layout.ts';
import type { VolumeNode } from './volume-tree.ts';

/** A name in a directory. Numbers of directories are never used again, so that none has to be held open. */
export interface NamedPlace {
  readonly directory: number;
  readonly name: string;
}

/** What a directory lists: made of what is copied cheaply, since there may be tens of thousands and the main thread copies them. */
export type VolumeEntry = readonly [name: string, inode: number, type: VolumeNode['kind']];

export type VolumeRequest =
  /** The volume of that name, made if there is none. For as long as the run lasts. */
  { readonly kind: 'mount'; readonly name: string } | (OnMount & VolumeOperation);

interface OnMount {
  readonly mount: number;
}

export type VolumeOperation =
  | { readonly kind: 'stat' | 'list'; readonly inode: number }
  | ({ readonly kind: 'lookup' | 'make-directory' | 'remove-directory' | 'unlink' | 'readlink' } & NamedPlace)
  | ({ readonly kind: 'open'; readonly options: OpenOptions } & NamedPlace)
  /** A file that there is still, by its number. */
  | { readonly kind: 'open-inode'; readonly inode: number }
  | ({ readonly kind: 'rename' | 'link'; readonly target: NamedPlace } & NamedPlace)
  | ({ readonly kind: 'symlink'; readonly content: string } & NamedPlace)
  | ({ readonly kind: 'set-times-of'; readonly times: NewTimes } & NamedPlace)
  | { readonly kind: 'set-times'; readonly inode: number; readonly times: NewTimes }
  /** `position` null: at the end. */
  | {
      readonly kind: 'write';
      readonly handle: number;
      readonly position: number | null;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: 'set-size'; readonly handle: number; readonly sizeBytes: number }
  | {
      readonly kind: 'allocate';
      readonly handle: number;
      readonly position: number;
      readonly sizeBytes: number;
    }
  | { readonly kind: 'layout' | 'close'; readonly handle: number }
  | { readonly kind: 'sync' };

/** `errno`: of WASI preview 1. */
export type VolumeReply =
  | { readonly kind: 'refused'; readonly errno: number }
  | { readonly kind: 'done' }
  | { readonly kind: 'mounted'; readonly mount: number; readonly volume: number }
  | { readonly kind: 'stat'; readonly stat: FileStat }
  | {
      readonly kind: 'opened';
      readonly handle: number;
      readonly inode: number;
      /** Where its slot is, in the bank. */
      readonly slotOffset: number;
    }
  | { readonly kind: 'layout'; readonly layout: FileLayout }
  | { readonly kind: 'written'; readonly writtenBytes: number; readonly endBytes: number }
  | { readonly kind: 'entries'; readonly entries: readonly VolumeEntry[] }
  | { readonly kind: 'text'; readonly text: string };

/** How a guest's thread reaches the volumes: `HostServices.volume`. */
export type VolumeCall = (request: VolumeRequest) => VolumeReply;
