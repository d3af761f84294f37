// Stable storage: the directory of module files, read when a process is registered, and of the commands a site opens with. It must
// never open anything outside that directory, never wait for a file that is not a regular one, and never read more than the limit.
import { createHash } from 'node:crypto';
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs';

import { join, resolve, sep } from 'node:path';
import { type ErrorCode, RekindleError } from '../errors.ts';
import { invariant } from '../invariant.ts';
import { KnownFiles } from './known-files.ts';
import { checkModulePath, isModulePath } from './module-path.ts';
import { DESCRIPTOR_LINKS, liesAt } from './opened-file.ts';
import { decodeText } from './text-decoding.ts';

/** A module file as it was found. */
export interface StoredModule {
  /** Relative to stable storage, '/'-separated, in the one spelling `checkModulePath` accepts. */
  readonly path: string;
  readonly bytes: Uint8Array;
  /** SHA-256 of the bytes, in hexadecimal. */
  readonly digest: string;
}

/** A file, and what it was before it was read. */
interface OpenedFile {
  readonly bytes: Uint8Array;
  readonly status: BigIntStats;
}

export interface StableStorageOptions {
  /** Bytes of the largest module file that is read. */
  readonly maxModuleBytes: number;
  /** The clock that files' times are taken from, in milliseconds since 1970. Default the system's. */
  readonly fileClockMs?: () => number;
}

// Not blocking: a FIFO without a writer opens at once. Not following: the path has been resolved before.
// (A constant the system lacks is undefined there, which counts as 0.)
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW | constants.O_NOCTTY;

/** What an operating system's error says about the module; every other one says that storage itself is out of order. */
const CODE_OF_SYSTEM_ERROR: ReadonlyMap<string, ErrorCode> = new Map([
  ['ENOENT', 'MODULE_NOT_FOUND'],
  ['ENOTDIR', 'MODULE_NOT_FOUND'],
  // A component longer than the file system can hold: there is no such file.
  ['ENAMETOOLONG', 'MODULE_NOT_FOUND'],
  ['ELOOP', 'MODULE_PATH_REFUSED'],
]);

/**
 * Reads modules from one directory, synchronously: a guest that runs inline calls hrfexec and waits for its result.
 *
 * The directory's owner is trusted to choose what lies in it (a hard link is as good as the file), but not to point out of it.
 */
export class StableStorage {
  readonly #directory: string;
  readonly #maxModuleBytes: number;
  readonly #fileClockMs: () => number;
  readonly #known = new KnownFiles();

  constructor(directory: string, options: StableStorageOptions) {
    invariant(
      Number.isSafeInteger(options.maxModuleBytes) && options.maxModuleBytes > 0,
      'maxModuleBytes is a size',
    );
    this.#directory = resolve(directory);
    this.#maxModuleBytes = options.maxModuleBytes;
    this.#fileClockMs = options.fileClockMs ?? Date.now;
  }

