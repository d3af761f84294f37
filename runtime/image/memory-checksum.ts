// The checksum of the stored part of an image's linear memory: a sum over its pages, so that it can be brought up to date from the
// pages that change. It guards against damage, never against somebody who means to deceive.
import { crc32 } from 'node:zlib';
import { BANK_PAGE_SIZE } from '../limits.ts';
import type { PageRun } from '../memory/guest-memory.ts';

/** Odd, so that multiplying by them loses nothing: a page that differs makes the sum differ, wherever it lies. */
const PLACE_FACTOR = 0x9e3779b1;
const SPREAD_FACTOR = 0x85ebca6b;

/**
 * What the pages in `runs` add to the checksum of the image whose memory `bytes` is, as an unsigned 32-bit number. Checksums are added
 * and subtracted modulo 2^32.
 */
export function checksumOfPages(bytes: Uint8Array, runs: readonly PageRun[]): number {
  let sum = 0;
  for (const { firstPage, pageCount } of runs) {
    for (let page = firstPage; page < firstPage + pageCount; page += 1) {
      const content = crc32(bytes.subarray(page * BANK_PAGE_SIZE, (page + 1) * BANK_PAGE_SIZE));
      sum += Math.imul(content ^ Math.imul(page + 1, PLACE_FACTOR), SPREAD_FACTOR) >>> 0;
    }
  }
  // Exact: the sum of 2^20 pages is below 2^52.
  return sum % 2 ** 32;
}

/** A checksum in which some pages have changed: `before` and `after` are what they added, then and now. */
export function updatedChecksum(checksum: number, before: number, after: number): number {
  return (checksum - before + after) >>> 0;
}
