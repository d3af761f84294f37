// The worker thread's side of the placement `thread`: hosts one guest at a time and does what it is told, in order. It never
// decides anything and keeps nothing of a guest that was unloaded.
import { parentPort, workerData } from 'node:worker_threads';
import { RekindleError } from '../errors.ts';
import { InvariantViolation, invariant } from '../invariant.ts';
import { WORKER_REPLY_TIMEOUT_MS } from '../limits.ts';
import { BankView } from '../memory/bank-view.ts';
import { ValueError } from './assemblyscript-values.ts';
import { loadEmbedderFactory } from './embedder-imports.ts';
import { toPortableFault } from './fault.ts';
import { Guest, NO_PID } from './guest.ts';
import { toPortable } from './portable-error.ts';
import type { GuestProgram, RunOutcome, StartKind } from './program.ts';
import { rehearse } from './rehearsal.ts';
import { RemoteServices } from './remote-services.ts';
import { systemCircumstances } from './system-circumstances.ts';
import {
  type FromWorker,
  type LoadRequest,
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
let program: GuestProgram | null = null;
let guest: Guest | null = null;
/** The present run has failed or ended, or was not loaded: what is asked of it after that must not be done. */
let runOver = false;

/** What is done although a run is over. */
const OUTSIDE_OF_RUNS: readonly ToWorker['kind'][] = ['prepare', 'load', 'unload'];

/** `given`: what is handed over with it, and not there any more afterwards. */
function post(message: FromWorker, given: readonly ArrayBuffer[] = []): void {
  port.postMessage(message, given);
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

function unload(): void {
  guest?.[Symbol.dispose]();
  guest = null;
  program = null;
}

async function makeGuest(): Promise<Guest> {
  invariant(program !== null, 'a worker is told the program before the image');
  const embedder = await loadEmbedderFactory(program.importsUrl);
  return new Guest({ program, bank, services, embedder, circumstances: systemCircumstances, exchanging });
}

/**
 * Brings an instance to the image without its blocks, so that the load that follows finds everything in place and warm.
 *
 * Invariant: what the run before, which may still be ending in another thread, can reach is only read here; its blocks are not mapped.
 */
async function prepare(message: ToWorker & { readonly kind: 'prepare' }): Promise<void> {
  unload();
  program = message.program;
  try {
    const prepared = await makeGuest();
    prepared.load(message.image, [], NO_PID);
    guest = prepared;
  } catch (error) {
    // The world's errors come back in the load that follows, and there they have a run to be the failure of.
    if (error instanceof InvariantViolation) throw error;
  }
}

async function load({ program: next, image, blocks, pid, start }: LoadRequest): Promise<void> {
  services.pid = pid;
  runOver = false;
  try {
    if (next !== null) unload();
    program ??= next;
    guest ??= await makeGuest();
    guest.load(image, blocks, pid);
  } catch (error) {
    if (error instanceof InvariantViolation) throw error;
    runOver = true;
    return post({ kind: 'load-failed', pid, error: toPortable(error) });
  }
  post({ kind: 'loaded', pid });
  if (start !== null) launch(pid, start);
}

function launch(pid: number, start: StartKind): void {
  ended(pid, current().start(start));
}

function ended(pid: number, outcome: RunOutcome): void {
  runOver = outcome.kind !== 'returned';
  const isFault = outcome.kind === 'faulted';
  post({
    kind: 'ended',
    pid,
    outcome: isFault ? { ...outcome, fault: toPortableFault(outcome.fault) } : outcome,
  });
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

/** Does what may be refused, and answers so then. */
function unlessRefused(pid: number, body: () => void): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof RekindleError)) throw error;
    post({ kind: 'refused', pid, error: toPortable(error) });
  }
}

function checkpoint(pid: number): void {
  unlessRefused(pid, () => post({ kind: 'checkpointed', pid, generation: current().checkpoint() }));
}

function restore(pid: number): void {
  unlessRefused(pid, () => ended(pid, current().restore()));
}

function exportImage({ pid, order }: ToWorker & { readonly kind: 'export' }): void {
  unlessRefused(pid, () => {
    const bytes = current().exportImage(order);
    post({ kind: 'exported', pid, bytes }, [bytes.buffer]);
  });
}

async function handle(message: ToWorker): Promise<void> {
  if (runOver && !OUTSIDE_OF_RUNS.includes(message.kind)) return;
  switch (message.kind) {
    case 'prepare':
      return prepare(message);
    case 'load':
      return load(message);
    case 'launch':
      return launch(message.pid, message.start);
    case 'call':
      return call(message);
    case 'checkpoint':
      return checkpoint(message.pid);
    case 'restore':
      return restore(message.pid);
    case 'export':
      return exportImage(message);
    case 'unload':
      return unload();
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
rehearse(birth.bank, services);
