// A host in a process of its own, as the benchmark sees it: started, listened to, killed. A host that ends without having been killed is an
// error of whoever waits for its word; none outlives its owner.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { HostMessage, HostTask } from './site-host-main.ts';

const PROGRAM = fileURLToPath(new URL('./site-host-main.js', import.meta.url));

export interface Answers {
  /** When the first answer was heard of, by the clock of this process, in milliseconds. */
  readonly firstMs: number;
  /** The same of the last. */
  readonly allMs: number;
  /** From just before the site was opened there, in microseconds. */
  readonly firstSinceOpenUs: number;
  readonly allSinceOpenUs: number;
}

export class SiteHost {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #answers: Promise<Answers>;

  constructor(task: HostTask) {
    const child = spawn(process.execPath, [PROGRAM, JSON.stringify(task)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child = child;
    this.#ended = once(child, 'exit').then(() => undefined);
    const messages = this.#messages();
    this.#answers = (async () => {
      const first = await next(messages, 'first');
      const firstMs = performance.now();
      const all = await next(messages, 'all');
      const allMs = performance.now();
      return { firstMs, allMs, firstSinceOpenUs: first.sinceOpenUs, allSinceOpenUs: all.sinceOpenUs };
    })();
    // It is asked for once the host has been killed too, or not at all.
    this.#answers.catch(() => undefined);
  }

  /** Resolves when every process has answered; rejects when the program has ended before. */
  answers(): Promise<Answers> {
    return this.#answers;
  }

  /** Kills it, at once and for good; resolves when the system has nothing of it any more. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  async *#messages(): AsyncGenerator<HostMessage, undefined> {
    const { stdout } = this.#child;
    if (stdout === null) throw new Error('the host has no output');
    for await (const line of createInterface({ input: stdout })) yield JSON.parse(line);
    return undefined;
  }
}

async function next(
  messages: AsyncGenerator<HostMessage, undefined>,
  kind: HostMessage['kind'],
): Promise<HostMessage> {
  const { value } = await messages.next();
  if (value?.kind === kind) return value;
  throw new Error(`the host said ${value?.kind ?? 'nothing more'} where ${kind} was to be said`);
}
