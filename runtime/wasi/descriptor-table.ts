// A guest's descriptors by number. The table is part of the executing image: it is captured with it and put back with it, without touching
// what is as it was. It owns the mounts and every node that is open in them.
import { invariant } from '../invariant.ts';
import { MAX_DESCRIPTORS } from '../limits.ts';
import type { CapturedDescriptor, CapturedNode, StreamName } from './captured-descriptors.ts';
import type { Mount } from './context.ts';
import type { Descriptor } from './descriptors.ts';
import { EBADF, EMFILE, ESTALE, FileError } from './errno.ts';
import type { FileSystem, OpenDirectory, OpenFile } from './file-system.ts';
import { DIRECTORY_RIGHTS, INHERITABLE_RIGHTS, INPUT_RIGHTS, OUTPUT_RIGHTS } from './rights.ts';
import type { WasiState } from './state-codec.ts';

/** The table as it was put or captured last: what of it is still open need not be opened again. */
interface Known {
  readonly state: WasiState | null;
  readonly serials: ReadonlyMap<number, number>;
}

/** A descriptor but for the serial, which is the table's to give. */
export type NewDescriptor<D extends Descriptor = Descriptor> = D extends Descriptor
  ? Omit<D, 'serial'>
  : never;

const STREAMS: readonly StreamName[] = ['stdin', 'stdout', 'stderr'];

export class DescriptorTable implements Disposable {
  readonly #mounts: readonly Mount[];
  readonly #entries = new Map<number, Descriptor>();
  /** Counted from 1. */
  #serials = 0;
  #known: Known = { state: null, serials: new Map() };

  /** Empty, and nothing is opened, until it is put somewhere by `restore`. */
  constructor(mounts: readonly Mount[]) {
    this.#mounts = mounts;
  }

  /** Throws FileError EBADF. */
  get(number: number): Descriptor {
    const descriptor = this.#entries.get(number >>> 0);
    if (descriptor === undefined) throw new FileError(EBADF);
    return descriptor;
  }

