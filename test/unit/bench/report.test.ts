// Comparisons, ratios and verdicts: what the benchmark says of samples that are known.
import { describe, expect, it } from 'vitest';
import type { Timed } from '../../../bench/measure.js';
import { type Comparison, compare, measuredPoints } from '../../../bench/report.js';
import type { MeasuredPoint, Point, Target } from '../../../bench/row.js';

function figure(name: string, p50: number) {
  return { name, count: 1, p50, p99: p50 };
}

function point(ours: number, given: Partial<MeasuredPoint> = {}): MeasuredPoint {
  return { name: 'p', unit: 'us', ours: figure('ours', ours), floors: [], peers: [], targets: [], ...given };
}

/** What is said of each comparison, without the figures. */
function said(comparisons: readonly Comparison[]) {
  return comparisons.map(({ against, name, ratio, isMet }) => [against, name, ratio, isMet]);
}

describe('measuredPoints', () => {
  it('gives every case its figure, one that is in several points the same', () => {
    const timed = (name: string): Timed => ({ name, run: () => undefined });
    const [ours, floor, peer] = [timed('ours'), timed('floor'), timed('peer')];
    const points: readonly Point[] = [
      { name: 'a', ours, floors: [floor], peers: [peer], targets: [] },
      { name: 'b', unit: 'bytes', ours: floor, targets: [{ than: 'value', atMost: 3 }] },
    ];
    const samples = new Map([
      [ours, [10, 10, 99]],
      [floor, [4]],
      [peer, [50]],
    ]);
    const [a, b] = measuredPoints(points, samples);
    expect(a).toEqual({
      name: 'a',
      unit: 'us',
      ours: { name: 'ours', count: 3, p50: 10, p99: 99 },
      floors: [figure('floor', 4)],
      peers: [figure('peer', 50)],
      targets: [],
    });
    expect(b).toMatchObject({ unit: 'bytes', floors: [], targets: [{ than: 'value', atMost: 3 }] });
    expect(b?.ours).toBe(a?.floors[0]);
  });

  it('refuses a case without samples', () => {
    const ours: Timed = { name: 'ours', run: () => undefined };
    expect(() => measuredPoints([{ name: 'a', ours, targets: [] }], new Map())).toThrow(RangeError);
  });
});

describe('compare', () => {
  it('compares with every floor and holds only the cheapest against the target', () => {
    const floors = [figure('dear', 8), figure('cheap', 5)];
    const comparisons = compare('r', [point(10, { floors, targets: [{ than: 'floor', atMost: 1.5 }] })]);
    expect(said(comparisons)).toEqual([
      ['other floor', 'dear', 1.25, null],
      ['floor', 'cheap', 2, false],
    ]);
    expect(comparisons[1]?.target).toEqual({ atMost: 1.5 });
  });

  it.each<[number, Target, number, boolean]>([
    [10, { than: 'peer', name: 'peer', atMost: 0.5 }, 0.5, true],
    [11, { than: 'peer', name: 'peer', atMost: 0.5 }, 0.55, false],
    [10, { than: 'peer', name: 'peer', timesFaster: 2 }, 0.5, true],
    [10, { than: 'peer', name: 'peer', timesFaster: 2.1 }, 0.5, false],
  ])('holds %d beside a peer of 20 to %j', (ours, target, ratio, isMet) => {
    const peers = [figure('other', 1), figure('peer', 20)];
    const comparisons = compare('r', [point(ours, { peers, targets: [target] })]);
    expect(said(comparisons)).toEqual([
      ['peer', 'other', ours, null],
      ['peer', 'peer', ratio, isMet],
    ]);
  });

  it('compares with another point of the row, wherever it comes', () => {
    const targets: readonly Target[] = [{ than: 'point', name: 'small', atMost: 1.5 }];
    const comparisons = compare('r', [point(6, { name: 'large', targets }), point(3, { name: 'small' })]);
    expect(said(comparisons)).toEqual([
      ['point', 'small', 2, false],
      ['nothing', '', null, null],
    ]);
  });

  it('compares with a bound', () => {
    const targets: readonly Target[] = [{ than: 'value', atMost: 100 }];
    const [comparison] = compare('r', [point(50, { unit: 'bytes', targets })]);
    expect(comparison).toMatchObject({ against: 'value', other: null, ratio: 0.5, isMet: true });
  });

  it.each<[string, Target]>([
    ['a target about a floor', { than: 'floor', atMost: 1 }],
    ['a target about a peer', { than: 'peer', name: 'nobody', atMost: 1 }],
    ['is held to nobody', { than: 'point', name: 'nobody', atMost: 1 }],
  ])('refuses a target about nothing: %s', (message, target) => {
    expect(() => compare('r', [point(1, { targets: [target] })])).toThrow(message);
  });

  it('refuses two points of one name', () => {
    expect(() => compare('r', [point(1), point(2)])).toThrow('two points called p');
  });
});
