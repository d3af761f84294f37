// Starts this program again as a child process that shares our standard streams and has a channel to us. It decides nothing: what
// happens to the process is told to a listener.
import { type ChildProcess, spawn } from 'node:child_process';
import type { ChildHandle, ChildListener } from './supervised-child.ts';

/** Variables that are meant for the keeper alone: a child that heeded them would speak for it. */
const KEEPER_ONLY_VARIABLES = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'];

/** `args` begin with the script. `variables` are added to our own environment. */
export function spawnNode(
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
  listener: ChildListener,
): ChildHandle {
  const environment: Record<string, string | undefined> = { ...process.env, ...variables };
  for (const name of KEEPER_ONLY_VARIABLES) delete environment[name];
  let child: ChildProcess;
  try {
    child = spawn(process.execPath, [...process.execArgv, ...args], {
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      env: environment,
    });
  } catch (cause) {
    // Most errors come as an event; those of a system without memory, or of a command line that is too long, are thrown.
    const error = cause instanceof Error ? cause : new Error(String(cause));
    queueMicrotask(() => listener.failed(error));
    return { pid: undefined, kill: () => undefined };
  }
  child.on('message', (value) => listener.message(value));
  child.on('exit', (exitCode, signal) => listener.exited(exitCode, signal));
  child.on('error', (error) => listener.failed(error));
  return {
    pid: child.pid,
    // False when it has just ended: its exit is told next.
    kill: (signal) => void child.kill(signal),
  };
}
