// A process that runs numbered cases, seen from outside: chunks of them are handed to it one at a time, and each must be done in its time.
// It must not outlive its owner.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { CaseOutcome, ChunkOrder } from './case-messages.js';

/** Generous: a chunk takes a second, on a machine that has time. */
const CHUNK_LIMIT_MS = 180_000;
/** There is a worker for each processor: helpers of the collector would only be in their way. */
const EXEC_ARGV: readonly string[] = ['--single-threaded-gc'];

/** A program that serves cases (`case-service.ts`), and its arguments. */
export interface CaseProgram {
  readonly url: URL;
  readonly args: readonly string[];
}

export class CaseWorker implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #gone: Promise<string>;

  /** Resolves once it is ready for cases. */
  static async start(program: CaseProgram): Promise<CaseWorker> {
    const worker = new CaseWorker(program);
    const begun = await worker.#answer();
    if (typeof begun === 'string') throw new Error(`there can be no cases: ${begun}`);
    return worker;
  }

  private constructor({ url, args }: CaseProgram) {
    this.#child = fork(fileURLToPath(url), [...args], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: [...EXEC_ARGV],
    });
    this.#gone = once(this.#child, 'exit').then(
      ([code, signal]) => `it ended (${signal ?? `status ${code}`})`,
    );
  }

  /** How it failed, as a text, if it did not come to an end with the chunk; it is of no use then. */
  run(order: ChunkOrder): Promise<CaseOutcome | string> {
    const answer = this.#answer();
    this.#child.send(order);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#gone;
  }

  async #answer(): Promise<CaseOutcome | string> {
    const abort = new AbortController();
    const { signal } = abort;
    const message = once(this.#child, 'message', { signal }).then(([result]) => result as CaseOutcome);
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
