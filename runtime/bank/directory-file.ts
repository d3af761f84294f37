// One opened file of a bank's directory, over node:fs and, where they can be bound, the system calls that reserve and release pages.
// It must never leave a write half done without saying so, and never say that a page is reserved which is not.
import { closeSync, fstatSync, fsyncSync, ftruncateSync, lstatSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { RekindleError } from '../errors.ts';
import { invariant } from '../invariant.ts';
import { tryLock } from '../system/file-lock.ts';
import type { Libc } from '../system/libc.ts';
import type { BankFile } from './bank-files.ts';
import { attempt, attemptUnless } from './system-errors.ts';
import { writeAll } from './write-all.ts';

/** Bytes of one read: Node takes no more than 2^31 - 1. */
const MAX_TRANSFER_BYTES = 1 << 30;
const ZEROS = new Uint8Array(1 << 20);
/** How the kernel says that it has no pages left: of the file system, of the user, of the memory the process may have. */
const NO_SPACE_ERRNOS: readonly string[] = ['ENOSPC', 'EDQUOT', 'ENOMEM'];

/** What a file shares with the others of its directory. */
export interface DirectoryContext {
  readonly path: string;
  /** False: what is written outlives this process without being asked to. */
  readonly sync: boolean;
  /** Null where files cannot be given pages in advance: then zeros are written in their place. */
  readonly libc: Pick<Libc, 'reserve' | 'punchHole'> | null;
  closed(file: DirectoryFile): void;
}

export class DirectoryFile implements BankFile {
  readonly fd: number;
  readonly #directory: DirectoryContext;
  #name: string;
  #isOpen = true;

  /** Takes over the descriptor. */
  constructor(directory: DirectoryContext, name: string, fd: number) {
    this.#directory = directory;
    this.#name = name;
    this.fd = fd;
  }

  get name(): string {
    return this.#name;
  }

  sizeBytes(): number {
    return this.#attempt('be asked for its size', () => fstatSync(this.fd).size);
  }

  read(offset: number, sizeBytes: number): Uint8Array {
    requireRange(offset, sizeBytes);
    const bytes = new Uint8Array(Math.max(0, Math.min(sizeBytes, this.sizeBytes() - offset)));
    let filledBytes = 0;
    while (filledBytes < bytes.byteLength) {
      const restBytes = Math.min(bytes.byteLength - filledBytes, MAX_TRANSFER_BYTES);
      const readBytes = this.#attempt('be read', () =>
        readSync(this.fd, bytes, filledBytes, restBytes, offset + filledBytes),
      );
      if (readBytes === 0) break;
      filledBytes += readBytes;
    }
    return bytes.subarray(0, filledBytes);
  }

  write(bytes: Uint8Array, offset: number): void {
    requireRange(offset, bytes.byteLength);
    this.#attempt('be written', () => writeAll(this.fd, bytes, offset));
  }

  reserve(offset: number, sizeBytes: number): boolean {
    requireRange(offset, sizeBytes);
    if (sizeBytes === 0) return true;
    const formerBytes = this.sizeBytes();
    const { libc } = this.#directory;
    const hasSpace =
      libc === null
        ? this.#appendZeros(formerBytes, offset + sizeBytes)
        : this.#allocate(libc, offset, sizeBytes);
    if (!hasSpace && this.sizeBytes() > formerBytes) this.resize(formerBytes);
    return hasSpace;
  }

  release(offset: number, sizeBytes: number): void {
    requireRange(offset, sizeBytes);
    const { libc } = this.#directory;
    const endBytes = Math.min(offset + sizeBytes, this.sizeBytes());
    if (endBytes <= offset) return;
    if (libc === null) this.#writeZeros(offset, endBytes);
    else this.#attempt('be relieved of pages', () => libc.punchHole(this.fd, offset, endBytes - offset));
  }

  stored(): void {
    // The mapping is the file.
  }

  resize(sizeBytes: number): void {
    requireRange(0, sizeBytes);
    this.#attempt('be resized', () => ftruncateSync(this.fd, sizeBytes));
  }

  sync(): void {
    if (this.#directory.sync) this.#attempt('be brought to the medium', () => fsyncSync(this.fd));
  }

  isLinked(): boolean {
    const named = attemptUnless(this.#path, 'be looked for', ['ENOENT', 'ENOTDIR'], () =>
      lstatSync(this.#path, { bigint: true }),
    );
    if (named === null) return false;
    const opened = this.#attempt('be looked at', () => fstatSync(this.fd, { bigint: true }));
    return named.dev === opened.dev && named.ino === opened.ino;
  }

  tryLock(): boolean {
    return this.#attempt('be locked', () => tryLock(this.fd));
  }

  /** For its directory, which has renamed it. */
  renamed(name: string): void {
    this.#name = name;
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#directory.closed(this);
    this.#attempt('be closed', () => closeSync(this.fd));
  }

  get #path(): string {
    return join(this.#directory.path, this.#name);
  }

  #attempt<T>(action: string, operation: () => T): T {
    return attempt(this.#path, action, operation);
  }

  #allocate(libc: Pick<Libc, 'reserve'>, offset: number, sizeBytes: number): boolean {
    const errno = libc.reserve(this.fd, offset, sizeBytes);
    if (errno === null) return true;
    if (NO_SPACE_ERRNOS.includes(errno)) return false;
    // A file system that cannot promise pages: without the promise a store to a mapped page could end the process.
    throw new RekindleError('BANK_UNAVAILABLE', this.#path, `cannot be given pages in advance (${errno})`);
  }

  #appendZeros(startOffset: number, endOffset: number): boolean {
    try {
      this.#writeZeros(startOffset, endOffset);
      return true;
    } catch (error) {
      if (error instanceof RekindleError && error.code === 'BANK_FULL') return false;
      throw error;
    }
  }

  #writeZeros(startOffset: number, endOffset: number): void {
    for (let offset = startOffset; offset < endOffset; offset += ZEROS.byteLength) {
      this.write(ZEROS.subarray(0, Math.min(ZEROS.byteLength, endOffset - offset)), offset);
    }
  }
}

function requireRange(offset: number, sizeBytes: number): void {
  const isRange = Number.isSafeInteger(offset) && Number.isSafeInteger(sizeBytes);
  invariant(
    isRange && offset >= 0 && sizeBytes >= 0,
    'a range of a file is given in whole bytes, from its begin',
  );
  invariant(Number.isSafeInteger(offset + sizeBytes), 'a range of a file ends below 2^53');
}
