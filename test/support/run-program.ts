// Runs a program of this project as a user would: as a process of its own, from the root of the repository unless told otherwise. It must never wait for
// one without a bound.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The root of the repository. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export interface ProgramResult {
  /** Null when it was ended by a signal. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs `node` with `args`, giving it `input`. A program that takes longer than `limitMs` is ended: its exit code is null then.
 * Rejects when it cannot be started.
 */
export function runNode(
  args: readonly string[],
  options: { readonly input?: string; readonly limitMs?: number; readonly directory?: string } = {},
): Promise<ProgramResult> {
  const { input = '', limitMs = 40_000, directory = ROOT } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: directory, timeout: limitMs, killSignal: 'SIGKILL' });
    const output = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output.stderr += text;
    });
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, ...output }));
    child.stdin.end(input);
  });
}
