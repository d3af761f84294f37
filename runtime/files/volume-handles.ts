// Who has what open of the volumes: each handle is one run's, of one file or of a mounted volume as a whole. It keeps the books and
// nothing else: what follows when the last handle of a file is closed is for its volume to do.
import { invariant } from '../invariant.ts';

/** `inode` null: the volume is mounted. */
export interface VolumeHandle {
  readonly handle: number;
  readonly pid: number;
  readonly volume: number;
  readonly inode: number | null;
}

export class VolumeHandles {
  readonly #handles = new Map<number, VolumeHandle>();
  readonly #byPid = new Map<number, Set<number>>();
  /** By what is open. */
  readonly #bySubject = new Map<string, Set<number>>();
  #next = 1;

  open(opened: Omit<VolumeHandle, 'handle'>): VolumeHandle {
    const handle = Object.freeze({ ...opened, handle: this.#next });
    this.#next += 1;
    this.#handles.set(handle.handle, handle);
    this.#index(handle);
    return handle;
  }

  /** Null when this run has no such handle. */
  get(pid: number, handle: number): VolumeHandle | null {
    const found = this.#handles.get(handle);
    return found?.pid === pid ? found : null;
  }

  close({ handle }: VolumeHandle): void {
    const found = this.#handles.get(handle);
    invariant(found !== undefined, 'a handle of a volume is closed once');
    this.#handles.delete(handle);
    discard(this.#byPid, found.pid, handle);
    discard(this.#bySubject, subjectOf(found.volume, found.inode), handle);
    discard(this.#bySubject, wholeOf(found.volume), handle);
  }

  of(pid: number): readonly VolumeHandle[] {
    return this.#resolve(this.#byPid.get(pid));
  }

  countOf(pid: number): number {
    return this.#byPid.get(pid)?.size ?? 0;
  }

  /** Of a file, or of the mounts of a volume when `inode` is null. */
  ofSubject(volume: number, inode: number | null): readonly VolumeHandle[] {
    return this.#resolve(this.#bySubject.get(subjectOf(volume, inode)));
  }

  isOpen(volume: number, inode: number): boolean {
    return this.#bySubject.has(subjectOf(volume, inode));
  }

  /** Whether anything of the volume is open, or it is mounted. */
  isInUse(volume: number): boolean {
    return this.#bySubject.has(wholeOf(volume));
  }

  /** Makes the indices agree with the handles again, after a change that was cut off in the middle. */
  rebuild(): void {
    this.#byPid.clear();
    this.#bySubject.clear();
    for (const handle of this.#handles.values()) this.#index(handle);
  }

  #index({ handle, pid, volume, inode }: VolumeHandle): void {
    add(this.#byPid, pid, handle);
    add(this.#bySubject, subjectOf(volume, inode), handle);
    add(this.#bySubject, wholeOf(volume), handle);
  }

  #resolve(handles: ReadonlySet<number> | undefined): readonly VolumeHandle[] {
    return [...(handles ?? [])].flatMap((handle) => this.#handles.get(handle) ?? []);
  }
}

function subjectOf(volume: number, inode: number | null): string {
  return `${volume}/${inode ?? 'mount'}`;
}

function wholeOf(volume: number): string {
  return `${volume}/`;
}

function add<Key>(index: Map<Key, Set<number>>, key: Key, handle: number): void {
  const handles = index.get(key);
  if (handles === undefined) index.set(key, new Set([handle]));
  else handles.add(handle);
}

function discard<Key>(index: Map<Key, Set<number>>, key: Key, handle: number): void {
  const handles = index.get(key);
  handles?.delete(handle);
  if (handles?.size === 0) index.delete(key);
}
