// What is on a medium: files as pages of bytes, changed step by step, and what a crash can leave of them. A death leaves every step; a
// loss of power leaves of what was not synced whatever it likes. It knows nothing of banks, and a copy of a medium never changes.
import { closeSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Step } from './recorder.js';

export const SECTOR_BYTES = 512;
export const PAGE_BYTES = 4096;

/** A step on one file, and one on the names. */
export type FileStep = Extract<Step, { readonly node: number }> & {
  readonly kind: Exclude<Step['kind'], 'link' | 'sync'>;
};
export type NameStep = Extract<Step, { readonly name: string }>;

/** One file. Pages are shared between copies and replaced, never written to. */
class MediumFile {
  readonly pages: Map<number, Uint8Array>;
  sizeBytes: number;

  constructor(pages = new Map<number, Uint8Array>(), sizeBytes = 0) {
    this.pages = pages;
    this.sizeBytes = sizeBytes;
  }

  copy(): MediumFile {
    return new MediumFile(new Map(this.pages), this.sizeBytes);
  }

  apply(step: FileStep): void {
    switch (step.kind) {
      case 'write':
      case 'stored':
        return this.write(step.bytes, step.offset);
      case 'reserve':
        this.sizeBytes = Math.max(this.sizeBytes, step.offset + step.sizeBytes);
        return;
      case 'release':
        return this.#clear(step.offset, step.offset + step.sizeBytes);
      case 'resize':
        this.#clear(step.sizeBytes, this.sizeBytes);
        this.sizeBytes = step.sizeBytes;
    }
  }

  write(bytes: Uint8Array, offset: number): void {
    for (let done = 0; done < bytes.length; ) {
      const page = Math.floor((offset + done) / PAGE_BYTES);
      const start = offset + done - page * PAGE_BYTES;
      const piece = bytes.subarray(done, done + PAGE_BYTES - start);
      const content = Uint8Array.from(this.pages.get(page) ?? new Uint8Array(PAGE_BYTES));
      content.set(piece, start);
      this.pages.set(page, content);
      done += piece.length;
    }
    this.sizeBytes = Math.max(this.sizeBytes, offset + bytes.length);
  }

  read(offset: number, sizeBytes: number): Buffer {
    const bytes = Buffer.alloc(sizeBytes);
    const first = Math.floor(offset / PAGE_BYTES);
    for (let page = first; page * PAGE_BYTES < offset + sizeBytes; page += 1) {
      const content = this.pages.get(page);
      if (content === undefined) continue;
      const start = page * PAGE_BYTES - offset;
      if (start >= 0) bytes.set(content.subarray(0, sizeBytes - start), start);
      else bytes.set(content.subarray(-start, -start + sizeBytes), 0);
    }
    return bytes;
  }

  #clear(start: number, end: number): void {
    for (let page = Math.floor(start / PAGE_BYTES); page * PAGE_BYTES < end; page += 1) {
      const from = Math.max(start, page * PAGE_BYTES);
      const to = Math.min(end, (page + 1) * PAGE_BYTES);
      if (to - from === PAGE_BYTES) this.pages.delete(page);
      else if (this.pages.has(page)) this.write(new Uint8Array(to - from), from);
    }
  }
}

/** Names and the files under them. */
export class Medium {
  readonly #names: Map<string, number>;
  readonly #files: Map<number, MediumFile>;

  constructor(names = new Map<string, number>(), files = new Map<number, MediumFile>()) {
    this.#names = names;
    this.#files = files;
  }

  copy(): Medium {
    const files = new Map([...this.#files].map(([node, file]) => [node, file.copy()]));
    return new Medium(new Map(this.#names), files);
  }

  /** A step on names that speaks of a name that is not there changes nothing. */
  apply(step: Step): void {
    switch (step.kind) {
      case 'sync':
      case 'sync-directory':
        return;
      case 'link':
        this.#names.set(step.name, step.node);
        return;
      case 'remove':
        this.#names.delete(step.name);
        return;
      case 'rename': {
        const node = this.#names.get(step.name);
        if (node === undefined) return;
        this.#names.delete(step.name);
        this.#names.set(step.to, node);
        return;
      }
      default:
        this.fileOf(step.node).apply(step);
    }
  }

  /** The file of that number, empty when nothing has been done to it. */
  fileOf(node: number): MediumFile {
    const file = this.#files.get(node) ?? new MediumFile();
    this.#files.set(node, file);
    return file;
  }

  names(): readonly string[] {
    return [...this.#names.keys()];
  }

  file(name: string): MediumFile | null {
    const node = this.#names.get(name);
    return node === undefined ? null : this.fileOf(node);
  }

  /** Forgets files that have no name and never will have. */
  dropNameless(kept: ReadonlySet<number>): void {
    const named = new Set(this.#names.values());
    for (const node of this.#files.keys()) if (!named.has(node) && !kept.has(node)) this.#files.delete(node);
  }

  /** Makes the directory, which must not be there. */
  materialise(path: string): void {
    mkdirSync(path, { mode: 0o700 });
    for (const [name, node] of this.#names) {
      const { pages, sizeBytes } = this.fileOf(node);
      const fd = openSync(join(path, name), 'wx', 0o600);
      try {
        ftruncateSync(fd, sizeBytes);
        for (const [page, content] of pages) {
          const offset = page * PAGE_BYTES;
          const length = Math.min(PAGE_BYTES, sizeBytes - offset);
          if (length > 0) writeSync(fd, content, 0, length, offset);
        }
      } finally {
        closeSync(fd);
      }
    }
  }
}
