// Measures several cases side by side: they take turns in short slices, so that whatever disturbs the machine disturbs all of them
// alike. It keeps every sample after the warm-up and must never judge what a case says of itself.

/** Something whose time is taken. */
export interface Timed {
  /** For messages. */
  readonly name: string;
  /** Brings about what `run` begins with; its time is not counted. */
  readonly prepare?: () => void | Promise<void>;
  /**
   * What is timed. Throws when it did not do what it is there for. Where there are `parts`, it resolves with the time of each, in
   * microseconds and in their order.
   */
  readonly run: () => void | Promise<void> | Promise<readonly number[]>;
  /** Names of times that only `run` itself can take: of something within it, or in another process. Default none. */
  readonly parts?: readonly string[];
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

/** The samples of one case: its own, and those of its parts behind them. */
interface Series {
  readonly timed: Timed;
  readonly own: number[];
  readonly parts: readonly number[][];
}

/**
 * Samples of each case, in the order of `cases`, in microseconds an operation; those of its parts follow those of the case. Every case
 * gets at least one.
 */
export async function measure(
  cases: readonly Timed[],
  pace: Pace,
  instruments: Instruments,
): Promise<readonly (readonly number[])[]> {
  const startMs = instruments.nowMs();
  const isFull = ({ own }: Series): boolean => own.length >= pace.maxSamples;
  const takeTurns = async (untilMs: number): Promise<readonly Series[]> => {
    const all = cases.map((timed): Series => ({ timed, own: [], parts: (timed.parts ?? []).map(() => []) }));
    do {
      for (const series of all) if (!isFull(series)) await takeTurn(series, pace, instruments);
    } while (instruments.nowMs() < untilMs && !all.every(isFull));
    return all;
  };
  await takeTurns(startMs + pace.budgetMs * WARM_UP_SHARE);
  const measured = await takeTurns(startMs + pace.budgetMs);
  return measured.flatMap(({ own, parts }) => [own, ...parts]);
}

async function takeTurn({ timed, own, parts }: Series, pace: Pace, instruments: Instruments): Promise<void> {
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
      const partsUs = (pending === undefined ? undefined : await pending) ?? [];
      own.push(((nowMs() - startMs) * US_PER_MS) / (timed.operations ?? 1));
      if (partsUs.length !== parts.length)
        throw new Error(`${timed.name} told the times of ${partsUs.length} parts, not of ${parts.length}`);
      for (const [part, partUs] of partsUs.entries()) parts[part]?.push(partUs);
    } while (own.length < pace.maxSamples && nowMs() < sliceEndMs);
  } finally {
    clearTimeout(watchdog);
  }
}
