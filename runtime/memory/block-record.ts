// What of a user block is written down in the bank, and how it is read back. Pure; it must never take a record at its word: what does
// not fit is BANK_DAMAGED.
import { PMM_NAME_SIZE } from '../../abi/pmm.ts';
import type { JsonValue, LedgerChange } from '../bank/ledger-records.ts';
import { RecordReader } from '../bank/record-reader.ts';
import { RekindleError } from '../errors.ts';
import type { BlockRecord, RestartGroup, UserPart } from './block-table.ts';
import { credentialsFromRecord, recordOfCredentials } from './credentials.ts';
import { extentFromRecord } from './extent-record.ts';

/** Key of a block: `block/` and its number. */
export const BLOCK_PREFIX = 'block/';
/** Key of the number that the next block gets, if that is more than one past the last there is. */
export const NEXT_BLOCK_KEY = 'next-block';
/** More than any record of a block takes in the ledger. */
export const BLOCK_RECORD_BYTES = 2048;

type UserBlock = BlockRecord & { readonly user: UserPart };

/** The changes that write a new block down; that no number is used again is part of it, since images speak of blocks by number. */
export function changeOfBlock({ blockId, name, extent, ownerProcess, user }: UserBlock): LedgerChange[] {
  const { keyId, hasGroupKey, creator, group } = user;
  const value: JsonValue = {
    name,
    offset: extent.offset,
    sizeBytes: extent.sizeBytes,
    owner: ownerProcess,
    key: keyId,
    hasGroupKey,
    creator: recordOfCredentials(creator),
    group: group === null ? null : { id: group.id, serial: group.serial },
  };
  return [
    { key: `${BLOCK_PREFIX}${blockId}`, value },
    { key: NEXT_BLOCK_KEY, value: blockId + 1 },
  ];
}

export function removalOfBlock(blockId: number): LedgerChange {
  return { key: `${BLOCK_PREFIX}${blockId}`, value: null };
}

/** Throws BANK_DAMAGED. */
export function blockFromRecord(key: string, value: JsonValue): UserBlock {
  const record = new RecordReader(key, value);
  const blockId = Number(key.slice(BLOCK_PREFIX.length));
  if (!Number.isSafeInteger(blockId) || blockId < 1)
    throw new RekindleError('BANK_DAMAGED', key, 'the number of the block is none');
  const name = record.text('name');
  if (name === '' || Buffer.byteLength(name) >= PMM_NAME_SIZE)
    throw new RekindleError('BANK_DAMAGED', key, 'the name of the block is empty or too long');
  return {
    blockId,
    name,
    extent: extentFromRecord(record),
    ownerProcess: record.text('owner'),
    user: {
      keyId: record.text('key'),
      hasGroupKey: record.boolean('hasGroupKey'),
      creator: credentialsFromRecord(record.record('creator')),
      group: record.nullable('group', (field) => groupFromRecord(record.record(field))),
    },
  };
}

function groupFromRecord(record: RecordReader): RestartGroup {
  return {
    id: record.integer('id', 0, Number.MAX_SAFE_INTEGER),
    serial: record.integer('serial', 0, Number.MAX_SAFE_INTEGER),
  };
}
