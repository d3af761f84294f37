// Capturing and restoring an instance: whatever kind of state it is, a guest can tell no difference after a restore, in place or in a
// fresh instance; what cannot be kept is refused by name, and what cannot be reached is left as it was.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InstanceState } from '#runtime/image/instance-state.js';
import { StateAccess } from '#runtime/image/instance-state.js';
import { prepareModule } from '#runtime/image/prepare.js';
import { assemble, ins } from '#test/support/wasm-assembler.js';
import { observe, openZoo, type Zoo, zoo } from './state-zoo.js';

function open(): { zoo: Zoo; access: StateAccess } {
  const opened = openZoo();
  return { zoo: opened, access: new StateAccess(opened.instance, zoo.layout) };
}

/** An instance as it is after the first start, before its entry point. */
function start(): { zoo: Zoo; access: StateAccess } {
  const started = open();
  started.access.restore(zoo.first.state);
  started.zoo.call(zoo.layout.start ?? '');
  return started;
}

/** Restores in a fresh instance and observes there, for observing changes the instance. */
function observeState(state: InstanceState): Record<string, string> {
  const fresh = open();
  expect(fresh.access.restore(state)).toBe(true);
  expect(fresh.zoo.starts()).toBe(0);
  return observe(fresh.zoo);
}

const CHANGES = ['mutate', 'growTables', 'dropData', 'dropElements'] as const;

describe('restore in a fresh instance', () => {
  it.each([[], ...CHANGES.map((change) => [change]), CHANGES])('after %s %s %s %s', (...changes) => {
    const original = start();
    for (const change of changes) if (typeof change === 'string') original.zoo.call(change);
    const state = original.access.capture('zoo');
    const seen = observe(original.zoo);
    expect(observeState(state)).toEqual(seen);
    expect(observeState(structuredClone(state))).toEqual(seen);
  });

  it('carries every bit', () => {
    const { zoo: guest, access } = start();
    guest.call('mutate');
    expect(access.capture('zoo')).toEqual({
      globals: [
        -5,
        -(2n ** 63n),
        0xffa12345 | 0,
        BigInt.asIntN(64, 0xfff4123456789abcn),
        [0x1122334455667788n, BigInt.asIntN(64, 0xffeeddccbbaa9988n)],
        3,
        -1,
      ],
      tables: [
        [3, -1, -1],
        [-1, -1],
      ],
      dropped: [false, false],
    });
  });

  it('gives back the state it was given, any bits in any global', () => {
    const i64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    const functionIndex = fc.constantFrom(-1, ...(zoo.layout.functionTable?.indices ?? []));
    const state = fc.record({
      globals: fc.tuple(
        fc.integer(),
        i64,
        fc.integer(),
        i64,
        fc.tuple(i64, i64),
        functionIndex,
        fc.constant(-1),
      ),
      tables: fc.tuple(
        fc.array(functionIndex, { minLength: 3, maxLength: 10 }),
        fc.array(fc.constant(-1), { minLength: 2, maxLength: 5 }),
      ),
      dropped: fc.tuple(fc.boolean(), fc.boolean()),
    });
    fc.assert(
      fc.property(state, (wanted) => {
        const { access } = open();
        expect(access.restore(wanted)).toBe(true);
        expect(access.capture('zoo')).toEqual(wanted);
      }),
    );
  });
});

