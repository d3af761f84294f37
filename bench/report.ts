// From samples to the rows of the report: each case beside the cold start and the floor of the same guest, measured in the same run.
// Pure; it must not decide how the rows are shown.
import type { Timed } from './measure.ts';
import { summarize } from './statistics.ts';

/**
 * What a case is to the others of its scenario and guest: `cold` starts it anew with everything, `kept` is the best that can be had
 * by keeping things, `floor` is the least anything could take. There is at most one of each for a guest.
 */
export type Role = 'measured' | 'cold' | 'kept' | 'floor';

export interface Case extends Timed {
  readonly guest: string;
  /** Null where there is no site. */
  readonly backend: 'mapped' | 'copied' | null;
  readonly role: Role;
  /** Cases compared with each other: those of one subject, and of their parts those of one position. */
  readonly subject: string;
  /** Cases that do the same with more or elsewhere, and ought to take the same time: each is compared with the first. */
  readonly series?: string;
}

export interface Row {
  readonly name: string;
  readonly subject: string;
  readonly guest: string;
  readonly backend: 'mapped' | 'copied' | null;
  readonly samples: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** How many times as long the cold start takes (p50); null where there is none to compare with. */
  readonly coldRatio: number | null;
  /** The same for the cold start that keeps what can be kept. */
  readonly keptRatio: number | null;
  /** How many times as long as the floor it takes (p50); null where there is none. */
  readonly floorRatio: number | null;
  /** How many times as long as the first of its series (p50); null where there is no series. */
  readonly seriesRatio: number | null;
}

/** A case, or a part of it. */
interface Line {
  readonly each: Case;
  readonly name: string;
  /** 0 for the case itself. */
  readonly position: number;
}

function linesOf(each: Case): readonly Line[] {
  return [each.name, ...(each.parts ?? [])].map((name, position) => ({ each, name, position }));
}

/**
 * `samplesUs`: of each case and behind it of its parts, in the order of `cases`. The rows of one guest come one after another, else in
 * that order.
 */
export function reportRows(
  cases: readonly Case[],
  samplesUs: readonly (readonly number[])[],
): readonly Row[] {
  const measured = cases
    .flatMap(linesOf)
    .map((line, index) => ({ ...line, summary: summarize(samplesUs[index] ?? []) }));
  const p50Where = (isMeant: (line: Line) => boolean): number | null =>
    measured.find(isMeant)?.summary.p50 ?? null;
  const rowOf = ({ each, name, position, summary }: (typeof measured)[number]): Row => {
    const { guest, backend, subject, series } = each;
    const p50Of = (role: Role): number | null =>
      p50Where(
        (line) => line.each.subject === subject && line.position === position && line.each.role === role,
      );
    const cold = p50Of('cold');
    const kept = p50Of('kept');
    const floor = p50Of('floor');
    const first =
      series === undefined
        ? null
        : p50Where((line) => line.each.series === series && line.position === position);
    return {
      name,
      subject,
      guest,
      backend,
      samples: summary.count,
      p50Us: summary.p50,
      p99Us: summary.p99,
      coldRatio: cold === null ? null : cold / summary.p50,
      keptRatio: kept === null ? null : kept / summary.p50,
      floorRatio: floor === null ? null : summary.p50 / floor,
      seriesRatio: first === null ? null : summary.p50 / first,
    };
  };
  const guests = [...new Set(cases.map(({ guest }) => guest))];
  return measured.toSorted((a, b) => guests.indexOf(a.each.guest) - guests.indexOf(b.each.guest)).map(rowOf);
}
