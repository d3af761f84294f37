// A command that spawns a child and then crashes on purpose, several times over (reference, section 6.2). Arguments:
// [crashes = 8] [patience in ms = 50] [length of a child's step in ms = 5]. It must spawn the child in every run: after a
// restart of the group an indirect process comes back only when its parent asks for it again.
//
// How parent and child interleave. In a thread of its own the child runs beside the parent; inline, it runs only once the
// parent has returned or failed. So the parent waits for the child, but never longer than its patience:
//  - before a crash, until the child has completed another step in this run, so that the crash interrupts the next one;
//  - before its end, until the child is done: a child that fails after its parent's clean end has nobody to spawn it again.
// Inline, both waits run out, every crash finds the child at its beginning, and the child does all its work after the end of
// the parent. What appears on the console is the same.
import {
  argv,
  errno,
  exit,
  HR_EXIT_HDL,
  hrfexecl,
  monotonicUs,
  PmmName,
} from '../abi/assemblyscript/index.ts';
import {
  CHILD_CHECKPOINT,
  CHILD_DONE,
  CHILD_SIZE,
  deadlineUs,
  fail,
  groupBlock,
  numberArgument,
  PARENT_CALM,
  PARENT_COUNTER,
  PARENT_RESTARTED,
  PARENT_SIZE,
  STEP_COUNT,
} from './restart-blocks.ts';

export { __stack_pointer } from 'memory';

const MAX_LOOPS = 8;
const CHILD_PATH = 'restart-child.wasm';

const args = argv();
const crashes = numberArgument(args, 1, MAX_LOOPS);
const patienceMs = numberArgument(args, 2, 50);
const stepMs = numberArgument(args, 3, 5);

const parent = groupBlock('PARENT_PM', PARENT_SIZE);
const child = groupBlock('CHILD_PM', CHILD_SIZE);
store<i32>(parent, 1, PARENT_RESTARTED);
const stepsBefore = load<i32>(child, CHILD_CHECKPOINT);

const pid = hrfexecl(new PmmName('HR_child'), CHILD_PATH, null, null, [CHILD_PATH, stepMs.toString()]);
if (pid < 0) fail(`cannot spawn ${CHILD_PATH}: errno ${errno()}`);

const counter = load<i32>(parent, PARENT_COUNTER);
if (counter < crashes) {
  waitForStep();
  store<i32>(parent, counter + 1, PARENT_COUNTER);
  unreachable();
}

store<i32>(parent, 1, PARENT_CALM);
waitForEnd();
HR_EXIT_HDL();
exit(0);

/** Until the child has gone a step further or has only the last one before it. */
function waitForStep(): void {
  const deadline = deadlineUs(patienceMs);
  while (monotonicUs() < deadline) {
    const steps = load<i32>(child, CHILD_CHECKPOINT);
    if (steps !== stepsBefore || steps === STEP_COUNT - 1) return;
  }
}

function waitForEnd(): void {
  const deadline = deadlineUs(patienceMs);
  while (monotonicUs() < deadline && load<i32>(child, CHILD_DONE) === 0) {}
}
