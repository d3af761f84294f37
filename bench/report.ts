// From samples to comparisons: each point beside its floors, its peers and its targets, all measured in the same run. Pure; it must not decide
// how they are shown, and nothing here knows what was measured.
import type { Timed } from './measure.ts';
import type { Figure, MeasuredPoint, Point, Target, Unit } from './row.ts';
import { summarize } from './statistics.ts';

/** What ours is compared with. `floor` is the cheapest of the point, `other floor` any other; `value` is a bound, not a figure. */
export type Against = 'floor' | 'other floor' | 'peer' | 'point' | 'value' | 'nothing';

/** One line of the table. */
export interface Comparison {
  readonly row: string;
  readonly point: string;
  readonly unit: Unit;
  readonly ours: Figure;
  readonly against: Against;
  /** Name of the floor, peer or point; empty where there is none. */
  readonly name: string;
  /** Null where the comparison is with a bound, or with nothing. */
  readonly other: Figure | null;
  /** Ours over the other's, or over the bound, by the medians. Null: nothing to compare with. */
  readonly ratio: number | null;
  /** Null where the comparison has no target. */
  readonly target: { readonly atMost: number } | { readonly timesFaster: number } | null;
  /** Null where there is no target. */
  readonly isMet: boolean | null;
}

/** The figures of `points` from the samples of their cases. Throws a RangeError when a case has none. */
export function measuredPoints(
  points: readonly Point[],
  samples: ReadonlyMap<Timed, readonly number[]>,
): readonly MeasuredPoint[] {
  const figures = new Map<Timed, Figure>();
  const figureOf = (timed: Timed): Figure => {
    const known = figures.get(timed);
    if (known !== undefined) return known;
    const figure = { name: timed.name, ...summarize(samples.get(timed) ?? []) };
    figures.set(timed, figure);
    return figure;
  };
  return points.map(({ name, unit = 'us', ours, floors = [], peers = [], targets }) => ({
    name,
    unit,
    ours: figureOf(ours),
    floors: floors.map(figureOf),
    peers: peers.map(figureOf),
    targets,
  }));
}

/** Every comparison of a row, point by point: floors, peers, then targets that are about something else. Throws where a target is about nothing. */
export function compare(row: string, points: readonly MeasuredPoint[]): readonly Comparison[] {
  const names = points.map(({ name }) => name);
  const twice = names.find((name, position) => names.indexOf(name) !== position);
  if (twice !== undefined) throw new Error(`${row} has two points called ${twice}`);
  return points.flatMap((point) => comparisonsOf(row, point, points));
}

type Bare = Pick<Comparison, 'against' | 'name' | 'other'> & { readonly held: Target | null };

function comparisonsOf(
  row: string,
  point: MeasuredPoint,
  all: readonly MeasuredPoint[],
): readonly Comparison[] {
  const { floors, peers, targets, ours, unit } = point;
  const cheapest = floors.toSorted((a, b) => a.p50 - b.p50)[0];
  const held = new Set<Target>();
  const heldTo = (isMeant: (target: Target) => boolean): Target | null => {
    const target = targets.find((each) => !held.has(each) && isMeant(each)) ?? null;
    if (target !== null) held.add(target);
    return target;
  };
  const bare: Bare[] = [
    ...floors.map((other): Bare => {
      const isCheapest = other === cheapest;
      return {
        against: isCheapest ? 'floor' : 'other floor',
        name: other.name,
        other,
        held: isCheapest ? heldTo(({ than }) => than === 'floor') : null,
      };
    }),
    ...peers.map((other): Bare => {
      const target = heldTo((each) => each.than === 'peer' && each.name === other.name);
      return { against: 'peer', name: other.name, other, held: target };
    }),
  ];
  for (const target of targets) {
    if (target.than === 'value') bare.push({ against: 'value', name: '', other: null, held: target });
    else if (target.than === 'point') {
      const other = all.find(({ name }) => name === target.name)?.ours ?? null;
      if (other === null)
        throw new Error(`${row}: ${point.name} is held to ${target.name}, which was not measured`);
      bare.push({ against: 'point', name: target.name, other, held: target });
    } else if (!held.has(target))
      throw new Error(`${row}: ${point.name} has a target about a ${target.than} it has not`);
  }
  if (bare.length === 0) bare.push({ against: 'nothing', name: '', other: null, held: null });
  return bare.map(({ held: target, ...rest }) => ({
    row,
    point: point.name,
    unit,
    ours,
    ...rest,
    ...verdict(ours, rest.other, target),
  }));
}

function verdict(
  ours: Figure,
  other: Figure | null,
  target: Target | null,
): Pick<Comparison, 'ratio' | 'target' | 'isMet'> {
  if (target === null)
    return { ratio: other === null ? null : ours.p50 / other.p50, target: null, isMet: null };
  if ('timesFaster' in target) {
    const { timesFaster } = target;
    const ratio = ours.p50 / (other?.p50 ?? 0);
    return { ratio, target: { timesFaster }, isMet: ratio * timesFaster <= 1 };
  }
  const { atMost } = target;
  if (target.than === 'value')
    return { ratio: ours.p50 / atMost, target: { atMost }, isMet: ours.p50 <= atMost };
  const ratio = ours.p50 / (other?.p50 ?? 0);
  return { ratio, target: { atMost }, isMet: ratio <= atMost };
}
