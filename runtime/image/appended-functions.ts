// The small functions the rewriter appends: access to globals the host cannot read bit by bit, probes and droppers of segments. They must
// never change anything a guest can see beyond what their names say.
import type { GlobalSlot, NumberType, TableSlot, ValueType } from './layout.ts';
import { BULK, NULL_EXCEPTION, OPCODE, SIMD } from './wasm-format.ts';
import { WasmWriter } from './wasm-writer.ts';

/** A function to append and to export as `name`. `body` is its instructions without the closing `end`; it has no locals. */
export interface AppendedFunction {
  readonly name: string;
  readonly params: readonly NumberType[];
  readonly results: readonly NumberType[];
  readonly body: Uint8Array;
}

interface BitAccess {
  readonly carriers: readonly NumberType[];
  /** Of the setter, where they are not the carriers. */
  readonly params?: readonly NumberType[];
  /** Writes instructions that leave the bits of the global on the stack. */
  readonly read: (writer: WasmWriter, globalIndex: number) => void;
  /** Writes instructions that leave the global's new value, made of the parameters, on the stack. */
  readonly compose: (writer: WasmWriter) => void;
}

// A float that passes through JavaScript may lose the payload of a NaN, and a vector cannot pass at all: integers carry the bits. Of an
// exception JavaScript can learn only whether there is one.
const BIT_ACCESS: ReadonlyMap<ValueType, BitAccess> = new Map<ValueType, BitAccess>([
  [
    'f32',
    {
      carriers: ['i32'],
      read: (writer, index) => writer.byte(OPCODE.globalGet).u32(index).byte(OPCODE.i32ReinterpretF32),
      compose: (writer) => writer.byte(OPCODE.localGet, 0, OPCODE.f32ReinterpretI32),
    },
  ],
  [
    'f64',
    {
      carriers: ['i64'],
      read: (writer, index) => writer.byte(OPCODE.globalGet).u32(index).byte(OPCODE.i64ReinterpretF64),
      compose: (writer) => writer.byte(OPCODE.localGet, 0, OPCODE.f64ReinterpretI64),
    },
  ],
  [
    'v128',
    {
      carriers: ['i64', 'i64'],
      read: (writer, index) => {
        for (const lane of [0, 1]) {
          writer.byte(OPCODE.globalGet).u32(index).byte(OPCODE.simdPrefix, SIMD.i64x2ExtractLane, lane);
        }
      },
      compose: (writer) =>
        writer
          .byte(OPCODE.localGet, 0, OPCODE.simdPrefix, SIMD.i64x2Splat)
          .byte(OPCODE.localGet, 1, OPCODE.simdPrefix, SIMD.i64x2ReplaceLane, 1),
    },
  ],
  [
    'exnref',
    {
      carriers: ['i32'],
      params: [],
      read: (writer, index) => writer.byte(OPCODE.globalGet).u32(index).byte(OPCODE.refIsNull),
      compose: (writer) => writer.byte(OPCODE.refNull, NULL_EXCEPTION),
    },
  ],
]);

/** Whether the bits of a global of this type are lost on the way through `WebAssembly.Global.value`. */
export function needsAccessors(type: ValueType): boolean {
  return BIT_ACCESS.has(type);
}

/** The accessors a slot names: none, or a getter and a setter. */
export function globalAccessors(slot: GlobalSlot): AppendedFunction[] {
  const access = BIT_ACCESS.get(slot.type);
  if (access === undefined || slot.accessors === null) return [];
  const getter = new WasmWriter();
  access.read(getter, slot.index);
  const setter = new WasmWriter();
  access.compose(setter);
  setter.byte(OPCODE.globalSet).u32(slot.index);
  return [
    { name: slot.accessors.get, params: [], results: access.carriers, body: getter.finish() },
    {
      name: slot.accessors.set,
      params: access.params ?? access.carriers,
      results: [],
      body: setter.finish(),
    },
  ];
}

/** Those a slot of a table of exceptions names; `is64`: its positions are i64, which an i32 is widened to. */
export function tableAccessors({ index, accessors }: TableSlot, is64: boolean): AppendedFunction[] {
  if (accessors === undefined) return [];
  const entry = (): WasmWriter => {
    const writer = new WasmWriter().byte(OPCODE.localGet, 0);
    return is64 ? writer.byte(OPCODE.i64ExtendI32U) : writer;
  };
  const grow = new WasmWriter().byte(OPCODE.refNull, NULL_EXCEPTION).bytes(entry().finish());
  grow.byte(OPCODE.bulkPrefix, BULK.tableGrow).u32(index);
  return [
    {
      name: accessors.isNull,
      params: ['i32'],
      results: ['i32'],
      body: entry().byte(OPCODE.tableGet).u32(index).byte(OPCODE.refIsNull).finish(),
    },
    {
      name: accessors.clear,
      params: ['i32'],
      results: [],
      body: entry().byte(OPCODE.refNull, NULL_EXCEPTION, OPCODE.tableSet).u32(index).finish(),
    },
    { name: accessors.grow, params: ['i32'], results: [], body: grow.byte(OPCODE.drop).finish() },
  ];
}

/**
 * Copies nothing to address 0 from offset 1 of the segment: in bounds in a segment that has a byte or an entry, out of bounds
 * in a dropped one, whose length is 0. `tableIndex` is a 32-bit table of the segment's type, `is64` of the memory: each for segments of its kind.
 */
export function segmentProbe(
  name: string,
  { kind, index }: SegmentReference,
  { tableIndex, is64 }: { readonly tableIndex: number; readonly is64: boolean },
): AppendedFunction {
  const writer = new WasmWriter();
  writer.byte(kind === 'data' && is64 ? OPCODE.i64Const : OPCODE.i32Const);
  writer.s32(0).byte(OPCODE.i32Const).s32(1).byte(OPCODE.i32Const).s32(0);
  writeInit(writer, kind, index, tableIndex);
  return { name, params: [], results: [], body: writer.finish() };
}

/** A segment, by its index among those of its kind. */
export interface SegmentReference {
  readonly kind: 'data' | 'element';
  readonly index: number;
}

/** Drops a segment; one that is dropped already stays so. */
export function segmentDropper(name: string, { kind, index }: SegmentReference): AppendedFunction {
  const writer = new WasmWriter();
  writer.byte(OPCODE.bulkPrefix, kind === 'data' ? BULK.dataDrop : BULK.elemDrop).u32(index);
  return { name, params: [], results: [], body: writer.finish() };
}

//  memory.init:  fc 08 | data index | 00            table.init:  fc 0c | element index | table index
function writeInit(writer: WasmWriter, kind: 'data' | 'element', index: number, tableIndex: number): void {
  if (kind === 'data') writer.byte(OPCODE.bulkPrefix, BULK.memoryInit).u32(index).byte(0);
  else writer.byte(OPCODE.bulkPrefix, BULK.tableInit).u32(index).u32(tableIndex);
}
