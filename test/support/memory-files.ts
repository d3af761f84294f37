// A bank's directory in memory, with an account of every step taken in it as data, so that a test can stop at any of them and look at
// what a crash would have left. It must refuse what a real file system would refuse for want of space, page by page.
import type { BankFile, BankFiles } from '#runtime/bank/bank-files.js';
import { RekindleError } from '#runtime/errors.js';

/** One thing done to the files, named as they were called at that time. */
export type BankStep =
  | {
      readonly kind: 'write' | 'stored';
      readonly file: string;
      readonly offset: number;
      readonly bytes: Uint8Array;
    }
  | {
      readonly kind: 'reserve' | 'release';
      readonly file: string;
      readonly offset: number;
      readonly sizeBytes: number;
    }
  | { readonly kind: 'resize'; readonly file: string; readonly sizeBytes: number }
  | { readonly kind: 'sync' | 'create' | 'remove'; readonly file: string }
  | { readonly kind: 'rename'; readonly file: string; readonly to: string }
  | { readonly kind: 'sync-directory' };

/** Names and the bytes under them. */
export type BankImage = ReadonlyMap<string, Uint8Array>;

const PAGE_BYTES = 4096;

class Node {
  bytes = Buffer.alloc(0);
  /** Those that have been given memory. */
  readonly pages = new Set<number>();
  openCount = 0;
  isLocked = false;

  resize(sizeBytes: number): void {
    if (sizeBytes === this.bytes.length) return;
    const bytes = Buffer.alloc(sizeBytes);
    this.bytes.copy(bytes);
    this.bytes = bytes;
    for (const page of this.pages) if (page * PAGE_BYTES >= sizeBytes) this.pages.delete(page);
  }

  write(bytes: Uint8Array, offset: number): void {
    this.resize(Math.max(this.bytes.length, offset + bytes.length));
    this.bytes.set(bytes, offset);
  }
}

export class MemoryFiles implements BankFiles {
  readonly path = '/memory';
  readonly steps: BankStep[] = [];
  /** Bytes of pages that all files together may have. */
  spaceBytes = Number.POSITIVE_INFINITY;
  /** Called before each step; what it throws is what the system refuses. */
  before: (step: BankStep) => void = () => {};
  readonly #names = new Map<string, Node>();
  readonly #all = new Set<Node>();

  /** With files in it, which are no steps. */
  constructor(image: BankImage = new Map()) {
    for (const [name, bytes] of image) {
      const node = this.#add(name);
      node.write(bytes, 0);
      for (const page of pagesOf(0, bytes.length)) node.pages.add(page);
    }
  }

