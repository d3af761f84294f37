// What a run of numbered cases and the processes that do its work tell each other: plain data, numbers of cases one way and outcomes the
// other. Neither side trusts the other to live long.

/** To a worker: run these cases, `to` not included. */
export interface ChunkOrder {
  readonly seed: number;
  readonly from: number;
  readonly to: number;
}

/** What came of cases. */
export interface CaseOutcome {
  /** How often each kind of thing was seen. */
  readonly counts: Readonly<Record<string, number>>;
  /** What was tried: a case may try many things one after another. */
  readonly executions: number;
  /** A line each. */
  readonly failures: readonly string[];
}
