// Readers of element and data segments, in all their encodings. They keep views of the contents, so that the first state can be worked out
// and data be left out of a module; they never copy contents.
import { readConstExpression } from './const-expression.ts';
import type { DataSegment, ElementSegment, ReferenceType, SegmentTarget } from './module-structure.ts';
import { readReferenceType, refuseUnsupported } from './type-reader.ts';
import { DATA_FLAG, ELEMENT_FLAG, ELEMENT_KIND_FUNCTION } from './wasm-format.ts';
import type { WasmReader } from './wasm-reader.ts';

const ELEMENT_FLAGS_MAX =
  ELEMENT_FLAG.notActive | ELEMENT_FLAG.explicitOrDeclarative | ELEMENT_FLAG.expressions;

//  flags  element segment                                  flags  data segment
//  0      offset                  vec(function)            0      offset         vec(byte)
//  1                      kind    vec(function)  passive   1                     vec(byte)  passive
//  2      table offset    kind    vec(function)            2      memory offset  vec(byte)
//  3                      kind    vec(function)  declarative
//  4..7   the same with a reference type for kind, and expressions for functions

/** One entry of the element section. */
export function readElementSegment(reader: WasmReader, where: string): ElementSegment {
  const flags = reader.u32();
  if (flags > ELEMENT_FLAGS_MAX) refuseUnsupported(reader, `the segment flags ${flags} in ${where}`);
  const isActive = (flags & ELEMENT_FLAG.notActive) === 0;
  const bit1 = (flags & ELEMENT_FLAG.explicitOrDeclarative) !== 0;
  const hasExpressions = (flags & ELEMENT_FLAG.expressions) !== 0;

  let target: SegmentTarget | null = null;
  if (isActive) {
    const tableIndex = bit1 ? reader.u32() : 0;
    target = { tableIndex, offset: readConstExpression(reader) };
  }
  let elementType: ReferenceType = 'funcref';
  if (!isActive || bit1) {
    if (hasExpressions) elementType = readReferenceType(reader, where);
    else if (reader.byte() !== ELEMENT_KIND_FUNCTION)
      refuseUnsupported(reader, `the element kind of ${where}`);
  }
  const vectorStart = reader.offset;
  const entryCount = reader.count();
  const functionReferences = hasExpressions ? readReferences(reader, entryCount) : reader.u32s(entryCount);
  return {
    mode: isActive ? 'active' : bit1 ? 'declarative' : 'passive',
    target,
    elementType,
    hasExpressions,
    entryCount,
    functionReferences,
    vector: reader.since(vectorStart),
  };
}

function readReferences(reader: WasmReader, entryCount: number): number[] {
  const functions: number[] = [];
  for (let rest = entryCount; rest > 0; rest--)
    for (const index of readConstExpression(reader).functionReferences) functions.push(index);
  return functions;
}

/** One entry of the data section. */
export function readDataSegment(reader: WasmReader, where: string): DataSegment {
  const start = reader.offset;
  const flags = reader.u32();
  if (flags > DATA_FLAG.activeExplicitMemory) {
    refuseUnsupported(reader, `the segment flags ${flags} in ${where}`);
  }
  if (flags === DATA_FLAG.activeExplicitMemory && reader.u32() !== 0) {
    refuseUnsupported(reader, 'more than one memory');
  }
  const target = flags === DATA_FLAG.passive ? null : { tableIndex: 0, offset: readConstExpression(reader) };
  const vectorStart = reader.offset;
  const sizeBytes = reader.u32();
  reader.skip(sizeBytes);
  return { target, sizeBytes, vector: reader.since(vectorStart), bytes: reader.since(start) };
}
