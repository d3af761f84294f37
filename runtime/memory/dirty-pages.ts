// Finds the pages of a private mapping that hold bytes of their own: those a guest has stored to since they were mapped. Asks the
// kernel in the best way it offers. It may report a page that did not change; it must never miss one that did.
import { closeSync, openSync, readSync } from 'node:fs';
import { invariant, unreachable } from '../invariant.ts';
import { BANK_PAGE_SIZE, WASM_PAGE_SIZE } from '../limits.ts';
import type { Libc } from '../system/libc.ts';
import type { PageRun } from './guest-memory.ts';

/** `pagemap-scan`: the ioctl, Linux 6.7 and later. `pagemap-read`: the table itself. `unknown`: there is no telling. */
export type DirtyPageMethod = 'pagemap-scan' | 'pagemap-read' | 'unknown';

/** Runs counted from the start of the range, normal; or why there are none: they are more than were wanted, or there is no way to know. */
export type DirtyPages = readonly PageRun[] | 'too-many' | 'unknown';

/** Of a scan that is to find them all. */
export const EVERY_PAGE = Number.MAX_SAFE_INTEGER - 1;

//  struct pm_scan_arg: twelve 64-bit words, 96 bytes (linux/fs.h).
//
//   0      1       2       3     4          5     6         7           8                    9               10              11
//  +------+-------+-------+-----+----------+-----+---------+-----------+--------------------+---------------+---------------+-------------+
//  | size | flags | start | end | walk_end | vec | vec_len | max_pages | category_inverted  | category_mask | category_any  | return_mask |
//  +------+-------+-------+-----+----------+-----+---------+-----------+--------------------+---------------+---------------+-------------+
//  A page is reported when its categories, those in `inverted` taken the other way round, hold all of `mask` and one of `any`. `walk_end`
//  is where the kernel stopped.
const ARGUMENT_WORDS = 12;
const START = 2;
const END = 3;
const WALK_END = 4;
const VECTOR = 5;
const VECTOR_LENGTH = 6;
const MAX_PAGES = 7;
const CATEGORY_INVERTED = 8;
const CATEGORY_MASK = 9;
const CATEGORY_ANY = 10;
const RETURN_MASK = 11;

//  struct page_region: three 64-bit words, one element of the vector.
//  +-------+-----+------------+
//  | start | end | categories |     categories: those of the return mask
//  +-------+-----+------------+
const REGION_WORDS = 3;
/** Regions a call can return: 12 KiB of vector; a larger answer takes more calls. */
const REGIONS_PER_CALL = 512;

const PAGE_IS_FILE = 1n << 2n;
const PAGE_IS_PRESENT = 1n << 3n;
const PAGE_IS_SWAPPED = 1n << 4n;
/** The kernel's own page of zeros, seen where fresh memory was only read. */
const PAGE_IS_PFNZERO = 1n << 5n;

//  /proc/self/pagemap: one 64-bit word a page (Documentation/admin-guide/mm/pagemap.rst). Of its upper half:
//   31        30        29       28 ... 0
//  +---------+---------+--------+--------+
//  | present | swapped | file   |        |
//  +---------+---------+--------+--------+
const PAGEMAP_WORD_BYTES = 8;
const PRESENT_OR_SWAPPED = 0b11;
const UPPER_HALF_PRESENCE_SHIFT = 30;
const UPPER_HALF_FILE_SHIFT = 29;
/** Pages read at a time: 64 KiB of table. */
const PAGES_PER_READ = 8192;

/**
 * One scanner serves one thread. It owns the descriptor of the process's page map, opened at the first scan and closed by dispose,
 * and the buffers the answers come in.
 */
export class DirtyPageScanner implements Disposable {
  readonly #libc: Libc;
  readonly #argument = new BigUint64Array(new ArrayBuffer(ARGUMENT_WORDS * 8));
  /** The regions as 32-bit halves: joining two is faster than a bigint. */
  readonly #regions = new Uint32Array(new ArrayBuffer(REGIONS_PER_CALL * REGION_WORDS * 8));
  readonly #argumentAddress: number;
  #method: DirtyPageMethod | null;
  #pagemapFd: number | null = null;
  #disposed = false;

  /** `method`: the one to use; null finds out at the first scan. */
  constructor(libc: Libc, method: DirtyPageMethod | null) {
    this.#libc = libc;
    this.#method = method;
    this.#argumentAddress = libc.addressOf(new Uint8Array(this.#argument.buffer));
    this.#argument[0] = BigInt(this.#argument.byteLength);
    this.#argument[VECTOR] = BigInt(libc.addressOf(new Uint8Array(this.#regions.buffer)));
    this.#argument[VECTOR_LENGTH] = BigInt(REGIONS_PER_CALL);
    this.#argument[CATEGORY_INVERTED] = PAGE_IS_FILE | PAGE_IS_PFNZERO;
    this.#argument[CATEGORY_MASK] = PAGE_IS_FILE | PAGE_IS_PFNZERO;
    this.#argument[CATEGORY_ANY] = PAGE_IS_PRESENT | PAGE_IS_SWAPPED;
    this.#argument[RETURN_MASK] = PAGE_IS_PRESENT;
  }

  /** The method in use, found out now if need be. */
  get method(): DirtyPageMethod {
    this.#method ??= this.#detect();
    return this.#method;
  }

