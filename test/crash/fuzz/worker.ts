// A process of the fuzzer's, seen from outside: chunks of cases are handed to it one at a time, and each must be done in its time.
// It must not outlive its owner.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ChunkOrder, ChunkResult } from './messages.js';

/** Generous: a chunk takes a second, on a machine that has time. */
const CHUNK_LIMIT_MS = 180_000;
/** There is a worker for each processor: helpers of the collector would only be in their way. */
const EXEC_ARGV: readonly string[] = ['--single-threaded-gc'];

export class FuzzWorker implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #gone: Promise<string>;

  /** Resolves once it has its banks, which it makes in `place`. */
  static async start(place: string): Promise<FuzzWorker> {
    const worker = new FuzzWorker(place);
    const begun = await worker.#answer();
    if (typeof begun === 'string') throw new Error(`the banks cannot be made: ${begun}`);
    return worker;
  }

  private constructor(place: string) {
    const program = fileURLToPath(new URL('./worker-program.js', import.meta.url));
    this.#child = fork(program, [place], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: [...EXEC_ARGV],
    });
    this.#gone = once(this.#child, 'exit').then(
      ([code, signal]) => `it ended (${signal ?? `status ${code}`})`,
    );
  }

  /** How it failed, as a text, if it did not come to an end with the chunk; it is of no use then. */
  run(order: ChunkOrder): Promise<ChunkResult | string> {
    const answer = this.#answer();
    this.#child.send(order);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#gone;
  }

  async #answer(): Promise<ChunkResult | string> {
    const abort = new AbortController();
    const { signal } = abort;
    const message = once(this.#child, 'message', { signal }).then(([result]) => result as ChunkResult);
    const late = sleep(CHUNK_LIMIT_MS, `it hangs, or takes more than ${CHUNK_LIMIT_MS} ms`, { signal });
    message.catch(() => undefined);
    late.catch(() => undefined);
    try {
      return await Promise.race([message, late, this.#gone]);
    } finally {
      abort.abort();
    }
  }
}
