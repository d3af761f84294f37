// All functions of WASI under sequences of calls with hostile and half-sensible arguments, over mounts of every kind, with captures and
// restores in between. An execution is one call. What lies outside of the guest's memory and mounts must stay as it is, and unseen.
import { readdirSync } from 'node:fs';
import { MAX_DESCRIPTORS } from '#runtime/limits.js';
import { WASI_FUNCTION_NAMES, type WasiFunctionName } from '#runtime/wasi/preview1.js';
import { decodeState } from '#runtime/wasi/state-codec.js';
import { GuardedMemory } from '#test/support/guarded-memory.js';
import { SeededRandom } from '#test/support/seeded-random.js';
import { demand, type Tally } from '../tally.js';
import { Arguments, MEMORY_BYTES, MOUNTS, type WasiArgument } from './arguments.js';
import { type Descriptors, FuzzedGuest } from './guest.js';
import { World } from './world.js';

const CALLS = 500;
const LAST_ERRNO = 76;
const STREAMS = 3;
/** One call in so many is followed by a capture, and mostly by a restore. */
const CAPTURE_EVERY = 50;
/** Of the host's own descriptors beside those of the guest: directories on the way while a path is walked, and a few of Node's. */
const SPARE_DESCRIPTORS = 64;
/** What is called more often than the rest, so that there is something for the rest to work on. */
const FAVOURED: readonly WasiFunctionName[] = [
  'path_open',
  'path_open',
  'path_open',
  'path_create_directory',
  'fd_write',
  'fd_read',
  'fd_readdir',
];
/** How often a case calls what it is about. */
const THEME_WEIGHT = 40;
/** May put bytes of files into memory. */
const READING = new Set<WasiFunctionName>([
  'fd_read',
  'fd_pread',
  'fd_readdir',
  'path_readlink',
  'sock_recv',
]);
/** End a run, or wait for nothing: seldom. */
const RARE = new Set<WasiFunctionName>(['proc_exit', 'proc_raise', 'sched_yield']);

export class WasiTarget implements Disposable {
  static readonly CALLS = CALLS;
  readonly #world: World;

