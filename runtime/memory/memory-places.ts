// How the stored parts of the memories of one instance lie in an image: one behind the other, as if they were one. Pure; it must never look
// at what lies there.
import type { MemoryImage, PageSet } from './guest-memory.ts';
import { intersectRuns, runsBetween, shiftRuns } from './page-runs.ts';

/** What an image holds of one memory. */
export type StoredMemory = Omit<MemoryImage, 'offset'>;

//   offset            + storedBytes of 0    + storedBytes of 1
//  +-----------------+---------------------+- - -
//  | memory 0        | memory 1            |
//  +-----------------+---------------------+- - -
//  Page sets and checksums of an image speak of these pages, counted from `offset`. Where a memory begins, all those before it decide: when
//  one of them stores more or less than it did, everything behind it has moved.

/** Bytes of the stored parts together. */
export function storedBytesOf(memories: readonly StoredMemory[]): number {
  let sum = 0;
  for (const { storedBytes } of memories) sum += storedBytes;
  return sum;
}

/** Each memory with its place, where the first lies at `offset` in the bank. */
export function placeMemories(memories: readonly StoredMemory[], offset: number): readonly MemoryImage[] {
  let next = offset;
  return memories.map(({ memoryBytes, storedBytes }) => {
    const image = { memoryBytes, offset: next, storedBytes };
    next += storedBytes;
    return image;
  });
}

/** Whether all memories of two images begin at the same pages. */
export function beginAlike(a: readonly StoredMemory[], b: readonly StoredMemory[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ storedBytes }, index) => index === a.length - 1 || storedBytes === b[index]?.storedBytes)
  );
}

/** Of pages of the image those of the memory whose stored part begins at `startBytes`, counted from there. */
export function pagesOfMemory(pages: PageSet, startBytes: number, { storedBytes }: StoredMemory): PageSet {
  if (pages === 'all') return 'all';
  const here = intersectRuns(pages, runsBetween(startBytes, startBytes + storedBytes));
  return shiftRuns(here, -startBytes);
}
