// The memories of an exported image as data segments, beside those of the module that its code can still use. It must never renumber a
// segment that code may name, and never write down long runs of zeros.
import { MAX_EXPORTED_DATA_SEGMENTS } from '../limits.ts';
import { offsetOf } from './image-export-values.ts';
import type { ModuleStructure, SizeLimits } from './module-structure.ts';
import { DATA_FLAG, OPCODE } from './wasm-format.ts';
import { WasmWriter } from './wasm-writer.ts';

/** Zeros that are written down rather than passed over: another segment costs about a tenth of this, and the engine a step. */
const MIN_GAP_BYTES = 128;
const WORD_BYTES = 4;
/** Passed over at once where it holds nothing. */
const PAGE_BYTES = 4096;
const ZERO_PAGE = new Uint8Array(PAGE_BYTES);

/** Where a memory holds something, in bytes. */
interface Span {
  readonly memory: number;
  readonly start: number;
  readonly end: number;
}

export interface ExportedData {
  readonly count: number;
  /** The data section's payload, without the count. */
  readonly parts: readonly Uint8Array[];
  /** Bytes of all parts. */
  readonly sizeBytes: number;
}

//  segment of the module          in the exported image
//  passive, not dropped           as it is
//  active, or dropped             its place is free: an active segment is dropped once it has been put in memory, and behaves alike
//
//  Free places take spans of the memories, in order; the rest of the spans follow behind. A free place that is left over is passive and
//  empty, which no code can tell from a dropped one.

/**
 * @param contents of all memories, in the order of the module.
 * @param isDropped of the passive segment with that index.
 * @param isCounted the module states the number of its segments ahead of the code; else no code can name any, and none is kept.
 * @returns null when engines take no more segments than the module itself has.
 */
export function exportData(
  { data, memories }: ModuleStructure,
  contents: readonly Uint8Array[],
  isDropped: (index: number) => boolean,
  isCounted: boolean,
): ExportedData | null {
  const kept = isCounted ? data : [];
  const isLive = kept.map(({ target }, index) => target === null && !isDropped(index));
  const room = MAX_EXPORTED_DATA_SEGMENTS - isLive.filter((live) => live).length;
  const spans = findAllSpans(contents, room);
  if (spans === null) return null;
  const segments: Segment[] = [];
  let next = 0;
  kept.forEach(({ bytes }, index) => {
    if (isLive[index] === true) segments.push({ kind: 'kept', bytes });
    else segments.push(spanSegment(spans[next++]));
  });
  for (const span of spans.slice(next)) segments.push(spanSegment(span));
  return encode(segments, contents, memories);
}

type Segment =
  | { readonly kind: 'kept'; readonly bytes: Uint8Array }
  | { readonly kind: 'span'; readonly span: Span }
  | { readonly kind: 'empty' };

function spanSegment(span: Span | undefined): Segment {
  return span === undefined ? { kind: 'empty' } : { kind: 'span', span };
}

function encode(
  segments: readonly Segment[],
  contents: readonly Uint8Array[],
  memories: readonly SizeLimits[],
): ExportedData {
  const headers = new WasmWriter();
  const pieces: { readonly headerEnd: number; readonly content: Uint8Array | null }[] = [];
  for (const segment of segments) {
    let content: Uint8Array | null = null;
    if (segment.kind === 'kept') content = segment.bytes;
    else if (segment.kind === 'empty') headers.byte(DATA_FLAG.passive).u32(0);
    else {
      const { memory, start, end } = segment.span;
      // Not every engine knows the longer form, and none needs it for the first memory.
      if (memory === 0) headers.byte(DATA_FLAG.active);
      else headers.byte(DATA_FLAG.activeExplicitMemory).u32(memory);
      headers.bytes(offsetOf(start, memories[memory]?.is64 === true).instructions);
      headers.byte(OPCODE.end).u32(end - start);
      content = contents[memory]?.subarray(start, end) ?? null;
    }
    pieces.push({ headerEnd: headers.length, content });
  }
  const written = headers.finish();
  const parts: Uint8Array[] = [];
  let headerStart = 0;
  for (const { headerEnd, content } of pieces) {
    parts.push(written.subarray(headerStart, headerEnd));
    if (content !== null) parts.push(content);
    headerStart = headerEnd;
  }
  return {
    count: segments.length,
    parts,
    sizeBytes: parts.reduce((sum, { byteLength }) => sum + byteLength, 0),
  };
}

/**
 * Spans with only zeros between them, in whole words; null when there are more than there is room for.
 *
 * Invariant: there are at most `room` of them. Each memory has an equal share, and gaps so long that no more fit.
 */
function findAllSpans(contents: readonly Uint8Array[], room: number): readonly Span[] | null {
  const share = Math.max(1, Math.floor(room / Math.max(1, contents.length)));
  const spans = contents.flatMap((content, memory) => findSpans(memory, content, share));
  return spans.length > room ? null : spans;
}

function findSpans(memory: number, content: Uint8Array, room: number): Span[] {
  const gapBytes = Math.max(MIN_GAP_BYTES, Math.ceil(content.byteLength / room));
  const words = new Int32Array(content.buffer, content.byteOffset, content.byteLength / WORD_BYTES);
  const spans: Span[] = [];
  let start = 0;
  let end = -1;
  for (let page = 0; page < content.byteLength; page += PAGE_BYTES) {
    if (Buffer.compare(content.subarray(page, page + PAGE_BYTES), ZERO_PAGE) === 0) continue;
    const pageEnd = (page + PAGE_BYTES) / WORD_BYTES;
    for (let word = page / WORD_BYTES; word < pageEnd; word += 1) {
      if (words[word] === 0) continue;
      const address = word * WORD_BYTES;
      if (end === -1) start = address;
      else if (address - end >= gapBytes) {
        spans.push({ memory, start, end });
        start = address;
      }
      end = address + WORD_BYTES;
    }
  }
  return end === -1 ? spans : [...spans, { memory, start, end }];
}
