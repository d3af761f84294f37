// The head of an executing image as it lies in the bank: everything but its memories, which follow on the next bank page. A reader
// must never trust a length it has not checked, nor take a head for good whose checksum does not agree.
import { crc32 } from 'node:zlib';
import { invariant } from '../invariant.ts';
import { BANK_PAGE_SIZE, WASM_PAGE_SIZE } from '../limits.ts';
import type { StoredMemory } from '../memory/memory-places.ts';
import type { GlobalState } from './global-access.ts';
import { HeadReader } from './head-reader.ts';
import type { InstanceState } from './instance-state.ts';

/** A persistent block that appeared in linear memory when the image was made. */
export interface ImageBlock {
  readonly blockId: number;
  /** Guest address, a multiple of the bank page. */
  readonly address: number;
  readonly sizeBytes: number;
}

export interface ImageHead {
  readonly generation: number;
  /** In the order of the module. Their stored parts follow the head one after the other. */
  readonly memories: readonly StoredMemory[];
  /** Of the stored parts together, as memory-checksum.ts reckons it. */
  readonly memoryChecksum: number;
  readonly state: InstanceState;
  /** By address, not overlapping. */
  readonly blocks: readonly ImageBlock[];
  /** What the guest has of its system interface: carried here, understood where it was made. Empty at generation 0. */
  readonly wasi: Uint8Array;
}

//  All numbers are little-endian.
//
//   0       4         8          12          16           24               28
//  +-------+---------+----------+-----------+------------+----------------+-------------+
//  | magic | version | checksum | headBytes | generation | memoryChecksum | memoryCount |
//  +-------+---------+----------+-----------+------------+----------------+-------------+
//   32            36           40             44           48          52
//  +-------------+------------+--------------+------------+-----------+
//  | globalCount | tableCount | segmentCount | blockCount | wasiBytes |
//  +-------------+------------+--------------+------------+-----------+
//  memoryCount times, 16 bytes:   memoryBytes u64 | storedBytes u64
//  globalCount times, 20 bytes:   kind u32 | low i64 | high i64       (unused halves: 0; an i32 is widened with its sign)
//  blockCount times, 24 bytes:    blockId u64 | address u64 | sizeBytes u64
//  segmentCount times, 1 byte:    dropped, 0 or 1                     (of segments whose flag is part of the state)
//  tableCount times:              entryCount u32, then entryCount times: function index i32, or -1
//  wasiBytes bytes:               as they were given
//
//  The checksum covers everything from headBytes to the end of the head. Version and magic are compared, not covered.
const MAGIC = 0x58454b52; // "RKEX"
const VERSION = 4;
const CHECKSUM_OFFSET = 8;
const CHECKED_OFFSET = 12;
const FIXED_SIZE = 52;
const MEMORY_SIZE = 16;
const GLOBAL_SIZE = 20;
const BLOCK_SIZE = 24;
const SEGMENT_SIZE = 1;
const TABLE_MIN_SIZE = 4;
const ENTRY_SIZE = 4;
const GLOBAL_KIND = { bits32: 0, bits64: 1, bits128: 2 } as const;
/** 65536 WebAssembly pages: what 32-bit addresses reach. */
const MAX_MEMORY_BYTES = 65536 * WASM_PAGE_SIZE;

/** Where the memories begin, counted from the start of a head of `headBytes` bytes. */
export function imageMemoryOffset(headBytes: number): number {
  return Math.ceil(headBytes / BANK_PAGE_SIZE) * BANK_PAGE_SIZE;
}

/** Bytes of the head of an image with these memories, this state and these blocks. */
export function imageHeadBytes({
  memories,
  state,
  blocks,
  wasi,
}: Pick<ImageHead, 'memories' | 'state' | 'blocks' | 'wasi'>): number {
  const entryCount = state.tables.reduce((sum, entries) => sum + entries.length, 0);
  return (
    FIXED_SIZE +
    memories.length * MEMORY_SIZE +
    state.globals.length * GLOBAL_SIZE +
    blocks.length * BLOCK_SIZE +
    state.dropped.length * SEGMENT_SIZE +
    state.tables.length * TABLE_MIN_SIZE +
    entryCount * ENTRY_SIZE +
    wasi.byteLength
  );
}

export function encodeImageHead(head: ImageHead): Uint8Array<ArrayBuffer> {
  const problem = findProblem(head);
  invariant(problem === null, `an image head is sound before it is written: ${problem}`);
  const { globals, tables, dropped } = head.state;
  const headBytes = imageHeadBytes(head);
  const bytes = new Uint8Array(headBytes);
  const view = new DataView(bytes.buffer);
  let offset = 0;
  const u32 = (value: number) => {
    view.setUint32(offset, value, true);
    offset += 4;
  };
  const i64 = (value: bigint) => {
    view.setBigInt64(offset, value, true);
    offset += 8;
  };
  const u64 = (value: number) => i64(BigInt(value));

  u32(MAGIC);
  u32(VERSION);
  u32(0); // the checksum, when all else is in place
  u32(headBytes);
  u64(head.generation);
  u32(head.memoryChecksum);
  u32(head.memories.length);
  u32(globals.length);
  u32(tables.length);
  u32(dropped.length);
  u32(head.blocks.length);
  u32(head.wasi.byteLength);
  for (const { memoryBytes, storedBytes } of head.memories) {
    u64(memoryBytes);
    u64(storedBytes);
  }
  for (const value of globals) {
    const [kind, low, high] = spreadGlobal(value);
    u32(kind);
    i64(low);
    i64(high);
  }
  for (const block of head.blocks) {
    u64(block.blockId);
    u64(block.address);
    u64(block.sizeBytes);
  }
  for (const isDropped of dropped) bytes[offset++] = isDropped ? 1 : 0;
  for (const entries of tables) {
    u32(entries.length);
    for (const index of entries) u32(index >>> 0);
  }
  bytes.set(head.wasi, offset);
  offset += head.wasi.byteLength;
  invariant(offset === headBytes, 'an image head is as long as it was reckoned');
  view.setUint32(CHECKSUM_OFFSET, crc32(bytes.subarray(CHECKED_OFFSET)), true);
  return bytes;
}

