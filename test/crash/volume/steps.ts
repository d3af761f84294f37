// What is done to a volume by chance, as data that means the same to every volume in the same state: steps that make no sense are refused
// alike everywhere. Nothing here knows how a volume is kept.
import { FileError } from '#runtime/wasi/errno.js';
import type { FileSystem, OpenDirectory, OpenFile } from '#runtime/wasi/file-system.js';
import type { Random } from '../enumeration/random.js';

export type Path = readonly string[];

export type VolumeStep =
  | { readonly kind: 'make-directory' | 'remove-directory' | 'unlink' | 'symlink'; readonly path: Path }
  | { readonly kind: 'rename' | 'link'; readonly path: Path; readonly to: Path }
  | { readonly kind: 'open'; readonly place: number; readonly path: Path; readonly truncate: boolean }
  | {
      readonly kind: 'write' | 'allocate';
      readonly place: number;
      readonly position: number;
      readonly length: number;
      readonly stamp: number;
    }
  | { readonly kind: 'append'; readonly place: number; readonly length: number; readonly stamp: number }
  | { readonly kind: 'resize'; readonly place: number; readonly position: number }
  | { readonly kind: 'close' | 'sync'; readonly place: number };

const PLACES = 4;
const NAMES = ['a', 'b', 'c', 'd'];
const PAGE = 4096;
const LINK_CONTENT = '../there';

/** Weight and kind. */
const KINDS: readonly (readonly [number, VolumeStep['kind']])[] = [
  [3, 'make-directory'],
  [2, 'remove-directory'],
  [4, 'unlink'],
  [2, 'symlink'],
  [5, 'rename'],
  [3, 'link'],
  [10, 'open'],
  [8, 'write'],
  [8, 'append'],
  [3, 'allocate'],
  [4, 'resize'],
  [3, 'close'],
  [2, 'sync'],
];

export function chooseStep(random: Random, stamp: number): VolumeStep {
  const kind = chooseKind(random);
  const path = anyPath(random);
  const place = random.below(PLACES);
  switch (kind) {
    case 'rename':
    case 'link':
      return { kind, path, to: anyPath(random) };
    case 'open':
      return { kind, place, path, truncate: random.chance(0.2) };
    case 'write':
    case 'allocate':
      return { kind, place, position: anyPosition(random), length: anyLength(random), stamp };
    case 'append':
      return { kind, place, length: anyLength(random), stamp };
    case 'resize':
      return { kind, place, position: anyPosition(random) };
    case 'close':
    case 'sync':
      return { kind, place };
    default:
      return { kind, path };
  }
}

/** A guest that has a volume mounted, and some files open. */
export class VolumeSession {
  readonly #fileSystem: FileSystem;
  readonly #root: OpenDirectory;
  readonly #open = new Map<number, OpenFile>();

  constructor(fileSystem: FileSystem) {
    this.#fileSystem = fileSystem;
    this.#root = fileSystem.openRoot();
  }

  /** False when it was refused. */
  take(step: VolumeStep): boolean {
    try {
      this.#take(step);
      return true;
    } catch (error) {
      if (error instanceof FileError) return false;
      throw error;
    }
  }

  end(): void {
    for (const file of this.#open.values()) file.close();
    this.#fileSystem[Symbol.dispose]();
  }

  #take(step: VolumeStep): void {
    switch (step.kind) {
      case 'make-directory':
        return this.#at(step.path).makeDirectory(last(step.path));
      case 'remove-directory':
        return this.#at(step.path).removeDirectory(last(step.path));
      case 'unlink':
        return this.#at(step.path).unlink(last(step.path));
      case 'symlink':
        return this.#at(step.path).symlink(LINK_CONTENT, last(step.path));
      case 'rename':
        return this.#at(step.path).rename(last(step.path), this.#at(step.to), last(step.to));
      case 'link':
        return this.#at(step.path).link(last(step.path), this.#at(step.to), last(step.to));
      case 'open': {
        // One operation each: what a place held is closed by a step of its own.
        if (this.#open.has(step.place)) return;
        const options = { read: true, write: true, create: true, exclusive: false, truncate: step.truncate };
        this.#open.set(step.place, this.#at(step.path).openFile(last(step.path), options));
        return;
      }
      case 'write':
        this.#open.get(step.place)?.write(stamped(step), step.position);
        return;
      case 'append':
        this.#open.get(step.place)?.append(stamped(step));
        return;
      case 'allocate':
        return this.#open.get(step.place)?.allocate(step.position, step.length);
      case 'resize':
        return this.#open.get(step.place)?.setSize(step.position);
      case 'close':
        this.#open.get(step.place)?.close();
        this.#open.delete(step.place);
        return;
      case 'sync':
        return this.#open.get(step.place)?.sync('all');
    }
  }

  #at(path: Path): OpenDirectory {
    return path.slice(0, -1).reduce((at, name) => at.openDirectory(name), this.#root);
  }
}

function stamped({ length, stamp }: { readonly length: number; readonly stamp: number }): Uint8Array {
  return new Uint8Array(length).fill(1 + (stamp % 255));
}

function chooseKind(random: Random): VolumeStep['kind'] {
  const total = KINDS.reduce((sum, [weight]) => sum + weight, 0);
  let chosen = random.below(total);
  for (const [weight, kind] of KINDS) {
    chosen -= weight;
    if (chosen < 0) return kind;
  }
  throw new Error('weights add up');
}

function anyPath(random: Random): Path {
  const name = (): string => NAMES[random.below(NAMES.length)] ?? '';
  return random.chance(0.6) ? [name()] : [name(), name()];
}

function anyPosition(random: Random): number {
  return random.chance(0.5) ? random.below(2 * PAGE) : PAGE * random.below(6);
}

function anyLength(random: Random): number {
  return random.chance(0.6) ? random.below(600) : random.below(3 * PAGE);
}

function last(path: Path): string {
  return path.at(-1) ?? '';
}