  /** Throws STORAGE_UNAVAILABLE when there is no directory there that can be reached. */
  requirePresent(): void {
    realDirectory(this.#directory);
  }

  /**
   * Reads the module file at `path`.
   *
   * Throws MODULE_PATH_REFUSED (not a plain relative path, or it leads out of the directory), MODULE_NOT_FOUND (nothing there, or
   * no regular file), MODULE_TOO_LARGE, or STORAGE_UNAVAILABLE with the operating system's error as its cause.
   */
  read(path: string): StoredModule {
    const nowMs = this.#fileClockMs();
    const { bytes, status } = this.#readConfined(checkModulePath(path), this.#maxModuleBytes);
    const digest = createHash('sha256').update(bytes).digest('hex');
    this.#known.remember(this.#placeOf(path), status, digest, nowMs);
    return { path, bytes, digest };
  }

  /**
   * The digest of the module file at `path` as `read` would give it, for the price of a look at its times: null unless it was read before
   * and cannot have changed since. Never throws; whatever is the matter with the file, `read` says.
   */
  knownDigest(path: string): string | null {
    // Other spellings of a path would lead to the same place.
    return isModulePath(path) ? this.#known.digestOf(this.#placeOf(path)) : null;
  }

  /**
   * Reads a file of commands; null when there is no such name. A link that leads nowhere is not taken for that.
   * What is not UTF-8 comes as unpaired surrogates (`decodeText`): whoever reads the text can tell where.
   *
   * Throws as `read` does; MODULE_TOO_LARGE when the file holds more than `maxBytes`.
   */
  readText(path: 'sysadm.ini', maxBytes: number): string | null {
    invariant(Number.isSafeInteger(maxBytes) && maxBytes > 0, 'maxBytes is a size');
    const named = join(realDirectory(this.#directory), path);
    const isAbsent = attempt(path, () => lstatSync(named, { throwIfNoEntry: false })) === undefined;
    return isAbsent ? null : decodeText(this.#readConfined(path, maxBytes).bytes);
  }

  #placeOf(path: string): string {
    return join(this.#directory, path);
  }

  #readConfined(path: string, maxBytes: number): OpenedFile {
    const root = realDirectory(this.#directory);
    const realPath = attempt(path, () => realpathSync.native(join(root, path)));
    if (!realPath.startsWith(root.endsWith(sep) ? root : root + sep)) {
      throw new RekindleError('MODULE_PATH_REFUSED', path, 'the path leads out of stable storage');
    }
    requireRegularFile(path, () => statSync(realPath));
    const descriptor = attempt(path, () => openSync(realPath, OPEN_FLAGS));
    try {
      return readOpened(path, realPath, descriptor, maxBytes);
    } finally {
      closeSync(descriptor);
    }
  }
}

function readOpened(path: string, realPath: string, descriptor: number, maxBytes: number): OpenedFile {
  const status = requireRegularFile(path, () => fstatSync(descriptor, { bigint: true }));
  const size = Number(status.size);
  // Invariant: what is read lies inside, however the directories changed while the path was resolved and the file opened.
  if (!attempt(path, () => liesAt(descriptor, realPath, DESCRIPTOR_LINKS))) {
    throw new RekindleError(
      'MODULE_PATH_REFUSED',
      path,
      'the file was exchanged for another while it was opened',
    );
  }
  if (size > maxBytes) {
    throw new RekindleError('MODULE_TOO_LARGE', path, `${size} bytes, the limit is ${maxBytes}`);
  }
  return { bytes: readWhole(descriptor, size, path), status };
}

/**
 * Reads a file that should hold exactly `sizeBytes` from where `descriptor` stands, never more than one byte beyond.
 * Throws STORAGE_UNAVAILABLE when it holds less or more: it is being written to, and what was read is no state it ever had.
 */
export function readWhole(descriptor: number, sizeBytes: number, path: string): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  const beyond = new Uint8Array(1);
  let filledBytes = 0;
  while (filledBytes < sizeBytes) {
    const readBytes = attempt(path, () =>
      readSync(descriptor, bytes, filledBytes, sizeBytes - filledBytes, null),
    );
    if (readBytes === 0) break;
    filledBytes += readBytes;
  }
  const excessBytes = attempt(path, () => readSync(descriptor, beyond, 0, 1, null));
  if (filledBytes !== sizeBytes || excessBytes !== 0) {
    throw new RekindleError('STORAGE_UNAVAILABLE', path, 'the file changed its size while it was read');
  }
  return bytes;
}

function requireRegularFile<Status extends { isFile(): boolean }>(
  path: string,
  status: () => Status,
): Status {
  const found = attempt(path, status);
  if (!found.isFile()) throw new RekindleError('MODULE_NOT_FOUND', path, 'not a regular file');
  return found;
}

/** The directory without symbolic links; looked up for each read, so that it may be a link that moves with a deployment. */
function realDirectory(directory: string): string {
  try {
    const realPath = realpathSync.native(directory);
    if (statSync(realPath).isDirectory()) return realPath;
  } catch (cause) {
    if (!isSystemError(cause)) throw cause;
    throw new RekindleError('STORAGE_UNAVAILABLE', directory, cause.message, { cause });
  }
  throw new RekindleError('STORAGE_UNAVAILABLE', directory, 'not a directory');
}

/** Runs one file operation; a system error becomes a RekindleError that names the module and keeps the cause. */
function attempt<T>(path: string, operation: () => T): T {
  try {
    return operation();
  } catch (cause) {
    if (!isSystemError(cause)) throw cause;
    const code = CODE_OF_SYSTEM_ERROR.get(cause.code) ?? 'STORAGE_UNAVAILABLE';
    throw new RekindleError(code, path, cause.message, { cause });
  }
}

function isSystemError(thrown: unknown): thrown is Error & { readonly code: string } {
  return (
    thrown instanceof Error && 'syscall' in thrown && 'code' in thrown && typeof thrown.code === 'string'
  );
}
