// The blocks that appear in one linear memory: a list ordered by address, as plain data. Pure; it must never map anything.
import { invariant } from '../invariant.ts';
import { BANK_PAGE_SIZE } from '../limits.ts';
import type { BlockMapping, PageRun } from './guest-memory.ts';
import { normalizeRuns } from './page-runs.ts';

/**
 * The mappings by address. Each must be page-aligned, lie inside linear memory and overlap no other: callers choose addresses, so
 * anything else is their bug.
 */
export function orderMappings(
  mappings: readonly BlockMapping[],
  memoryBytes: number,
): readonly BlockMapping[] {
  const ordered = [...mappings].sort((a, b) => a.address - b.address);
  let end = 0;
  for (const { address, extent } of ordered) {
    invariant(address % BANK_PAGE_SIZE === 0, 'a block is mapped at a page boundary');
    invariant(extent.sizeBytes > 0, 'a mapped block has content');
    invariant(address >= end, 'mapped blocks do not overlap');
    end = address + extent.sizeBytes;
    invariant(end <= memoryBytes, 'a mapped block lies inside linear memory');
  }
  return ordered;
}

/** The mapping that begins at `address`; there must be one. */
export function mappingAt(mappings: readonly BlockMapping[], address: number): BlockMapping {
  const mapping = mappings.find((candidate) => candidate.address === address);
  invariant(mapping !== undefined, 'a block that is taken away is mapped');
  return mapping;
}

/** Whether two mappings put the same bytes of the bank at the same address. */
export function sameMapping(a: BlockMapping, b: BlockMapping): boolean {
  return (
    a.address === b.address &&
    a.extent.offset === b.extent.offset &&
    a.extent.sizeBytes === b.extent.sizeBytes
  );
}

/** Mappings of `from` that `others` does not hold. */
export function mappingsMissing(
  from: readonly BlockMapping[],
  others: readonly BlockMapping[],
): readonly BlockMapping[] {
  return from.filter((mapping) => !others.some((other) => sameMapping(mapping, other)));
}

/** The pages under the mappings. */
export function mappedRuns(mappings: readonly BlockMapping[]): readonly PageRun[] {
  return normalizeRuns(
    mappings.map(({ address, extent }) => ({
      firstPage: address / BANK_PAGE_SIZE,
      pageCount: extent.sizeBytes / BANK_PAGE_SIZE,
    })),
  );
}
