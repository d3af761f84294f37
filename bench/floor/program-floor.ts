// The floors by a program in C: built at most once a run, where there is a compiler, and asked a line at a time. It owns the program's file
// and its processes and leaves neither behind.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Floor, FloorRequest } from './floor.ts';

const SOURCE = fileURLToPath(new URL('../../../bench/floor/floor.c', import.meta.url));
const US_PER_MS = 1000;

/** Where the program is built. */
export class FloorBuilding implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'rekindle-bench-'));
  readonly #say: (line: string) => void;
  /** Path of the program; null when it cannot be built, undefined before it was tried. */
  #program: string | null | undefined;

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  /** Path of the program, or null where it cannot be built. */
  program(): string | null {
    if (this.#program === undefined) this.#program = this.#build();
    return this.#program;
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #build(): string | null {
    const program = join(this.#directory, 'floor');
    try {
      execFileSync('cc', ['-O2', '-o', program, SOURCE], { stdio: 'pipe' });
      return program;
    } catch (error) {
      const reason = error instanceof Error ? error.message.trim() : String(error);
      this.#say(`the floors are measured from within this process: ${reason}`);
      return null;
    }
  }
}

export class ProgramFloor implements Floor {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #lines: Interface;

  constructor(program: string) {
    const child = spawn(program, [], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    // A program that has ended takes no request: that it gives no answer either is what is said of it.
    child.stdin.on('error', () => undefined);
    this.#lines = createInterface({ input: child.stdout });
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  async slice(request: FloorRequest, sliceMs: number): Promise<readonly number[]> {
    const { kind, memoryBytes, dirtyPages, isResident } = request;
    const sliceUs = Math.round(sliceMs * US_PER_MS);
    this.#child.stdin?.write(`${kind} ${memoryBytes} ${dirtyPages} ${isResident ? 1 : 0} ${sliceUs}\n`);
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error(`the floor of ${kind} has ended without an answer`);
    return readAnswer(value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await ended;
    }
    this.#lines.close();
  }
}

/** The count, then as many samples. Throws an Error when it is anything else. */
export function readAnswer(line: string): readonly number[] {
  const [count, ...samples] = line.split(' ').map(Number);
  if (samples.length > 0 && samples.length === count && samples.every((sample) => sample >= 0))
    return samples;
  throw new Error(`the floor answered what is no answer: ${line.slice(0, 80)}`);
}