  constructor(place: string) {
    this.#world = new World(place);
    this.#world.renew();
    // Whatever is opened once and for all is opened now.
    const memory = new GuardedMemory(0);
    using guest = new FuzzedGuest(this.#world, memory, new SeededRandom(0), 'restored');
    guest.capture();
  }

  run(random: SeededRandom, tally: Tally): void {
    this.#world.renew();
    const before = openDescriptors();
    {
      using session = new Session(this.#world, random, tally, before);
      for (let call = 0; call < CALLS; call += 1) session.step();
      session.finish();
    }
    const left = openDescriptors() - before;
    demand(left === 0, () => `${left} descriptors of the host are left open`);
    demand(this.#world.isUntouched(), () => 'what lies outside of the mounts has been changed');
    this.#world.volumes.demandInOrder();
  }

  [Symbol.dispose](): void {}
}

/** Of this process. */
function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

class Session implements Disposable {
  readonly #world: World;
  readonly #random: SeededRandom;
  readonly #tally: Tally;
  readonly #hostDescriptors: number;
  readonly #memory = new GuardedMemory(MEMORY_BYTES);
  readonly #arguments: Arguments;
  readonly #descriptors: Descriptors;
  readonly #names: readonly WasiFunctionName[];
  #guest: FuzzedGuest;
  #saved: Uint8Array;

  constructor(world: World, random: SeededRandom, tally: Tally, hostDescriptors: number) {
    this.#world = world;
    this.#random = random;
    this.#tally = tally;
    this.#hostDescriptors = hostDescriptors;
    this.#arguments = new Arguments(this.#memory.bytes, random);
    this.#descriptors = random.oneOf(['restored', 'restored', 'restored', 'lost'] as const);
    this.#names = someNames(random);
    this.#guest = new FuzzedGuest(world, this.#memory, random, this.#descriptors);
    this.#saved = this.#guest.capture();
  }

  step(): void {
    const random = this.#random;
    const name = random.oneOf(this.#names);
    const args = this.#arguments.for(name);
    this.#tally.begin(`${name}(${args.join(', ')})`);
    const errno = this.#guest.call(name, args);
    demand(this.#memory.isIntact(), () => 'it wrote outside of memory');
    this.#judge(name, args, errno);
    if (random.below(CAPTURE_EVERY) === 0) this.#capture();
  }

  finish(): void {
    this.#capture();
    this.#guest.demandWithinQuota();
  }

  [Symbol.dispose](): void {
    this.#guest[Symbol.dispose]();
  }

  #judge(name: WasiFunctionName, args: readonly WasiArgument[], errno: number | null): void {
    if (errno === null) return this.#tally.saw('the run ended');
    const isErrno = Number.isInteger(errno) && errno >= 0 && errno <= LAST_ERRNO;
    demand(isErrno, () => `it answers ${errno}`);
    this.#tally.saw(errno === 0 ? `${name}: done` : `errno ${errno}`);
    if (errno === 0 && name === 'path_open') {
      const view = new DataView(this.#memory.bytes.buffer, this.#memory.bytes.byteOffset);
      this.#arguments.opened(view.getUint32(Number(args.at(-1)) >>> 0, true));
    }
    if (errno === 0 && name === 'fd_close') this.#arguments.closed(Number(args[0]) >>> 0);
    if (READING.has(name))
      demand(!this.#world.isSeenIn(this.#memory.bytes), () => 'it shows what lies outside');
  }

  #capture(): void {
    const captured = this.#guest.capture();
    const { descriptors } = decodeState(captured, MOUNTS, 'guest');
    demand(descriptors.length <= MAX_DESCRIPTORS, () => `there are ${descriptors.length} descriptors`);
    const spent = openDescriptors() - this.#hostDescriptors;
    demand(
      spent <= descriptors.length + SPARE_DESCRIPTORS,
      () => `${spent} of the host's descriptors are open`,
    );
    this.#guest.demandWithinQuota();
    const what = this.#random.oneOf(['kept', 'again', 'elsewhere', 'earlier'] as const);
    this.#tally.saw(`  captured: ${what}`);
    switch (what) {
      case 'kept':
        this.#saved = captured;
        return;
      case 'again':
        return this.#restore(captured);
      case 'elsewhere':
        // As in another thread, or after the host has died.
        this.#guest[Symbol.dispose]();
        this.#guest = new FuzzedGuest(this.#world, this.#memory, this.#random, this.#descriptors);
        return this.#restore(captured);
      case 'earlier':
        return this.#restore(this.#saved);
    }
  }

  #restore(captured: Uint8Array): void {
    this.#guest.restore(captured);
    const expected = decodeState(captured, MOUNTS, 'guest');
    const actual = decodeState(this.#guest.capture(), MOUNTS, 'guest');
    const mounts = JSON.stringify(actual.mounts) === JSON.stringify(expected.mounts);
    demand(mounts, () => 'the mounts in memory are not what they were captured as');
    if (this.#descriptors === 'lost') {
      demand(actual.descriptors.length === STREAMS + MOUNTS, () => 'descriptors are not lost');
      return;
    }
    this.#arguments.all(actual.descriptors.map(({ number }) => number));
    const [was, is] = [expected, actual].map(({ descriptors }) => JSON.stringify(descriptors));
    demand(was === is, () => `the descriptors are ${is}, and were captured as ${was}`);
  }
}

/** Each case has its own mixture: what is seldom called among all is called often in some. */
function someNames(random: SeededRandom): readonly WasiFunctionName[] {
  const isIn = random.oneOf([0.2, 0.5, 0.9]);
  const chosen = WASI_FUNCTION_NAMES.filter((name) => random.next() < (RARE.has(name) ? 0.1 : isIn)).flatMap(
    (name) => Array.from({ length: RARE.has(name) ? 1 : 1 + random.below(4) }, () => name),
  );
  const favoured = FAVOURED.filter(() => random.below(4) > 0).flatMap((name) => [name, name]);
  const theme = Array.from({ length: random.below(4) }, () => random.oneOf(WASI_FUNCTION_NAMES)).flatMap(
    (name) => (RARE.has(name) ? [] : Array<WasiFunctionName>(THEME_WEIGHT).fill(name)),
  );
  return [...chosen, ...favoured, ...theme, 'path_open'];
}
