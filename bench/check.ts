// The guard against getting slower: the ratios of a run beside those that were accepted before. Ratios, never times, since times say more of the
// machine than of us. Pure; it reads and writes no file.
import type { Comparison } from './report.ts';
import { threeDigits } from './table.ts';

/** The committed tolerances. */
export interface Tolerances {
  /** How much worse than accepted a ratio may be where its entry says nothing else. */
  readonly factor: number;
  /** By row, point and what it is compared with, in that order. */
  readonly accepted: Readonly<Record<string, Tolerance>>;
}

export interface Tolerance {
  /** Ours over the other's. */
  readonly ratio: number;
  readonly factor?: number;
}

/** What a run did not measure: points of a row whose names begin so. */
export interface LeftOut {
  readonly row: string;
  readonly points: string;
}

const SEPARATOR = ' | ';
const SIGNIFICANT_DIGITS = 3;

/** Comparisons with a target are guarded, the cheapest floor whichever it is: what has none is shown, not held to anything. */
function guarded(comparisons: readonly Comparison[]): ReadonlyMap<string, number> {
  return new Map(
    comparisons.flatMap((comparison): [string, number][] => {
      const { row, point, against, name, target, ratio } = comparison;
      if (target === null || ratio === null) return [];
      const what = against === 'peer' || against === 'point' ? `${against} ${name}` : against;
      return [[[row, point, what].join(SEPARATOR), ratio]];
    }),
  );
}

function isOf(key: string, rows: readonly string[]): boolean {
  return rows.some((row) => key.startsWith(`${row}${SEPARATOR}`));
}

function isLeftOut(key: string, leftOut: readonly LeftOut[]): boolean {
  return leftOut.some(({ row, points }) => key.startsWith(`${row}${SEPARATOR}${points}`));
}

/** One sentence for each ratio that is worse than its tolerance, that has none, or that was not measured though its row was. Empty: all is well. */
export function breaches(
  tolerances: Tolerances,
  rows: readonly string[],
  comparisons: readonly Comparison[],
  leftOut: readonly LeftOut[],
): readonly string[] {
  const ratios = guarded(comparisons);
  const measured = [...ratios].flatMap(([key, ratio]) => {
    const tolerance = tolerances.accepted[key];
    if (tolerance === undefined)
      return [`${key}: ${threeDigits(ratio)}x, and nothing has been accepted yet (--accept)`];
    const factor = tolerance.factor ?? tolerances.factor;
    if (ratio <= tolerance.ratio * factor) return [];
    return [
      `${key}: ${threeDigits(ratio)}x is worse than accepted: ${tolerance.ratio}x, and ${factor} times that`,
    ];
  });
  const missing = Object.keys(tolerances.accepted)
    .filter((key) => isOf(key, rows) && !ratios.has(key) && !isLeftOut(key, leftOut))
    .map((key) => `${key}: was not measured`);
  return [...measured, ...missing];
}

/** The tolerances with the ratios of this run, each rounded up. Factors stay, and so do entries of rows and points that were not measured. */
export function accept(
  tolerances: Tolerances,
  rows: readonly string[],
  comparisons: readonly Comparison[],
  leftOut: readonly LeftOut[],
): Tolerances {
  const kept = Object.entries(tolerances.accepted).filter(
    ([key]) => !isOf(key, rows) || isLeftOut(key, leftOut),
  );
  const measured = [...guarded(comparisons)].map(([key, ratio]): [string, Tolerance] => {
    const factor = tolerances.accepted[key]?.factor;
    return [key, { ratio: roundUp(ratio), ...(factor === undefined ? {} : { factor }) }];
  });
  const entries = [...kept, ...measured].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return { factor: tolerances.factor, accepted: Object.fromEntries(entries) };
}

/** To three digits, never down. */
function roundUp(ratio: number): number {
  const rounded = Number(ratio.toPrecision(SIGNIFICANT_DIGITS));
  if (rounded >= ratio) return rounded;
  const lastDigit = 10 ** (Math.floor(Math.log10(ratio)) - SIGNIFICANT_DIGITS + 1);
  return Number((rounded + lastDigit).toPrecision(SIGNIFICANT_DIGITS));
}

/** Reads what `writeTolerances` has written. Throws an Error that says what is wrong. */
export function parseTolerances(text: string): Tolerances {
  const { factor, accepted } = JSON.parse(text) as Tolerances;
  requireFactor('factor', factor);
  for (const [key, tolerance] of Object.entries(accepted)) {
    requireFactor(key, tolerance.ratio);
    if (tolerance.factor !== undefined) requireFactor(`${key}, factor`, tolerance.factor);
  }
  return { factor, accepted };
}

function requireFactor(what: string, value: unknown): void {
  if (!(typeof value === 'number' && value > 0))
    throw new Error(`tolerances: ${what} must be a number above zero`);
}

/** One line an entry. */
export function writeTolerances({ factor, accepted }: Tolerances): string {
  const lines = Object.entries(accepted).map(
    ([key, { ratio, factor: own }]) =>
      `    ${JSON.stringify(key)}: { "ratio": ${ratio}${own === undefined ? '' : `, "factor": ${own}`} }`,
  );
  const body = lines.length === 0 ? '{}' : `{\n${lines.join(',\n')}\n  }`;
  return `{\n  "factor": ${factor},\n  "accepted": ${body}\n}\n`;
}
