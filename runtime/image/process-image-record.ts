// What is written down of a process image, and how it is read back. Pure; it must never take a record at its word: what does not fit is
// BANK_DAMAGED.
import type { JsonValue, LedgerChange } from '../bank/ledger-records.ts';
import { RecordReader } from '../bank/record-reader.ts';
import { extentFromRecord } from '../memory/extent-record.ts';
import type { Extent } from '../memory/extents.ts';

/** Key of a process image: this and its digest. */
export const IMAGE_PREFIX = 'image/';
/** More than the record of a process image takes in the ledger. */
export const IMAGE_RECORD_BYTES = 4096;

const U32_MAX = 2 ** 32 - 1;

/** Where a process image lies. */
export interface ImageRecord {
  readonly path: string;
  readonly text: Extent;
  readonly generation0: Extent;
  /** Of generation 0. */
  readonly headBytes: number;
  /** Of text and head: what lies there must be this image and no other. */
  readonly textChecksum: number;
  readonly headChecksum: number;
}

export function changeOfImage(digest: string, record: ImageRecord): LedgerChange {
  const { path, text, generation0, headBytes, textChecksum, headChecksum } = record;
  const value: JsonValue = {
    path,
    text: { offset: text.offset, sizeBytes: text.sizeBytes },
    generation0: { offset: generation0.offset, sizeBytes: generation0.sizeBytes },
    headBytes,
    textChecksum,
    headChecksum,
  };
  return { key: `${IMAGE_PREFIX}${digest}`, value };
}

export function removalOfImage(digest: string): LedgerChange {
  return { key: `${IMAGE_PREFIX}${digest}`, value: null };
}

/** Throws BANK_DAMAGED. */
export function imageFromRecord(key: string, value: JsonValue): ImageRecord {
  const record = new RecordReader(key, value);
  const generation0 = extentFromRecord(record.record('generation0'));
  return {
    path: record.text('path'),
    text: extentFromRecord(record.record('text')),
    generation0,
    headBytes: record.integer('headBytes', 1, generation0.sizeBytes),
    textChecksum: record.integer('textChecksum', 0, U32_MAX),
    headChecksum: record.integer('headChecksum', 0, U32_MAX),
  };
}
