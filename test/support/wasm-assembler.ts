// A small assembler for test modules: sections from plain data, code from instruction helpers. It shares nothing with the
// runtime's reader and writer, or their mistakes would go unseen; it checks nothing, so it can also write what is invalid.

export type Bytes = readonly number[];
export type TypeName = keyof typeof TYPES;

const TYPES = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
  funcref: 0x70,
  externref: 0x6f,
  anyref: 0x6e,
  exnref: 0x69,
} as const;

const KINDS = { function: 0, table: 1, memory: 2, global: 3, tag: 4 } as const;

/** Initial and maximum size; `flags` replaces the flag byte, for limits that are to be refused. */
export interface Limits {
  readonly initial: number;
  readonly maximum?: number;
  readonly flags?: number;
}

export type Import = { readonly module: string; readonly name: string } & (
  | { readonly kind: 'function'; readonly type: number }
  | { readonly kind: 'table'; readonly elementType: TypeName; readonly limits: Limits }
  | { readonly kind: 'memory'; readonly limits: Limits }
  | { readonly kind: 'global'; readonly type: TypeName; readonly mutable: boolean }
  | { readonly kind: 'tag'; readonly type: number }
);

/** Entries are function indices, or expressions without `end` when `elementType` is given. */
export interface ElementSegment {
  readonly mode: 'active' | 'passive' | 'declarative';
  readonly offset?: Bytes;
  /** Written only when given: the short encodings leave it out. */
  readonly table?: number;
  readonly elementType?: TypeName;
  readonly entries: readonly number[] | readonly Bytes[];
}

export interface DataSegment {
  readonly offset?: Bytes;
  readonly bytes: Bytes;
}

export interface ModuleSource {
  readonly types?: readonly (readonly [params: readonly TypeName[], results: readonly TypeName[]])[];
  readonly imports?: readonly Import[];
  readonly functions?: readonly { readonly type: number; readonly code: Bytes }[];
  readonly tables?: readonly {
    readonly elementType: TypeName;
    readonly limits: Limits;
    readonly initializer?: Bytes;
  }[];
  readonly memories?: readonly Limits[];
  readonly globals?: readonly {
    readonly type: TypeName;
    readonly mutable?: boolean;
    readonly initializer: Bytes;
  }[];
  readonly exports?: Readonly<Record<string, readonly [kind: keyof typeof KINDS, index: number]>>;
  readonly start?: number;
  readonly elements?: readonly ElementSegment[];
  readonly data?: readonly DataSegment[];
  /** Whether to state the number of data segments ahead of the code. */
  readonly dataCount?: boolean;
  /** Custom sections at the very end. */
  readonly customs?: readonly { readonly name: string; readonly payload: Bytes }[];
}

/** Unsigned LEB128. */
export function u32(value: number): number[] {
  return value < 0x80 ? [value] : [(value % 0x80) | 0x80, ...u32(Math.floor(value / 0x80))];
}

/** Signed LEB128 of any width. */
export function signed(value: number | bigint): number[] {
  const wide = BigInt(value);
  const low = Number(wide & 0x7fn);
  const rest = wide >> 7n;
  const isLast = (rest === 0n && low < 0x40) || (rest === -1n && low >= 0x40);
  return isLast ? [low] : [low | 0x80, ...signed(rest)];
}

export function text(value: string): number[] {
  const encoded = [...new TextEncoder().encode(value)];
  return [...u32(encoded.length), ...encoded];
}

/** Little-endian bytes of an unsigned value of any width. */
export function littleEndian(value: bigint, sizeBytes: number): number[] {
  return Array.from({ length: sizeBytes }, (_, position) => Number((value >> BigInt(8 * position)) & 0xffn));
}

export function vector(entries: readonly Bytes[]): number[] {
  const bytes = u32(entries.length);
  for (const entry of entries) for (const byte of entry) bytes.push(byte);
  return bytes;
}

export function section(id: number, payload: Bytes): number[] {
  const bytes = [id, ...u32(payload.length)];
  for (const byte of payload) bytes.push(byte);
  return bytes;
}