/** The checksum that an encoded head carries: tells one image from another, memory included. */
export function checksumOfHead(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(CHECKSUM_OFFSET, true);
}

/**
 * Reads a head from the start of `bytes`; what follows it is not looked at.
 *
 * @param culprit the process or path the image belongs to.
 * @throws RekindleError IMAGE_DAMAGED, saying what is wrong; nothing else, whatever the bytes are.
 */
export function decodeImageHead(bytes: Uint8Array, culprit = 'executing image'): ImageHead {
  const reader = new HeadReader(bytes, culprit);
  if (reader.u32() !== MAGIC) reader.fail('it does not begin as an image does');
  const version = reader.u32();
  if (version !== VERSION) reader.fail(`its version is ${version}, not ${VERSION}`);
  const checksum = reader.u32();
  const headBytes = reader.u32();
  if (headBytes < FIXED_SIZE || headBytes > bytes.length) reader.fail(`a head of ${headBytes} bytes`);
  reader.limitTo(headBytes);
  if (crc32(bytes.subarray(CHECKED_OFFSET, headBytes)) !== checksum) reader.fail('its checksum differs');
  const head = readFields(reader);
  const problem = findProblem(head);
  if (problem !== null) reader.fail(problem);
  return head;
}

function readFields(reader: HeadReader): ImageHead {
  const generation = reader.u64();
  const memoryChecksum = reader.u32();
  const memoryCount = reader.u32();
  const globalCount = reader.u32();
  const tableCount = reader.u32();
  const segmentCount = reader.u32();
  const blockCount = reader.u32();
  const wasiBytes = reader.u32();
  const memories = reader.list(memoryCount, MEMORY_SIZE, () => ({
    memoryBytes: reader.u64(),
    storedBytes: reader.u64(),
  }));
  const globals = reader.list(globalCount, GLOBAL_SIZE, () => readGlobal(reader));
  const blocks = reader.list(blockCount, BLOCK_SIZE, () => ({
    blockId: reader.u64(),
    address: reader.u64(),
    sizeBytes: reader.u64(),
  }));
  const dropped = reader.list(segmentCount, SEGMENT_SIZE, () => reader.flag());
  const tables = reader.list(tableCount, TABLE_MIN_SIZE, () =>
    reader.list(reader.u32(), ENTRY_SIZE, () => reader.i32()),
  );
  const wasi = reader.bytes(wasiBytes);
  reader.expectEnd();
  return {
    generation,
    memories,
    memoryChecksum,
    state: { globals, tables, dropped },
    blocks,
    wasi,
  };
}

function spreadGlobal(value: GlobalState): readonly [kind: number, low: bigint, high: bigint] {
  if (typeof value === 'number') return [GLOBAL_KIND.bits32, BigInt(value), 0n];
  if (typeof value === 'bigint') return [GLOBAL_KIND.bits64, value, 0n];
  return [GLOBAL_KIND.bits128, value[0], value[1]];
}

function readGlobal(reader: HeadReader): GlobalState {
  const kind = reader.u32();
  const low = reader.i64();
  const high = reader.i64();
  if (kind === GLOBAL_KIND.bits128) return [low, high];
  if (high !== 0n) reader.fail('the unused half of a global is not zero');
  if (kind === GLOBAL_KIND.bits64) return low;
  if (kind !== GLOBAL_KIND.bits32) reader.fail(`a global of kind ${kind}`);
  if (BigInt.asIntN(32, low) !== low) reader.fail('a global of 32 bits has more');
  return Number(low);
}

/** What both sides hold an image head to; null when it is sound. */
function findProblem({ generation, memories, memoryChecksum, state, blocks }: ImageHead): string | null {
  const isMultiple = (value: number, unit: number) =>
    Number.isSafeInteger(value) && value >= 0 && value % unit === 0;
  if (!isMultiple(generation, 1)) return `generation ${generation}`;
  for (const { memoryBytes, storedBytes } of memories) {
    if (!isMultiple(memoryBytes, WASM_PAGE_SIZE) || memoryBytes > MAX_MEMORY_BYTES)
      return `a memory of ${memoryBytes} bytes`;
    if (!isMultiple(storedBytes, BANK_PAGE_SIZE) || storedBytes > memoryBytes)
      return `${storedBytes} stored bytes of ${memoryBytes}`;
  }
  if (memoryChecksum >>> 0 !== memoryChecksum) return `a checksum of ${memoryChecksum}`;
  if (state.tables.some((entries) => entries.some((index) => index < -1 || (index | 0) !== index))) {
    return 'a table entry is no function index';
  }
  const largestBytes = memories.reduce((largest, { memoryBytes }) => Math.max(largest, memoryBytes), 0);
  let free = 0;
  for (const { blockId, address, sizeBytes } of blocks) {
    const isSound =
      isMultiple(blockId, 1) &&
      isMultiple(address, BANK_PAGE_SIZE) &&
      isMultiple(sizeBytes, BANK_PAGE_SIZE) &&
      sizeBytes > 0 &&
      address >= free &&
      address + sizeBytes <= largestBytes;
    if (!isSound) return `block ${blockId} at ${address} of ${sizeBytes} bytes`;
    free = address + sizeBytes;
  }
  return null;
}
