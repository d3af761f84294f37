// What the same-result oracle is run on, as data: for every sample guest that is called by the host, what to do before the image is
// made, what to do after it that a restore must undo, how to fail, and what to compare. Calls must not depend on time or chance.
import type { Argument, ArunOptions, ReturnKind } from '#runtime/index.js';

export interface GuestCall {
  readonly name: string;
  readonly args?: readonly Argument[];
  readonly returns?: ReturnKind;
}

export interface Subject {
  readonly path: string;
  readonly options?: ArunOptions;
  readonly before: readonly GuestCall[];
  readonly undone: readonly GuestCall[];
  /** Null: killed from outside, for a guest that cannot fail by itself. */
  readonly fault: GuestCall | null;
  readonly after: readonly GuestCall[];
  /** How many globals and words of memory may differ between any two runs, because they hold random numbers or pids. */
  readonly varying?: number;
}

const call = (name: string, args: readonly Argument[] = [], returns: ReturnKind = 'value'): GuestCall => ({
  name,
  args,
  returns,
});

const failing = () => {
  throw new Error('failed on purpose');
};

/** Any temperature will do, as long as it is always the same. */
const COLD_CELSIUS = 4.5;

export const SUBJECTS: readonly Subject[] = [
  {
    path: 'counter.wasm',
    options: { args: ['40'] },
    before: [call('increment'), call('add', [7]), call('greet', ['before'], 'string'), call('seed')],
    undone: [call('add', [1000]), call('joined', [['a', 'bc']], 'string'), call('seed')],
    fault: call('crash'),
    after: [
      call('value'),
      call('increment'),
      call('lastCause'),
      call('history', [], 'string'),
      call('greet', ['Ångström'], 'string'),
      call('sum', [Int32Array.of(1, -2, 30)]),
      call('scale', [Float64Array.of(0.5, -3), 1.5], 'array'),
      call('joined', [['one', '', 'three']], 'string'),
    ],
    // The four words of the generator's state, and the seed that reseedRandom left on the heap.
    varying: 5,
  },
  {
    path: 'counter-c.wasm',
    options: { args: ['40'] },
    before: [call('increment'), call('add', [7]), call('seed')],
    undone: [call('add', [1000]), call('seed')],
    fault: call('crash'),
    after: [call('value'), call('increment'), call('lastCause'), call('increments'), call('additions')],
    // The two words of the generator's state.
    varying: 2,
  },
  {
    path: 'visits-rust.wasm',
    before: [call('visit'), call('visit')],
    undone: [call('visit')],
    fault: call('crash', [100]),
    after: [call('visit'), call('lastCause')],
  },
  {
    path: 'faulty.wasm',
    before: [call('ping'), call('ping')],
    undone: [call('ping')],
    fault: call('stackOverflow'),
    after: [call('ping'), call('ping')],
  },
  {
    path: 'faulty.wasm',
    options: { memoryQuotaBytes: 2 ** 20 },
    before: [call('ping')],
    undone: [call('ping')],
    fault: call('exhaustMemory'),
    after: [call('ping')],
  },
  {
    path: 'faulty-host.wasm',
    options: { imports: { embedder: { fail: failing } } },
    before: [call('ping')],
    undone: [call('ping')],
    fault: call('callHost'),
    after: [call('ping')],
  },
  {
    path: 'pair-teller.wasm',
    before: [call('open', [4])],
    undone: [call('open', [9])],
    fault: call('crashMidTransfer'),
    after: [call('session'), call('open', [6]), call('session')],
  },
  {
    path: 'pair-ledger.wasm',
    before: [call('open', [4])],
    undone: [call('open', [9])],
    fault: call('crashMidTransfer'),
    after: [call('session'), call('balance'), call('transfer', [5])],
  },
  {
    path: 'till.wasm',
    before: [],
    undone: [],
    fault: call('sellAndFail', [0]),
    after: [call('salesSinceStart'), call('takingsCents'), call('sell', [250]), call('salesSinceStart')],
    // The pid of its printer.
    varying: 1,
  },
  {
    path: 'till-printer.wasm',
    before: [],
    undone: [],
    fault: null,
    after: [],
  },
  {
    path: 'thermostat.wasm',
    options: {
      imports: { sensor: { temperature: () => COLD_CELSIUS }, journal: { entry: () => undefined } },
    },
    before: [call('check')],
    undone: [call('check'), call('check')],
    fault: null,
    after: [call('check')],
  },
];
