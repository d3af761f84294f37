// Measures several cases side by side: they take turns in short slices, so that whatever disturbs the machine disturbs all of them
// alike. It keeps every sample after the warm-up and must never look at what a case returns.

/** Something whose time is taken. */
export interface Timed {
  /** For messages. */
  readonly name: string;
  /** Brings about what `run` begins with; its time is not counted. */
  readonly prepare?: () => void | Promise<void>;
  /** What is timed. Throws when it did not do what it is there for. */
  readonly run: () => void | Promise<void>;
  /** Operations in one `run`, where one alone is shorter than the clock can tell. Default 1. */
  readonly operations?: number;
}

export interface Pace {
  /** Time for all cases together, warm-up included, in milliseconds. */
  readonly budgetMs: number;
  /** Length of one turn of a case, in milliseconds; a run that takes longer is not cut short. */
  readonly sliceMs: number;
  /** No more samples than this of one case. */
  readonly maxSamples: number;
  /** Longest time a turn may take, in milliseconds: past it the program fails, naming the case. */
  readonly turnLimitMs: number;
}

/** What the measurement takes from the world. */
export interface Instruments {
  /** Milliseconds since an arbitrary point, with a fraction; never goes back. */
  readonly nowMs: () => number;
  /** Called before every turn, outside of its time: no case is to pay for what another left behind. */
  readonly collectGarbage: () => void;
}

const US_PER_MS = 1000;
/** Share of the budget in which the engine may warm up; what is measured there is dropped. */
const WARM_UP_SHARE = 0.2;

/** Samples of each case, in the order of `cases`, in microseconds an operation. Every case gets at least one. */
export async function measure(
  cases: readonly Timed[],
  pace: Pace,
  instruments: Instruments,
): Promise<readonly (readonly number[])[]> {
  const startMs = instruments.nowMs();
  const takeTurns = async (series: readonly number[][], untilMs: number): Promise<void> => {
    do {
      for (const [position, samples] of series.entries()) {
        const timed = cases[position];
        if (timed !== undefined && samples.length < pace.maxSamples)
          await takeTurn(timed, samples, pace, instruments);
      }
    } while (instruments.nowMs() < untilMs && series.some((samples) => samples.length < pace.maxSamples));
  };
  await takeTurns(
    cases.map(() => []),
    startMs + pace.budgetMs * WARM_UP_SHARE,
  );
  const series: number[][] = cases.map(() => []);
  await takeTurns(series, startMs + pace.budgetMs);
  return series;
}

async function takeTurn(
  timed: Timed,
  samples: number[],
  pace: Pace,
  instruments: Instruments,
): Promise<void> {
  const { nowMs, collectGarbage } = instruments;
  const watchdog = setTimeout(() => {
    throw new Error(`${timed.name} did not come to an end within ${pace.turnLimitMs} ms`);
  }, pace.turnLimitMs);
  try {
    collectGarbage();
    const sliceEndMs = nowMs() + pace.sliceMs;
    do {
      await timed.prepare?.();
      const startMs = nowMs();
      const pending = timed.run();
      if (pending !== undefined) await pending;
      samples.push(((nowMs() - startMs) * US_PER_MS) / (timed.operations ?? 1));
    } while (samples.length < pace.maxSamples && nowMs() < sliceEndMs);
  } finally {
    clearTimeout(watchdog);
  }
}
