// What a fuzzed guest hands to the functions of WASI: paths, vectors and subscriptions that mean something, put into its memory, and numbers that
// lead to them, or anything else in their place. It must never ask for what would fill the machine it runs on.
import type { WasiFunctionName } from '#runtime/wasi/preview1.js';
import type { SeededRandom } from '#test/support/seeded-random.js';
import { WASI_SIGNATURES } from '#test/support/wasi-signatures.js';

export type WasiArgument = number | bigint;

/** What the parameters mean, in the order in which they come. */
const ROLES: Readonly<Record<WasiFunctionName, string>> = {
  args_get: 'out out',
  args_sizes_get: 'out out',
  environ_get: 'out out',
  environ_sizes_get: 'out out',
  clock_res_get: 'small out',
  clock_time_get: 'small wide out',
  fd_advise: 'fd offset offset small',
  fd_allocate: 'fd room room',
  fd_close: 'own',
  fd_datasync: 'fd',
  fd_fdstat_get: 'fd out',
  fd_fdstat_set_flags: 'fd fdflags',
  fd_fdstat_set_rights: 'own rights rights',
  fd_filestat_get: 'fd out',
  fd_filestat_set_size: 'fd size',
  fd_filestat_set_times: 'fd wide wide small',
  fd_pread: 'fd iovecs count offset out',
  fd_prestat_get: 'fd out',
  fd_prestat_dir_name: 'fd buffer bytes',
  fd_pwrite: 'fd iovecs count size out',
  fd_read: 'fd iovecs count out',
  fd_readdir: 'directory buffer bytes cookie out',
  fd_renumber: 'own own',
  fd_seek: 'fd offset small out',
  fd_sync: 'fd',
  fd_tell: 'fd out',
  fd_write: 'fd iovecs count out',
  path_create_directory: 'directory path length',
  path_filestat_get: 'directory lookup path length out',
  path_filestat_set_times: 'directory lookup path length wide wide small',
  path_link: 'directory lookup path length same path length',
  path_open: 'directory lookup path length oflags rights rights fdflags out',
  path_readlink: 'directory path length buffer bytes out',
  path_remove_directory: 'directory path length',
  path_rename: 'directory path length same path length',
  path_symlink: 'path length directory path length',
  path_unlink_file: 'directory path length',
  poll_oneoff: 'subscriptions out count out',
  proc_exit: 'small',
  proc_raise: 'small',
  random_get: 'buffer bytes',
  sched_yield: '',
  sock_accept: 'fd fdflags out',
  sock_recv: 'fd iovecs count small out out',
  sock_send: 'fd iovecs count small out',
  sock_shutdown: 'fd small',
};

export const MEMORY_BYTES = 16 * 1024;
const OUT_AT = 16;
const OUT_SLOTS = 20;
const OUT_BYTES = 64;
const PATHS_AT = 2048;
const PATH_ROOM_BYTES = 640;
const IOVECS_AT = 4096;
const SUBSCRIPTIONS_AT = 5120;
const BUFFER_AT = 8192;
const SUBSCRIPTION_BYTES = 48;
const IOVEC_BYTES = 8;
const MAX_VECTORS = 6;
const MAX_NAMES = 12;
const MAX_NEW_NAMES = 10_000;
const NOT_OPEN = 99;
/** Behind the streams. */
const FIRST_MOUNT = 3;
export const MOUNTS = 5;
const FIRST_OWN = FIRST_MOUNT + MOUNTS;

/** One argument in so many is anything at all. */
const WILD = 25;
const ALL_RIGHTS = (1n << 30n) - 1n;
/** What a directory can be opened with. */
const READING_RIGHTS = ALL_RIGHTS & ~(1n << 6n);
const NAMES = [
  'a',
  'a',
  'b',
  'b',
  'c',
  'd',
  'é',
  'dir',
  'dir',
  'file',
  'link',
  'loop',
  'escape',
  'absolute',
  '.',
  '..',
];
const PATHS = [
  '',
  '/',
  '/etc/passwd',
  '../outside/secret',
  '../../../../../../etc/passwd',
  'escape/secret',
  'dir/../../outside/secret',
  'fifo',
  'x\0y',
  'n'.repeat(255),
  'n'.repeat(256),
  'a/'.repeat(300),
];
const NOT_UTF8 = Uint8Array.of(0x61, 0xff, 0x62);

export class Arguments {
  readonly #memory: Uint8Array;
  readonly #view: DataView;
  readonly #random: SeededRandom;
  /** Descriptors of its own that are open, as far as it can tell. */
  #opened: number[] = [];
  readonly #names: readonly string[];
  #length = 0;
  #directory = 0;
  #paths = 0;

  constructor(memory: Uint8Array, random: SeededRandom) {
    // The fewer there are, the more calls speak of the same file.
    this.#names = Array.from({ length: random.skewed(1, MAX_NAMES) }, () => random.oneOf(NAMES));
    this.#memory = memory;
    this.#view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
    this.#random = random;
  }

  /** To be told of every descriptor that has been given out. */
  opened(descriptor: number): void {
    this.#opened.push(descriptor);
  }

  /** To be told of every one that has been closed. */
  closed(descriptor: number): void {
    this.#opened = this.#opened.filter((each) => each !== descriptor);
  }

  /** To be told of all there are. */
  all(descriptors: readonly number[]): void {
    this.#opened = descriptors.filter((each) => each >= FIRST_OWN);
  }

