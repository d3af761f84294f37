// The table of legal transitions between the states of a process, written out: every pair is tried, and what is not listed must
// be refused as our own bug.
import { describe, expect, test } from 'vitest';
import { InvariantViolation } from '#runtime/invariant.js';
import { type ProcessState, transition } from '#runtime/process/process-state.js';

const STATES = ['loading', 'running', 'ready', 'restarting', 'stopped', 'ended'] as const;

//                          to: loading, running, ready, restarting, stopped, ended
const LEGAL: Readonly<Record<ProcessState, string>> = {
  loading: /*              */ '-        x        -      -           x        x',
  running: /*              */ '-        -        x      x           x        x',
  ready: /*                */ '-        -        -      x           x        x',
  restarting: /*           */ '-        x        -      x           x        x',
  stopped: /*              */ 'x        -        -      x           x        x',
  ended: /*                */ 'x        -        -      x           -        x',
};

const PAIRS = STATES.flatMap((from) =>
  LEGAL[from].split(/ +/).map((mark, index) => ({ from, to: STATES[index] ?? from, legal: mark === 'x' })),
);

describe('transitions', () => {
  test.each(PAIRS.filter(({ legal }) => legal))('$from to $to is legal', ({ from, to }) => {
    expect(transition('a', from, to)).toBe(to);
  });

  test.each(PAIRS.filter(({ legal }) => !legal))('$from to $to is not', ({ from, to }) => {
    const act = () => transition('counter#1', from, to);
    expect(act).toThrow(InvariantViolation);
    expect(act).toThrow(`process counter#1 may not go from ${from} to ${to}`);
  });
});
