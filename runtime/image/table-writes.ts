// Tells of a module that none of its code can change a table: then every state of its instances has the same tables, and a restore need not
// look at hundreds of entries, of some 30 ns each. It must never say so of code it has not understood; that counts as code that writes.
import type { ModuleStructure } from './module-structure.ts';
import { findSection } from './module-structure.ts';
import { BULK, NUMBER_BY_CODE, OPCODE, SECTION, SIMD, TOP_BY_CODE } from './wasm-format.ts';
import { LEB32_MAX_BYTES, LEB64_MAX_BYTES, WasmReader } from './wasm-reader.ts';

//  The instructions that write a table, as they lie in a function body:
//
//   table.set    26 table             table.copy   fc 0e table table
//   table.init   fc 0c element table  table.grow   fc 0f table           table.fill   fc 11 table
//
//  Code is searched for these bytes, which is many times cheaper than decoding it. Where they occur they may as well be part of another
//  instruction: so only the functions with such an occurrence are decoded.

/**
 * Code beyond this is not searched, so that it is not felt beside compiling: a MiB takes 0.3 ms, and the first few 3 ms, until the engine has
 * compiled what is here.
 */
const MAX_SEARCHED_BYTES = 64 * 1024 * 1024;
/** In half a MiB of a compiled program there are five. A module made to have more is not worth the time. */
const MAX_OCCURRENCES = 4096;
/** Bytes that an occurrence might begin with: in a MiB of a compiled program there are some ten thousand. This many take a tenth of a second. */
const MAX_CANDIDATES = 1_000_000;
/** Functions that are decoded, all together. */
const MAX_DECODED_BYTES = 1024 * 1024;
const MEMARG_HAS_MEMORY = 0x40;
const F32_BYTES = 4;
const F64_BYTES = 8;
const V128_BYTES = 16;

/**
 * Integers that follow an opcode, for opcodes with nothing else behind them: block types, labels, indices and integer constants. What is
 * not listed here or below counts as not understood.
 */
const INTEGERS: ReadonlyMap<number, number> = new Map([
  ...range(0x00, 0x01, 0),
  ...range(0x02, 0x04, 1),
  ...range(0x05, 0x05, 0),
  ...range(OPCODE.end, OPCODE.end, 0),
  ...range(0x0c, 0x0d, 1),
  ...range(0x0f, 0x0f, 0),
  ...range(0x10, 0x10, 1),
  ...range(0x11, 0x11, 2),
  ...range(0x12, 0x12, 1),
  ...range(0x13, 0x13, 2),
  ...range(0x1a, 0x1b, 0),
  ...range(OPCODE.localGet, OPCODE.tableGet, 1),
  ...range(0x3f, 0x40, 1),
  ...range(OPCODE.i32Const, OPCODE.i64Const, 1),
  ...range(0x45, 0xc4, 0),
  ...range(OPCODE.refNull, OPCODE.refNull, 1),
  ...range(0xd1, 0xd1, 0),
  ...range(OPCODE.refFunc, OPCODE.refFunc, 1),
]);
/** The same, by the second opcode: conversions, then what does something to memories, segments and tables but write a table. */
const BULK_INTEGERS: ReadonlyMap<number, number> = new Map([
  ...range(0, 7, 0),
  [BULK.memoryInit, 2],
  [BULK.dataDrop, 1],
  [BULK.memoryCopy, 2],
  [BULK.memoryFill, 1],
  [BULK.elemDrop, 1],
  [BULK.tableSize, 1],
]);
const BLOCK = { first: 0x02, last: 0x04 } as const;
const BRANCH_TABLE = 0x0e;
const TYPED_SELECT = 0x1c;
const MEMORY_ACCESS = { first: 0x28, last: 0x3e } as const;
/** Prefixes of a typed reference, which takes more than one integer: nothing that this room understands. */
const TYPED_REFERENCES: readonly number[] = [0x63, 0x64];

function range(first: number, last: number, value: number): readonly (readonly [number, number])[] {
  return Array.from({ length: last - first + 1 }, (_, position) => [first + position, value] as const);
}

/** Of a module that the engine does not accept it may say anything, but always says it. */
export function hasFixedTables(structure: ModuleStructure, moduleName: string): boolean {
  // Whoever provides a table may write it. One that is exported is not written from outside: nobody is given what a guest exports.
  if (structure.imports.some(({ kind }) => kind === 'table')) return false;
  const code = findSection(structure, SECTION.code)?.payload;
  if (structure.tables.length === 0 || code === undefined) return true;
  if (code.byteLength > MAX_SEARCHED_BYTES) return false;
  const occurrences = findOccurrences(code, structure.tables.length, structure.elements.length);
  if (occurrences === null) return false;

  // Most functions are only passed over, by their sizes alone.
  const sizes = new LenientIntegers(code);
  let position = 0;
  let decodedBytes = 0;
  for (let remaining = sizes.next(); remaining > 0 && position < occurrences.length; remaining--) {
    const sizeBytes = sizes.next();
    const start = sizes.offset;
    const end = start + sizeBytes;
    if (end > code.byteLength) return false;
    if ((occurrences[position] ?? end) < end) {
      decodedBytes += sizeBytes;
      if (decodedBytes > MAX_DECODED_BYTES) return false;
      if (!isUnderstoodAndWritesNone(new WasmReader(code, moduleName, start, end))) return false;
      while ((occurrences[position] ?? end) < end) position += 1;
    }
    sizes.offset = end;
  }
  return true;
}

