// A guest's side of WASI by hand: puts paths and buffers into linear memory, calls a function, and reads what came of it. It must add
// nothing to what the functions answer: an errno is a value here.
import { type InputReply, type Mount, Preview1 } from '#runtime/wasi/preview1.js';
import { allFunctions, type WasiFunctions } from './wasi-functions.js';

export const ALL_RIGHTS = (1n << 30n) - 1n;

export interface OpenRequest {
  readonly from?: number;
  readonly follow?: boolean;
  readonly create?: boolean;
  readonly directory?: boolean;
  readonly exclusive?: boolean;
  readonly truncate?: boolean;
  readonly rights?: bigint;
  readonly inheriting?: bigint;
  readonly flags?: number;
}

export interface Stat {
  readonly device: bigint;
  readonly inode: bigint;
  readonly type: number;
  readonly links: bigint;
  readonly size: bigint;
  readonly accessedNs: bigint;
  readonly modifiedNs: bigint;
}

export interface Dirent {
  readonly next: bigint;
  readonly inode: bigint;
  readonly type: number;
  readonly name: string;
}

/** Every right but to write: what a directory can be opened with. */
export const READING = ALL_RIGHTS & ~(1n << 6n);
/** Of the first mount. */
export const ROOT = 3;

const RESULT = 0;
const PATH = 1024;
const SECOND_PATH = 8192;
const BUFFER = 16384;
const BUFFER_BYTES = 32768;

export class WasiGuest implements Disposable {
  readonly wasi: WasiFunctions;
  readonly preview1: Preview1;
  readonly memory = new WebAssembly.Memory({ initial: 2, maximum: 64 });
  readonly written: { stream: string; text: string }[] = [];
  nowNs = 1_700_000_000_000_000_000n;
  input: (position: number, maxBytes: number, waitMs: number) => InputReply = () => ({ kind: 'end' });

