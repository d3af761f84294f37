// The guard against getting slower: what it finds, what it excuses, and what is accepted. On figures that are known.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accept, breaches, parseTolerances, type Tolerances, writeTolerances } from '../../../bench/check.js';
import { type Comparison, compare } from '../../../bench/report.js';
import type { MeasuredPoint, Target } from '../../../bench/row.js';

function figure(name: string, p50: number) {
  return { name, count: 1, p50, p99: p50 };
}

function point(name: string, ours: number, targets: readonly Target[]): MeasuredPoint {
  const others = { floors: [figure('copy', 10), figure('drop', 20)], peers: [figure('plain', 1000)] };
  return { name, unit: 'us', ours: figure('ours', ours), ...others, targets };
}

const TARGETS: readonly Target[] = [
  { than: 'floor', atMost: 2 },
  { than: 'peer', name: 'plain', timesFaster: 5 },
  { than: 'value', atMost: 100 },
];
const ROWS = ['r'];

/** A row of one point that takes `ours`: 10 at the floor, 1000 at the peer, 100 at the bound. */
function run(ours: number): readonly Comparison[] {
  return compare('r', [point('p', ours, TARGETS)]);
}

const EMPTY: Tolerances = { factor: 1.5, accepted: {} };
const ACCEPTED = accept(EMPTY, ROWS, run(20), []);

describe('accept', () => {
  it('writes down what has a target, ours over the other, sorted', () => {
    expect(Object.entries(ACCEPTED.accepted)).toEqual([
      ['r | p | floor', { ratio: 2 }],
      ['r | p | peer plain', { ratio: 0.02 }],
      ['r | p | value', { ratio: 0.2 }],
    ]);
  });

  it('keeps factors, other rows and points that were left out, and drops what is there no more', () => {
    const before: Tolerances = {
      factor: 1.7,
      accepted: {
        'r | p | floor': { ratio: 9, factor: 3 },
        'r | large, 1 | floor': { ratio: 4 },
        'r | gone | floor': { ratio: 4 },
        'rr | p | floor': { ratio: 5 },
      },
    };
    const { factor, accepted } = accept(before, ROWS, run(20), [{ row: 'r', points: 'large' }]);
    expect(factor).toBe(1.7);
    expect(accepted['r | p | floor']).toEqual({ ratio: 2, factor: 3 });
    expect(Object.keys(accepted)).toEqual([
      'r | large, 1 | floor',
      'r | p | floor',
      'r | p | peer plain',
      'r | p | value',
      'rr | p | floor',
    ]);
  });

  it('rounds to three digits, never down, and less than one part in a hundred up', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e9, noNaN: true }), (ours) => {
        const { accepted } = accept(EMPTY, ROWS, run(ours), []);
        const rounded = accepted['r | p | floor']?.ratio ?? 0;
        expect(rounded).toBeGreaterThanOrEqual(ours / 10);
        expect(rounded).toBeLessThanOrEqual((ours / 10) * 1.0101);
        expect(Number(rounded.toPrecision(3))).toBe(rounded);
      }),
    );
  });
});

describe('breaches', () => {
  it.each([
    ['the same', 20, []],
    ['better', 1, []],
    ['worse within the tolerance', 29, []],
    ['worse', 31, ['r | p | floor: 3.10x', 'r | p | peer plain: 0.0310x', 'r | p | value: 0.310x']],
  ])('of what is %s', (_, ours, expected) => {
    const found = breaches(ACCEPTED, ROWS, run(ours), []);
    expect(found.map((sentence) => sentence.split(' is worse')[0])).toEqual(expected);
  });

  it("goes by an entry's own factor", () => {
    const { accepted } = ACCEPTED;
    const floor = { ratio: 2, factor: 3 };
    const found = breaches(
      { factor: 1.5, accepted: { ...accepted, 'r | p | floor': floor } },
      ROWS,
      run(59),
      [],
    );
    expect(found).toHaveLength(2);
  });

  it('finds what nothing has been accepted of, and what was not measured', () => {
    expect(breaches(EMPTY, ROWS, run(1), [])[0]).toContain('nothing has been accepted');
    expect(breaches(ACCEPTED, ROWS, [], [])).toHaveLength(3);
  });

  it.each([
    ['its row was not run', ['s'], []],
    ['the point was left out', ROWS, [{ row: 'r', points: 'p' }]],
    ['the row was left out', ROWS, [{ row: 'r', points: '' }]],
  ])('excuses what was not measured when %s', (_, rows, leftOut) => {
    expect(breaches(ACCEPTED, rows, [], leftOut)).toEqual([]);
  });
});

describe('the file', () => {
  it('is read as it was written', () => {
    const tolerances = {
      factor: 2,
      accepted: { ...ACCEPTED.accepted, 'a "b" | c | floor': { ratio: 1, factor: 4 } },
    };
    expect(parseTolerances(writeTolerances(tolerances))).toEqual(tolerances);
    expect(parseTolerances(writeTolerances(EMPTY))).toEqual(EMPTY);
  });

  it.each([
    ['{}', 'factor'],
    ['{ "factor": 0, "accepted": {} }', 'factor'],
    ['{ "factor": 1, "accepted": { "a": { "ratio": "2" } } }', 'a must be'],
    ['{ "factor": 1, "accepted": { "a": { "ratio": 2, "factor": -1 } } }', 'a, factor'],
  ])('%s is refused', (text, message) => {
    expect(() => parseTolerances(text)).toThrow(message);
  });
});
