// The watchdog of inline calls: what passes through it unchanged, what it ends, and how limits nest. Nothing here measures time:
// what must be ended runs without end, and what must not be is over long before its limit.
import { describe, expect, test } from 'vitest';
import { isWatchdogError, runWithTimeLimit } from '#runtime/process/time-limit.js';
import { assemble } from '#test/support/wasm-assembler.js';

const SHORT_MS = 5;
const AMPLE_MS = 60_000;

function forever(): never {
  for (;;);
}

/** An exported function that loops without end: loop, branch to its beginning. */
function endlessGuest(): () => void {
  const bytes = assemble({
    types: [[[], []]],
    functions: [{ type: 0, code: [0x03, 0x40, 0x0c, 0, 0x0b] }],
    exports: { loop: ['function', 0] },
  });
  const { loop } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
  if (typeof loop !== 'function') throw new Error('the module of the test exports loop');
  return () => void loop();
}

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (thrown) {
    return thrown;
  }
  return 'nothing was thrown';
}

describe('within the limit', () => {
  test.each([7, 'text', null, undefined, { deep: true }])('%o is returned as it is', (value) => {
    expect(runWithTimeLimit(AMPLE_MS, () => value)).toBe(value);
  });

  test('what is thrown is thrown on as it is', () => {
    const error = new RangeError('mine');
    const raise = () => {
      throw error;
    };
    expect(thrownBy(() => runWithTimeLimit(AMPLE_MS, raise))).toBe(error);
    expect(isWatchdogError(error)).toBe(false);
  });

  test.each([AMPLE_MS + 0.25, 1e9])('a limit of %d ms is accepted', (limitMs) => {
    expect(runWithTimeLimit(limitMs, () => 1)).toBe(1);
  });
});

describe('beyond the limit', () => {
  test.each([
    ['a loop of JavaScript', forever],
    ['a loop of WebAssembly', endlessGuest()],
  ])('%s is ended, and the next run is none the worse', (_title, body) => {
    expect(isWatchdogError(thrownBy(() => runWithTimeLimit(SHORT_MS, body)))).toBe(true);
    expect(runWithTimeLimit(AMPLE_MS, () => 'next')).toBe('next');
  });

  test('a body that catches everything is ended all the same', () => {
    const stubborn = () => {
      try {
        forever();
      } catch {
        return 'caught';
      } finally {
        forever();
      }
    };
    expect(isWatchdogError(thrownBy(() => runWithTimeLimit(SHORT_MS, stubborn)))).toBe(true);
  });
});

describe('nested limits', () => {
  test('the inner one ends the inner run; the outer one goes on', () => {
    const outer = () => {
      const inner = thrownBy(() => runWithTimeLimit(SHORT_MS, forever));
      return isWatchdogError(inner) ? 'outer goes on' : inner;
    };
    expect(runWithTimeLimit(AMPLE_MS, outer)).toBe('outer goes on');
  });

  test('the outer one ends both', () => {
    let reached = 'not begun';
    const outer = () => {
      reached = 'begun';
      runWithTimeLimit(AMPLE_MS, forever);
      reached = 'after the inner run';
    };
    expect(isWatchdogError(thrownBy(() => runWithTimeLimit(SHORT_MS, outer)))).toBe(true);
    expect(reached).toBe('begun');
  });

  test('bodies are not mixed up', () => {
    const deep = (depth: number): number[] =>
      depth === 0 ? [] : [depth, ...runWithTimeLimit(AMPLE_MS, () => deep(depth - 1)), -depth];
    expect(runWithTimeLimit(AMPLE_MS, () => deep(3))).toEqual([3, 2, 1, -1, -2, -3]);
  });
});

test.each([
  [null, false],
  [undefined, false],
  ['ERR_SCRIPT_EXECUTION_TIMEOUT', false],
  [{ code: 'ENOENT' }, false],
  [new Error('Script execution timed out after 5ms'), false],
  [{ code: 'ERR_SCRIPT_EXECUTION_TIMEOUT' }, true],
])('isWatchdogError(%o) is %o', (thrown, expected) => {
  expect(isWatchdogError(thrown)).toBe(expected);
});
