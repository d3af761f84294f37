// A command that carries out its arguments, one after another, and returns from its entry point when there are none left. How often
// it has been entered is counted in the block COMMAND_RUNS, so that a test can say what happens in the first run only.
//
//   first:<verb>  the verb in the first run only      again:<verb>  the verb in every later run
//   print:<text>  exit:<status>  handler  trap  checkpoint  spin  spawn:<name>=<path>=<argument>
import {
  BlockPointer,
  DeletionKey,
  errno,
  exit,
  HR_EXIT_HDL,
  hrCheckpoint,
  hrfexecv,
  K_OK,
  PmmName,
  pmmAllocate,
  print,
} from '../../abi/assemblyscript/index.ts';
import { argv } from '../../abi/assemblyscript/process.ts';

export { __stack_pointer } from 'memory';

const args = argv();
const runs = new BlockPointer();
const name = args.length > 1 ? args[1] : 'COMMAND';
assert(
  pmmAllocate(runs, new PmmName(`${name}_RUNS`), sizeof<i32>(), new DeletionKey('command')) === K_OK,
  'no block to count runs in',
);
store<i32>(runs.address, load<i32>(runs.address) + 1);
const isFirst = load<i32>(runs.address) === 1;

for (let index = 2; index < args.length; index++) {
  const verb = args[index];
  if (verb.startsWith('first:')) {
    if (isFirst) perform(verb.substring('first:'.length));
  } else if (verb.startsWith('again:')) {
    if (!isFirst) perform(verb.substring('again:'.length));
  } else {
    perform(verb);
  }
}

function perform(verb: string): void {
  const colon = verb.indexOf(':');
  const operand = colon < 0 ? '' : verb.substring(colon + 1);
  const action = colon < 0 ? verb : verb.substring(0, colon);
  if (action === 'print') print(operand);
  else if (action === 'exit') exit(I32.parseInt(operand));
  else if (action === 'handler') HR_EXIT_HDL();
  else if (action === 'checkpoint') print(`checkpoint ${hrCheckpoint()} errno ${errno()}`);
  else if (action === 'spin') while (true) {}
  else if (action === 'spawn') spawn(operand.split('='));
  else unreachable();
}

/** The argument, when there is one, is handed on to probe-command as the name it counts under and its verbs. */
function spawn(parts: string[]): void {
  const path = parts[1];
  const childArgs = [path].concat(parts.slice(2));
  const pid = hrfexecv(new PmmName(parts[0]), path, null, null, childArgs);
  if (pid < 0) print(`spawn ${parts[0]} errno ${errno()}`);
}