  for(name: WasiFunctionName): WasiArgument[] {
    const signature = WASI_SIGNATURES[name];
    this.#paths = 0;
    return ROLES[name]
      .split(' ')
      .slice(0, signature.length)
      .map((role, index) => {
        const isWide = signature[index] === 'I';
        if (this.#random.below(WILD) === 0 && role !== 'room')
          return isWide ? this.#wildWide() : this.#wild();
        const value = this.#sensible(role);
        return isWide ? BigInt.asIntN(64, BigInt(value)) : Number(value) | 0;
      });
  }

  #sensible(role: string): WasiArgument {
    const random = this.#random;
    switch (role) {
      case 'fd':
        return random.below(3) === 0 ? random.below(FIRST_OWN + 1) : this.#recent();
      case 'own':
        // Those that are there from the start are to last.
        return random.below(40) === 0 ? random.below(FIRST_OWN + 1) : this.#recent();
      case 'directory':
        this.#directory = random.below(8) > 0 ? this.#mount() : this.#recent();
        return this.#directory;
      case 'same':
        return random.below(8) > 0 ? this.#directory : this.#mount();
      case 'out':
        return OUT_AT + OUT_BYTES * random.below(OUT_SLOTS);
      case 'path':
        return this.#path();
      case 'length':
        return this.#length;
      case 'iovecs':
        return this.#iovecs();
      case 'subscriptions':
        return this.#subscriptions();
      case 'count':
        return this.#length;
      case 'buffer':
        return BUFFER_AT + random.below(512);
      case 'bytes':
        return random.skewed(1, 4096);
      case 'small':
        return random.below(6);
      case 'lookup':
        return random.below(2);
      case 'oflags':
        return random.oneOf([0, 0, 1, 1, 1, 1, 2, 9, random.below(16)]);
      case 'fdflags':
        return random.oneOf([0, 0, 0, 1, 4, random.below(32)]);
      case 'rights':
        return random.oneOf([ALL_RIGHTS, ALL_RIGHTS, READING_RIGHTS, BigInt(random.below(2 ** 30))]);
      case 'offset':
        return random.oneOf([0, random.below(100), random.skewed(1, 100_000), 2 ** 40, 2 ** 53 - 1, -1]);
      case 'size':
        // What the smaller mount has room for, and what it has not.
        return random.oneOf([0, 0, 1, 3000, 6500, 60_000, this.#sensible('offset')]);
      case 'room':
        // What is asked for here is taken: a little, or more than there can be.
        return random.oneOf([0, random.below(5000), 2n ** 50n, 2n ** 62n, -1n]);
      case 'cookie':
        return random.below(12);
      default:
        return random.oneOf([0n, 1n, BigInt(random.below(2 ** 31)), 2n ** 63n - 1n]);
    }
  }

  #mount(): number {
    return FIRST_MOUNT + this.#random.below(MOUNTS);
  }

  #recent(): number {
    return this.#opened.length === 0 ? NOT_OPEN : this.#random.oneOf(this.#opened);
  }

  #wild(): number {
    const random = this.#random;
    return random.oneOf([
      random.below(2 ** 32) | 0,
      MEMORY_BYTES - random.below(20),
      MEMORY_BYTES,
      -1 - random.below(16),
      random.below(600),
      0x7fffffff,
    ]);
  }

  #wildWide(): bigint {
    const random = this.#random;
    const any = (BigInt(random.below(2 ** 32)) << 32n) | BigInt(random.below(2 ** 32));
    return BigInt.asIntN(64, random.oneOf([any, 2n ** 63n, 2n ** 64n - 1n, BigInt(random.below(1000))]));
  }

  /** Now and then one that nobody has used. */
  #name(): string {
    const random = this.#random;
    return random.below(5) === 0 ? `new-${random.below(MAX_NEW_NAMES)}` : random.oneOf(this.#names);
  }

  #path(): number {
    const random = this.#random;
    const names = Array.from({ length: random.oneOf([1, 1, 1, 1, 1, 2, 2, 3]) }, () => this.#name());
    const plain = `${names.join('/')}${random.below(12) === 0 ? '/' : ''}`;
    const text = random.below(8) === 0 ? random.oneOf(PATHS) : plain;
    const bytes = random.below(60) === 0 ? NOT_UTF8 : new TextEncoder().encode(text);
    const at = PATHS_AT + PATH_ROOM_BYTES * (this.#paths % 3);
    this.#paths += 1;
    this.#memory.set(bytes, at);
    this.#length = bytes.length;
    return at;
  }

  #iovecs(): number {
    const random = this.#random;
    this.#length = random.below(MAX_VECTORS);
    for (let index = 0; index < this.#length; index += 1) {
      const isWild = random.below(2 * WILD) === 0;
      const at = IOVECS_AT + IOVEC_BYTES * index;
      this.#view.setInt32(at, isWild ? this.#wild() : BUFFER_AT + random.below(2048), true);
      this.#view.setInt32(at + 4, isWild ? this.#wild() : random.skewed(1, 4096) - 1, true);
    }
    return IOVECS_AT;
  }

  #subscriptions(): number {
    const random = this.#random;
    this.#length = 1 + random.below(MAX_VECTORS);
    for (let index = 0; index < this.#length; index += 1) {
      const at = SUBSCRIPTIONS_AT + SUBSCRIPTION_BYTES * index;
      const tag = random.oneOf([0, 0, 1, 2, random.below(256)]);
      this.#view.setBigUint64(at, BigInt(index), true);
      this.#view.setUint8(at + 8, tag);
      this.#view.setUint32(at + 16, tag === 0 ? random.below(4) : Number(this.#sensible('fd')), true);
      this.#view.setBigInt64(at + 24, random.below(6) === 0 ? this.#wildWide() : 1000n, true);
      this.#view.setUint16(at + 40, random.below(3), true);
    }
    return SUBSCRIPTIONS_AT;
  }
}
