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
  /** Cases compared with each other: those of one subject. */
  readonly subject: string;
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
}

/** `samplesUs`: of each case, in the order of `cases`. The rows of one guest come one after another, else in that order. */
export function reportRows(
  cases: readonly Case[],
  samplesUs: readonly (readonly number[])[],
): readonly Row[] {
  const measured = cases.map((each, position) => ({ each, summary: summarize(samplesUs[position] ?? []) }));
  const p50Of = (subject: string, role: Role): number | null =>
    measured.find(({ each }) => each.subject === subject && each.role === role)?.summary.p50 ?? null;
  const guests = [...new Set(cases.map(({ guest }) => guest))];
  measured.sort((a, b) => guests.indexOf(a.each.guest) - guests.indexOf(b.each.guest));
  return measured.map(({ each, summary }) => {
    const { name, guest, backend, subject } = each;
    const cold = p50Of(subject, 'cold');
    const kept = p50Of(subject, 'kept');
    const floor = p50Of(subject, 'floor');
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
    };
  });
}
