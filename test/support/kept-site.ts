// The command `rekindle` as a user starts it: a process of its own, its lines, and the processes it has started. Nothing of it is left
// behind by `await using`, whatever became of it.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './run-program.js';
import { inTime, SAMPLE_GUESTS, until } from './scenario.js';

const COMMAND = join(ROOT, 'dist/runtime/cli.js');
const MEMORY_DIRECTORY = '/dev/shm';

export interface End {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

export interface StartOptions {
  /** Behind `run --storage ... --bank ...`. */
  readonly args?: readonly string[];
  /** Before the script: a child of the keeper gets them too. */
  readonly nodeArgs?: readonly string[];
  readonly variables?: Readonly<Record<string, string>>;
  /** Default: the sample guests. */
  readonly storage?: string;
  /** Default: a new one, which goes with the command. */
  readonly bank?: string;
  /** Descriptors for its output, which is not seen here then. */
  readonly stdout?: number | 'pipe';
  readonly stderr?: number | 'pipe';
}

/** Whether there is such a process, apart from one that has ended and not been waited for. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const path = `/proc/${pid}/stat`;
  return !existsSync(path) || !/\) [ZX] /.test(readFileSync(path, 'utf8'));
}

export class CommandUnderTest implements AsyncDisposable {
  readonly directory: string;
  readonly #process: ChildProcess;
  readonly #end: Promise<End>;
  #text = '';
  #output = '';
  #hasEnded = false;

  constructor({
    args = [],
    nodeArgs = [],
    variables = {},
    storage = SAMPLE_GUESTS,
    bank,
    stdout = 'pipe',
    stderr = 'pipe',
  }: StartOptions = {}) {
    const parent = existsSync(MEMORY_DIRECTORY) ? MEMORY_DIRECTORY : tmpdir();
    this.directory = mkdtempSync(join(parent, 'rekindle-keeper-'));
    const all = ['run', '--storage', storage, '--bank', bank ?? join(this.directory, 'bank'), ...args];
    const environment: Record<string, string | undefined> = { ...process.env, ...variables };
    for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) {
      if (!Object.hasOwn(variables, name)) delete environment[name];
    }
    this.#process = spawn(process.execPath, [...nodeArgs, COMMAND, ...all], {
      env: environment,
      stdio: ['ignore', stdout, stderr],
    });
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#text += text;
    });
    this.#end = new Promise((resolve, reject) => {
      this.#process.on('error', reject);
      this.#process.on('close', (exitCode, signal) => {
        this.#hasEnded = true;
        resolve({ exitCode, signal });
      });
    });
    this.#end.catch(() => undefined);
  }

  get pid(): number {
    const { pid } = this.#process;
    if (pid === undefined) throw new Error('it was not started');
    return pid;
  }

  /** What it has said, without the last line while that is not whole. */
  get lines(): readonly string[] {
    return this.#text.split('\n').slice(0, -1);
  }

  /** Its standard output so far: that of guests, and of `sysadm.ini`. */
  get output(): string {
    return this.#output;
  }

  /** Its lines with process numbers as `N` and the directory as `DIR`. */
  get plainLines(): readonly string[] {
    return this.lines.map((line) =>
      line.replaceAll(/(process|pid) \d+/g, '$1 N').replaceAll(this.directory, 'DIR'),
    );
  }

  /** Kept processes, in order of start. */
  get childPids(): readonly number[] {
    return this.lines.flatMap((line) => {
      const [, pid] = /^keeper: started process (\d+)$/.exec(line) ?? [];
      return pid === undefined ? [] : [Number(pid)];
    });
  }

  /** Resolves when the line has come so many times; rejects with all lines when it does not come. */
  async said(line: string, count = 1): Promise<void> {
    const found = () => this.plainLines.filter((each) => each.includes(line)).length >= count;
    const what = `${count} times ${JSON.stringify(line)}`;
    await until(what, () => found() || this.#hasEnded).catch(() => undefined);
    if (!found()) throw new Error(`it has not said ${what}:\n${this.#text}`);
  }

  /** The process of the child that has been ready as the `count`th. */
  async readyChild(count = 1): Promise<number> {
    await this.said('keeper: process N is ready', count);
    return this.childPids.at(-1) ?? 0;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Once nobody holds its output any more: neither it nor a child. */
  end(): Promise<End> {
    return inTime('the end of the command', this.#end);
  }

  /** No process of it is left. */
  async isGone(): Promise<void> {
    await until('no process is left', () => ![this.pid, ...this.childPids].some(isAlive));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The keeper first: it would start another.
    this.#process.kill('SIGKILL');
    await until('the command has ended', () => !isAlive(this.pid));
    for (const pid of this.childPids) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    await this.end();
    await this.isGone();
    rmSync(this.directory, { recursive: true });
  }
}
