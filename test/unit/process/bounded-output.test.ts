// The bound on what waits for a slow reader of the host's standard streams: nothing is left out below it, and what is left out is told.
import { expect, test } from 'vitest';
import { MAX_PENDING_OUTPUT_BYTES } from '#runtime/limits.js';
import { BoundedOutput, type OutputStream } from '#runtime/process/bounded-output.js';

/** A stream whose reader takes nothing until it is told to. */
class StalledStream implements OutputStream {
  writable = true;
  writableLength = 0;
  readonly taken: string[] = [];
  readonly #waiting: string[] = [];
  #drained: (() => void) | null = null;

  write(bytes: Uint8Array | string): boolean {
    const text = Buffer.from(bytes as Uint8Array).toString();
    this.#waiting.push(text);
    this.writableLength += text.length;
    return false;
  }

  once(_event: 'drain', listener: () => void): void {
    this.#drained = listener;
  }

  drain(): void {
    this.taken.push(...this.#waiting.splice(0));
    this.writableLength = 0;
    const listener = this.#drained;
    this.#drained = null;
    listener?.();
    this.taken.push(...this.#waiting.splice(0));
    this.writableLength = 0;
  }
}

test('what comes faster than it is read is left out beyond the bound, and told', () => {
  const stream = new StalledStream();
  const output = new BoundedOutput(stream);
  const piece = Buffer.alloc(1024 * 1024, 'x');
  for (let count = 0; count < 20; count += 1) output.write(piece);
  expect(stream.writableLength).toBeLessThanOrEqual(MAX_PENDING_OUTPUT_BYTES + piece.length);
  stream.drain();
  const kept = stream.taken.filter((each) => each.startsWith('x')).length;
  const leftOutBytes = (20 - kept) * piece.length;
  expect(stream.taken.at(-1)).toContain(`HR_CTRL: ${leftOutBytes} bytes of output were left out`);

  output.write(Buffer.from('again'));
  stream.drain();
  expect(stream.taken).toContain('again');
  expect(stream.taken.filter((each) => each.includes('left out'))).toHaveLength(1);
});

test('a stream that has ended takes nothing more, and is told nothing', () => {
  const stream = new StalledStream();
  const output = new BoundedOutput(stream);
  const piece = Buffer.alloc(1024 * 1024, 'x');
  for (let count = 0; count < 20; count += 1) output.write(piece);
  stream.writable = false;
  stream.drain();
  const taken = stream.taken.length;
  output.write(Buffer.from('again'));
  stream.drain();
  expect(stream.taken).toHaveLength(taken);
});
