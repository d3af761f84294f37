// Another engine on the same guest: Wasmtime, by its Node binding, with a new instance for every call. The binding ends its process where it
// should throw, so it is asked for samples in a child, which is never given a guest that has not been made here.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { SelfTimed } from '../measure.ts';
import type { GuestTask } from './guest-task.ts';
import type { WasmtimeMessage } from './wasmtime-main.ts';

const PROGRAM = fileURLToPath(new URL('./wasmtime-main.js', import.meta.url));

export class Wasmtime implements AsyncDisposable {
  /** A new store and instance of the compiled module, to the answer to its first call. */
  readonly newInstance: SelfTimed;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.newInstance = {
      name: 'wasmtime: new instance',
      slice: async (sliceMs) => {
        const answer = nextMessage(child);
        child.send(sliceMs);
        const message = await answer;
        if (message.kind === 'samples') return message.samplesUs;
        throw new Error(`wasmtime: ${message.kind === 'failed' ? message.reason : message.kind}`);
      },
    };
  }

  /** A string says why there is none. The module must be initialised by its start function. */
  static async start(task: GuestTask): Promise<Wasmtime | string> {
    const child = fork(PROGRAM, [JSON.stringify(task)], { execArgv: ['--expose-gc'] });
    const message = await nextMessage(child);
    if (message.kind === 'ready') return new Wasmtime(child);
    await once(child, 'exit');
    return message.kind === 'unavailable' ? message.reason : 'it did not begin';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }
}

/** Rejects when the child ends before it has said anything. */
function nextMessage(child: ChildProcess): Promise<WasmtimeMessage> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null, signal: string | null): void => {
      child.off('message', heard);
      reject(new Error(`wasmtime has ended its process: ${code ?? signal}`));
    };
    const heard = (message: unknown): void => {
      child.off('exit', ended);
      resolve(message as WasmtimeMessage);
    };
    child.once('exit', ended);
    child.once('message', heard);
  });
}