  constructor(mounts: readonly Mount[], descriptors: 'lost' | 'restored' = 'restored') {
    this.preview1 = new Preview1(
      {
        memory: () => this.bytes,
        args: [],
        env: [],
        mounts,
        write: (stream, bytes) => {
          this.written.push({ stream, text: Buffer.from(bytes).toString() });
        },
        terminals: { stdin: false, stdout: true, stderr: true },
        readInput: (...parameters) => this.input(...parameters),
        exit: (status) => {
          throw new Error(`exit ${status}`);
        },
        raise: (signal) => {
          throw new Error(signal);
        },
        clock: {
          realtimeNs: () => this.nowNs,
          monotonicNs: () => this.nowNs,
          sleep: (milliseconds) => {
            this.nowNs += BigInt(Math.ceil(milliseconds * 1e6));
          },
        },
        fillRandom: (bytes) => bytes.fill(1),
      },
      descriptors,
    );
    this.wasi = allFunctions(this.preview1);
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.memory.buffer);
  }

  get view(): DataView {
    return new DataView(this.memory.buffer);
  }

  /** The descriptor, or an errno below zero. */
  open(path: string, request: OpenRequest = {}): number {
    const { from = ROOT, follow = false, create = false, directory = false } = request;
    const { exclusive = false, truncate = false, flags = 0 } = request;
    const { rights = directory ? READING : ALL_RIGHTS, inheriting = ALL_RIGHTS } = request;
    const openFlags =
      Number(create) | (Number(directory) << 1) | (Number(exclusive) << 2) | (Number(truncate) << 3);
    const bytes = this.#put(PATH, path);
    const { wasi } = this;
    const errno = wasi.path_open(
      from,
      Number(follow),
      PATH,
      bytes,
      openFlags,
      rights,
      inheriting,
      flags,
      RESULT,
    );
    return errno === 0 ? this.view.getUint32(RESULT, true) : -errno;
  }

  /** How much was written, or an errno below zero. */
  write(descriptor: number, text: string, position?: bigint): number {
    this.#iovec(this.#put(BUFFER, text));
    const { wasi } = this;
    return this.#count(
      position === undefined
        ? wasi.fd_write(descriptor, PATH, 1, RESULT)
        : wasi.fd_pwrite(descriptor, PATH, 1, position, RESULT),
    );
  }

  /** What was read, or an errno below zero. */
  read(descriptor: number, bytes = BUFFER_BYTES, position?: bigint): string | number {
    this.#iovec(bytes);
    const { wasi } = this;
    const count = this.#count(
      position === undefined
        ? wasi.fd_read(descriptor, PATH, 1, RESULT)
        : wasi.fd_pread(descriptor, PATH, 1, position, RESULT),
    );
    return count < 0 ? count : this.#text(BUFFER, count);
  }

  /** The new position, or an errno below zero. */
  seek(descriptor: number, offset: bigint, whence: number): number {
    return this.#wide(this.wasi.fd_seek(descriptor, offset, whence, RESULT));
  }

  tell(descriptor: number): number {
    return this.#wide(this.wasi.fd_tell(descriptor, RESULT));
  }

  close(descriptor: number): number {
    return this.wasi.fd_close(descriptor);
  }

  makeDirectory(path: string, from = ROOT): number {
    return this.wasi.path_create_directory(from, PATH, this.#put(PATH, path));
  }

  removeDirectory(path: string, from = ROOT): number {
    return this.wasi.path_remove_directory(from, PATH, this.#put(PATH, path));
  }

  unlink(path: string, from = ROOT): number {
    return this.wasi.path_unlink_file(from, PATH, this.#put(PATH, path));
  }

  rename(path: string, to: string, from = ROOT, target = from): number {
    const [bytes, newBytes] = [this.#put(PATH, path), this.#put(SECOND_PATH, to)];
    return this.wasi.path_rename(from, PATH, bytes, target, SECOND_PATH, newBytes);
  }

  link(path: string, to: string, options: { follow?: boolean; from?: number; target?: number } = {}): number {
    const { follow = false, from = ROOT } = options;
    const { target = from } = options;
    const [bytes, newBytes] = [this.#put(PATH, path), this.#put(SECOND_PATH, to)];
    return this.wasi.path_link(from, Number(follow), PATH, bytes, target, SECOND_PATH, newBytes);
  }

  symlink(content: string, path: string, from = ROOT): number {
    const [bytes, contentBytes] = [this.#put(PATH, path), this.#put(SECOND_PATH, content)];
    return this.wasi.path_symlink(SECOND_PATH, contentBytes, from, PATH, bytes);
  }

  readlink(path: string, bufferBytes = BUFFER_BYTES, from = ROOT): string | number {
    const bytes = this.#put(PATH, path);
    const count = this.#count(this.wasi.path_readlink(from, PATH, bytes, BUFFER, bufferBytes, RESULT));
    return count < 0 ? count : this.#text(BUFFER, count);
  }

  /** Of an open descriptor, or of a path; an errno below zero. */
  stat(what: number | string, { follow = false, from = ROOT } = {}): Stat | number {
    const { wasi, view } = this;
    const errno =
      typeof what === 'number'
        ? wasi.fd_filestat_get(what, BUFFER)
        : wasi.path_filestat_get(from, Number(follow), PATH, this.#put(PATH, what), BUFFER);
    if (errno !== 0) return -errno;
    const word = (offset: number): bigint => view.getBigUint64(BUFFER + offset, true);
    return {
      device: word(0),
      inode: word(8),
      type: view.getUint8(BUFFER + 16),
      links: word(24),
      size: word(32),
      accessedNs: word(40),
      modifiedNs: word(48),
    };
  }

  /** Flags: 1 and 4 as given, 2 and 8 now. */
  setTimes(path: string, accessedNs: bigint, modifiedNs: bigint, flags: number, follow = false): number {
    const bytes = this.#put(PATH, path);
    return this.wasi.path_filestat_set_times(
      ROOT,
      Number(follow),
      PATH,
      bytes,
      accessedNs,
      modifiedNs,
      flags,
    );
  }

  /** One buffer of entries; the last may be cut off, and is left out then. An errno below zero. */
  list(descriptor: number, cookie = 0n, bufferBytes = BUFFER_BYTES): readonly Dirent[] | number {
    const used = this.#count(this.wasi.fd_readdir(descriptor, BUFFER, bufferBytes, cookie, RESULT));
    if (used < 0) return used;
    const { view } = this;
    const entries: Dirent[] = [];
    for (let at = BUFFER; at + 24 <= BUFFER + used; ) {
      const nameBytes = view.getUint32(at + 16, true);
      if (at + 24 + nameBytes > BUFFER + used) break;
      entries.push({
        next: view.getBigUint64(at, true),
        inode: view.getBigUint64(at + 8, true),
        type: view.getUint8(at + 20),
        name: this.#text(at + 24, nameBytes),
      });
      at += 24 + nameBytes;
    }
    return entries;
  }

  /** Makes a file, or empties it, with this content. Throws when it cannot. */
  put(path: string, text: string): void {
    const descriptor = this.open(path, { create: true, truncate: true });
    if (descriptor < 0) throw new Error(`errno ${-descriptor}`);
    if (this.write(descriptor, text) !== Buffer.byteLength(text)) throw new Error('it was not written whole');
    this.close(descriptor);
  }

  /** The content of a file, or an errno below zero. */
  content(path: string, follow = false): string | number {
    const descriptor = this.open(path, { rights: READING, follow });
    if (descriptor < 0) return descriptor;
    const text = this.read(descriptor);
    this.close(descriptor);
    return text;
  }

  [Symbol.dispose](): void {
    this.preview1[Symbol.dispose]();
  }

  #put(at: number, text: string): number {
    return new TextEncoder().encodeInto(text, this.bytes.subarray(at)).written;
  }

  /** At PATH, for the buffer. */
  #iovec(bytes: number): void {
    this.view.setUint32(PATH, BUFFER, true);
    this.view.setUint32(PATH + 4, bytes, true);
  }

  #count(errno: number): number {
    return errno === 0 ? this.view.getUint32(RESULT, true) : -errno;
  }

  #wide(errno: number): number {
    return errno === 0 ? Number(this.view.getBigUint64(RESULT, true)) : -errno;
  }

  #text(at: number, bytes: number): string {
    return Buffer.from(this.bytes.subarray(at, at + bytes)).toString();
  }
}
