// Tells in which pages two memories differ, and what that does to a checksum. Pure; it must never look behind the end of either.
import { BANK_PAGE_SIZE } from '../limits.ts';
import type { PageRun } from '../memory/guest-memory.ts';
import { runsBetween } from '../memory/page-runs.ts';
import { checksumOfPages, updatedChecksum } from './memory-checksum.ts';

/** Runs of pages in which `a` and `b`, whole pages of one size, differ: ascending and not touching. */
export function differingRuns(a: Uint8Array, b: Uint8Array): readonly PageRun[] {
  const runs: { firstPage: number; pageCount: number }[] = [];
  const [left, right] = [a, b].map((bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  if (left === undefined || right === undefined || left.equals(right)) return runs;
  for (let page = 0; page * BANK_PAGE_SIZE < a.byteLength; page += 1) {
    const start = page * BANK_PAGE_SIZE;
    const end = start + BANK_PAGE_SIZE;
    if (left.compare(right, start, end, start, end) === 0) continue;
    const last = runs.at(-1);
    if (last !== undefined && last.firstPage + last.pageCount === page) last.pageCount += 1;
    else runs.push({ firstPage: page, pageCount: 1 });
  }
  return runs;
}

/**
 * The checksum of `memory`, whose pages equal the first ones of `known` but for those in `different`; `checksum` is that of `known`.
 */
export function checksumByDifference(
  memory: Uint8Array,
  different: readonly PageRun[],
  known: Uint8Array,
  checksum: number,
): number {
  const beyond = checksumOfPages(known, runsBetween(memory.byteLength, known.byteLength));
  const shared = updatedChecksum(checksum, beyond, 0);
  return updatedChecksum(shared, checksumOfPages(known, different), checksumOfPages(memory, different));
}
