// The numbered log of the main job: every step with its time, in milliseconds and in cold starts. It must never print a time alone,
// since a time without a measure beside it says nothing.
import { inspect } from 'node:util';

const NUMBER_WIDTH = 3;
const TIME_WIDTH = 13;
const RATIO_WIDTH = 13;
const MARGIN = '  ';
const INDENT = ' '.repeat(NUMBER_WIDTH + TIME_WIDTH + RATIO_WIDTH) + MARGIN;

/** A step of the story does not hold: the run has failed. */
export class StepFailed extends Error {}

/** Throws StepFailed unless both are the same. */
export function requireSame(what: string, actual: unknown, expected: unknown): void {
  if (Object.is(actual, expected)) return;
  throw new StepFailed(`${what}: expected ${inspect(expected)}, found ${inspect(actual)}`);
}

/** Throws StepFailed unless they differ. */
export function requireOther(what: string, actual: unknown, earlier: unknown): void {
  if (!Object.is(actual, earlier)) return;
  throw new StepFailed(`${what}: is ${inspect(earlier)} as before`);
}

/** The middle of the values, the lower one of two. */
export function median(values: readonly number[]): number {
  const ascending = [...values].sort((a, b) => a - b);
  const middle = ascending[Math.floor((ascending.length - 1) / 2)];
  if (middle === undefined) throw new RangeError('there is no median of nothing');
  return middle;
}

export class StoryLog {
  readonly #print: (line: string) => void;
  readonly #coldStartMs: number;
  #steps = 0;

  /** `coldStartMs`: what the times are held against. */
  constructor(print: (line: string) => void, coldStartMs: number) {
    this.#print = print;
    this.#coldStartMs = coldStartMs;
    print(' '.repeat(NUMBER_WIDTH) + 'time'.padStart(TIME_WIDTH) + 'cold starts'.padStart(RATIO_WIDTH));
  }

  /** One step and what it took. `details` go below it. */
  step(text: string, elapsedMs: number, ...details: readonly string[]): void {
    this.#steps += 1;
    const number = String(this.#steps).padStart(NUMBER_WIDTH);
    const time = `${elapsedMs.toFixed(2)} ms`.padStart(TIME_WIDTH);
    const ratio = (elapsedMs / this.#coldStartMs).toFixed(3).padStart(RATIO_WIDTH);
    this.#print(number + time + ratio + MARGIN + text);
    for (const detail of details) this.#print(INDENT + detail);
  }
}
