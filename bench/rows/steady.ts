// The row `steady`: what a guest's own code costs because it could be restarted. The same five loops run in a guest of ours that stands at
// a checkpoint, its memory mapped from the bank, and in a plain instance; both must come to the same sums.
import { join } from 'node:path';
import type { Process } from '#runtime/index.js';
import { TEST_GUESTS } from '#test/support/test-guests.js';
import { expectAnswer } from '../ground.ts';
import { openTirelessSite } from '../marking-site.ts';
import { compileFile, PlainGuest } from '../plain-guest.ts';
import type { Point, Row } from '../row.ts';

const GUEST = 'kernels';
const FILE = `${GUEST}.wasm`;
/** Times as long as in the plain instance: 0.98 of its speed. */
const TARGET = 1.02;

const KERNELS = {
  sieve: 'primes, bytes',
  matrix: 'matrices, f64',
  mix: 'hashing, i32',
  orbit: 'orbits, f64',
  walk: 'a walk over 16 MiB',
} as const;

function point(process: Process, plain: PlainGuest, kernel: keyof typeof KERNELS): Point {
  const bound = process.bind(kernel);
  const bare = plain.function(kernel);
  const answer = bare();
  return {
    name: KERNELS[kernel],
    ours: { name: kernel, run: () => expectAnswer(bound(), answer) },
    floors: [{ name: 'plain instance', run: () => expectAnswer(bare(), answer) }],
    targets: [{ than: 'floor', atMost: TARGET }],
  };
}

export const steady: Row = {
  id: 'steady',
  title: 'five loops of a guest at a checkpoint',
  share: 8,
  run: async ({ measure }) => {
    const directory = TEST_GUESTS;
    await using site = await openTirelessSite({ path: directory }, { warmWorkers: 0 });
    const process = await site.arun(FILE, { placement: 'inline', group: 1 });
    for (const kernel of Object.keys(KERNELS)) process.callSync(kernel);
    await process.checkpoint();
    const plain = new PlainGuest(compileFile(join(directory, FILE)));
    return await measure(
      (Object.keys(KERNELS) as (keyof typeof KERNELS)[]).map((kernel) => point(process, plain, kernel)),
    );
  },
};
