// Readers of element and data segments, in all their encodings. They keep views of the contents, so that the first state can be worked out
// and data be left out of a module; they never copy contents.
import { readConstExpression } from './const-expression.ts';
import type { DataSegment, ElementSegment, ReferenceType, SegmentTarget } from './module-structure.ts';
import { type KnownTypes, readReferenceType, refuseUnsupported } from './type-reader.ts';
import { DATA_FLAG, ELEMENT_FLAG, ELEMENT_KIND_FUNCTION, NUMBER_BY_CODE, TYPE_CODE } from './wasm-format.ts';
import type { WasmReader } from './wasm-reader.ts';

const ELEMENT_FLAGS_MAX =
  ELEMENT_FLAG.notActive | ELEMENT_FLAG.explicitOrDeclarative | ELEMENT_FLAG.expressions;

/** What a segment refers to that names no type of its own. */
const HEAP_OF_FUNCTIONS = Uint8Array.of(TYPE_CODE.funcref);
const FUNCTIONS: ReferenceType = {
  top: 'funcref',
  nullable: true,
  bytes: HEAP_OF_FUNCTIONS,
  heapType: HEAP_OF_FUNCTIONS,
};

//  flags  element segment                                  flags  data segment
//  0      offset                  vec(function)            0      offset         vec(byte)
//  1                      kind    vec(function)  passive   1                     vec(byte)  passive
//  2      table offset    kind    vec(function)            2      memory offset  vec(byte)
//  3                      kind    vec(function)  declarative
//  4..7   the same with a reference type for kind, and expressions for functions

/** One entry of the element section. */
export function readElementSegment(reader: WasmReader, known: KnownTypes, where: string): ElementSegment {
  const flags = reader.u32();
  if (flags > ELEMENT_FLAGS_MAX) refuseUnsupported(reader, `the segment flags ${flags} in ${where}`);
  const isActive = (flags & ELEMENT_FLAG.notActive) === 0;
  const bit1 = (flags & ELEMENT_FLAG.explicitOrDeclarative) !== 0;
  const hasExpressions = (flags & ELEMENT_FLAG.expressions) !== 0;

  let target: SegmentTarget | null = null;
  if (isActive) {
    const tableIndex = bit1 ? reader.u32() : 0;
    target = { index: tableIndex, offset: readConstExpression(reader, known) };
  }
  let elementType = FUNCTIONS;
  if (!isActive || bit1) {
    if (hasExpressions) {
      // There are engines that take them, as long as there is no entry.
      if (NUMBER_BY_CODE.has(reader.peek())) refuseUnsupported(reader, `${where}, which is one of numbers`);
      elementType = readReferenceType(reader, known, where);
    } else if (reader.byte() !== ELEMENT_KIND_FUNCTION)
      refuseUnsupported(reader, `the element kind of ${where}`);
  }
  const vectorStart = reader.offset;
  const entryCount = reader.count();
  const entries = hasExpressions
    ? readReferences(reader, known, entryCount)
    : { functionReferences: reader.u32s(entryCount), globals: [], makesObjects: false };
  return {
    mode: isActive ? 'active' : bit1 ? 'declarative' : 'passive',
    target,
    elementType,
    hasExpressions,
    entryCount,
    ...entries,
    vector: reader.since(vectorStart),
  };
}

type Entries = Pick<ElementSegment, 'functionReferences' | 'globals' | 'makesObjects'>;

function readReferences(reader: WasmReader, known: KnownTypes, entryCount: number): Entries {
  const functionReferences: number[] = [];
  const globals: number[] = [];
  let makesObjects = false;
  for (let rest = entryCount; rest > 0; rest--) {
    const entry = readConstExpression(reader, known);
    for (const index of entry.functionReferences) functionReferences.push(index);
    for (const index of entry.globals) globals.push(index);
    if (entry.makes !== 'nothing') makesObjects = true;
  }
  return { functionReferences, globals, makesObjects };
}

/** One entry of the data section. */
export function readDataSegment(reader: WasmReader, known: KnownTypes, where: string): DataSegment {
  const start = reader.offset;
  const flags = reader.u32();
  if (flags > DATA_FLAG.activeExplicitMemory) {
    refuseUnsupported(reader, `the segment flags ${flags} in ${where}`);
  }
  const index = flags === DATA_FLAG.activeExplicitMemory ? reader.u32() : 0;
  const target = flags === DATA_FLAG.passive ? null : { index, offset: readConstExpression(reader, known) };
  const vectorStart = reader.offset;
  const sizeBytes = reader.u32();
  reader.skip(sizeBytes);
  return { target, sizeBytes, vector: reader.since(vectorStart), bytes: reader.since(start) };
}
