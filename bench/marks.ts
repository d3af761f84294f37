// The import module `marks` of the benchmark's guests: they say themselves when they leave and when they are at their entry point. It keeps
// times in the guest's own thread, beside the guest, so that no restore takes them back; it must never reach into the guest.

const NS_PER_US = 1000;

/** Microseconds of the machine's monotonic clock: the same in every thread, and in every process. */
export function nowUs(): number {
  return Number(process.hrtime.bigint()) / NS_PER_US;
}

/** What the guests of this thread have marked last. */
const last = { leftUs: 0, enteredUs: 0 };

const MARKS = {
  /** Called by a guest just before it traps, or asks for something. */
  leave: (): void => {
    last.leftUs = nowUs();
  },
  /** Called by a guest first thing at its entry point. */
  enter: (): void => {
    last.enteredUs = nowUs();
  },
  /** When a guest of this thread left last, in microseconds. */
  leftUs: (): number => last.leftUs,
  /** When a guest of this thread was at its entry point last. */
  enteredUs: (): number => last.enteredUs,
  /** From the one to the other. */
  awayUs: (): number => last.enteredUs - last.leftUs,
} as const;

/** For guests in this thread without a site, and for whoever looks at their marks from this thread. */
export const marks = { marks: MARKS } as const;

/** For `importsUrl`. */
export const MARKS_URL = import.meta.url;

export default (): typeof marks => marks;
