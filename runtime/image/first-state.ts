// Generation 0 of a module, worked out from its sections: what the engine makes of an instance that is ready and has run nothing. No instance
// is made for it, and it must never be asked about a module the engine has not accepted.

import { RekindleError } from '../errors.ts';
import { invariant } from '../invariant.ts';
import { BANK_PAGE_SIZE, WASM_PAGE_SIZE } from '../limits.ts';
import { type StoredMemory, storedBytesOf } from '../memory/memory-places.ts';
import { readConstExpression } from './const-expression.ts';
import { evaluate, evaluateOffset } from './const-value.ts';
import { NULL_REFERENCE } from './function-references.ts';
import type { GlobalState } from './global-access.ts';
import { firstStateOf } from './imported-globals.ts';
import type { InstanceState } from './instance-state.ts';
import type { ModuleLayout } from './layout.ts';
import type { ConstExpression, ElementSegment, ModuleStructure } from './module-structure.ts';
import { WasmReader } from './wasm-reader.ts';

/** Bytes of an active segment, and where in a memory they go. */
interface PlacedData {
  readonly address: number;
  readonly content: Uint8Array;
}

interface FirstMemory extends StoredMemory {
  /** In the order of the module: where they overlap, the later one is on top. */
  readonly data: readonly PlacedData[];
}

export interface FirstState {
  readonly state: InstanceState;
  /** One for each of `layout.memories`. */
  readonly memories: readonly FirstMemory[];
}

/**
 * @param layout the one that was planned for `structure`.
 * @throws RekindleError MODULE_MALFORMED when a segment is out of bounds: instantiating the module as it was loaded would trap.
 */
export function firstState(structure: ModuleStructure, layout: ModuleLayout, moduleName: string): FirstState {
  const globals = firstGlobals(structure, layout, moduleName);
  const tables = firstTables(structure, layout, globals, moduleName);
  const data = placeData(structure, globals, moduleName);
  return {
    state: {
      globals: layout.globals.map(({ index }) => present(globals[index])),
      tables,
      dropped: layout.segments.map(() => false),
    },
    memories: layout.memories.map(({ initialPages }, index) => firstMemory(initialPages, data[index] ?? [])),
  };
}

function firstMemory(initialPages: number, data: readonly PlacedData[]): FirstMemory {
  const end = data.reduce((furthest, placed) => Math.max(furthest, endOfPlaced(placed)), 0);
  const storedBytes = Math.ceil(end / BANK_PAGE_SIZE) * BANK_PAGE_SIZE;
  return { memoryBytes: initialPages * WASM_PAGE_SIZE, storedBytes, data };
}

/** The first value of every global, imported ones included. */
export function firstGlobals(
  structure: Pick<ModuleStructure, 'globals'>,
  layout: Pick<ModuleLayout, 'globalImports'>,
  moduleName: string,
): readonly GlobalState[] {
  const globals: GlobalState[] = (layout.globalImports ?? []).map(firstStateOf);
  for (const { initializer } of structure.globals)
    if (initializer !== null) globals.push(firstValue(initializer, globals, moduleName));
  return globals;
}

/** An object is in no state: where it would have to be, no image is made, and nothing else depends on what it is. */
function firstValue(
  expression: ConstExpression,
  globals: readonly GlobalState[],
  moduleName: string,
): GlobalState {
  return expression.makes !== 'nothing' ? NULL_REFERENCE : evaluate(expression, globals, moduleName);
}

/**
 * The stored parts of all memories, one after the other.
 *
 * @throws RekindleError MODULE_OVER_QUOTA when the host has no room for them.
 */
export function firstContent({ memories }: FirstState, moduleName: string): Uint8Array {
  const all = emptyContent(storedBytesOf(memories), moduleName);
  let start = 0;
  for (const { data, storedBytes } of memories) {
    const memory = all.subarray(start, start + storedBytes);
    for (const { address, content } of data) {
      // Behind the stored part there are only zeros.
      if (address < storedBytes) memory.set(content.subarray(0, storedBytes - address), address);
    }
    start += storedBytes;
  }
  return all;
}

function emptyContent(sizeBytes: number, moduleName: string): Uint8Array {
  try {
    return new Uint8Array(sizeBytes);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const detail = `the host has no room for its memory: ${cause.message}`;
    throw new RekindleError('MODULE_OVER_QUOTA', moduleName, detail, { cause });
  }
}

/** The tables of the layout as they are at first; all are looked at, for a segment may be out of the bounds of any. */
function firstTables(
  { tables, elements }: ModuleStructure,
  layout: ModuleLayout,
  globals: readonly GlobalState[],
  moduleName: string,
): InstanceState['tables'] {
  const contents = new Map<number, number[]>();
  for (const { index } of layout.tables) {
    const { limits, initializer } = present(tables[index]);
    const entry = initializer === null ? NULL_REFERENCE : evaluate(initializer, globals, moduleName);
    contents.set(index, new Array<number>(limits.initial).fill(Number(entry)));
  }
  for (const segment of elements) {
    if (segment.target === null) continue;
    const { index: tableIndex, offset } = segment.target;
    const start = evaluateOffset(offset, globals, moduleName);
    const sizeEntries = present(tables[tableIndex]).limits.initial;
    if (start + segment.entryCount > sizeEntries) throw misfit(moduleName, `table ${tableIndex}`);
    const content = contents.get(tableIndex);
    if (content === undefined) continue;
    const entries = entriesOf(segment, globals, moduleName);
    for (let position = 0; position < entries.length; position += 1)
      content[start + position] = present(entries[position]);
  }
  return layout.tables.map(({ index }) => present(contents.get(index)));
}

function entriesOf(
  segment: ElementSegment,
  globals: readonly GlobalState[],
  moduleName: string,
): readonly number[] {
  if (!segment.hasExpressions) return segment.functionReferences;
  const reader = new WasmReader(segment.vector, moduleName);
  const entries: number[] = [];
  for (let remaining = reader.count(); remaining > 0; remaining -= 1)
    entries.push(
      Number(
        evaluate(
          readConstExpression(reader, () => undefined),
          globals,
          moduleName,
        ),
      ),
    );
  return entries;
}

/** By the index of the memory they go to. */
function placeData(
  { data, memories }: ModuleStructure,
  globals: readonly GlobalState[],
  moduleName: string,
): readonly (readonly PlacedData[])[] {
  const placed: PlacedData[][] = memories.map(() => []);
  for (const { target, vector, sizeBytes } of data) {
    if (target === null) continue;
    const address = evaluateOffset(target.offset, globals, moduleName);
    const memoryBytes = present(memories[target.index]).initial * WASM_PAGE_SIZE;
    if (address + sizeBytes > memoryBytes) throw misfit(moduleName, 'memory');
    placed[target.index]?.push({ address, content: vector.subarray(vector.byteLength - sizeBytes) });
  }
  return placed;
}

function endOfPlaced({ address, content }: PlacedData): number {
  let size = content.byteLength;
  while (size > 0 && content[size - 1] === 0) size -= 1;
  return size === 0 ? 0 : address + size;
}

/** What an index of an accepted module leads to. */
function present<T>(found: T | undefined): T {
  invariant(found !== undefined, 'the indices of an accepted module lead to something');
  return found;
}

function misfit(moduleName: string, where: string): RekindleError {
  return new RekindleError('MODULE_MALFORMED', moduleName, `its segments do not fit in ${where}`);
}
