// Cases that take their own times, one sample after another until their turn is over. It must not leave out a sample.
import type { SelfTimed } from './measure.ts';

/** `takeOne` resolves with one sample, in the unit of the point; whatever it does around what it times is not counted. */
export function ownTimes(name: string, takeOne: () => Promise<number>): SelfTimed {
  return {
    name,
    slice: async (sliceMs) => {
      const samples: number[] = [];
      const endMs = performance.now() + sliceMs;
      do samples.push(await takeOne());
      while (performance.now() < endMs);
      return samples;
    },
  };
}
