// A reactor that does nothing but call its embedder, which may call back into this or another process: for what happens when calls
// nest. The embedder provides the module `probe-embedder`.
import { answer, report } from './probe-embedder.ts';

export { __stack_pointer } from 'memory';

let calls: i32 = 0;

/** What the embedder answers to `question`. */
export function ask(question: i32): i32 {
  calls += 1;
  return answer(question);
}

/** Asks the embedder for ever. */
export function askForEver(): void {
  while (true) answer(0);
}

/** How often `ask` was called since the process was last put back. */
export function count(): i32 {
  return calls;
}

/** Works for a number of rounds, tells the embedder, and goes on without end. */
export function reportAndSpin(value: i64): void {
  report(value);
  while (true) {}
}