  /** Dirty pages of [address, address + sizeBytes); `too-many` when there are more than `maxPages`. The time goes with the resident pages. */
  scan(address: number, sizeBytes: number, maxPages: number): DirtyPages {
    invariant(!this.#disposed, 'a disposed scanner is not used');
    return this.#scanBy(this.method, address, sizeBytes, maxPages);
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    if (this.#pagemapFd !== null) closeSync(this.#pagemapFd);
    this.#pagemapFd = null;
  }

  #scanBy(method: DirtyPageMethod, address: number, sizeBytes: number, maxPages: number): DirtyPages {
    switch (method) {
      case 'pagemap-scan':
        return this.#scanByIoctl(address, sizeBytes, maxPages);
      case 'pagemap-read':
        return this.#scanByReading(address, sizeBytes, maxPages);
      case 'unknown':
        return 'unknown';
      default:
        return unreachable(method);
    }
  }

  #scanByIoctl(address: number, sizeBytes: number, maxPages: number): DirtyPages {
    const argument = this.#argument;
    const regions = this.#regions;
    const end = address + sizeBytes;
    const collector = new PageCollector();
    argument[END] = BigInt(end);
    for (let start = address; start < end; start = Number(argument[WALK_END])) {
      argument[START] = BigInt(start);
      // One page more than is wanted tells "too many"; 0 would mean no limit.
      argument[MAX_PAGES] = BigInt(maxPages - collector.pageCount + 1);
      const regionCount = this.#libc.scanPages(this.#openPagemap(), this.#argumentAddress);
      if (regionCount < 0) return 'unknown';
      for (let region = 0; region < regionCount; region += 1) {
        const word = region * REGION_WORDS * 2;
        const first = joinHalves(regions[word], regions[word + 1]) - address;
        const last = joinHalves(regions[word + 2], regions[word + 3]) - address;
        collector.add(first / BANK_PAGE_SIZE, (last - first) / BANK_PAGE_SIZE);
      }
      if (collector.pageCount > maxPages) return 'too-many';
      invariant(Number(argument[WALK_END]) > start, 'the kernel moves on in every call');
    }
    return collector.runs;
  }

  #scanByReading(address: number, sizeBytes: number, maxPages: number): DirtyPages {
    const collector = new PageCollector();
    const pageCount = sizeBytes / BANK_PAGE_SIZE;
    const table = new Uint32Array(Math.min(pageCount, PAGES_PER_READ) * 2);
    for (let page = 0; page < pageCount; page += PAGES_PER_READ) {
      const wantedBytes = Math.min(pageCount - page, PAGES_PER_READ) * PAGEMAP_WORD_BYTES;
      const position = (address / BANK_PAGE_SIZE + page) * PAGEMAP_WORD_BYTES;
      if (readSync(this.#openPagemap(), table, 0, wantedBytes, position) !== wantedBytes) return 'unknown';
      for (let index = 0; index * PAGEMAP_WORD_BYTES < wantedBytes; index += 1) {
        const upperHalf = table[index * 2 + 1] ?? 0;
        const occupied = ((upperHalf >>> UPPER_HALF_PRESENCE_SHIFT) & PRESENT_OR_SWAPPED) !== 0;
        const isFile = ((upperHalf >>> UPPER_HALF_FILE_SHIFT) & 1) !== 0;
        if (occupied && !isFile) collector.add(page + index, 1);
      }
      if (collector.pageCount > maxPages) return 'too-many';
    }
    return collector.runs;
  }

  #openPagemap(): number {
    this.#pagemapFd ??= openSync('/proc/self/pagemap', 'r');
    return this.#pagemapFd;
  }

  /** Tries the methods on a mapping whose answer is known: sandboxes answer these calls in ways of their own. */
  #detect(): DirtyPageMethod {
    const pageCount = WASM_PAGE_SIZE / BANK_PAGE_SIZE;
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    const bytes = new Uint8Array(memory.buffer);
    const address = this.#libc.addressOf(bytes);
    const fd = this.#libc.createMemoryFile('rekindle-check', bytes.byteLength);
    try {
      this.#libc.mapPrivate(address, bytes.byteLength, fd, 0);
      const readOnlyPage = bytes[0] ?? 0;
      bytes[BANK_PAGE_SIZE] = readOnlyPage + 1;
      bytes[(pageCount - 1) * BANK_PAGE_SIZE] = readOnlyPage + 1;
      for (const method of ['pagemap-scan', 'pagemap-read'] as const) {
        if (this.#answersRightly(method, address, [1, pageCount - 1])) return method;
      }
      return 'unknown';
    } finally {
      this.#libc.mapAnonymous(address, bytes.byteLength);
      this.#libc.closeMemoryFile(fd);
    }
  }

  #answersRightly(method: DirtyPageMethod, address: number, dirtyPages: readonly number[]): boolean {
    try {
      const runs = this.#scanBy(method, address, WASM_PAGE_SIZE, EVERY_PAGE);
      if (typeof runs === 'string' || runs.length !== dirtyPages.length) return false;
      return runs.every((run, index) => run.firstPage === dirtyPages[index] && run.pageCount === 1);
    } catch {
      // The page map cannot be opened or read here: an answer to the question asked, not a failure.
      return false;
    }
  }
}

/** Joins runs that touch, and counts their pages. */
class PageCollector {
  readonly runs: { firstPage: number; pageCount: number }[] = [];
  pageCount = 0;

  add(firstPage: number, pageCount: number): void {
    this.pageCount += pageCount;
    const last = this.runs.at(-1);
    if (last !== undefined && last.firstPage + last.pageCount === firstPage) last.pageCount += pageCount;
    else this.runs.push({ firstPage, pageCount });
  }
}

function joinHalves(low: number | undefined, high: number | undefined): number {
  invariant(low !== undefined && high !== undefined, 'a region lies inside the vector');
  return high * 2 ** 32 + low;
}