export const PREAMBLE: Bytes = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/** Instructions, each as its bytes. */
export const ins = {
  call: (index: number) => [0x10, ...u32(index)],
  callIndirect: (type: number, table: number) => [0x11, ...u32(type), ...u32(table)],
  drop: [0x1a],
  localGet: (index: number) => [0x20, ...u32(index)],
  globalGet: (index: number) => [0x23, ...u32(index)],
  globalSet: (index: number) => [0x24, ...u32(index)],
  tableSet: (index: number) => [0x26, ...u32(index)],
  i32Load: [0x28, 2, 0],
  i32Store: [0x36, 2, 0],
  memorySize: [0x3f, 0],
  memoryGrow: [0x40, 0],
  i32Const: (value: number) => [0x41, ...signed(value)],
  i64Const: (value: bigint) => [0x42, ...signed(value)],
  f32Bits: (bits: bigint) => [0x43, ...littleEndian(bits, 4)],
  f64Bits: (bits: bigint) => [0x44, ...littleEndian(bits, 8)],
  i32Add: [0x6a],
  i32ReinterpretF32: [0xbc],
  i64ReinterpretF64: [0xbd],
  refNull: (type: 'funcref' | 'externref') => [0xd0, TYPES[type]],
  refIsNull: [0xd1],
  refFunc: (index: number) => [0xd2, ...u32(index)],
  memoryInit: (segment: number) => [0xfc, 8, ...u32(segment), 0],
  dataDrop: (segment: number) => [0xfc, 9, ...u32(segment)],
  tableInit: (segment: number, table: number) => [0xfc, 12, ...u32(segment), ...u32(table)],
  elemDrop: (segment: number) => [0xfc, 13, ...u32(segment)],
  tableGrow: (table: number) => [0xfc, 15, ...u32(table)],
  tableSize: (table: number) => [0xfc, 16, ...u32(table)],
  v128Const: (low: bigint, high: bigint) => [0xfd, 12, ...littleEndian(low, 8), ...littleEndian(high, 8)],
  i64x2ExtractLane: (lane: number) => [0xfd, 29, lane],
} as const;

const END = 0x0b;

/** The module as bytes. Sections without entries are left out. */
export function assemble(source: ModuleSource): Uint8Array<ArrayBuffer> {
  const module = [...PREAMBLE];
  const emit = (id: number, entries: readonly Bytes[] | undefined) => {
    if (entries !== undefined && entries.length > 0) module.push(...section(id, vector(entries)));
  };
  emit(
    1,
    source.types?.map(([params, results]) => [0x60, ...typeVector(params), ...typeVector(results)]),
  );
  emit(2, source.imports?.map(encodeImport));
  emit(
    3,
    source.functions?.map(({ type }) => u32(type)),
  );
  emit(
    4,
    source.tables?.map(({ elementType, limits, initializer }) => {
      const table = [TYPES[elementType], ...encodeLimits(limits)];
      return initializer === undefined ? table : [0x40, 0, ...table, ...initializer, END];
    }),
  );
  emit(5, source.memories?.map(encodeLimits));
  emit(
    6,
    source.globals?.map(({ type, mutable, initializer }) => [
      TYPES[type],
      mutable ? 1 : 0,
      ...initializer,
      END,
    ]),
  );
  emit(
    7,
    Object.entries(source.exports ?? {}).map(([name, [kind, index]]) => [
      ...text(name),
      KINDS[kind],
      ...u32(index),
    ]),
  );
  if (source.start !== undefined) module.push(...section(8, u32(source.start)));
  emit(9, source.elements?.map(encodeElements));
  if (source.dataCount) module.push(...section(12, u32(source.data?.length ?? 0)));
  emit(
    10,
    source.functions?.map(({ code }) => [...u32(code.length + 2), 0, ...code, END]),
  );
  emit(
    11,
    source.data?.map(({ offset, bytes }) => [
      ...(offset === undefined ? [1] : [0, ...offset, END]),
      ...u32(bytes.length),
      ...bytes,
    ]),
  );
  for (const { name, payload } of source.customs ?? [])
    module.push(...section(0, [...text(name), ...payload]));
  return Uint8Array.from(module);
}

function typeVector(types: readonly TypeName[]): number[] {
  return vector(types.map((type) => [TYPES[type]]));
}

function encodeLimits({ initial, maximum, flags }: Limits): number[] {
  const flagByte = flags ?? (maximum === undefined ? 0 : 1);
  return [flagByte, ...u32(initial), ...(maximum === undefined ? [] : u32(maximum))];
}

function encodeImport(entry: Import): number[] {
  const head = [...text(entry.module), ...text(entry.name), KINDS[entry.kind]];
  switch (entry.kind) {
    case 'function':
      return [...head, ...u32(entry.type)];
    case 'table':
      return [...head, TYPES[entry.elementType], ...encodeLimits(entry.limits)];
    case 'memory':
      return [...head, ...encodeLimits(entry.limits)];
    case 'global':
      return [...head, TYPES[entry.type], entry.mutable ? 1 : 0];
    case 'tag':
      return [...head, 0, ...u32(entry.type)];
  }
}

function encodeElements({ mode, offset, table, elementType, entries }: ElementSegment): number[] {
  const isExplicit = mode === 'active' && table !== undefined;
  const flags =
    (mode === 'active' ? 0 : 1) +
    (mode === 'declarative' || isExplicit ? 2 : 0) +
    (elementType === undefined ? 0 : 4);
  const hasKind = mode !== 'active' || isExplicit;
  return [
    flags,
    ...(isExplicit ? u32(table) : []),
    ...(mode === 'active' ? [...(offset ?? ins.i32Const(0)), END] : []),
    ...(hasKind ? [elementType === undefined ? 0 : TYPES[elementType]] : []),
    ...vector(entries.map((entry) => (typeof entry === 'number' ? u32(entry) : [...entry, END]))),
  ];
}
