// A guest in a Node process of its own, as one keeps it out of one's own process today: when it fails, the process is ended and another is
// started. Its owner ends the last one; a child that ends by itself is an error of whoever waits for its answer.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expectAnswer } from '../ground.ts';
import type { Clocked } from '../measure.ts';
import type { GuestTask } from './guest-task.ts';

const PROGRAM = fileURLToPath(new URL('./node-child-main.js', import.meta.url));

export class NodeChild implements AsyncDisposable {
  /** The child is killed, its end waited for, and another one started: to the answer to its first call. */
  readonly restarted: Clocked;
  readonly #task: GuestTask;
  #child: ChildProcess | null = null;

  private constructor(task: GuestTask) {
    this.#task = task;
    this.restarted = {
      name: 'Node child: killed, started',
      run: async () => {
        await this.#end();
        await this.#begin();
      },
    };
  }

  static async start(task: GuestTask): Promise<NodeChild> {
    const child = new NodeChild(task);
    await child.#begin();
    return child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }

  async #begin(): Promise<void> {
    const child = spawn(process.execPath, [PROGRAM, JSON.stringify(this.#task)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child = child;
    for await (const line of createInterface({ input: child.stdout })) {
      expectAnswer(Number(line), this.#task.answer);
      return;
    }
    throw new Error('the child has ended without an answer');
  }

  async #end(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
}
