// From what is thrown out of guest code to a fault: every trap of the engine by a module that really does it, everything a host
// function may throw, and the circumstances that make one thing of another. Nothing thrown may be lost or thrown on.
import { describe, expect, test } from 'vitest';
import {
  type Fault,
  type FaultCircumstances,
  faultFromException,
  faultFromOutside,
  GuestAbort,
  GuestFaultError,
  GuestTimeout,
} from '#runtime/process/fault.js';
import { runWithTimeLimit } from '#runtime/process/time-limit.js';
import { assemble, type Bytes, ins, type ModuleSource, text, u32 } from '#test/support/wasm-assembler.js';

const UNREACHABLE: Bytes = [0x00];
const FAR = ins.i32Const(-4);
const LEAST = ins.i32Const(-(2 ** 31));
const i32 = { zero: ins.i32Const(0), one: ins.i32Const(1), minusOne: ins.i32Const(-1) };

const CIRCUMSTANCES: FaultCircumstances = { activity: 'act', generation: 3, memoryAtQuota: false };

/** A module whose exported function `act` is the given code, with a memory, a table of null and what is added. */
function moduleOf(code: Bytes, more: Partial<ModuleSource> = {}): WebAssembly.Module {
  const source: ModuleSource = {
    types: [
      [[], []],
      [[], ['i32']],
    ],
    functions: [{ type: 0, code }],
    tables: [{ elementType: 'funcref', limits: { initial: 2 } }],
    memories: [{ initial: 1, maximum: 1 }],
    exports: { act: ['function', 0] },
    ...more,
  };
  return new WebAssembly.Module(assemble(source));
}

function thrownBy(module: WebAssembly.Module, imports: WebAssembly.Imports = {}): unknown {
  const { act } = new WebAssembly.Instance(module, imports).exports;
  if (typeof act !== 'function') throw new Error('the module of the test exports act');
  try {
    act();
  } catch (thrown) {
    return thrown;
  }
  throw new Error('nothing was thrown');
}

function faultOf(thrown: unknown, changes: Partial<FaultCircumstances> = {}): Fault {
  return faultFromException(thrown, { ...CIRCUMSTANCES, ...changes });
}

describe('traps', () => {
  const traps: readonly (readonly [title: string, code: Bytes, message: RegExp])[] = [
    ['unreachable', UNREACHABLE, /unreachable/],
    ['i32.div_s by zero', [...i32.one, ...i32.zero, 0x6d, 0x1a], /divide by zero/],
    ['i32.div_u by zero', [...i32.one, ...i32.zero, 0x6e, 0x1a], /divide by zero/],
    ['i32.rem_s by zero', [...i32.one, ...i32.zero, 0x6f, 0x1a], /by zero/],
    ['i64.div_s by zero', [...ins.i64Const(1n), ...ins.i64Const(0n), 0x7f, 0x1a], /divide by zero/],
    [
      'i32.div_s of the least by -1',
      [...LEAST, ...i32.minusOne, 0x6d, 0x1a],
      /divide result unrepresentable/,
    ],
    ['i32.trunc_f32_s of NaN', [...ins.f32Bits(0x7fc00000n), 0xa8, 0x1a], /float unrepresentable/],
    [
      'i32.trunc_f64_s of infinity',
      [...ins.f64Bits(0x7ff0000000000000n), 0xaa, 0x1a],
      /float unrepresentable/,
    ],
    ['a load out of bounds', [...FAR, ...ins.i32Load, ...ins.drop], /memory access out of bounds/],
    ['a store out of bounds', [...FAR, ...i32.zero, ...ins.i32Store], /memory access out of bounds/],
    [
      'memory.copy out of bounds',
      [...FAR, ...i32.zero, ...i32.one, 0xfc, 10, 0, 0],
      /memory access out of bounds/,
    ],
    [
      'memory.fill out of bounds',
      [...FAR, ...i32.zero, ...i32.one, 0xfc, 11, 0],
      /memory access out of bounds/,
    ],
    ['table.get out of bounds', [...ins.i32Const(2), 0x25, 0, 0x1a], /table index is out of bounds/],
    [
      'call_indirect out of bounds',
      [...ins.i32Const(2), ...ins.callIndirect(0, 0)],
      /table index is out of bounds/,
    ],
    [
      'call_indirect of null',
      [...i32.zero, ...ins.callIndirect(0, 0)],
      /null function or function signature/,
    ],
    ['endless recursion', ins.call(0), /stack overflow/],
  ];

  test.each(traps)('%s', (_title, code, message) => {
    const fault = faultOf(thrownBy(moduleOf(code)));
    expect(fault).toMatchObject({ kind: 'trap', activity: 'act', generation: 3, exitStatus: null });
    expect(fault.message).toMatch(message);
  });

  test('call_indirect of another signature', () => {
    const module = moduleOf([...i32.zero, ...ins.callIndirect(1, 0), ...ins.drop], {
      elements: [{ mode: 'active', entries: [0] }],
    });
    const fault = faultOf(thrownBy(module));
    expect(fault).toMatchObject({ kind: 'trap' });
    expect(fault.message).toMatch(/null function or function signature mismatch/);
  });

  test('an exception that nobody catches', () => {
    const module = moduleOf([0x08, 0], { imports: [{ module: 'host', name: 't', kind: 'tag', type: 0 }] });
    const thrown = thrownBy(module, { host: { t: new WebAssembly.Tag({ parameters: [] }) } });
    expect(faultOf(thrown)).toMatchObject({ kind: 'trap', message: 'uncaught exception' });
  });
});