  /** Makes sure that `add` will find a number. Throws FileError EMFILE. */
  requireRoom(): void {
    if (this.#entries.size >= MAX_DESCRIPTORS) throw new FileError(EMFILE);
  }

  /** Under the lowest number that is free. */
  add(descriptor: NewDescriptor): number {
    this.requireRoom();
    let number = 0;
    while (this.#entries.has(number)) number += 1;
    this.#entries.set(number, this.#numbered(descriptor));
    return number;
  }

  close(number: number): void {
    const descriptor = this.get(number);
    this.#entries.delete(number >>> 0);
    closeNode(descriptor);
  }

  /** `from` is `to` afterwards, and what that was is closed. Throws FileError EBADF unless both are open. */
  renumber(from: number, to: number): void {
    const descriptor = this.get(from);
    const replaced = this.get(to);
    if (descriptor === replaced) return;
    this.#entries.delete(from >>> 0);
    this.#entries.set(to >>> 0, descriptor);
    closeNode(replaced);
  }

  /** Throws what bookmarks throw: FileError. */
  capture(): WasiState {
    const numbers = [...this.#entries.keys()].sort((a, b) => a - b);
    const state: WasiState = {
      descriptors: numbers.map((number) => captureDescriptor(number, this.get(number))),
      mounts: this.#mounts.map(({ fileSystem }) => fileSystem.capture()),
    };
    this.#remember(state);
    return state;
  }

  /**
   * Puts the table back. Null: as a guest finds it that has run nothing, standard streams and then the mounts. `descriptors` `lost`: the
   * same, but mounts still go back to what was captured.
   * What is not there any more, or cannot be opened, becomes stale; nothing is thrown for it. `run`: it may be another one that goes on.
   */
  restore(state: WasiState | null, descriptors: 'lost' | 'restored', run: 'same' | 'new'): void {
    if (run === 'new') this.#runIsOver();
    const target = state === null || descriptors === 'lost' ? this.#first() : state.descriptors;
    const kept = this.#kept(state, target, run);
    const keptOnes = new Set(kept.values());
    for (const descriptor of this.#entries.values()) if (!keptOnes.has(descriptor)) closeNode(descriptor);
    if (this.#mounts.length > 0) this.#restoreMounts(state, keptOnes);
    this.#entries.clear();
    for (const captured of target) {
      const present = kept.get(captured.number);
      this.#entries.set(
        captured.number,
        present === undefined ? this.#open(captured) : putBack(present, captured),
      );
    }
    this.#remember(state);
  }

  [Symbol.dispose](): void {
    this.#runIsOver();
    for (const descriptor of this.#entries.values()) closeNode(descriptor);
    this.#entries.clear();
    for (const { fileSystem } of this.#mounts) fileSystem[Symbol.dispose]();
  }

  #restoreMounts(state: WasiState | null, kept: ReadonlySet<Descriptor>): void {
    const held = new Set([...kept].flatMap((descriptor) => ('node' in descriptor ? [descriptor.node] : [])));
    for (const [index, { fileSystem }] of this.#mounts.entries()) {
      fileSystem.closeAllBut(held);
      fileSystem.restore(state?.mounts[index] ?? null);
    }
  }

  #runIsOver(): void {
    for (const { fileSystem } of this.#mounts) fileSystem.runIsOver();
  }

  /** What is open as it is to be, under whatever number, apart from what a descriptor carries itself. */
  #kept(
    state: WasiState | null,
    target: readonly CapturedDescriptor[],
    run: 'same' | 'new',
  ): ReadonlyMap<number, Descriptor> {
    const kept = new Map<number, Descriptor>();
    if (state !== this.#known.state) return kept;
    const open = new Map([...this.#entries.values()].map((descriptor) => [descriptor.serial, descriptor]));
    for (const { number } of target) {
      const descriptor = open.get(this.#known.serials.get(number) ?? 0);
      if (descriptor !== undefined && this.#staysOpen(descriptor, run)) kept.set(number, descriptor);
    }
    return kept;
  }

  #staysOpen(descriptor: Descriptor, run: 'same' | 'new'): boolean {
    if (descriptor.kind === 'stream') return true;
    if (descriptor.kind === 'stale') return false;
    const { rewinds, endsWithRun } = this.#mount(descriptor.mount);
    // What goes back with the guest is not the same tree afterwards.
    return !rewinds && (run === 'same' || !endsWithRun);
  }

  #remember(state: WasiState | null): void {
    const serials = new Map([...this.#entries].map(([number, { serial }]) => [number, serial]));
    this.#known = { state, serials };
  }

  #first(): readonly CapturedDescriptor[] {
    const flags = 0;
    const streams = STREAMS.map((stream, number) => {
      const rights = stream === 'stdin' ? INPUT_RIGHTS : OUTPUT_RIGHTS;
      return { kind: 'stream' as const, number, stream, rights, inheriting: 0, flags, position: 0 };
    });
    const directories = this.#mounts.map(({ guestPath: preopenName }, mount) => {
      const number = STREAMS.length + mount;
      const [rights, inheriting] = [DIRECTORY_RIGHTS, INHERITABLE_RIGHTS];
      return {
        kind: 'directory' as const,
        number,
        mount,
        bookmark: null,
        preopenName,
        rights,
        inheriting,
        flags,
      };
    });
    return [...streams, ...directories];
  }

  #open(captured: CapturedDescriptor): Descriptor {
    const { rights, inheriting, flags } = captured;
    const common = { rights, inheriting, flags };
    if (captured.kind === 'stream') {
      const { stream, position } = captured;
      return this.#numbered({ kind: 'stream', stream, position, ...common });
    }
    const { mount } = captured;
    const node = this.#reopen(captured);
    if (node?.kind === 'file' && captured.kind === 'file') {
      const access = { read: captured.read, write: captured.write };
      return this.#numbered({ kind: 'file', mount, node, access, position: captured.position, ...common });
    }
    if (node?.kind === 'directory' && captured.kind === 'directory') {
      const { preopenName } = captured;
      return this.#numbered({ kind: 'directory', mount, node, preopenName, listing: null, ...common });
    }
    node?.close();
    return this.#numbered({ kind: 'stale', mount, captured, ...common });
  }

  #reopen(captured: CapturedNode): OpenDirectory | OpenFile | null {
    const fileSystem = this.#mount(captured.mount);
    try {
      if (captured.kind === 'file') return fileSystem.reopen(captured.bookmark, captured);
      if (captured.bookmark === null) return fileSystem.openRoot();
      return fileSystem.reopen(captured.bookmark, { read: true, write: false });
    } catch (error) {
      if (error instanceof FileError) return null;
      throw error;
    }
  }

  #mount(index: number): FileSystem {
    const mount = this.#mounts[index];
    invariant(mount !== undefined, 'a descriptor belongs to a mount');
    return mount.fileSystem;
  }

  #numbered(descriptor: NewDescriptor): Descriptor {
    this.#serials += 1;
    return { ...descriptor, serial: this.#serials };
  }
}

function captureDescriptor(number: number, descriptor: Descriptor): CapturedDescriptor {
  const { rights, inheriting, flags } = descriptor;
  const common = { number, rights, inheriting, flags };
  switch (descriptor.kind) {
    case 'stream': {
      const { stream, position } = descriptor;
      return { kind: 'stream', stream, position, ...common };
    }
    case 'file': {
      const { mount, access, position } = descriptor;
      return { kind: 'file', mount, bookmark: bookmarkOf(descriptor.node), ...access, position, ...common };
    }
    case 'directory': {
      const { mount, preopenName } = descriptor;
      const bookmark = preopenName === null ? bookmarkOf(descriptor.node) : null;
      return { kind: 'directory', mount, bookmark, preopenName, ...common };
    }
    case 'stale':
      return { ...descriptor.captured, ...common };
  }
}

/** What is gone already will be stale when it is looked for. */
function bookmarkOf(node: OpenDirectory | OpenFile): string {
  try {
    return node.bookmark();
  } catch (error) {
    if (error instanceof FileError && error.errno === ESTALE) return '';
    throw error;
  }
}

/** The same opening as it was captured. */
function putBack(descriptor: Descriptor, captured: CapturedDescriptor): Descriptor {
  descriptor.rights = captured.rights;
  descriptor.inheriting = captured.inheriting;
  descriptor.flags = captured.flags;
  if (descriptor.kind === 'directory') descriptor.listing = null;
  if ('position' in descriptor && 'position' in captured) descriptor.position = captured.position;
  return descriptor;
}

function closeNode(descriptor: Descriptor): void {
  if (descriptor.kind === 'directory') descriptor.listing = null;
  if (descriptor.kind === 'file' || descriptor.kind === 'directory') descriptor.node.close();
}
