// Arithmetic on runs of 4 KiB pages: union, difference, intersection, clipping. Pure; it must never look at memory.
// A list of runs is *normal* when it is ascending and no two runs touch or overlap; every function here returns normal lists.
import { BANK_PAGE_SIZE } from '../limits.ts';
import type { PageRun, PageSet } from './guest-memory.ts';

/** The run from `startBytes` to `endBytes`, both multiples of 4096, as a list: empty when there is nothing between them. */
export function runsBetween(startBytes: number, endBytes: number): readonly PageRun[] {
  if (endBytes <= startBytes) return [];
  return [{ firstPage: startBytes / BANK_PAGE_SIZE, pageCount: (endBytes - startBytes) / BANK_PAGE_SIZE }];
}

/** Pages in all runs together. */
export function countPages(runs: readonly PageRun[]): number {
  let pageCount = 0;
  for (const run of runs) pageCount += run.pageCount;
  return pageCount;
}

/** Byte offset just behind the last page of a normal list; 0 when it is empty. */
export function endOfRuns(runs: readonly PageRun[]): number {
  const last = runs.at(-1);
  return last === undefined ? 0 : (last.firstPage + last.pageCount) * BANK_PAGE_SIZE;
}

/** The normal list of the pages in any of `runs`, which may come in any order and overlap. */
export function normalizeRuns(runs: readonly PageRun[]): readonly PageRun[] {
  const sorted = runs.filter((run) => run.pageCount > 0).sort((a, b) => a.firstPage - b.firstPage);
  const result: PageRun[] = [];
  for (const run of sorted) appendRun(result, run.firstPage, run.firstPage + run.pageCount);
  return result;
}

/** Pages in `a` or in `b`, both normal. */
export function unionRuns(a: readonly PageRun[], b: readonly PageRun[]): readonly PageRun[] {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  return normalizeRuns([...a, ...b]);
}

/** Pages in `a` or in `b`; everything when either is everything. */
export function unionPages(a: PageSet, b: PageSet): PageSet {
  return a === 'all' || b === 'all' ? 'all' : unionRuns(a, b);
}

/** Pages in `runs` and not in `holes`, both normal. */
export function subtractRuns(runs: readonly PageRun[], holes: readonly PageRun[]): readonly PageRun[] {
  if (holes.length === 0) return runs;
  const result: PageRun[] = [];
  let holeIndex = 0;
  for (const run of runs) {
    const end = run.firstPage + run.pageCount;
    let start = run.firstPage;
    for (let hole = holes[holeIndex]; hole !== undefined && hole.firstPage < end; hole = holes[holeIndex]) {
      appendRun(result, start, Math.min(end, hole.firstPage));
      start = Math.max(start, hole.firstPage + hole.pageCount);
      // A hole that reaches beyond this run may also cut the next one.
      if (start >= end) break;
      holeIndex += 1;
    }
    appendRun(result, start, end);
  }
  return result;
}

/** Pages in both `a` and `b`, both normal. */
export function intersectRuns(a: readonly PageRun[], b: readonly PageRun[]): readonly PageRun[] {
  if (a.length === 0 || b.length === 0) return [];
  return subtractRuns(a, subtractRuns(a, b));
}

/** Pages of a normal list that lie wholly below `endBytes`, a multiple of 4096. */
export function clipRuns(runs: readonly PageRun[], endBytes: number): readonly PageRun[] {
  if (endOfRuns(runs) <= endBytes) return runs;
  return intersectRuns(runs, runsBetween(0, endBytes));
}

/** The same pages `offsetBytes` further, a multiple of 4096 that may be negative. */
export function shiftRuns(runs: readonly PageRun[], offsetBytes: number): readonly PageRun[] {
  if (offsetBytes === 0) return runs;
  const pages = offsetBytes / BANK_PAGE_SIZE;
  return runs.map(({ firstPage, pageCount }) => ({ firstPage: firstPage + pages, pageCount }));
}

/** What `write` does with a page set: the pages to be copied from linear memory, and those that are stored as zeros. */
export interface WritePlan {
  readonly copy: readonly PageRun[];
  readonly zero: readonly PageRun[];
}

/** Splits `pages` below `storedBytes` into pages of the guest's own and pages under mapped blocks, which an image holds as zeros. */
export function planWrite(pages: PageSet, storedBytes: number, blockRuns: readonly PageRun[]): WritePlan {
  const written = pages === 'all' ? runsBetween(0, storedBytes) : clipRuns(pages, storedBytes);
  return { copy: subtractRuns(written, blockRuns), zero: intersectRuns(written, blockRuns) };
}

/** Adds [start, end) to a list whose last run begins at or before `start`, joining the two when they touch. */
function appendRun(result: PageRun[], start: number, end: number): void {
  if (end <= start) return;
  const last = result.at(-1);
  const lastEnd = last === undefined ? -1 : last.firstPage + last.pageCount;
  if (last === undefined || lastEnd < start) result.push({ firstPage: start, pageCount: end - start });
  else if (end > lastEnd) {
    result[result.length - 1] = { firstPage: last.firstPage, pageCount: end - last.firstPage };
  }
}