describe('restore in place', () => {
  it.each([[], ['mutate'], ['mutate', 'mutate']])('takes back %s %s', (...changes) => {
    const { zoo: guest, access } = start();
    const state = access.capture('zoo');
    for (let round = 0; round < 3; round++) {
      for (const change of changes) guest.call(String(change));
      expect(access.restore(state)).toBe(true);
      expect(access.capture('zoo')).toEqual(state);
    }
  });

  it('goes back and forth between two states', () => {
    const { zoo: guest, access } = start();
    const before = access.capture('zoo');
    guest.call('mutate');
    const after = access.capture('zoo');
    for (const state of [before, after, before, after]) {
      expect(access.restore(state)).toBe(true);
      expect(access.capture('zoo')).toEqual(state);
    }
  });

  it('goes forward to grown tables and dropped segments', () => {
    const donor = start();
    for (const change of CHANGES) donor.zoo.call(change);
    const state = donor.access.capture('zoo');
    const { zoo: guest, access } = start();
    expect(access.restore(state)).toBe(true);
    expect(observe(guest)).toEqual(observe(donor.zoo));
  });

  it.each(['growTables', 'dropData', 'dropElements'])(
    'is not possible after %s, and changes nothing',
    (change) => {
      const { zoo: guest, access } = start();
      const first = access.capture('zoo');
      guest.call('mutate');
      guest.call(change);
      const now = access.capture('zoo');
      expect(access.restore(first)).toBe(false);
      expect(access.capture('zoo')).toEqual(now);
      // Nor may an access that has not seen the change take place trust what it does not know.
      expect(new StateAccess(guest.instance, zoo.layout).restore(first)).toBe(false);
      expect(access.capture('zoo')).toEqual(now);
    },
  );

  it('puts null in the place of host objects', () => {
    const { zoo: guest, access } = start();
    const state = access.capture('zoo');
    guest.call('setExternGlobal', {});
    guest.call('setExternEntry', {});
    expect(access.restore(state)).toBe(true);
    expect(access.capture('zoo')).toEqual(state);
  });
});

describe('capture refuses', () => {
  const foreignFunction = () => {
    const { mutate } = openZoo().instance.exports;
    return mutate;
  };
  const cases: readonly [what: string, spoil: (guest: Zoo) => void, detail: string][] = [
    ['a host object in a global', ({ call }) => call('setExternGlobal', {}), 'global 7 holds a host object'],
    [
      'undefined in a global',
      ({ call }) => call('setExternGlobal', undefined),
      'global 7 holds a host object',
    ],
    [
      'a host object in a table',
      ({ call }) => call('setExternEntry', 'text'),
      'table 1 entry 1 holds a host object',
    ],
    [
      "another instance's function in a table",
      ({ instance }) => setTable(instance, 2, foreignFunction()),
      'table 0 entry 2 holds a function of another instance',
    ],
    [
      "another instance's function in a global",
      ({ instance }) => setGlobal(instance, 6, foreignFunction()),
      'global 6 holds a function of another instance',
    ],
  ];
  it.each(cases)('%s', (_, spoil, detail) => {
    const { zoo: guest, access } = start();
    spoil(guest);
    expect(() => access.capture('zoo')).toThrow(
      expect.objectContaining({
        code: 'CHECKPOINT_REFUSED',
        culprit: 'zoo',
        message: `CHECKPOINT_REFUSED: zoo: ${detail}`,
      }),
    );
  });

  function setTable(instance: WebAssembly.Instance, position: number, value: unknown): void {
    const { table } = instance.exports;
    if (!(table instanceof WebAssembly.Table)) throw new Error('the zoo exports its table');
    table.set(position, value);
  }

  function setGlobal(instance: WebAssembly.Instance, index: number, value: unknown): void {
    const name = zoo.layout.globals.find((slot) => slot.index === index)?.exportName ?? '';
    const global = instance.exports[name];
    if (!(global instanceof WebAssembly.Global)) throw new Error('the zoo exposes its globals');
    global.value = value;
  }
});

describe('a probe that fails for another reason than its segment', () => {
  it('is never taken for a dropped segment', () => {
    const state = start().access.capture('zoo');
    const exhausted = () => {
      throw new RangeError('Maximum call stack size exceeded');
    };
    const probes = zoo.layout.segments.map(({ probe }) => [probe, exhausted]);
    const instance = { exports: { ...openZoo().instance.exports, ...Object.fromEntries(probes) } };
    const hindered = new StateAccess(instance, zoo.layout);
    expect(() => hindered.restore(state)).toThrow(RangeError);
    expect(() => hindered.capture('zoo')).toThrow();
  });
});

