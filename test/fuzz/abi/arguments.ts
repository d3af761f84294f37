// What a fuzzed guest hands to the imports of the ABI: structures, strings and vectors as abi/ draws them, or nearly, and pointers and lengths that
// lead to them, beside them, or out of memory. It says what is to lie in memory and writes nothing itself.
import { HR_GROUP_KEY, HR_GROUP_KEYSIZE } from '#abi/pmm.js';
import { nameStructure, words } from '#test/support/abi-structures.js';
import type { SeededRandom } from '#test/support/seeded-random.js';
import { ABI_IMPORTS, type AbiImport, GUEST_PAGES } from './guest-module.js';

export interface Staged {
  readonly at: number;
  readonly bytes: Uint8Array;
}

export interface AbiCall {
  readonly args: readonly number[];
  readonly staged: readonly Staged[];
  /** The name of the block that is spoken of, where it is one that can be read back. */
  readonly blockName: string | null;
}

/** What the parameters mean, in the order in which they come. */
const ROLES: Readonly<Record<AbiImport, string>> = {
  'pmm pmmAllocate': 'out name size key keySize',
  'pmm pmmFree': 'name',
  'pmm pmmFreeAll': 'key keySize',
  'hr hrfexec': 'name path capability param vector vector',
  'hr hrGetprocessGroup': 'pid',
  'hr hrKillGroup': 'group',
  'hr hrExitHdl': '',
  'hr hrCheckpoint': '',
  'hr agetId': '',
  'env abort': 'text text number number',
  'env trace': 'text number double double double double double',
  'env seed': '',
  'env console.log': 'text',
  'env console.info': 'text',
  'env console.debug': 'text',
  'env console.warn': 'text',
  'env console.error': 'text',
  'env console.assert': 'number text',
  'env Date.now': '',
  'env performance.now': '',
};

const MEMORY_BYTES = GUEST_PAGES * 65_536;
/** One argument in so many is anything at all. */
const WILD = 14;
const PLACE_BYTES = 2048;
const STRUCTURES_AT = 4096;
const PLACES = 8;
const OUT_AT = 64;
const NAMES = ['A', 'B', 'C', 'D', 'é', 'CHILD', 'a/b', '__SYS_X', '', 'n'.repeat(63), 'n'.repeat(64)];
const KEYS = ['k', 'key', 'other', '__SYS_', '__SYS_HR_GROUP', 'k'.repeat(63), 'k'.repeat(70), ''];
const PATHS = [
  'idle.wasm',
  'idle.wasm',
  'guest.wasm',
  'none.wasm',
  '../idle.wasm',
  '/etc/passwd',
  '',
  'bad.wasm',
];
const NOT_UTF8 = Uint8Array.of(0xff, 0xfe, 0x80, 0);
const MAX_STRINGS = 4;

export class AbiArguments {
  readonly #random: SeededRandom;
  #staged: Staged[] = [];
  #blockName: string | null = null;
  #keyBytes = 0;
  #place = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** `pids`: of processes there are. */
  for(name: AbiImport, pids: readonly number[]): AbiCall {
    this.#staged = [];
    this.#blockName = null;
    this.#place = 0;
    const roles = ROLES[name].split(' ').slice(0, ABI_IMPORTS[name].params.length);
    const args = roles.map((role) => {
      if (this.#random.below(WILD) === 0 && role !== 'double') return this.#wild();
      return this.#sensible(role, pids);
    });
    // Structures in one place, or in the middle of each other, and pointers to what lay there before.
    if (this.#random.below(20) === 0) {
      this.#staged = this.#staged.map((each) => ({ ...each, at: each.at & ~(PLACE_BYTES - 1) }));
      this.#blockName = null;
    }
    return { args, staged: this.#staged, blockName: this.#blockName };
  }

  #sensible(role: string, pids: readonly number[]): number {
    const random = this.#random;
    switch (role) {
      case 'out':
        return random.below(30) === 0 ? STRUCTURES_AT + random.below(100) : OUT_AT + random.below(16);
      case 'name':
        return this.#name();
      case 'size':
        return random.oneOf([0, 1, 4096, 5000, random.skewed(1, 200_000), 2 ** 31, -1]) | 0;
      case 'key':
        return this.#key();
      case 'keySize':
        return this.#keyBytes;
      case 'path':
        return this.#put(random.below(25) === 0 ? NOT_UTF8 : Buffer.from(`${random.oneOf(PATHS)}\0`));
      case 'capability':
        return random.oneOf([0, 0, OUT_AT, MEMORY_BYTES - 16, MEMORY_BYTES - 15]);
      case 'param':
        return random.below(2) === 0 ? 0 : this.#parameters();
      case 'vector':
        return random.below(2) === 0 ? 0 : this.#vector();
      case 'pid':
        return random.below(3) === 0 || pids.length === 0 ? random.below(40) : random.oneOf(pids);
      case 'group':
        // The groups of the fuzzed guests are not spared.
        return random.oneOf([0, 3, 4, 5, 6, random.below(10)]);
      case 'text':
        return this.#text();
      case 'double':
        return random.oneOf([0, -0, Number.NaN, Number.POSITIVE_INFINITY, 1e308]);
      default:
        return random.oneOf([0, 1, 5, 6, -1, 2 ** 31 - 1]);
    }
  }

  #wild(): number {
    const random = this.#random;
    return random.oneOf([
      random.below(2 ** 32) | 0,
      MEMORY_BYTES - random.below(100),
      MEMORY_BYTES,
      -1 - random.below(100),
      random.below(8192),
      0,
    ]);
  }

