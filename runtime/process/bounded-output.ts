// Where guests' output goes when the embedder has no place for it: the host's own standard streams. It must never keep more of it
// waiting for a slow reader than the limit; what is left out is counted, and told when the reader has caught up.
import { MAX_PENDING_OUTPUT_BYTES } from '../limits.ts';

/** What is needed of a standard stream. */
export interface OutputStream {
  /** False once it has been ended or destroyed, or has failed. */
  readonly writable: boolean;
  /** Bytes that wait to be written. */
  readonly writableLength: number;
  write(bytes: Uint8Array | string): boolean;
  once(event: 'drain', listener: () => void): unknown;
}

/** One of the two streams, as guests write to it. */
export class BoundedOutput {
  readonly #stream: OutputStream;
  #leftOutBytes = 0;

  constructor(stream: OutputStream) {
    this.#stream = stream;
  }

  write(bytes: Uint8Array): void {
    // What nobody can take any more goes nowhere.
    if (!this.#stream.writable) return;
    if (this.#stream.writableLength <= MAX_PENDING_OUTPUT_BYTES) {
      this.#stream.write(bytes);
      return;
    }
    if (this.#leftOutBytes === 0) this.#stream.once('drain', () => this.#tell());
    this.#leftOutBytes += bytes.byteLength;
  }

  #tell(): void {
    if (!this.#stream.writable) return;
    const leftOutBytes = this.#leftOutBytes;
    this.#leftOutBytes = 0;
    this.#stream.write(
      `\nHR_CTRL: ${leftOutBytes} bytes of output were left out: they came faster than they were read\n`,
    );
  }
}
