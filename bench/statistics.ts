// Statistics of timing samples as small pure functions. Nothing here knows what was measured, and nothing is smoothed or left out:
// outliers are part of the answer.

/** What is said of one series of samples, in the unit of the samples. */
export interface Summary {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
}

/**
 * The least sample that at least `share` of all samples do not exceed (nearest rank). `ascending` is sorted and not empty; `share`
 * lies in (0, 1].
 */
export function quantile(ascending: readonly number[], share: number): number {
  if (!(share > 0 && share <= 1)) throw new RangeError(`a share of ${share}`);
  const sample = ascending[Math.ceil(share * ascending.length) - 1];
  if (sample === undefined) throw new RangeError('no samples');
  return sample;
}

/** Throws a RangeError when there are no samples. */
export function summarize(samples: readonly number[]): Summary {
  const ascending = [...samples].sort((a, b) => a - b);
  return { count: ascending.length, p50: quantile(ascending, 0.5), p99: quantile(ascending, 0.99) };
}
