// Looks for content among pages that may all read as zero. It must never write.
import { BANK_PAGE_SIZE } from '../limits.ts';
import type { PageRun } from './guest-memory.ts';

const ZERO_PAGE = new Uint8Array(BANK_PAGE_SIZE);

/**
 * Byte offset just behind the last page of `runs` (normal) that holds a byte other than zero, or `atLeastBytes` where that is more.
 * Pages are read from the end backwards, and only those of `runs`: reading a page that was never touched costs a page fault.
 */
export function endOfContent(bytes: Uint8Array, runs: readonly PageRun[], atLeastBytes: number): number {
  for (let index = runs.length - 1; index >= 0; index -= 1) {
    const run = runs[index];
    if (run === undefined) break;
    const runEnd = (run.firstPage + run.pageCount) * BANK_PAGE_SIZE;
    const runStart = Math.max(run.firstPage * BANK_PAGE_SIZE, atLeastBytes);
    for (let end = runEnd; end > runStart; end -= BANK_PAGE_SIZE) {
      if (Buffer.compare(bytes.subarray(end - BANK_PAGE_SIZE, end), ZERO_PAGE) !== 0) return end;
    }
    if (runStart === atLeastBytes) break;
  }
  return atLeastBytes;
}