describe('frames', () => {
  const two = [
    { type: 0, code: ins.call(1) },
    { type: 0, code: UNREACHABLE },
  ];
  const functionNames = [1, ...u32(14), ...u32(2), 0, ...text('outer'), 1, ...text('inner')];

  test('name function and place of the fault, innermost first', () => {
    const named = { functions: two, customs: [{ name: 'name', payload: functionNames }] };
    const bytes = assemble({
      types: [[[], []]],
      exports: { act: ['function', 0] },
      memories: [{ initial: 1 }],
      ...named,
    });
    const { frames } = faultOf(thrownBy(new WebAssembly.Module(bytes)));
    // Body of `inner`: size 3, no locals, unreachable, end. Body of `outer` before it: size 4, no locals, call 1, end.
    const inner = Buffer.from(bytes).indexOf(Buffer.from([4, 0, 0x10, 1, 0x0b, 3, 0, 0x00, 0x0b]));
    expect(frames).toEqual([
      { functionName: 'inner', functionIndex: 1, offset: inner + 7 },
      { functionName: 'outer', functionIndex: 0, offset: inner + 2 },
    ]);
  });

  test('count imported functions, as the engine does', () => {
    const module = moduleOf(UNREACHABLE, {
      imports: [{ module: 'host', name: 'f', kind: 'function', type: 0 }],
      exports: { act: ['function', 1] },
    });
    const { frames } = faultOf(thrownBy(module, { host: { f: () => undefined } }));
    expect(frames.map(({ functionIndex }) => functionIndex)).toEqual([1]);
  });

  test('are those of the guest alone, also beneath a host function', () => {
    const module = moduleOf(ins.call(0), {
      imports: [{ module: 'host', name: 'f', kind: 'function', type: 0 }],
      exports: { act: ['function', 1] },
    });
    const thrown = thrownBy(module, {
      host: {
        f() {
          throw new Error('not today');
        },
      },
    });
    expect(faultOf(thrown).frames.map(({ functionIndex }) => functionIndex)).toEqual([1]);
  });

  test('are none where nothing is known', () => {
    const bare = new Error('bare');
    bare.stack = '';
    expect([faultOf(bare).frames, faultOf('text').frames]).toEqual([[], []]);
  });
});