  /** Copies of what is in the files now. */
  image(): BankImage {
    return new Map([...this.#names].map(([name, { bytes }]) => [name, Uint8Array.from(bytes)]));
  }

  usedBytes(): number {
    const linked = new Set(this.#names.values());
    const kept = [...this.#all].filter((node) => linked.has(node) || node.openCount > 0);
    return kept.reduce((sum, { pages }) => sum + pages.size, 0) * PAGE_BYTES;
  }

  /** Files that have not been closed. */
  get openCount(): number {
    return [...this.#all].reduce((sum, { openCount }) => sum + openCount, 0);
  }

  list(): readonly string[] {
    return [...this.#names.keys()];
  }

  open(name: string): BankFile | null {
    const node = this.#names.get(name);
    return node === undefined ? null : new MemoryFile(this, node, name);
  }

  create(name: string): BankFile {
    this.step({ kind: 'create', file: name });
    return new MemoryFile(this, this.#add(name), name);
  }

  openOrCreate(name: string): BankFile {
    return this.open(name) ?? this.create(name);
  }

  rename(from: string, to: string): void {
    const node = this.#names.get(from);
    if (node === undefined)
      throw new RekindleError('BANK_UNAVAILABLE', `${this.path}/${from}`, 'there is none');
    this.step({ kind: 'rename', file: from, to });
    this.#names.delete(from);
    this.#names.set(to, node);
  }

  remove(name: string): void {
    if (!this.#names.has(name)) return;
    this.step({ kind: 'remove', file: name });
    this.#names.delete(name);
  }

  sync(): void {
    this.step({ kind: 'sync-directory' });
  }

  [Symbol.dispose](): void {}

  /** For its files. */
  step(step: BankStep): void {
    this.before(step);
    this.steps.push(step);
  }

  nameOf(node: Node): string | null {
    return [...this.#names].find(([, named]) => named === node)?.[0] ?? null;
  }

  /** Gives pages to a range as far as there is space; returns how many bytes of the range have some. */
  allocate(node: Node, offset: number, sizeBytes: number): number {
    let freePages = Math.floor((this.spaceBytes - this.usedBytes()) / PAGE_BYTES);
    for (const page of pagesOf(offset, sizeBytes)) {
      if (node.pages.has(page)) continue;
      if (freePages <= 0) return Math.max(0, page * PAGE_BYTES - offset);
      freePages -= 1;
      node.pages.add(page);
    }
    return sizeBytes;
  }

  #add(name: string): Node {
    const node = new Node();
    this.#names.set(name, node);
    this.#all.add(node);
    return node;
  }
}

class MemoryFile implements BankFile {
  readonly fd = -1;
  readonly #files: MemoryFiles;
  readonly #node: Node;
  #name: string;
  #isOpen = true;
  #hasLock = false;

  constructor(files: MemoryFiles, node: Node, name: string) {
    this.#files = files;
    this.#node = node;
    this.#name = name;
    node.openCount += 1;
  }

  get name(): string {
    this.#name = this.#files.nameOf(this.#node) ?? this.#name;
    return this.#name;
  }

  sizeBytes(): number {
    return this.#node.bytes.length;
  }

  read(offset: number, sizeBytes: number): Uint8Array {
    return Uint8Array.from(this.#node.bytes.subarray(offset, offset + sizeBytes));
  }

  write(bytes: Uint8Array, offset: number): void {
    const writableBytes = this.#files.allocate(this.#node, offset, bytes.length);
    const written = Uint8Array.from(bytes.subarray(0, writableBytes));
    this.#step({ kind: 'write', file: this.name, offset, bytes: written });
    this.#node.write(written, offset);
    if (writableBytes < bytes.length)
      throw new RekindleError('BANK_FULL', `${this.#files.path}/${this.name}`);
  }

  reserve(offset: number, sizeBytes: number): boolean {
    if (this.#files.allocate(this.#node, offset, sizeBytes) < sizeBytes) return false;
    this.#step({ kind: 'reserve', file: this.name, offset, sizeBytes });
    this.#node.resize(Math.max(this.sizeBytes(), offset + sizeBytes));
    return true;
  }

  release(offset: number, sizeBytes: number): void {
    this.#step({ kind: 'release', file: this.name, offset, sizeBytes });
    this.#node.bytes.fill(0, offset, offset + sizeBytes);
    for (const page of pagesOf(offset, sizeBytes)) this.#node.pages.delete(page);
  }

  stored(bytes: Uint8Array, offset: number): void {
    this.#step({ kind: 'stored', file: this.name, offset, bytes: Uint8Array.from(bytes) });
  }

  resize(sizeBytes: number): void {
    this.#step({ kind: 'resize', file: this.name, sizeBytes });
    this.#node.resize(sizeBytes);
  }

  sync(): void {
    this.#step({ kind: 'sync', file: this.name });
  }

  isLinked(): boolean {
    return this.#files.nameOf(this.#node) !== null;
  }

  tryLock(): boolean {
    if (this.#node.isLocked && !this.#hasLock) return false;
    this.#node.isLocked = true;
    this.#hasLock = true;
    return true;
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#node.openCount -= 1;
    if (this.#hasLock) this.#node.isLocked = false;
  }

  // What is done to a file without a name leaves nothing behind.
  #step(step: BankStep): void {
    if (this.isLinked()) this.#files.step(step);
  }
}

/** What a crash leaves of `image` after these steps, all of them done; `tornBytes`: of the last one, a write, only as many bytes. */
export function replay(
  image: BankImage,
  steps: readonly BankStep[],
  tornBytes = Number.POSITIVE_INFINITY,
): BankImage {
  const nodes = new Map<string, Node>();
  const add = (name: string): Node => {
    const node = new Node();
    nodes.set(name, node);
    return node;
  };
  for (const [name, bytes] of image) add(name).write(bytes, 0);
  steps.forEach((step, index) => {
    if (step.kind === 'sync-directory' || step.kind === 'sync') return;
    const node = nodes.get(step.file) ?? add(step.file);
    const isLast = index === steps.length - 1;
    switch (step.kind) {
      case 'create':
        add(step.file);
        break;
      case 'remove':
        nodes.delete(step.file);
        break;
      case 'rename':
        nodes.delete(step.file);
        nodes.set(step.to, node);
        break;
      case 'resize':
        node.resize(step.sizeBytes);
        break;
      case 'reserve':
        node.resize(Math.max(node.bytes.length, step.offset + step.sizeBytes));
        break;
      case 'release':
        node.bytes.fill(0, step.offset, step.offset + step.sizeBytes);
        break;
      case 'write':
      case 'stored':
        node.write(isLast ? step.bytes.subarray(0, tornBytes) : step.bytes, step.offset);
    }
  });
  return new Map([...nodes].map(([name, { bytes }]) => [name, bytes]));
}

function pagesOf(offset: number, sizeBytes: number): readonly number[] {
  const first = Math.floor(offset / PAGE_BYTES);
  return Array.from(
    { length: Math.ceil((offset + sizeBytes) / PAGE_BYTES) - first },
    (_, index) => first + index,
  );
}
