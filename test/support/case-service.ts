// The other side of a case worker: runs cases as it is told, so that one that hangs or ends its host is seen by another process. It ends with
// whoever started it.
import type { CaseOutcome, ChunkOrder } from './case-messages.js';

/** Adds up what came of several cases. */
export class OutcomeSum {
  readonly #counts = new Map<string, number>();
  readonly #failures: string[] = [];
  #executions = 0;

  add({ counts, executions, failures }: CaseOutcome): void {
    for (const [label, count] of Object.entries(counts))
      this.#counts.set(label, (this.#counts.get(label) ?? 0) + count);
    this.#executions += executions;
    this.#failures.push(...failures);
  }

  outcome(): CaseOutcome {
    return {
      counts: Object.fromEntries(this.#counts),
      executions: this.#executions,
      failures: this.#failures,
    };
  }
}

/** Says that it is ready, and serves from then on. */
export function serveCases(runCase: (seed: number, number: number) => Promise<CaseOutcome>): void {
  const run = async ({ seed, from, to }: ChunkOrder): Promise<CaseOutcome> => {
    const sum = new OutcomeSum();
    for (let number = from; number < to; number += 1) sum.add(await runCase(seed, number));
    return sum.outcome();
  };
  process.on('message', (order: ChunkOrder) => {
    // A promise nobody waits for: what goes wrong in it ends this process, which is noticed.
    void run(order).then((outcome) => process.send?.(outcome));
  });
  process.on('disconnect', () => process.exit());
  process.send?.(new OutcomeSum().outcome());
}