describe('the stack traces of the host', () => {
  const formats: readonly (readonly [title: string, format: typeof Error.prepareStackTrace | undefined])[] = [
    ['none', undefined],
    ['one that makes text', (error) => `mine: ${error.message}`],
    ['one that makes something else', (_error, sites) => sites],
    [
      'one that fails',
      () => {
        throw new Error('no format');
      },
    ],
  ];

  test.each(formats)('keep their format: %s', (_title, format) => {
    Reflect.set(Error, 'prepareStackTrace', format);
    try {
      const { frames } = faultOf(thrownBy(moduleOf(UNREACHABLE)));
      expect(frames.map(({ functionIndex }) => functionIndex)).toEqual([0]);
      expect(Error.prepareStackTrace).toBe(format);
    } finally {
      Reflect.deleteProperty(Error, 'prepareStackTrace');
    }
  });

  test.each(formats)('may fail, and the fault of a host function is told: %s', (_title, format) => {
    Reflect.set(Error, 'prepareStackTrace', format);
    try {
      expect(faultOf(new Error('refused'))).toMatchObject({ kind: 'host-error', message: 'Error: refused' });
    } finally {
      Reflect.deleteProperty(Error, 'prepareStackTrace');
    }
  });

  test('are read as they are where their format cannot be changed', () => {
    Object.defineProperty(Error, 'prepareStackTrace', {
      value: undefined,
      writable: false,
      configurable: true,
    });
    try {
      const { frames } = faultOf(thrownBy(moduleOf(UNREACHABLE)));
      expect(frames.map(({ functionIndex }) => functionIndex)).toEqual([0]);
    } finally {
      Reflect.deleteProperty(Error, 'prepareStackTrace');
    }
  });

  test('are not touched where a watchdog may end it in the middle', () => {
    const seen: unknown[] = [];
    const format: typeof Error.prepareStackTrace = (error) => {
      seen.push(error);
      return 'mine';
    };
    const thrown = thrownBy(moduleOf(UNREACHABLE));
    Reflect.set(Error, 'prepareStackTrace', format);
    try {
      const { frames } = runWithTimeLimit(60_000, () => faultOf(thrown));
      expect([frames, seen]).toEqual([[], [thrown]]);
    } finally {
      Reflect.deleteProperty(Error, 'prepareStackTrace');
    }
  });
});

describe('the memory quota', () => {
  const stopped = () => thrownBy(moduleOf(UNREACHABLE));

  test('turns what allocators do at it into a fault of its own', () => {
    expect(faultOf(stopped(), { memoryAtQuota: true })).toMatchObject({
      kind: 'memory-limit',
      message: 'the memory quota is used up',
    });
  });

  test('turns no other trap into one', () => {
    const thrown = thrownBy(moduleOf([...FAR, ...ins.i32Load, ...ins.drop]));
    expect(faultOf(thrown, { memoryAtQuota: true }).kind).toBe('trap');
  });

  test('turns nothing a host function throws into one', () => {
    expect(faultOf(new Error('unreachable'), { memoryAtQuota: true }).kind).toBe('host-error');
  });
});

