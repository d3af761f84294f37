// The oracle for preparing: a module as the engine instantiates it, and the same module prepared, put at its first state and started, must
// leave memory, tables and globals alike; where instantiation would trap, preparing must refuse. Modules are random; a failure prints its seed.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RekindleError } from '#runtime/errors.js';
import { StateAccess } from '#runtime/image/instance-state.js';
import { type PreparedModule, prepareModule } from '#runtime/image/prepare.js';
import { firstMemories } from '#test/support/first-memories.js';
import { assemble, type DataSegment, ins } from '#test/support/wasm-assembler.js';
import { PAGE, type Seen, type Shape, seen, shape, source, TABLE_SIZE } from './any-segments.js';
import { callExport } from './state-zoo.js';

/** Null when it traps. */
function runOriginal(bytes: Uint8Array<ArrayBuffer>): Seen | null {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const table = new WebAssembly.Table({ element: 'anyfunc', initial: TABLE_SIZE });
  try {
    return seen(new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory, table } }));
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    return null;
  }
}

/** Null when it is refused for segments that do not fit. */
function runPrepared(bytes: Uint8Array): Seen | null {
  let prepared: PreparedModule;
  try {
    prepared = prepareModule(bytes, 'm.wasm', { memoryQuotaBytes: 4 * PAGE });
  } catch (error) {
    if (!(error instanceof RekindleError)) throw error;
    expect(error.message).toMatch(/^MODULE_MALFORMED: m.wasm: its segments do not fit/);
    return null;
  }
  const instance = new WebAssembly.Instance(prepared.module);
  const { memory } = instance.exports;
  if (!(memory instanceof WebAssembly.Memory)) throw new Error('exports');
  const bytesOfMemory = new Uint8Array(memory.buffer);
  expect(bytesOfMemory.some((byte) => byte !== 0)).toBe(false);
  const access = new StateAccess(instance, prepared.layout);
  expect(access.restore(prepared.first.state)).toBe(true);
  expect(access.capture('m')).toEqual(prepared.first.state);
  const [content] = firstMemories(prepared.first);
  expect(content?.byteLength).toBe(bytesOfMemory.byteLength);
  bytesOfMemory.set(content ?? []);
  if (prepared.layout.start !== null) callExport(instance, prepared.layout.start);
  return seen(instance);
}

function same(original: Seen | null, prepared: Seen | null): void {
  if (original === null || prepared === null) return expect(prepared).toBe(original);
  expect(Buffer.compare(prepared.memory, original.memory)).toBe(0);
  expect({ ...prepared, memory: null }).toEqual({ ...original, memory: null });
}

describe('prepared and original', () => {
  it('agree on random segments, overlapping, ordered and out of bounds', () => {
    const kinds = new Set<string>();
    fc.assert(
      fc.property(shape, (candidate) => {
        const bytes = assemble(source(candidate));
        const original = runOriginal(bytes);
        kinds.add(original === null ? 'trap' : 'ready');
        same(original, runPrepared(bytes));
      }),
      { numRuns: 600 },
    );
    expect([...kinds].sort()).toEqual(['ready', 'trap']);
  });

  const at = (offset: number, ...bytes: number[]): DataSegment => ({ offset: ins.i32Const(offset), bytes });
  const cases: readonly [what: string, shape: Partial<Shape>, kind: 'trap' | 'ready'][] = [
    ['nothing', {}, 'ready'],
    ['overlapping data, the later one on top', { data: [at(4, 1, 2, 3), at(5, 9)] }, 'ready'],
    ['data that ends where memory does', { data: [at(PAGE - 2, 1, 2)] }, 'ready'],
    [
      'data one byte too long, after data that fits',
      { data: [at(0, 1), at(PAGE - 1, 1, 2), at(1, 1)] },
      'trap',
    ],
    ['empty data at the very end', { data: [at(PAGE)] }, 'ready'],
    ['empty data behind the end', { data: [at(PAGE + 1)] }, 'trap'],
    ['data at an address with the top bit set', { data: [at(-1, 1)] }, 'trap'],
    [
      'elements out of bounds, and no data after them',
      { elements: [{ mode: 'active', offset: ins.i32Const(TABLE_SIZE), entries: [0] }], data: [at(0, 1)] },
      'trap',
    ],
    ['a start function that sees the data', { data: [at(0, 41)], hasStart: true }, 'ready'],
  ];
  it.each(cases)('agree on %s', (_, change, kind) => {
    const bytes = assemble(source({ data: [], elements: [], hasStart: false, dataCount: false, ...change }));
    const original = runOriginal(bytes);
    expect(original === null ? 'trap' : 'ready').toBe(kind);
    same(original, runPrepared(bytes));
  });
});
