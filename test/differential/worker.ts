// A thread of a differential run: makes and compares the modules of the seeds it is sent, one after another, and says after each what came of it.
// It must not decide what to do next, since it may be ended at any moment.
import { parentPort } from 'node:worker_threads';
import { compareModule } from './compare.js';
import { ModuleGenerator } from './generator.js';
import { addOutcome, emptyTally, FINISHED } from './tally.js';

const port = parentPort;
if (port === null) throw new Error('this is a worker');
const generator = new ModuleGenerator();

/** One seed at a time: the next is sent when the last has been answered. */
port.on('message', (seed: number) => {
  if (seed === FINISHED) {
    generator[Symbol.dispose]();
    port.close();
    return;
  }
  void generator.make(seed).then(({ bytes, features }) => {
    const tally = emptyTally();
    try {
      addOutcome(tally, seed, features, compareModule(bytes));
    } catch (error) {
      const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
      addOutcome(tally, seed, features, { kind: 'differs', what });
    }
    port.postMessage(tally);
  });
});
