// What is written down of the generations of one process, and how it is read back. Pure; it must never take a record at its word: what
// does not fit is BANK_DAMAGED.
import type { JsonValue, LedgerChange } from '../bank/ledger-records.ts';
import { RecordReader } from '../bank/record-reader.ts';
import { extentFromRecord } from '../memory/extent-record.ts';
import type { Extent } from '../memory/extents.ts';

/** Key of what is kept of a process: this and its name. */
export const GENERATIONS_PREFIX = 'generations/';
/** More than the record of the generations of one process takes in the ledger. */
export const GENERATIONS_RECORD_BYTES = 4096;

/** Where one generation lies. */
export interface GenerationRecord {
  readonly generation: number;
  readonly extent: Extent;
  readonly headBytes: number;
  /** Of the head, which holds that of the memory: what lies there must be this image and no other. */
  readonly headChecksum: number;
}

/** The place the next generation is written to: what it holds now is of no account, but spares writing what has not changed since. */
export interface SpareRecord {
  readonly extent: Extent;
  readonly memoryOffset: number;
  /** Of the generation it held last. */
  readonly storedBytes: number;
}

/** What is kept of one process. `kept`: the newest first; none for a process that has only generation 0. */
export interface GenerationsRecord {
  readonly kept: readonly GenerationRecord[];
  readonly spare: SpareRecord | null;
}

export function changeOfGenerations(processName: string, { kept, spare }: GenerationsRecord): LedgerChange {
  const keptValue: JsonValue = kept.map(({ generation, extent, headBytes, headChecksum }) => ({
    generation,
    offset: extent.offset,
    sizeBytes: extent.sizeBytes,
    headBytes,
    headChecksum,
  }));
  const spareValue: JsonValue =
    spare === null
      ? null
      : {
          offset: spare.extent.offset,
          sizeBytes: spare.extent.sizeBytes,
          memoryOffset: spare.memoryOffset,
          storedBytes: spare.storedBytes,
        };
  const value = kept.length === 0 ? null : { kept: keptValue, spare: spareValue };
  return { key: `${GENERATIONS_PREFIX}${processName}`, value };
}

/** Throws BANK_DAMAGED. */
export function generationsFromRecord(key: string, value: JsonValue): GenerationsRecord {
  const record = new RecordReader(key, value);
  const kept = record.list('kept', (items, index) => {
    const item = items.record(index);
    const extent = extentFromRecord(item);
    return {
      generation: item.integer('generation', 1, Number.MAX_SAFE_INTEGER),
      extent,
      headBytes: item.integer('headBytes', 1, extent.sizeBytes),
      headChecksum: item.integer('headChecksum', 0, 2 ** 32 - 1),
    };
  });
  return { kept, spare: record.nullable('spare', (field) => spareFrom(record.record(field))) };
}

function spareFrom(record: RecordReader): SpareRecord {
  const extent = extentFromRecord(record);
  const memoryOffset = record.integer('memoryOffset', 1, extent.sizeBytes);
  return {
    extent,
    memoryOffset,
    storedBytes: record.integer('storedBytes', 0, extent.sizeBytes - memoryOffset),
  };
}
