// Every operation on runs against the same operation on a plain set of page numbers.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BANK_PAGE_SIZE as PAGE } from '#runtime/limits.js';
import type { PageRun } from '#runtime/memory/guest-memory.js';
import {
  clipRuns,
  countPages,
  endOfRuns,
  intersectRuns,
  normalizeRuns,
  planWrite,
  runsBetween,
  subtractRuns,
  unionPages,
  unionRuns,
} from '#runtime/memory/page-runs.js';

const anyRuns = fc.array(fc.record({ firstPage: fc.nat(40), pageCount: fc.nat(8) }), { maxLength: 12 });
const normalRuns = anyRuns.map(normalizeRuns);

function pagesOf(runs: readonly PageRun[]): Set<number> {
  const pages = new Set<number>();
  for (const { firstPage, pageCount } of runs) {
    for (let page = firstPage; page < firstPage + pageCount; page += 1) pages.add(page);
  }
  return pages;
}

/** The runs hold exactly these pages, ascending and without touching each other. */
function expectRuns(runs: readonly PageRun[], pages: Iterable<number>): void {
  expect([...pagesOf(runs)]).toEqual([...pages].sort((a, b) => a - b));
  for (const [index, run] of runs.entries()) {
    const before = runs[index - 1];
    expect(run.pageCount).toBeGreaterThan(0);
    if (before !== undefined) expect(run.firstPage).toBeGreaterThan(before.firstPage + before.pageCount);
  }
}

describe('page runs', () => {
  test('normalising keeps the pages', () => {
    fc.assert(fc.property(anyRuns, (runs) => expectRuns(normalizeRuns(runs), pagesOf(runs))));
  });

  test.each([
    ['union', unionRuns, (a: Set<number>, b: Set<number>) => new Set([...a, ...b])],
    ['difference', subtractRuns, (a: Set<number>, b: Set<number>) => [...a].filter((page) => !b.has(page))],
    ['intersection', intersectRuns, (a: Set<number>, b: Set<number>) => [...a].filter((page) => b.has(page))],
  ])('%s', (_name, operation, model) => {
    fc.assert(
      fc.property(normalRuns, normalRuns, (a, b) =>
        expectRuns(operation(a, b), model(pagesOf(a), pagesOf(b))),
      ),
    );
  });

  test('clipping, counting and the end', () => {
    fc.assert(
      fc.property(normalRuns, fc.nat(50), (runs, limitPages) => {
        const pages = [...pagesOf(runs)];
        expectRuns(
          clipRuns(runs, limitPages * PAGE),
          pages.filter((page) => page < limitPages),
        );
        expect(countPages(runs)).toBe(pages.length);
        expect(endOfRuns(runs)).toBe((Math.max(-1, ...pages) + 1) * PAGE);
      }),
    );
  });

  test('a write plan copies what is the guest`s own and stores zeros under blocks', () => {
    const pageSet = fc.oneof(normalRuns, fc.constant('all' as const));
    fc.assert(
      fc.property(pageSet, normalRuns, fc.nat(50), (pages, blocks, storedPages) => {
        const wanted = [...pagesOf(pages === 'all' ? runsBetween(0, storedPages * PAGE) : pages)];
        const written = wanted.filter((page) => page < storedPages);
        const hidden = pagesOf(blocks);
        const plan = planWrite(pages, storedPages * PAGE, blocks);
        expectRuns(
          plan.copy,
          written.filter((page) => !hidden.has(page)),
        );
        expectRuns(
          plan.zero,
          written.filter((page) => hidden.has(page)),
        );
      }),
    );
  });

  test('the union with everything is everything', () => {
    const runs = runsBetween(0, PAGE);
    expect(unionPages('all', runs)).toBe('all');
    expect(unionPages(runs, 'all')).toBe('all');
    expect(unionPages(runs, runsBetween(PAGE, 2 * PAGE))).toEqual([{ firstPage: 0, pageCount: 2 }]);
  });
});