/** Where bytes lie that would be a table-writing instruction if one began there, in ascending order; null when they are not worth the time. */
function findOccurrences(
  code: Uint8Array,
  tableCount: number,
  elementCount: number,
): readonly number[] | null {
  // A buffer finds a byte several times faster than an array does.
  const bytes = Buffer.from(code.buffer, code.byteOffset, code.byteLength);
  const occurrences: number[] = [];
  const integers = new LenientIntegers(bytes);
  let candidates = 0;
  const isTable = (): boolean => integers.next() < tableCount;
  const search = (opcode: number, isWrite: () => boolean): boolean => {
    for (let offset = bytes.indexOf(opcode); offset >= 0; offset = bytes.indexOf(opcode, offset + 1)) {
      candidates += 1;
      integers.offset = offset + 1;
      if (isWrite()) occurrences.push(offset);
      if (occurrences.length > MAX_OCCURRENCES || candidates > MAX_CANDIDATES) return false;
    }
    return true;
  };
  const isWriteBehindPrefix = (): boolean => {
    switch (integers.next()) {
      case BULK.tableInit:
        return integers.next() < elementCount && isTable();
      case BULK.tableCopy:
        return isTable() && isTable();
      case BULK.tableGrow:
      case BULK.tableFill:
        return isTable();
      default:
        return false;
    }
  };
  const all = search(OPCODE.tableSet, isTable) && search(OPCODE.bulkPrefix, isWriteBehindPrefix);
  return all ? occurrences.sort((a, b) => a - b) : null;
}

/** Reads unsigned integers, also at places where there may be none: what is too long for one is no index. */
class LenientIntegers {
  offset = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  next(): number {
    let value = 0;
    // Not by a power of two for each byte: that alone would take longer than the search.
    for (let factor = 1, remaining = LEB32_MAX_BYTES; remaining > 0; factor *= 0x80, remaining--) {
      const byte = this.#bytes[this.offset] ?? 0;
      this.offset += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    return Number.POSITIVE_INFINITY;
  }
}

/** A type of one byte. */
function isShortType(code: number): boolean {
  return NUMBER_BY_CODE.has(code) || TOP_BY_CODE.has(code);
}

function isUnderstoodAndWritesNone(body: WasmReader): boolean {
  for (let groups = body.count(); groups > 0; groups--) {
    body.skipLeb(LEB32_MAX_BYTES);
    if (!isShortType(body.byte())) return false;
  }
  while (!body.atEnd) if (!passInstruction(body)) return false;
  return true;
}

/** False for one that writes a table or is not understood. */
function passInstruction(body: WasmReader): boolean {
  const opcode = body.byte();
  const integers = INTEGERS.get(opcode);
  if (integers !== undefined) {
    const isBlock = opcode >= BLOCK.first && opcode <= BLOCK.last;
    if (isBlock && TYPED_REFERENCES.includes(body.peek())) return false;
    return passIntegers(body, integers);
  }
  if (opcode >= MEMORY_ACCESS.first && opcode <= MEMORY_ACCESS.last) return passMemoryArgument(body);
  switch (opcode) {
    case BRANCH_TABLE:
      return passIntegers(body, body.count() + 1);
    case TYPED_SELECT:
      return body.u32() === 1 && isShortType(body.byte());
    case OPCODE.f32Const:
      return pass(body, F32_BYTES);
    case OPCODE.f64Const:
      return pass(body, F64_BYTES);
    case OPCODE.bulkPrefix: {
      const following = BULK_INTEGERS.get(body.u32());
      return following !== undefined && passIntegers(body, following);
    }
    case OPCODE.simdPrefix:
      return passVectorInstruction(body, body.u32());
    default:
      return false;
  }
}

function passVectorInstruction(body: WasmReader, second: number): boolean {
  const isBetween = ([first, last]: readonly [number, number]): boolean => second >= first && second <= last;
  if (second === SIMD.v128Const || second === SIMD.i8x16Shuffle) return pass(body, V128_BYTES);
  if (SIMD.loadsAndStores.some(isBetween)) return passMemoryArgument(body);
  if (isBetween(SIMD.lanesOfMemory)) return passMemoryArgument(body) && pass(body, 1);
  if (isBetween(SIMD.lanes)) return pass(body, 1);
  return second <= SIMD.last;
}

function passMemoryArgument(body: WasmReader): boolean {
  return (body.u32() & MEMARG_HAS_MEMORY) === 0 && passIntegers(body, 1);
}

function passIntegers(body: WasmReader, count: number): boolean {
  for (let remaining = count; remaining > 0; remaining--) body.skipLeb(LEB64_MAX_BYTES);
  return true;
}

function pass(body: WasmReader, sizeBytes: number): boolean {
  body.skip(sizeBytes);
  return true;
}
