// The numbers of the WebAssembly binary format that this room reads and writes, under the names the specification gives them.
// It holds plain constants and nothing else, and it must never hold a number that no module can contain.
import type { NumberType, ReferenceTop, ValueType } from './layout.ts';

//  A module:  0 61 73 6d | 01 00 00 00 | section*         A section:  id u8 | size u32 | size bytes
export const MODULE_MAGIC: readonly number[] = [0x00, 0x61, 0x73, 0x6d];
export const MODULE_VERSION: readonly number[] = [0x01, 0x00, 0x00, 0x00];
/** The version word of a component, layer 1, which is no module. */
export const COMPONENT_VERSION: readonly number[] = [0x0d, 0x00, 0x01, 0x00];
export const MODULE_PREAMBLE_SIZE = 8;

export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const;

/** The order in which the non-custom sections of a module must follow each other. */
export const SECTION_ORDER: readonly number[] = [
  SECTION.type,
  SECTION.import,
  SECTION.function,
  SECTION.table,
  SECTION.memory,
  SECTION.tag,
  SECTION.global,
  SECTION.export,
  SECTION.start,
  SECTION.element,
  SECTION.dataCount,
  SECTION.code,
  SECTION.data,
];

/** Kinds of imports and exports. */
export const EXTERNAL = { function: 0, table: 1, memory: 2, global: 3, tag: 4 } as const;

export const TYPE_CODE: Readonly<Record<ValueType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
  funcref: 0x70,
  externref: 0x6f,
  anyref: 0x6e,
  exnref: 0x69,
};

export const NUMBER_BY_CODE: ReadonlyMap<number, NumberType> = new Map([
  [TYPE_CODE.i32, 'i32'],
  [TYPE_CODE.i64, 'i64'],
  [TYPE_CODE.f32, 'f32'],
  [TYPE_CODE.f64, 'f64'],
  [TYPE_CODE.v128, 'v128'],
]);

/** The heap type of the null exception, which is an entry of every table and a value of every global of exceptions. */
export const NULL_EXCEPTION = 0x74;

/** Abstract heap types, each with the top of its hierarchy. As a value type, each stands for a reference that may be null. */
export const TOP_BY_CODE: ReadonlyMap<number, ReferenceTop> = new Map([
  [TYPE_CODE.funcref, 'funcref'],
  [0x73, 'funcref'],
  [TYPE_CODE.externref, 'externref'],
  [0x72, 'externref'],
  [TYPE_CODE.anyref, 'anyref'],
  [0x6d, 'anyref'],
  [0x6c, 'anyref'],
  [0x6b, 'anyref'],
  [0x6a, 'anyref'],
  [0x71, 'anyref'],
  [TYPE_CODE.exnref, 'exnref'],
  [NULL_EXCEPTION, 'exnref'],
]);

/** Prefixes of a reference to any heap type, which follows. */
export const REFERENCE_FORM = { nullable: 0x63, nonNull: 0x64 } as const;

/** Type codes of later proposals, so that a refusal can name what it refuses. */
export const UNSUPPORTED_TYPE_NAMES: ReadonlyMap<number, string> = new Map([
  [0x78, 'i8'],
  [0x77, 'i16'],
  [0x75, 'nullcontref'],
  [0x68, 'contref'],
  [0x67, 'stringref'],
  [0x65, 'shared reference'],
  [0x62, 'exact reference'],
]);

/** Forms of type section entries that are refused, for the same purpose. */
export const UNSUPPORTED_FORM_NAMES: ReadonlyMap<number, string> = new Map([
  [0x65, 'shared'],
  [0x5d, 'continuation'],
  [0x4d, 'describing'],
  [0x4c, 'described'],
]);

/** The forms of entries in the type section. A field of a struct or an array may have one of two types that no value has. */
export const TYPE_FORM = {
  recursive: 0x4e,
  finalSub: 0x4f,
  sub: 0x50,
  array: 0x5e,
  struct: 0x5f,
  function: 0x60,
} as const;
export const PACKED_TYPES: readonly number[] = [0x78, 0x77];

/** Flag bits of memory and table limits. */
export const LIMITS_FLAG = { hasMaximum: 0x01, shared: 0x02, is64: 0x04, customPageSize: 0x08 } as const;

/** First byte of a table entry that carries an initialiser; a zero byte follows it. */
export const TABLE_WITH_INITIALIZER = 0x40;

/** Flag bits of an element segment. Bit 1 means "declarative" in a segment that is not active, else "explicit table". */
export const ELEMENT_FLAG = { notActive: 0x01, explicitOrDeclarative: 0x02, expressions: 0x04 } as const;
/** The only element kind there is: functions. */
export const ELEMENT_KIND_FUNCTION = 0x00;

/** Flags of a data segment. */
export const DATA_FLAG = { active: 0, passive: 1, activeExplicitMemory: 2 } as const;

export const OPCODE = {
  unreachable: 0x00,
  end: 0x0b,
  drop: 0x1a,
  localGet: 0x20,
  globalGet: 0x23,
  globalSet: 0x24,
  tableGet: 0x25,
  tableSet: 0x26,
  i32Const: 0x41,
  i64Const: 0x42,
  f32Const: 0x43,
  f64Const: 0x44,
  i32Add: 0x6a,
  i32Sub: 0x6b,
  i32Mul: 0x6c,
  i32WrapI64: 0xa7,
  i64ExtendI32U: 0xad,
  i64Add: 0x7c,
  i64Sub: 0x7d,
  i64Mul: 0x7e,
  i32ReinterpretF32: 0xbc,
  i64ReinterpretF64: 0xbd,
  f32ReinterpretI32: 0xbe,
  f64ReinterpretI64: 0xbf,
  refNull: 0xd0,
  refIsNull: 0xd1,
  refFunc: 0xd2,
  garbageCollectionPrefix: 0xfb,
  bulkPrefix: 0xfc,
  simdPrefix: 0xfd,
} as const;

/** Second opcodes, after `bulkPrefix`. */
export const BULK = {
  memoryInit: 8,
  dataDrop: 9,
  memoryCopy: 10,
  memoryFill: 11,
  tableInit: 12,
  elemDrop: 13,
  tableCopy: 14,
  tableGrow: 15,
  tableSize: 16,
  tableFill: 17,
} as const;
/** Second opcodes, after `simdPrefix`; first and last where there are several, sorted by what follows them. */
export const SIMD = {
  v128Const: 12,
  i8x16Shuffle: 13,
  i64x2Splat: 18,
  i64x2ExtractLane: 29,
  i64x2ReplaceLane: 30,
  loadsAndStores: [
    [0, 11],
    [92, 93],
  ],
  lanes: [21, 34],
  lanesOfMemory: [84, 91],
  last: 255,
} as const;

/** Second opcodes, after `garbageCollectionPrefix`: those that may stand in a constant expression. */
export const COLLECTED = {
  structNew: 0,
  structNewDefault: 1,
  arrayNew: 6,
  arrayNewDefault: 7,
  arrayNewFixed: 8,
  anyConvertExtern: 26,
  externConvertAny: 27,
  refI31: 28,
} as const;

/** The custom section that holds names, and the subsection of it that holds those of globals. */
export const NAME_SECTION = 'name';
export const NAME_SUBSECTION_GLOBAL = 7;
/** The subsection that holds names of data segments. */
export const NAME_SUBSECTION_DATA = 9;
