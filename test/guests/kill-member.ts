// A member of a group whose host is killed again and again. Its memory tells its generation all over, its block counts its calls, and it
// fills other blocks with patterns. It must find nothing right that is not exactly so, down to the byte.
//
// Arguments: [group] [role] [pages at first] [pages at most] [name of the child to spawn, or -].
import {
  argv,
  BlockPointer,
  DeletionKey,
  errno,
  exit,
  HR_EXIT_HDL,
  HR_GROUP_KEY,
  hrCheckpoint,
  hrfexecv,
  K_OK,
  PmmName,
  pmmAllocate,
  pmmFree,
  pmmFreeAll,
} from '../../abi/assemblyscript/index.ts';

export { __stack_pointer } from 'memory';

const PAGE_BYTES: usize = 4096;
const WORDS_OF_PAGE: i32 = 512;
/** A page is added with every so many generations. */
const GROWTH_GENERATIONS: i32 = 4;
/** With every so many generations every other page is written. */
const WIDE_GENERATIONS: i32 = 3;

//  the block T<group><role>
//
//   0       8         12
//  +-------+---------+
//  | total | spawned |   total: calls of `count`. spawned: 1 when the child has been asked for.
//  +-------+---------+
const SPAWNED: usize = 8;
const TOTAL_SIZE: usize = 12;

const args = argv();
const group = args[1];
const role = args[2];
const firstPages = I32.parseInt(args[3]);
const maxPages = I32.parseInt(args[4]);
const child = args[5];
const userKey = new DeletionKey(`KEY${group}`);

const total = new BlockPointer();
const status = pmmAllocate(total, new PmmName(`T${group}${role}`), TOTAL_SIZE, HR_GROUP_KEY);
assert(status === K_OK, `cannot allocate the total: ${status}`);

const pages = new StaticArray<usize>(maxPages);
let pageCount: i32 = 0;
let stamped: i32 = -1;
stamp(0);
spawnAgain();

export function hr_restarted(_cause: i32): void {
  spawnAgain();
}

export function roleName(): string {
  return role;
}

// Memory that tells its generation.

function pagesAt(generation: i32): i32 {
  return min(firstPages + generation / GROWTH_GENERATIONS, maxPages);
}

function isWritten(page: i32, generation: i32): bool {
  const isNew = generation === 0 || pagesAt(generation - 1) <= page;
  const isNext = generation % pagesAt(generation) === page;
  return isNew || isNext || (generation % WIDE_GENERATIONS === 0 && (page & 1) === 0);
}

function word(page: i32, index: i32, generation: i32): u64 {
  return (<u64>generation * 0x9e3779b1) ^ (((<u64>page) << 48) | <u64>index);
}

/** Writes what generation `generation` differs in from the one before it, which memory must hold. */
export function stamp(generation: i32): void {
  while (pageCount < pagesAt(generation)) {
    pages[pageCount] = heap.alloc(PAGE_BYTES);
    pageCount += 1;
  }
  for (let page = 0; page < pageCount; page++) {
    if (!isWritten(page, generation)) continue;
    for (let index = 0; index < WORDS_OF_PAGE; index++) {
      store<u64>(pages[page] + ((<usize>index) << 3), word(page, index, generation));
    }
  }
  stamped = generation;
}

/** The generation that memory is of, to its last byte; -1 - n when page n is of another one. */
export function verify(): i32 {
  if (pageCount !== pagesAt(stamped)) return -1 - pageCount;
  for (let page = 0; page < pageCount; page++) {
    let written = stamped;
    while (!isWritten(page, written)) written--;
    for (let index = 0; index < WORDS_OF_PAGE; index++) {
      if (load<u64>(pages[page] + ((<usize>index) << 3)) !== word(page, index, written)) return -1 - page;
    }
  }
  return stamped;
}

/** A checkpoint from within a call: the number of the generation. */
export function checkpoint(): i32 {
  return hrCheckpoint();
}

// Blocks.

/** Adds one to the total in the block: the new one. */
export function count(): i64 {
  store<i64>(total.address, load<i64>(total.address) + 1);
  return load<i64>(total.address);
}

export function countSoFar(): i64 {
  return load<i64>(total.address);
}

/** A word that is never 0 and tells its seed, 1 to 255, whatever its place. */
function patternWord(index: i32, seed: i32): u32 {
  return (((<u32>index * 2654435761) & 0xffff0000) | 0x0180) ^ (<u32>seed * 0x01010101);
}

/** Makes a block and fills it; K_OK, a KnError, or 1 when the new block was not all zero. */
export function allocate(name: string, sizeBytes: i32, withGroupKey: bool, seed: i32): i32 {
  const block = new BlockPointer();
  const key = withGroupKey ? HR_GROUP_KEY : userKey;
  const result = pmmAllocate(block, new PmmName(name), sizeBytes, key);
  if (result !== K_OK) return result;
  for (let offset = 0; offset < sizeBytes; offset += 4) {
    if (load<u32>(block.address + offset) !== 0) return 1;
  }
  fill(block.address, sizeBytes, seed);
  return K_OK;
}

/** Fills a block that there is anew. */
export function refill(name: string, sizeBytes: i32, withGroupKey: bool, seed: i32): i32 {
  const block = new BlockPointer();
  const key = withGroupKey ? HR_GROUP_KEY : userKey;
  const result = pmmAllocate(block, new PmmName(name), 0, key);
  if (result === K_OK) fill(block.address, sizeBytes, seed);
  return result;
}

function fill(address: usize, sizeBytes: i32, seed: i32): void {
  for (let index = 0; index < sizeBytes >> 2; index++) {
    store<u32>(address + ((<usize>index) << 2), patternWord(index, seed));
  }
}

export function free(name: string): i32 {
  return pmmFree(new PmmName(name));
}

/** Frees all blocks of this group that carry its own key instead of the group's. */
export function freeAll(): i32 {
  return pmmFreeAll(userKey);
}

// Spawning and ends.

/** Asks for the child, in this run and in every later one: its pid, or -1 - errno. */
export function spawn(): i32 {
  store<i32>(total.address, 1, SPAWNED);
  return spawnChild();
}

function spawnAgain(): void {
  if (load<i32>(total.address, SPAWNED) === 0) return;
  const pid = spawnChild();
  assert(pid > 0, `cannot spawn ${child} again: ${pid}`);
}

function spawnChild(): i32 {
  const own = [args[0], group, 'C', args[3], args[4], '-'];
  const pid = hrfexecv(new PmmName(child), args[0], null, null, own);
  return pid > 0 ? pid : -1 - errno();
}

export function crash(): void {
  unreachable();
}

export function end(): void {
  HR_EXIT_HDL();
  exit(0);
}
