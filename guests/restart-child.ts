// The child of restart-parent: four steps, each adding its text to a message in persistent memory (reference, section 6.2).
// Argument: [length of a step in ms = 5]. It must store its checkpoint last, so that an interrupted step is simply repeated.
//
// A repeated step must come to the same end (reference, section 8, rule 3). In persistent memory that is easy: the text goes to
// a place computed from the checkpoint. The console is another matter, since what was printed cannot be taken back.
// Therefore the message is printed once, whole, in one write, by the last step; and that step first waits until the parent
// has said in its block that it will crash no more. After that only a failure from elsewhere, in the instant between the write
// and the done mark, could have the message printed again: no program can close that gap by itself.
// A child that is spawned again when it is done finds the mark and ends cleanly, so that the group can end.
import { argv, exit, HR_EXIT_HDL, monotonicUs, write } from '../abi/assemblyscript/index.ts';
import {
  CHILD_CHECKPOINT,
  CHILD_DONE,
  CHILD_RESTARTED,
  CHILD_SIZE,
  deadlineUs,
  groupBlock,
  numberArgument,
  PARENT_CALM,
  PARENT_SIZE,
  STEP_COUNT,
} from './restart-blocks.ts';

export { __stack_pointer } from 'memory';

/** Bytes of the block CHILD_MESSAGE. */
const MESSAGE_SIZE = 100;
/** Bytes of every step's text. */
const STEP_TEXT_SIZE = 8;
/** The parent of a whole group is restarted within this time, or is not coming back. */
const CALM_TIMEOUT_MS = 10_000;

const stepMs = numberArgument(argv(), 1, 5);
const child = groupBlock('CHILD_PM', CHILD_SIZE);
const parent = groupBlock('PARENT_PM', PARENT_SIZE);
const message = groupBlock('CHILD_MESSAGE', MESSAGE_SIZE);
store<i32>(child, 1, CHILD_RESTARTED);

while (load<i32>(child, CHILD_DONE) === 0) {
  const checkpoint = load<i32>(child, CHILD_CHECKPOINT);
  work();
  append(checkpoint);
  if (checkpoint === STEP_COUNT - 1) {
    waitForCalm();
    printMessage();
    store<i32>(child, 1, CHILD_DONE);
  }
  store<i32>(child, (checkpoint + 1) % STEP_COUNT, CHILD_CHECKPOINT);
}
HR_EXIT_HDL();
exit(0);

/** What a step takes its time for. */
function work(): void {
  const deadline = deadlineUs(stepMs);
  while (monotonicUs() < deadline) {}
}

/** Writes the text of step `checkpoint` + 1 to its place in the message. */
function append(checkpoint: i32): void {
  const text = ` STEP ${checkpoint + 1} `;
  String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, message + checkpoint * STEP_TEXT_SIZE);
}

function waitForCalm(): void {
  const deadline = deadlineUs(CALM_TIMEOUT_MS);
  while (monotonicUs() < deadline && load<i32>(parent, PARENT_CALM) === 0) {}
}

function printMessage(): void {
  const steps = String.UTF8.decodeUnsafe(message, STEP_COUNT * STEP_TEXT_SIZE);
  write(`=========== Message ===========\n${steps}\n======== End of message========\n`);
}
