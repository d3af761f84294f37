// The program under load as a process of its own, to be killed: started ahead of time, given its orders, listened to line by line. It must
// never be waited for without a bound, and never be left behind.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { inTime } from '#test/support/scenario.js';
import { decodeLine, LINES_DESCRIPTOR, type Line, type Orders } from './facts.js';

const PROGRAM = fileURLToPath(new URL('./load-program.js', import.meta.url));
/** What is kept of its standard error. */
const MAX_SAID_CHARACTERS = 4000;

export class LoadProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  #said = '';
  #hasClosed = false;
  #take: (line: Line) => void = () => undefined;

  /** It waits for its orders. */
  constructor() {
    this.#child = spawn(process.execPath, [PROGRAM], { stdio: ['pipe', 'ignore', 'pipe', 'pipe'] });
    const child = this.#child;
    const lines = child.stdio[LINES_DESCRIPTOR];
    if (lines === null || lines === undefined || !('read' in lines)) throw new Error('it has no lines');
    createInterface({ input: lines }).on('line', (text) => this.#takeText(text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-MAX_SAID_CHARACTERS);
    });
    // It may be killed before it has read its orders.
    child.stdin?.on('error', () => undefined);
    this.#closed = once(child, 'close').then(() => {
      this.#hasClosed = true;
    });
  }

  /** How it has ended: `SIGKILL`, another signal, or an exit code; null as long as it runs. */
  get end(): string | number | null {
    return this.#child.signalCode ?? this.#child.exitCode;
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error('a process could not be started');
    return pid;
  }

  /** What it wrote to its standard error last. */
  get said(): string {
    return this.#said;
  }

  /**
   * `take` is told of every line from now on, `over` when it has ended and there will be no more. A line that was cut off is dropped: it
   * is as if it had not been written.
   */
  begin(orders: Orders, take: (line: Line) => void, over: () => void): void {
    this.#take = take;
    void this.#closed.then(over);
    this.#child.stdin?.write(`${JSON.stringify(orders)}\n`);
  }

  /** Resolves when it has ended and all its lines have been taken. */
  async ended(): Promise<void> {
    await inTime(`the end of process ${this.#child.pid}`, this.#closed);
  }

  /** The same, by SIGKILL. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasClosed) await this.kill();
  }

  #takeText(text: string): void {
    let line: Line;
    try {
      line = decodeLine(text);
    } catch (error) {
      if (error instanceof SyntaxError) return;
      throw error;
    }
    this.#take(line);
  }
}
