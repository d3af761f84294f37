// Each way of finding changed pages, on a private mapping whose answer is known.
import { readdirSync, readlinkSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BANK_PAGE_SIZE as PAGE, WASM_PAGE_SIZE } from '#runtime/limits.js';
import { DirtyPageScanner, EVERY_PAGE } from '#runtime/memory/dirty-pages.js';
import { normalizeRuns } from '#runtime/memory/page-runs.js';
import { type Libc, loadLibc } from '#runtime/system/libc.js';

const METHODS = ['pagemap-scan', 'pagemap-read'] as const;
const WASM_PAGES = 256;
const PAGES = (WASM_PAGES * WASM_PAGE_SIZE) / PAGE;

/** A private mapping of a file: the first half file pages, the second half anonymous ones. */
class Region implements Disposable {
  readonly memory = new WebAssembly.Memory({ initial: WASM_PAGES, maximum: WASM_PAGES });
  readonly bytes = new Uint8Array(this.memory.buffer);
  readonly address: number;
  readonly #libc: Libc;
  readonly #fd: number;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.address = libc.addressOf(this.bytes);
    this.#fd = libc.createMemoryFile('test-region', this.bytes.byteLength / 2);
    this.reset();
  }

  reset(): void {
    const half = this.bytes.byteLength / 2;
    this.#libc.mapPrivate(this.address, half, this.#fd, 0);
    this.#libc.mapAnonymous(this.address + half, half);
  }

  dirty(pages: Iterable<number>): void {
    for (const page of pages) this.bytes[page * PAGE] = 1;
  }

  [Symbol.dispose](): void {
    this.#libc.mapAnonymous(this.address, this.bytes.byteLength);
    this.#libc.closeMemoryFile(this.#fd);
  }
}

/** Descriptors of the page map this process has open. */
function openPageMaps(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).endsWith('/pagemap');
    } catch {
      return false; // the descriptor of the listing itself, closed by now
    }
  }).length;
}

describe.skipIf(process.platform !== 'linux')('dirty pages', () => {
  describe.each(METHODS)('by %s', (method) => {
    function withScanner(run: (scanner: DirtyPageScanner, region: Region) => void): void {
      const libc = loadLibc();
      const scanner = new DirtyPageScanner(libc, method);
      const region = new Region(libc);
      try {
        run(scanner, region);
      } finally {
        region[Symbol.dispose]();
        scanner[Symbol.dispose]();
      }
    }

    test('nothing was stored to', () => {
      withScanner((scanner, region) => {
        expect(scanner.scan(region.address, region.bytes.byteLength, EVERY_PAGE)).toEqual([]);
      });
    });

    test('file pages that were only read are clean', () => {
      withScanner((scanner, region) => {
        let sum = 0;
        for (let page = 0; page < PAGES / 2; page += 1) sum += region.bytes[page * PAGE] ?? 1;
        expect(sum).toBe(0);
        expect(scanner.scan(region.address, region.bytes.byteLength, EVERY_PAGE)).toEqual([]);
      });
    });

    test('exactly the pages stored to, file pages and anonymous ones', () => {
      const pageNumbers = fc.uniqueArray(fc.nat(PAGES - 1), { maxLength: 64 });
      withScanner((scanner, region) => {
        fc.assert(
          fc.property(pageNumbers, (pages) => {
            region.reset();
            region.dirty(pages);
            const expected = normalizeRuns(pages.map((firstPage) => ({ firstPage, pageCount: 1 })));
            expect(scanner.scan(region.address, region.bytes.byteLength, EVERY_PAGE)).toEqual(expected);
          }),
          { numRuns: 30 },
        );
      });
    });

    test('more runs than one answer of the kernel holds', () => {
      withScanner((scanner, region) => {
        const pages = Array.from({ length: PAGES / 2 }, (_, index) => index * 2);
        region.dirty(pages);
        const found = scanner.scan(region.address, region.bytes.byteLength, EVERY_PAGE);
        expect(found).toEqual(pages.map((firstPage) => ({ firstPage, pageCount: 1 })));
      });
    });

    test('a run that crosses answers of the kernel stays one run', () => {
      withScanner((scanner, region) => {
        region.dirty(Array.from({ length: PAGES }, (_, page) => page));
        const found = scanner.scan(region.address, region.bytes.byteLength, EVERY_PAGE);
        expect(found).toEqual([{ firstPage: 0, pageCount: PAGES }]);
      });
    });

    test('gives up when there are more than are wanted, however many were only read', () => {
      withScanner((scanner, region) => {
        region.dirty(Array.from({ length: 10 }, (_, index) => index * 3));
        for (let page = 100; page < PAGES / 2; page += 1) expect(region.bytes[page * PAGE]).toBe(0);
        expect(scanner.scan(region.address, region.bytes.byteLength, 10)).toBeInstanceOf(Array);
        region.dirty([PAGES - 1]);
        expect(scanner.scan(region.address, region.bytes.byteLength, 10)).toBe('too-many');
      });
    });

    test('holds one descriptor from the first scan until disposed', () => {
      const before = openPageMaps();
      withScanner((scanner, region) => {
        expect(openPageMaps()).toBe(before);
        for (let round = 0; round < 3; round += 1) scanner.scan(region.address, PAGE, EVERY_PAGE);
        expect(openPageMaps()).toBe(before + 1);
      });
      expect(openPageMaps()).toBe(before);
    });
  });

  test('`unknown` knows nothing', () => {
    const scanner = new DirtyPageScanner(loadLibc(), 'unknown');
    expect(scanner.scan(0, PAGE, EVERY_PAGE)).toBe('unknown');
  });

  test('finds out by itself, and falls back when the kernel does not know the call', () => {
    const libc = loadLibc();
    const withoutScan: Libc = { ...libc, scanPages: () => -1 };
    const modern = new DirtyPageScanner(libc, null);
    const older = new DirtyPageScanner(withoutScan, null);
    expect(['pagemap-scan', 'pagemap-read']).toContain(modern.method);
    expect(older.method).toBe('pagemap-read');
    modern[Symbol.dispose]();
    older[Symbol.dispose]();
  });
});
