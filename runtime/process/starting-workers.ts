// The workers that are still starting. Ending one in the middle of loading native code ends the whole process (koffi's initialiser
// cannot be interrupted), so whoever ends workers waits for these first; when the process itself exits, this does.
import { WORKER_REPLY_TIMEOUT_MS } from '../limits.ts';
import { SIGNAL_STARTED } from './worker-protocol.ts';

const starting = new Set<Int32Array>();

function awaitStarts(): void {
  const deadlineMs = performance.now() + WORKER_REPLY_TIMEOUT_MS;
  for (const signal of starting) {
    Atomics.wait(signal, SIGNAL_STARTED, 0, Math.max(0, deadlineMs - performance.now()));
  }
}

/** `signal`: the worker's own. From now until `noteStarted`, an exit of the process waits for it. */
export function noteStarting(signal: Int32Array): void {
  if (starting.size === 0) process.on('exit', awaitStarts);
  starting.add(signal);
}

/** The worker has started, or is gone. */
export function noteStarted(signal: Int32Array): void {
  if (starting.delete(signal) && starting.size === 0) process.off('exit', awaitStarts);
}
