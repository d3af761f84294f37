// A process that runs cases of the fuzzer as it is told, so that one that hangs or ends its host is seen by another. It leaves its
// directory to whoever started it, and ends with it.
import { FuzzCases } from './cases.js';
import type { ChunkOrder, ChunkResult } from './messages.js';

const cases = await FuzzCases.make(process.argv[2] ?? '.');

async function run({ seed, from, to }: ChunkOrder): Promise<ChunkResult> {
  const counts: Record<string, number> = {};
  const failures: string[] = [];
  for (let number = from; number < to; number += 1) {
    const { label, failure } = await cases.run(seed, number);
    counts[label] = (counts[label] ?? 0) + 1;
    if (failure !== null) failures.push(failure);
  }
  return { counts, failures };
}

process.on('message', (order: ChunkOrder) => {
  // A promise nobody waits for: what goes wrong in it ends this process, which is noticed.
  void run(order).then((result) => process.send?.(result));
});
process.on('disconnect', () => process.exit());
process.send?.({ counts: {}, failures: [] } satisfies ChunkResult);
