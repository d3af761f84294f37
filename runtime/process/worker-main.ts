// The worker thread's side of the placement `thread`: hosts one guest at a time and does what it is told, in order. It never
// decides anything and keeps nothing of a guest that was unloaded.
import { parentPort, workerData } from 'node:worker_threads';
import { RekindleError } from '../errors.ts';
import { InvariantViolation, invariant } from '../invariant.ts';
import { WORKER_REPLY_TIMEOUT_MS } from '../limits.ts';
import { BankView } from '../memory/bank-view.ts';
import { ValueError } from './assemblyscript-values.ts';
import { loadEmbedderFactory } from './embedder-imports.ts';
import { Guest } from './guest.ts';
import { toPortable } from './portable-error.ts';
import type { GuestProgram, RunOutcome } from './program.ts';
import { RemoteServices } from './remote-services.ts';
import { systemCircumstances } from './system-circumstances.ts';
import {
  type FromWorker,
  SIGNAL_ENDING,
  SIGNAL_EXCHANGING,
  SIGNAL_STARTED,
  type ToWorker,
  type WorkerBirth,
} from './worker-protocol.ts';

invariant(parentPort !== null, 'this file runs in a worker thread');
const port = parentPort;
const birth = workerData as WorkerBirth;
const bank = new BankView(birth.bank);
const services = new RemoteServices(port, birth.replies, birth.signal);
const signal = new Int32Array(birth.signal);
let guest: Guest | null = null;
/** The present run has failed or ended: what was asked of it after that must not be done. */
let runOver = false;

function post(message: FromWorker): void {
  port.postMessage(message);
}

function current(): Guest {
  invariant(guest !== null, 'a program has been loaded');
  return guest;
}

/** An exchange that would be cut off does not begin: the thread is about to be ended, and waits for it. */
function exchanging(exchange: () => void): void {
  Atomics.store(signal, SIGNAL_EXCHANGING, 1);
  try {
    if (Atomics.load(signal, SIGNAL_ENDING) === 0) exchange();
  } finally {
    Atomics.store(signal, SIGNAL_EXCHANGING, 0);
  }
  if (Atomics.load(signal, SIGNAL_ENDING) === 1)
    Atomics.wait(signal, SIGNAL_ENDING, 1, WORKER_REPLY_TIMEOUT_MS);
}

async function makeGuest(program: GuestProgram): Promise<Guest> {
  const embedder = await loadEmbedderFactory(program.importsUrl);
  return new Guest({ program, bank, services, embedder, circumstances: systemCircumstances, exchanging });
}

async function load(message: ToWorker & { readonly kind: 'load' }): Promise<void> {
  const { program, image, blocks, pid } = message;
  services.pid = pid;
  runOver = false;
  try {
    if (program !== null) {
      guest?.[Symbol.dispose]();
      guest = await makeGuest(program);
    }
    current().load(image, blocks, pid);
    post({ kind: 'loaded', pid });
  } catch (error) {
    if (error instanceof InvariantViolation) throw error;
    post({ kind: 'load-failed', pid, error: toPortable(error) });
  }
}

function ended(pid: number, outcome: RunOutcome): void {
  runOver = outcome.kind !== 'returned';
  post({ kind: 'ended', pid, outcome });
}

function call(message: ToWorker & { readonly kind: 'call' }): void {
  const { pid, request } = message;
  try {
    ended(pid, current().call(request));
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    post({ kind: 'call-refused', pid, message: error.message });
  }
}

function checkpoint(pid: number): void {
  try {
    post({ kind: 'checkpointed', pid, generation: current().checkpoint() });
  } catch (error) {
    if (!(error instanceof RekindleError)) throw error;
    post({ kind: 'checkpoint-failed', pid, error: toPortable(error) });
  }
}

async function handle(message: ToWorker): Promise<void> {
  if (runOver && (message.kind === 'call' || message.kind === 'checkpoint')) return;
  switch (message.kind) {
    case 'load':
      return load(message);
    case 'launch':
      return ended(message.pid, current().start(message.start));
    case 'call':
      return call(message);
    case 'checkpoint':
      return checkpoint(message.pid);
    case 'unload':
      guest?.[Symbol.dispose]();
      guest = null;
      return;
  }
}

// Loading is asynchronous; what was asked for meanwhile must wait its turn.
let previous: Promise<void> = Promise.resolve();
port.on('message', (message: ToWorker) => {
  previous = previous.then(() => handle(message));
});

Atomics.store(signal, SIGNAL_STARTED, 1);
Atomics.notify(signal, SIGNAL_STARTED);
post({ kind: 'started' });
