// The oracle for dropped segments: what code can still copy out of each segment must be the same in the original module, in its prepared form,
// and in a fresh instance restored from that. Modules and what they drop are random; a failure prints its seed.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StateAccess } from '#runtime/image/instance-state.js';
import { prepareModule } from '#runtime/image/prepare.js';
import { assemble, ins, type ModuleSource } from '#test/support/wasm-assembler.js';
import { callExport } from './state-zoo.js';

const PAGE = 65536;

interface Segment {
  readonly kind: 'data' | 'element';
  readonly mode: 'active' | 'passive' | 'declarative';
  readonly length: number;
  /** Whether the guest drops it before it is looked at. */
  readonly isDropped: boolean;
}

const flags = { length: fc.nat(2), isDropped: fc.boolean() };
const segment: fc.Arbitrary<Segment> = fc.oneof(
  fc.record({ kind: fc.constant('data'), mode: fc.constantFrom('active', 'passive'), ...flags }),
  fc.record({
    kind: fc.constant('element'),
    mode: fc.constantFrom('active', 'passive', 'declarative'),
    ...flags,
  }),
);

const ofKind = (segments: readonly Segment[], kind: Segment['kind']) =>
  segments.filter((candidate) => candidate.kind === kind);

/**
 * Exports `use_data_k`, which copies the first byte of data segment k, `drop_data_k`, and the same for elements. Those for data
 * only where the module states how many there are: without that they would not be valid.
 */
function source(segments: readonly Segment[], dataCount: boolean): ModuleSource {
  const data = ofKind(segments, 'data');
  const elements = ofKind(segments, 'element');
  const oneFromStart = [...ins.i32Const(0), ...ins.i32Const(0), ...ins.i32Const(1)];
  const code: [name: string, instructions: readonly number[]][] = [
    ...(dataCount ? data : []).flatMap((_, index): [string, readonly number[]][] => [
      [`use_data_${index}`, [...oneFromStart, ...ins.memoryInit(index)]],
      [`drop_data_${index}`, ins.dataDrop(index)],
    ]),
    ...elements.flatMap((_, index): [string, readonly number[]][] => [
      [`use_element_${index}`, [...oneFromStart, ...ins.tableInit(index, 0)]],
      [`drop_element_${index}`, ins.elemDrop(index)],
    ]),
    ['nothing', []],
  ];
  return {
    types: [[[], []]],
    functions: code.map(([, instructions]) => ({ type: 0, code: instructions })),
    tables: [{ elementType: 'funcref', limits: { initial: 2 } }],
    memories: [{ initial: 1 }],
    exports: Object.fromEntries(code.map(([name], index) => [name, ['function', index]])),
    elements: elements.map(({ mode, length }) => ({ mode, entries: Array.from({ length }, () => 0) })),
    data: data.map(({ mode, length }, index) => ({
      ...(mode === 'active' ? { offset: ins.i32Const(0) } : {}),
      bytes: Array.from({ length }, () => index + 1),
    })),
    dataCount,
  };
}

/** By name, which of the functions that copy out of a segment can. Drops nothing. */
function usable(instance: WebAssembly.Instance): Record<string, boolean> {
  const names = Object.keys(instance.exports).filter((name) => name.startsWith('use_'));
  return Object.fromEntries(names.map((name) => [name, succeeds(() => callExport(instance, name))]));
}

function succeeds(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    return false;
  }
}

function dropChosen(instance: WebAssembly.Instance, segments: readonly Segment[]): void {
  for (const kind of ['data', 'element'] as const) {
    ofKind(segments, kind).forEach(({ isDropped }, index) => {
      const name = `drop_${kind}_${index}`;
      if (isDropped && name in instance.exports) callExport(instance, name);
    });
  }
}

function check(segments: readonly Segment[], dataCount: boolean): Record<string, boolean> {
  const bytes = assemble(source(segments, dataCount));
  const original = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  const prepared = prepareModule(bytes, 'm.wasm', { memoryQuotaBytes: PAGE });
  const { module, layout } = prepared;
  const open = () => {
    const instance = new WebAssembly.Instance(module);
    return { instance, access: new StateAccess(instance, layout) };
  };

  const first = open();
  const untouched = prepared.first.state;
  first.access.restore(untouched);
  expect(first.access.capture('m')).toEqual(untouched);
  expect(usable(first.instance)).toEqual(usable(original));
  for (const instance of [original, first.instance]) dropChosen(instance, segments);
  const seen = usable(original);
  expect(usable(first.instance)).toEqual(seen);

  const state = first.access.capture('m');
  const fresh = open();
  expect(fresh.access.restore(state)).toBe(true);
  expect(usable(fresh.instance)).toEqual(seen);
  expect(fresh.access.capture('m').dropped).toEqual(state.dropped);

  const forward = open();
  for (const step of [untouched, state]) expect(forward.access.restore(step)).toBe(true);
  expect(usable(forward.instance)).toEqual(seen);
  return seen;
}

describe('dropped segments', () => {
  it('are the same in the original, prepared, and restored in a fresh instance', () => {
    const outcomes = new Set<boolean>();
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 8 }), fc.boolean(), (segments, dataCount) => {
        for (const outcome of Object.values(check(segments, dataCount))) outcomes.add(outcome);
      }),
      { numRuns: 400 },
    );
    expect(outcomes).toEqual(new Set([true, false]));
  });

  const modes = [
    ['data', 'active', false],
    ['data', 'passive', true],
    ['element', 'active', false],
    ['element', 'passive', true],
    ['element', 'declarative', false],
  ] as const;
  it.each(modes)('%s, %s: usable %s until the guest drops it', (kind, mode, isUsable) => {
    const one = (isDropped: boolean) => check([{ kind, mode, length: 1, isDropped }], true);
    expect(one(false)).toEqual({ [`use_${kind}_0`]: isUsable });
    expect(one(true)).toEqual({ [`use_${kind}_0`]: false });
  });
});
