// Pages of a memory's own, known without asking as long as there was no page fault. The kernel and its counter are the real ones.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BANK_PAGE_SIZE as PAGE, WASM_PAGE_SIZE } from '#runtime/limits.js';
import { DirtyPageScanner, EVERY_PAGE } from '#runtime/memory/dirty-pages.js';
import type { PageRun } from '#runtime/memory/guest-memory.js';
import { OwnPages } from '#runtime/memory/own-pages.js';
import { PageFaultCounter } from '#runtime/memory/page-faults.js';
import { type Libc, loadLibc } from '#runtime/system/libc.js';

const WASM_PAGES = 64;
const PAGES = (WASM_PAGES * WASM_PAGE_SIZE) / PAGE;
const ROUNDS = 200;

/** A private mapping, the first half of a file, the second half anonymous, and what is asked about it. */
class Subject implements Disposable {
  readonly ownPages: OwnPages;
  readonly counter: PageFaultCounter;
  scans = 0;
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #scanner: DirtyPageScanner;
  readonly #memory = new WebAssembly.Memory({ initial: WASM_PAGES, maximum: WASM_PAGES });
  readonly #bytes = new Uint8Array(this.#memory.buffer);
  readonly #address: number;

  constructor(overrides: Partial<Libc> = {}) {
    const libc = loadLibc();
    const scanPages: Libc['scanPages'] = (...args) => {
      this.scans += 1;
      return libc.scanPages(...args);
    };
    this.#libc = { ...libc, scanPages, ...overrides };
    this.#address = libc.addressOf(this.#bytes);
    const half = this.#bytes.byteLength / 2;
    this.#fd = libc.createMemoryFile('test-own-pages', half);
    libc.mapPrivate(this.#address, half, this.#fd, 0);
    libc.mapAnonymous(this.#address + half, half);
    this.#scanner = new DirtyPageScanner(this.#libc, 'pagemap-scan');
    this.counter = new PageFaultCounter(this.#libc);
    this.ownPages = new OwnPages(this.#scanner, this.counter);
  }

  store(page: number): void {
    this.#bytes[page * PAGE] = ((this.#bytes[page * PAGE] ?? 0) + 1) & 0xff;
  }

  read(page: number): number {
    return this.#bytes[page * PAGE] ?? 0;
  }

  /** What a restore does, without the copying. */
  findAndSettle(): ReadonlySet<number> {
    const found = this.ownPages.find(this.#address, this.#bytes.byteLength, EVERY_PAGE);
    if (typeof found === 'string') throw new Error(`the scan says ${found}`);
    this.ownPages.settle(found);
    return pagesOf(found);
  }

  [Symbol.dispose](): void {
    this.#scanner[Symbol.dispose]();
    this.#libc.mapAnonymous(this.#address, this.#bytes.byteLength);
    this.#libc.closeMemoryFile(this.#fd);
  }
}

function pagesOf(runs: readonly PageRun[]): ReadonlySet<number> {
  return new Set(
    runs.flatMap(({ firstPage, pageCount }) => Array.from({ length: pageCount }, (_, i) => firstPage + i)),
  );
}

describe.skipIf(process.platform !== 'linux')('own pages', () => {
  test('the kernel counts the faults of this thread', () => {
    using subject = new Subject();
    expect(subject.counter.counts).toBe(true);
    const before = subject.counter.read();
    subject.store(3);
    expect(subject.counter.read()).toBeGreaterThan(before);
  });

  test('pages stored to again and again are mostly known without asking', () => {
    using subject = new Subject();
    const stored = [0, 7, PAGES / 2, PAGES - 1];
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const page of stored) subject.store(page);
      expect([...subject.findAndSettle()]).toEqual(stored);
    }
    // The thread has faults of its own now and then: how many is not for a test to say.
    expect(subject.scans).toBeLessThan(ROUNDS);
  });

  test('no page that was stored to is ever missed, whatever was read before it', () => {
    const page = fc.nat({ max: PAGES - 1 });
    const rounds = fc.array(fc.record({ reads: fc.array(page), stores: fc.array(page) }), { maxLength: 12 });
    fc.assert(
      fc.property(rounds, (all) => {
        using subject = new Subject();
        for (const { reads, stores } of all) {
          for (const each of reads) subject.read(each);
          for (const each of stores) subject.store(each);
          const found = subject.findAndSettle();
          expect(stores.filter((each) => !found.has(each))).toEqual([]);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('what is forgotten is asked for', () => {
    using subject = new Subject();
    for (let round = 1; round <= ROUNDS; round += 1) {
      subject.findAndSettle();
      subject.ownPages.forget();
      expect(subject.scans).toBe(round);
    }
  });

  test('a kernel that does not count is asked every time', () => {
    using subject = new Subject({ threadUsage: () => undefined });
    expect(subject.counter.counts).toBe(false);
    for (let round = 1; round <= ROUNDS; round += 1) {
      subject.store(round);
      expect(subject.findAndSettle().has(round)).toBe(true);
      expect(subject.scans).toBe(round);
    }
  });
});
