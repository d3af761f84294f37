// Runs guest code in the caller's thread with a time limit, by the watchdog of node:vm. The watchdog ends whatever JavaScript or
// WebAssembly is on the stack, host functions included: so it fires a little after the limit, and host functions look at the
// deadline first.
import { createContext, Script } from 'node:vm';

/** The watchdog waits this much longer than the limit, in milliseconds, so that a guest busy with host calls is stopped at one. */
export const WATCHDOG_GRACE_MS = 10;

interface Sandbox {
  body: (() => unknown) | null;
}

const sandbox: Sandbox = { body: null };
let script: Script | null = null;

/** Runs on the stack that have a time limit. */
let guards = 0;

/** Whether a watchdog may end what is on the stack between any two statements, without a `finally` being run. */
export function isGuarded(): boolean {
  return guards > 0;
}

/**
 * Runs `body` where no watchdog can end it in the middle: at once, or when the stack with the limited run on it has been left. For
 * what must be done whole or not at all, and can wait.
 */
export function whenUnguarded(body: () => void): void {
  if (guards === 0) body();
  else queueMicrotask(body);
}

/** Does `body` where no watchdog can end it in the middle, and resolves when it is done. */
export function unguarded(body: () => void): Promise<void> {
  return new Promise((resolve) =>
    whenUnguarded(() => {
      body();
      resolve();
    }),
  );
}

/**
 * Whether `thrown` is how the watchdog ended a run. It is an error of the sandbox's realm, so `instanceof Error` does not hold. Total:
 * what a host function has thrown may refuse to be looked at.
 */
export function isWatchdogError(thrown: unknown): boolean {
  try {
    return (
      typeof thrown === 'object' &&
      thrown !== null &&
      'code' in thrown &&
      thrown.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
    );
  } catch {
    return false;
  }
}

/** Runs `body`; throws what `isWatchdogError` knows when it takes longer. Calls may nest. */
export function runWithTimeLimit<T>(limitMs: number, body: () => T): T {
  const outerGuards = guards;
  if (script === null) {
    createContext(sandbox);
    script = new Script('body()');
  }
  const outer = sandbox.body;
  sandbox.body = body;
  guards = outerGuards + 1;
  try {
    return script.runInContext(sandbox, { timeout: Math.ceil(limitMs) + WATCHDOG_GRACE_MS }) as T;
  } finally {
    sandbox.body = outer;
    // Set, not counted down: the watchdog of an outer run ends the inner ones without their coming by here.
    guards = outerGuards;
  }
}
