// Measures several cases side by side: they take turns in short slices, so that whatever disturbs the machine disturbs all of them
// alike. It keeps every sample after the warm-up and must never judge what a case says of itself.

/** Timed by this file. */
export interface Clocked {
  /** For messages, and in the table. */
  readonly name: string;
  /** Brings about what `run` begins with; its time is not counted. */
  readonly prepare?: () => void | Promise<void>;
  /** What is timed. Throws when it did not do what it is there for. */
  readonly run: () => void | Promise<void>;
  /** Operations in one `run`, where one alone is shorter than the clock can tell. Default 1. */
  readonly operations?: number;
}

/** Takes its own figures: in a worker, in another process, from one event to another, or of something that is no time. */
export interface SelfTimed {
  readonly name: string;
  /** Samples of about so long a turn, in the unit of the point and at least one. Throws when it did not do what it is there for. */
  readonly slice: (sliceMs: number) => Promise<readonly number[]>;
}

export type Timed = Clocked | SelfTimed;

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

/** A case, what was measured of it, and how long its turns have taken so far. */
interface Series {
  readonly timed: Timed;
  readonly samples: number[];
  spentMs: number;
}

/**
 * Samples of each case, in microseconds an operation or in the unit of the case that times itself; at least one of each. A case that is
 * there twice is measured once.
 */
export async function measure(
  cases: readonly Timed[],
  pace: Pace,
  instruments: Instruments,
): Promise<ReadonlyMap<Timed, readonly number[]>> {
  const startMs = instruments.nowMs();
  const takeTurns = async (untilMs: number): Promise<readonly Series[]> => {
    const all = [...new Set(cases)].map((timed): Series => ({ timed, samples: [], spentMs: 0 }));
    for (let next = nextOf(all, pace); next !== null; next = nextOf(all, pace)) {
      if (next.samples.length > 0 && instruments.nowMs() >= untilMs) break;
      const turnStartMs = instruments.nowMs();
      await takeTurn(next.timed, next.samples, pace, instruments);
      next.spentMs += instruments.nowMs() - turnStartMs;
    }
    return all;
  };
  await takeTurns(startMs + pace.budgetMs * WARM_UP_SHARE);
  const measured = await takeTurns(startMs + pace.budgetMs);
  return new Map(measured.map(({ timed, samples }) => [timed, samples]));
}

/**
 * Whose turn it is: of all that had no turn yet the first, then whoever has had the least time, so that one that takes seconds does not keep
 * the others from having samples enough. Null when all are full.
 */
function nextOf(all: readonly Series[], { maxSamples }: Pace): Series | null {
  let next: Series | null = null;
  for (const series of all) {
    if (series.samples.length === 0) return series;
    if (series.samples.length >= maxSamples) continue;
    if (next === null || series.spentMs < next.spentMs) next = series;
  }
  return next;
}

async function takeTurn(
  timed: Timed,
  samples: number[],
  pace: Pace,
  instruments: Instruments,
): Promise<void> {
  const watchdog = setTimeout(() => {
    throw new Error(`${timed.name} did not come to an end within ${pace.turnLimitMs} ms`);
  }, pace.turnLimitMs);
  try {
    instruments.collectGarbage();
    if ('slice' in timed) await takeOwnTimes(timed, samples, pace);
    else await clock(timed, samples, pace, instruments);
  } finally {
    clearTimeout(watchdog);
  }
}

async function takeOwnTimes({ name, slice }: SelfTimed, samples: number[], pace: Pace): Promise<void> {
  const own = await slice(pace.sliceMs);
  if (own.length === 0) throw new Error(`${name} told no figure of a whole turn`);
  for (const sample of own.slice(0, pace.maxSamples - samples.length)) samples.push(sample);
}

async function clock(timed: Clocked, samples: number[], pace: Pace, { nowMs }: Instruments): Promise<void> {
  const sliceEndMs = nowMs() + pace.sliceMs;
  do {
    const preparing = timed.prepare?.();
    if (preparing !== undefined) await preparing;
    const startMs = nowMs();
    const pending = timed.run();
    if (pending !== undefined) await pending;
    samples.push(((nowMs() - startMs) * US_PER_MS) / (timed.operations ?? 1));
  } while (samples.length < pace.maxSamples && nowMs() < sliceEndMs);
}
