// A reactor whose memory tells its generation all over: words in many pages, and one number over all of them. It does what a bank
// must carry through a crash, each thing when it is called and never by itself.
import * as hr from '../../abi/assemblyscript/imports/hr.ts';
import * as pmm from '../../abi/assemblyscript/imports/pmm.ts';
import { exit } from '../../abi/assemblyscript/index.ts';

export { __stack_pointer } from 'memory';

const WORDS_A_PAGE = 1024;
const PAGE_BYTES = 4096;
/** Of the guest's own memory, so that the blocks the host maps behind it never come into the number. */
const FIRST_PAGES = 8;
const MAX_AREAS = 16;

/** PmmName, 80 bytes: the medium, and from 16 on the name; then room for a key, a path and an address. */
const NAME = memory.data(80, 16);
const KEY = memory.data(64, 16);
const PATH = memory.data(64, 16);
const OUT = memory.data(16, 16);
/** Address and pages of every area. */
const AREAS = memory.data(128, 16);
const FIRST_AREA = memory.data(36864, 16);

let areaCount: i32 = 0;
let poisoned: bool = false;

addArea((FIRST_AREA + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1), FIRST_PAGES);

function addArea(address: usize, pages: i32): void {
  if (areaCount === MAX_AREAS) unreachable();
  store<u32>(AREAS + areaCount * 8, <u32>address);
  store<u32>(AREAS + areaCount * 8 + 4, pages);
  areaCount += 1;
}

function putName(at: usize, letter: i32, number: i32): void {
  store<u8>(at, <u8>letter);
  store<u8>(at + 1, <u8>(48 + number / 10));
  store<u8>(at + 2, <u8>(48 + (number % 10)));
  store<u8>(at + 3, 0);
}

function putPmmName(letter: i32, number: i32): void {
  store<u32>(NAME, 0x004d4152);
  putName(NAME + 16, letter, number);
}

/** Bytes of a key: 0 is the key of the group. */
function putKey(key: i32): i32 {
  if (key > 0) {
    putName(KEY, 75, key);
    return 4;
  }
  // __SYS_HR_GROUP
  store<u32>(KEY, 0x59535f5f);
  store<u32>(KEY + 4, 0x52485f53);
  store<u32>(KEY + 8, 0x4f52475f);
  store<u32>(KEY + 12, 0x00005055);
  return 15;
}

/** More memory of its own, in pages of 64 KiB. */
export function grow(wasmPages: i32): void {
  const before = memory.grow(wasmPages);
  if (before < 0) unreachable();
  addArea((<usize>before) << 16, wasmPages << 4);
}

/** Writes `seed` into every `stride`th page, at a place that depends on the page. */
export function stamp(seed: i32, stride: i32): void {
  for (let area = 0; area < areaCount; area++) {
    const address = <usize>load<u32>(AREAS + area * 8);
    const pages = <i32>load<u32>(AREAS + area * 8 + 4);
    for (let page = seed % stride; page < pages; page += stride) {
      const word = (seed * 37 + page * 101) % WORDS_A_PAGE;
      store<i32>(address + page * PAGE_BYTES + (word << 2), seed * 2654435761 + page);
      store<i32>(address + page * PAGE_BYTES + (((word + 512) % WORDS_A_PAGE) << 2), seed ^ page);
    }
  }
}

/** Makes the last pages of the last area read as zero again: content ends earlier from then on. */
export function wipe(pages: i32): void {
  const last = areaCount - 1;
  const address = <usize>load<u32>(AREAS + last * 8);
  const all = <i32>load<u32>(AREAS + last * 8 + 4);
  memory.fill(address + (all - pages) * PAGE_BYTES, 0, pages * PAGE_BYTES);
}

/** A number over all of the guest's own memory. */
export function digest(): i64 {
  let sum: i64 = <i64>areaCount ^ ((<i64>poisoned) << 8);
  for (let area = 0; area < areaCount; area++) {
    const address = <usize>load<u32>(AREAS + area * 8);
    const words = load<u32>(AREAS + area * 8 + 4) * 512;
    sum = sum * 31 + words;
    for (let word: u32 = 0; word < words; word++) {
      sum = rotl<i64>(sum, 9) * 1540483477 + load<i64>(address + ((<usize>word) << 3));
    }
  }
  return sum;
}

/** KnError. The block B00 to B99, made, or found again when `pages` is 0; its address is in OUT then. */
export function allocate(block: i32, pages: i32, key: i32): i32 {
  putPmmName(66, block);
  return pmm.pmmAllocate(OUT, NAME, pages * PAGE_BYTES, KEY, putKey(key));
}

/** Fills a block that exists with `value`. */
export function fill(block: i32, pages: i32, key: i32, value: i32): i32 {
  const status = allocate(block, 0, key);
  if (status !== 0) return status;
  const address = <usize>load<u32>(OUT);
  for (let at: usize = 0; at < <usize>(pages * PAGE_BYTES); at += 4) store<i32>(address + at, value);
  // A host call: from there on it is in the bank with either backend.
  hr.agetId();
  return 0;
}

export function free(block: i32): i32 {
  putPmmName(66, block);
  return pmm.pmmFree(NAME);
}

export function freeAll(key: i32): i32 {
  return pmm.pmmFreeAll(KEY, putKey(key));
}

/** Runs m.wasm as C00 to C99: its pid, or -errno. */
export function spawn(child: i32): i32 {
  putPmmName(67, child);
  store<u64>(PATH, 0x006d7361772e6d);
  return hr.hrfexec(NAME, PATH, 0, 0, 0, 0);
}

export function checkpointInside(): i32 {
  return hr.hrCheckpoint();
}

export function quitCleanly(): void {
  hr.hrExitHdl();
  exit(0);
}

export function trap(): void {
  unreachable();
}

/** From the next checkpoint on, every restart of it fails. */
export function poison(): void {
  poisoned = true;
}

export function hr_restarted(_cause: i32): void {
  if (poisoned) unreachable();
}
