// What the fuzzer and the processes that do its work tell each other: plain data, numbers of cases one way and outcomes the other.
// Neither side trusts the other to live long.

/** To a worker: run these cases, `to` not included. */
export interface ChunkOrder {
  readonly seed: number;
  readonly from: number;
  readonly to: number;
}

/** From a worker, once it has its banks, and after each chunk. */
export interface ChunkResult {
  /** How many cases came to each kind of outcome. */
  readonly counts: Readonly<Record<string, number>>;
  /** A line each. */
  readonly failures: readonly string[];
}