describe('an instance that was not restored', () => {
  it('has no state to capture', () => {
    const { access } = open();
    expect(() => access.capture('zoo')).toThrow(
      /invariant violated: an instance is captured after it was restored/,
    );
    access.restore(start().access.capture('zoo'));
    expect(() => access.capture('zoo')).not.toThrow();
  });
});

describe('a state that does not fit the module is taken for a bug', () => {
  const state = start().access.capture('zoo');
  const misfits: readonly [what: string, change: Partial<InstanceState>][] = [
    ['a global too few', { globals: state.globals.slice(1) }],
    ['a global of another type', { globals: [1n, ...state.globals.slice(1)] }],
    ['a number that is no i32', { globals: [2 ** 31, ...state.globals.slice(1)] }],
    ['a table too many', { tables: [...state.tables, []] }],
    [
      'a function that cannot be referenced',
      {
        tables: [
          [0, 0, 0],
          [-1, -1],
        ],
      },
    ],
    [
      'no reference in a table of host objects',
      {
        tables: [
          [-1, -1, -1],
          [-2, -1],
        ],
      },
    ],
    ['a flag too few', { dropped: state.dropped.slice(1) }],
  ];
  it.each(misfits)('%s', (_, change) => {
    const { access } = start();
    expect(() => access.restore({ ...state, ...change })).toThrow(/invariant violated: a state is restored/);
    expect(access.capture('zoo')).toEqual(state);
  });
});

describe('imported functions in tables', () => {
  /** Or the tables would be no part of the state. */
  const WRITES_TABLE = [...ins.i32Const(0), ...ins.refNull('funcref'), ...ins.tableSet(0)];

  it('are functions of the instance, and each instance gets its own', () => {
    const prepared = prepareModule(
      assemble({
        types: [[[], ['i32']]],
        imports: [{ module: 'env', name: 'answer', kind: 'function', type: 0 }],
        functions: [
          { type: 0, code: [...ins.i32Const(0), ...ins.callIndirect(0, 0)] },
          { type: 0, code: [...ins.i32Const(0), ...WRITES_TABLE] },
        ],
        tables: [{ elementType: 'funcref', limits: { initial: 1 } }],
        exports: { callFirst: ['function', 1] },
        elements: [{ mode: 'active', offset: ins.i32Const(0), entries: [0] }],
      }),
      'm.wasm',
      { memoryQuotaBytes: 65536 },
    );
    const { module } = prepared;
    const make = (answer: number) => new WebAssembly.Instance(module, { env: { answer: () => answer } });
    const original = new StateAccess(make(1), prepared.layout);
    original.restore(prepared.first.state);
    const state = original.capture('m');
    expect(state.tables).toEqual([[0]]);
    const instance = make(2);
    expect(new StateAccess(instance, prepared.layout).restore(state)).toBe(true);
    const { callFirst } = instance.exports;
    expect(typeof callFirst === 'function' && callFirst()).toBe(2);
  });

  it('are one function, the first, when the same one is imported twice', () => {
    const other = new WebAssembly.Instance(
      new WebAssembly.Module(
        assemble({
          types: [[[], []]],
          functions: [{ type: 0, code: [] }],
          exports: { f: ['function', 0] },
        }),
      ),
    );
    const prepared = prepareModule(
      assemble({
        types: [[[], []]],
        imports: [
          { module: 'other', name: 'f', kind: 'function', type: 0 },
          { module: 'alias', name: 'f', kind: 'function', type: 0 },
        ],
        functions: [{ type: 0, code: WRITES_TABLE }],
        tables: [{ elementType: 'funcref', limits: { initial: 2 } }],
        elements: [{ mode: 'active', offset: ins.i32Const(0), entries: [1, 0] }],
      }),
      'm.wasm',
      { memoryQuotaBytes: 65536 },
    );
    const imports = { other: other.exports, alias: other.exports };
    const access = new StateAccess(new WebAssembly.Instance(prepared.module, imports), prepared.layout);
    access.restore(prepared.first.state);
    const state = access.capture('m');
    expect(state.tables).toEqual([[0, 0]]);
    expect(access.restore(state)).toBe(true);
  });
});
