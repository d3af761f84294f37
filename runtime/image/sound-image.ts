// Reads an executing image that an earlier site has left in the bank, and makes sure of every byte of it. It must never let an image pass
// that is not exactly the one that was written down, since what is restored from it is not checked again.
import { RekindleError } from '../errors.ts';
import type { BankView } from '../memory/bank-view.ts';
import type { Extent } from '../memory/extents.ts';
import { storedBytesOf } from '../memory/memory-places.ts';
import { runsBetween } from '../memory/page-runs.ts';
import { checksumOfHead, decodeImageHead, type ImageHead, imageMemoryOffset } from './image-codec.ts';
import type { ModuleLayout } from './layout.ts';
import { checksumOfPages } from './memory-checksum.ts';

/** An image as it has been written down. */
export interface WrittenImage {
  readonly extent: Extent;
  readonly headBytes: number;
  readonly headChecksum: number;
}

/** @throws RekindleError IMAGE_DAMAGED, saying what is wrong. */
export function readSoundImage(
  view: BankView,
  { extent, headBytes, headChecksum }: WrittenImage,
  layout: ModuleLayout,
  culprit: string,
): ImageHead {
  const fail = (detail: string): never => {
    throw new RekindleError('IMAGE_DAMAGED', culprit, detail);
  };
  const memoryOffset = imageMemoryOffset(headBytes);
  if (memoryOffset > extent.sizeBytes) fail('its head is longer than its place');
  const headContent = view.bytes(extent.offset, headBytes);
  const head = decodeImageHead(headContent, culprit);
  if (checksumOfHead(headContent) !== headChecksum) fail('it is not the image that was written down');
  const storedBytes = storedBytesOf(head.memories);
  if (memoryOffset + storedBytes > extent.sizeBytes) fail('its memory is longer than its place');
  if (!fits(head, layout)) fail('it is not an image of its module');
  const memory = view.bytes(extent.offset + memoryOffset, storedBytes);
  if (checksumOfPages(memory, runsBetween(0, storedBytes)) !== head.memoryChecksum)
    fail('the checksum of its memory differs');
  return head;
}

function fits({ state, memories, blocks }: ImageHead, layout: ModuleLayout): boolean {
  const linearMemory = layout.linearMemory === null ? undefined : memories[layout.linearMemory];
  const { address = 0, sizeBytes = 0 } = blocks.at(-1) ?? {};
  return (
    state.globals.length === layout.globals.length &&
    state.tables.length === layout.tables.length &&
    state.dropped.length === layout.segments.length &&
    memories.length === layout.memories.length &&
    address + sizeBytes <= (linearMemory?.memoryBytes ?? 0)
  );
}