  /** Where it will lie. */
  #put(bytes: Uint8Array): number {
    const isAtTheEnd = this.#random.below(30) === 0;
    const start = STRUCTURES_AT + PLACE_BYTES * (this.#place % PLACES);
    this.#place += 1;
    const at = isAtTheEnd ? MEMORY_BYTES - bytes.length : start + this.#random.below(8);
    this.#staged.push({ at, bytes });
    return at;
  }

  #name(): number {
    const random = this.#random;
    if (random.below(25) === 0) return this.#put(random.bytes(80).fill(0x41, 0, random.below(80)));
    const name = random.oneOf(NAMES);
    this.#blockName = name;
    return this.#put(
      nameStructure(name, random.below(25) === 0 ? random.oneOf(['', 'ROM', 'R'.repeat(16)]) : 'RAM'),
    );
  }

  #key(): number {
    const random = this.#random;
    const isGroup = random.below(4) === 0;
    const text = isGroup ? HR_GROUP_KEY : random.oneOf(KEYS);
    const bytes = random.below(25) === 0 ? random.bytes(random.below(70)) : Buffer.from(`${text}\0`);
    this.#keyBytes = isGroup ? HR_GROUP_KEYSIZE : bytes.length;
    return this.#put(bytes);
  }

  #parameters(): number {
    const random = this.#random;
    const credentials = random.oneOf([0, 0, this.#credentials()]);
    const paths = random.below(10) === 0 ? [1, 0, 0, 0, 0] : [0, 0, 0, 0, 0];
    return this.#put(
      words(random.below(5), random.oneOf([0, 0, 1, 8, random.below(32)]), ...paths, credentials),
    );
  }

  #credentials(): number {
    const random = this.#random;
    const groups = Array.from({ length: 16 }, () => random.below(3));
    return this.#put(
      words(
        random.oneOf([0, 5]),
        random.oneOf([0, 5]),
        random.oneOf([0, 0, 1, 16, 17, 2 ** 32 - 1]),
        ...groups,
      ),
    );
  }

  /** Of strings; now and then without an end, or with a pointer that leads nowhere. */
  #vector(): number {
    const random = this.#random;
    const pointers = Array.from({ length: random.below(MAX_STRINGS) }, () => {
      if (random.below(WILD) === 0) return this.#wild();
      return this.#put(Buffer.from(`${random.oneOf(['x', 'NAME=value', '', 'é'])}\0`));
    });
    return this.#put(words(...pointers, random.below(WILD) === 0 ? OUT_AT : 0));
  }

  /** As AssemblyScript lays out strings: its size before it. */
  #text(): number {
    const random = this.#random;
    if (random.below(12) === 0) return random.oneOf([0, 1, 2, 3, 4, -4]);
    const units =
      random.below(25) === 0 ? random.bytes(11) : Buffer.from('what a guest says \ud800', 'utf16le');
    const size = random.oneOf([
      units.length,
      units.length,
      units.length - 1,
      2 ** 31,
      2 ** 32 - 1,
      MEMORY_BYTES,
    ]);
    return this.#put(Buffer.concat([words(size), units])) + 4;
  }
}