describe('what is no trap', () => {
  test('the guest’s own time limit', () => {
    expect(faultOf(new GuestTimeout())).toMatchObject({ kind: 'timeout', message: 'the time limit passed' });
  });

  test('the watchdog', () => {
    const loop = moduleOf([0x03, 0x40, 0x0c, 0, 0x0b]);
    let thrown: unknown = null;
    try {
      runWithTimeLimit(1, () => thrownBy(loop));
    } catch (error) {
      thrown = error;
    }
    expect(faultOf(thrown)).toMatchObject({ kind: 'timeout', message: 'the time limit passed' });
  });

  test('AssemblyScript’s abort is a trap with its own words', () => {
    const message = 'Index out of range in ~lib/array.ts(114:42)';
    expect(faultOf(new GuestAbort(message))).toMatchObject({ kind: 'trap', message });
  });

  const strange = Object.create(null) as object;
  const stackless = Object.assign(new Error('stackless'), { stack: undefined });
  const odd = Object.assign(new Error('odd'), { stack: 5 as unknown as string });
  const refusing = (): never => {
    throw new Error('not to be read');
  };
  const hiding = (name: string): Error => Object.defineProperty(new Error('hidden'), name, { get: refusing });
  const numbered = Object.assign(new Error(), { message: 7 as unknown as string });
  const unnamed = Object.assign(new Error('unnamed'), { name: Symbol('n') as unknown as string });
  test.each([
    ['an error', new TypeError('no such user'), 'TypeError: no such user'],
    ['a RangeError that is no stack overflow', new RangeError('too big'), 'RangeError: too big'],
    ['an error without a stack', stackless, 'Error: stackless'],
    ['an error with a stack that is no text', odd, 'Error: odd'],
    ['an error whose stack cannot be read', hiding('stack'), 'Error: hidden'],
    [
      'an error whose message cannot be read',
      hiding('message'),
      'Error: its name and message cannot be read',
    ],
    ['an error whose message is no text', numbered, 'Error: 7'],
    ['an error whose name is no text', unnamed, 'Symbol(n): unnamed'],
    [
      'an object whose code cannot be read',
      Object.defineProperty({}, 'code', { get: refusing }),
      '[object Object]',
    ],
    ['an object that is no text either', { toString: refusing, [Symbol.toPrimitive]: refusing }, '[object]'],
    ['a string', 'text', 'text'],
    ['a number', 7, '7'],
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['an object', {}, '[object Object]'],
    ['an object without a prototype', strange, expect.any(String)],
  ])('%s is a host function’s fault', (_title, thrown, message) => {
    expect(faultOf(thrown)).toMatchObject({ kind: 'host-error', message, activity: 'act', generation: 3 });
  });
});

describe('a fault', () => {
  test('from outside carries what is known and no frames', () => {
    const where = { activity: 'act', generation: 2, exitStatus: 9 };
    expect(faultFromOutside('exit', 'exit(9)', where)).toEqual({
      kind: 'exit',
      message: 'exit(9)',
      frames: [],
      ...where,
    });
    expect(faultFromOutside('killed', 'killed', { activity: null, generation: 0 }).exitStatus).toBeNull();
  });

  test('is frozen, frames included, and can be sent to another thread', () => {
    const fault = faultOf(thrownBy(moduleOf(UNREACHABLE)));
    expect(fault.frames).not.toEqual([]);
    expect([fault, fault.frames, ...fault.frames].every((each) => Object.isFrozen(each))).toBe(true);
    expect(structuredClone(fault)).toEqual(fault);
  });

  test('travels in an error that names process, kind and call', () => {
    const fault = faultOf(new GuestAbort('broken'));
    const error = new GuestFaultError('counter#1', fault);
    expect(error).toMatchObject({ code: 'GUEST_FAULT', culprit: 'counter#1', fault });
    expect(error.message).toBe('GUEST_FAULT: counter#1: trap in act: broken');
    const idle = faultFromOutside('killed', 'killed', { activity: null, generation: 0 });
    expect(new GuestFaultError('counter#1', idle).message).toMatch(/killed in no call/);
  });
});

describe('the text of a fault', () => {
  test('is bounded, whoever has written it', () => {
    const long = 'x'.repeat(1_000_000);
    const where = { activity: null, generation: 0 };
    const texts = [
      faultFromException(new GuestAbort(long), { ...where, memoryAtQuota: false }),
      faultFromException(new Error(long), { ...where, memoryAtQuota: false }),
      faultFromOutside('host-error', long, where),
    ].map(({ message }) => message);
    for (const text of texts) {
      expect(text).toHaveLength(1000);
      expect(text.endsWith('xxx...')).toBe(true);
    }
  });
});
