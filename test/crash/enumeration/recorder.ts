// The files of a bank with an account of every step taken in them, as data: what is written, given back, synced, renamed, and between
// the steps what has been promised by then. It passes everything on to the real files and must never change what they do.
import type { OpenBankFiles } from '#runtime/bank/bank-directory.js';
import type { BankFile, BankFiles } from '#runtime/bank/bank-files.js';
import { DirectoryFiles } from '#runtime/bank/directory-files.js';

/** One thing done to the files. `node` tells a file through all its names. */
export type Step =
  | {
      /** `stored`: through a mapping. */
      readonly kind: 'write' | 'stored';
      readonly node: number;
      readonly offset: number;
      readonly bytes: Uint8Array;
    }
  | {
      readonly kind: 'reserve' | 'release';
      readonly node: number;
      readonly offset: number;
      readonly sizeBytes: number;
    }
  | { readonly kind: 'resize'; readonly node: number; readonly sizeBytes: number }
  | { readonly kind: 'sync'; readonly node: number }
  | { readonly kind: 'link'; readonly name: string; readonly node: number }
  | { readonly kind: 'remove'; readonly name: string }
  | { readonly kind: 'rename'; readonly name: string; readonly to: string }
  | { readonly kind: 'sync-directory' };

export class Recorder {
  readonly steps: Step[] = [];
  readonly #nodes = new Map<string, number>();
  #nextNode = 1;

  /** For `SiteEnvironment`. */
  readonly openBankFiles: OpenBankFiles = (path, options) =>
    new RecordedFiles(this, DirectoryFiles.open(path, options));

  /** Takes note of bytes that guests have stored in the content behind everybody's back, as found at `offset`. */
  foundStored(name: string, bytes: Uint8Array, offset: number): void {
    const node = this.nodeOf(name);
    if (node !== null) this.add({ kind: 'stored', node, offset, bytes: Uint8Array.from(bytes) });
  }

  add(step: Step): void {
    this.steps.push(step);
  }

  nodeOf(name: string): number | null {
    return this.#nodes.get(name) ?? null;
  }

  link(name: string): number {
    const node = this.#nextNode++;
    this.#nodes.set(name, node);
    this.add({ kind: 'link', name, node });
    return node;
  }

  remove(name: string): void {
    if (this.#nodes.delete(name)) this.add({ kind: 'remove', name });
  }

  rename(name: string, to: string): void {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new Error(`${name} is renamed, and was never made`);
    this.#nodes.delete(name);
    this.#nodes.set(to, node);
    this.add({ kind: 'rename', name, to });
  }
}

class RecordedFiles implements BankFiles {
  readonly path: string;
  readonly #recorder: Recorder;
  readonly #files: BankFiles;

  constructor(recorder: Recorder, files: BankFiles) {
    this.#recorder = recorder;
    this.#files = files;
    this.path = files.path;
  }

  list(): readonly string[] {
    return this.#files.list();
  }

  open(name: string): BankFile | null {
    const file = this.#files.open(name);
    if (file === null) return null;
    const node = this.#recorder.nodeOf(name);
    if (node === null) throw new Error(`${name} is there, and was never made`);
    return new RecordedFile(this.#recorder, node, file);
  }

  create(name: string): BankFile {
    const file = this.#files.create(name);
    this.#recorder.remove(name);
    return new RecordedFile(this.#recorder, this.#recorder.link(name), file);
  }

  openOrCreate(name: string): BankFile {
    const file = this.#files.openOrCreate(name);
    return new RecordedFile(this.#recorder, this.#recorder.nodeOf(name) ?? this.#recorder.link(name), file);
  }

  rename(from: string, to: string): void {
    this.#files.rename(from, to);
    this.#recorder.rename(from, to);
  }

  remove(name: string): void {
    this.#files.remove(name);
    this.#recorder.remove(name);
  }

  sync(): void {
    this.#files.sync();
    this.#recorder.add({ kind: 'sync-directory' });
  }

  [Symbol.dispose](): void {
    this.#files[Symbol.dispose]();
  }
}

class RecordedFile implements BankFile {
  readonly #recorder: Recorder;
  readonly #node: number;
  readonly #file: BankFile;

  constructor(recorder: Recorder, node: number, file: BankFile) {
    this.#recorder = recorder;
    this.#node = node;
    this.#file = file;
  }

  get name(): string {
    return this.#file.name;
  }

  get fd(): number {
    return this.#file.fd;
  }

  sizeBytes(): number {
    return this.#file.sizeBytes();
  }

  read(offset: number, sizeBytes: number): Uint8Array {
    return this.#file.read(offset, sizeBytes);
  }

  write(bytes: Uint8Array, offset: number): void {
    this.#file.write(bytes, offset);
    this.#recorder.add({ kind: 'write', node: this.#node, offset, bytes: Uint8Array.from(bytes) });
  }

  reserve(offset: number, sizeBytes: number): boolean {
    const isReserved = this.#file.reserve(offset, sizeBytes);
    if (isReserved) this.#recorder.add({ kind: 'reserve', node: this.#node, offset, sizeBytes });
    return isReserved;
  }

  release(offset: number, sizeBytes: number): void {
    this.#file.release(offset, sizeBytes);
    this.#recorder.add({ kind: 'release', node: this.#node, offset, sizeBytes });
  }

  stored(bytes: Uint8Array, offset: number): void {
    this.#file.stored(bytes, offset);
    this.#recorder.add({ kind: 'stored', node: this.#node, offset, bytes: Uint8Array.from(bytes) });
  }

  resize(sizeBytes: number): void {
    this.#file.resize(sizeBytes);
    this.#recorder.add({ kind: 'resize', node: this.#node, sizeBytes });
  }

  sync(): void {
    this.#file.sync();
    this.#recorder.add({ kind: 'sync', node: this.#node });
  }

  isLinked(): boolean {
    return this.#file.isLinked();
  }

  tryLock(): boolean {
    return this.#file.tryLock();
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}
