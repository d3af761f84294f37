// How an extent is read back from what is written down in the bank. Pure; whether the extent is to be had is for the bank to say.
import type { RecordReader } from '../bank/record-reader.ts';
import { LIMIT_BOUNDS } from '../limits.ts';
import type { Extent } from './extents.ts';

/** The fields `offset` and `sizeBytes` of a record. Throws BANK_DAMAGED. */
export function extentFromRecord(record: RecordReader): Extent {
  const maximum = LIMIT_BOUNDS.bankSizeBytes.max;
  return Object.freeze({
    offset: record.integer('offset', 0, maximum),
    sizeBytes: record.integer('sizeBytes', 1, maximum),
  });
}
