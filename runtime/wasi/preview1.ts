// WASI preview 1 as one guest has it: all its functions, over one descriptor table. Each family of functions has its own file and is made
// when the first of it is asked for. A function answers with an errno and must never throw, except to end the run.

import { RekindleError } from '../errors.ts';
import type { FunctionContext } from './answer.ts';
import { clockFunctions } from './clocks.ts';
import type { WasiContext } from './context.ts';
import { descriptorFunctions } from './descriptor-functions.ts';
import { DescriptorTable } from './descriptor-table.ts';
import { FileError } from './errno.ts';
import { ioFunctions } from './io-functions.ts';
import { pathFunctions } from './path-functions.ts';
import { pollFunctions } from './poll.ts';
import { processFunctions } from './process-functions.ts';
import { readdirFunctions } from './readdir.ts';
import { socketFunctions } from './sockets.ts';
import { decodeState, encodeState, type WasiState } from './state-codec.ts';
import { stringFunctions } from './strings.ts';

export type { InputReply, Mount, OutputStream, WasiClock, WasiContext } from './context.ts';

/** Import module of the functions below. */
export const WASI_MODULE = 'wasi_snapshot_preview1';

const FAMILIES = {
  strings: stringFunctions,
  clocks: clockFunctions,
  process: processFunctions,
  descriptors: descriptorFunctions,
  io: ioFunctions,
  readdir: readdirFunctions,
  paths: pathFunctions,
  poll: pollFunctions,
  sockets: socketFunctions,
} as const;

type FamilyName = keyof typeof FAMILIES;

/** Every function of preview 1, by import name, and the family it belongs to. */
const FAMILY_OF = {
  args_get: 'strings',
  args_sizes_get: 'strings',
  environ_get: 'strings',
  environ_sizes_get: 'strings',
  clock_res_get: 'clocks',
  clock_time_get: 'clocks',
  fd_advise: 'io',
  fd_allocate: 'io',
  fd_close: 'descriptors',
  fd_datasync: 'io',
  fd_fdstat_get: 'descriptors',
  fd_fdstat_set_flags: 'descriptors',
  fd_fdstat_set_rights: 'descriptors',
  fd_filestat_get: 'descriptors',
  fd_filestat_set_size: 'descriptors',
  fd_filestat_set_times: 'descriptors',
  fd_pread: 'io',
  fd_prestat_get: 'descriptors',
  fd_prestat_dir_name: 'descriptors',
  fd_pwrite: 'io',
  fd_read: 'io',
  fd_readdir: 'readdir',
  fd_renumber: 'descriptors',
  fd_seek: 'io',
  fd_sync: 'io',
  fd_tell: 'io',
  fd_write: 'io',
  path_create_directory: 'paths',
  path_filestat_get: 'paths',
  path_filestat_set_times: 'paths',
  path_link: 'paths',
  path_open: 'paths',
  path_readlink: 'paths',
  path_remove_directory: 'paths',
  path_rename: 'paths',
  path_symlink: 'paths',
  path_unlink_file: 'paths',
  poll_oneoff: 'poll',
  proc_exit: 'process',
  proc_raise: 'process',
  random_get: 'process',
  sched_yield: 'process',
  sock_accept: 'sockets',
  sock_recv: 'sockets',
  sock_send: 'sockets',
  sock_shutdown: 'sockets',
} as const satisfies Readonly<Record<string, FamilyName>>;

export type WasiFunctionName = keyof typeof FAMILY_OF;
export const WASI_FUNCTION_NAMES = Object.keys(FAMILY_OF) as readonly WasiFunctionName[];

type FamilyFunctions<Name extends FamilyName> = ReturnType<(typeof FAMILIES)[Name]>;
/** i32 parameters arrive as numbers, i64 as bigints; the result is an errno. */
export type WasiFunction<Name extends WasiFunctionName> =
  FamilyFunctions<(typeof FAMILY_OF)[Name]> extends Readonly<Record<Name, infer Body>> ? Body : never;

export class Preview1 implements Disposable {
  readonly #context: WasiContext;
  readonly #descriptors: 'lost' | 'restored';
  readonly #families = new Map<FamilyName, object>();
  #functions: FunctionContext | null = null;
  /** What was captured or put back last, and what it says. */
  #known: { readonly bytes: Uint8Array; readonly state: WasiState | null } | null = null;

  /** `descriptors`: what becomes of them when the guest goes back to a checkpoint. */
  constructor(context: WasiContext, descriptors: 'lost' | 'restored') {
    this.#context = context;
    this.#descriptors = descriptors;
  }

  /** The function of that name, or undefined when preview 1 has none. */
  provide<Name extends WasiFunctionName>(name: Name): WasiFunction<Name>;
  provide(name: string): ((...parameters: never[]) => unknown) | undefined;
  provide(name: string): unknown {
    if (!Object.hasOwn(FAMILY_OF, name)) return undefined;
    return Reflect.get(this.#family(FAMILY_OF[name as WasiFunctionName]), name);
  }

  /**
   * What of the guest's world belongs to its executing image; empty for one that has none of it. Throws CHECKPOINT_REFUSED, naming
   * `culprit`, when the host's files cannot be asked.
   */
  capture(culprit: string): Uint8Array {
    if (this.#functions === null) return NOTHING;
    const state = captureTable(this.#functions.table, culprit);
    const bytes = encodeState(state);
    this.#known = { bytes, state };
    return bytes;
  }

  /** Puts back what `capture` gave, for the same run or for a new one. Throws IMAGE_DAMAGED, naming `culprit`. */
  restore(bytes: Uint8Array, run: 'same' | 'new', culprit: string): void {
    if (this.#functions === null) return;
    if (this.#known?.bytes !== bytes) {
      const { mounts } = this.#context;
      const state = bytes.byteLength === 0 ? null : decodeState(bytes, mounts.length, culprit);
      this.#known = { bytes, state };
    }
    this.#functions.table.restore(this.#known.state, this.#descriptors, run);
  }

  [Symbol.dispose](): void {
    if (this.#functions !== null) this.#functions.table[Symbol.dispose]();
    else for (const { fileSystem } of this.#context.mounts) fileSystem[Symbol.dispose]();
  }

  /** Whoever imports nothing of it has no table, and none of its mounts is opened. */
  #family(name: FamilyName): object {
    this.#functions ??= { context: this.#context, table: new DescriptorTable(this.#context.mounts) };
    const family = this.#families.get(name) ?? FAMILIES[name](this.#functions);
    this.#families.set(name, family);
    return family;
  }
}

const NOTHING = new Uint8Array(0);

function captureTable(table: DescriptorTable, culprit: string): WasiState {
  try {
    return table.capture();
  } catch (cause) {
    if (!(cause instanceof FileError)) throw cause;
    throw new RekindleError('CHECKPOINT_REFUSED', culprit, `a descriptor: ${cause.message}`, { cause });
  }
}
