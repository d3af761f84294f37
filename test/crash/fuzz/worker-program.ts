// A process that damages banks and opens them, case by case as it is told. It leaves its directory to whoever started it.
// It must run a case the same way whichever came before.
import { serveCases } from '#test/support/case-service.js';
import { FuzzCases } from './cases.js';

const cases = await FuzzCases.make(process.argv[2] ?? '.');

serveCases(async (seed, number) => {
  const { label, failure } = await cases.run(seed, number);
  return { counts: { [label]: 1 }, executions: 1, failures: failure === null ? [] : [failure] };
});
