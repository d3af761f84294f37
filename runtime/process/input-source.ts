// What a guest's standard input is read from, in the host's main thread: bytes that are there, or a stream of Node's. A stream is read no
// further than guests have asked, and nobody waits for it without a bound.
import type { Readable } from 'node:stream';
import type { InputReply } from '../wasi/context.ts';
import type { MaybePromise } from './placement.ts';

export interface InputSource {
  /** Somebody may be typing at it. */
  readonly isTerminal: boolean;
  /** As `WasiContext.readInput`. */
  read(position: number, maxBytes: number, waitMs: number): MaybePromise<InputReply>;
}

/** The same bytes for every run: what a run has taken is in its position. */
export class BytesSource implements InputSource {
  readonly isTerminal = false;
  readonly #bytes: Uint8Array;

  /** Takes a copy. */
  constructor(bytes: Uint8Array) {
    this.#bytes = new Uint8Array(bytes);
  }

  read(position: number, maxBytes: number): InputReply {
    if (position >= this.#bytes.byteLength) return { kind: 'end' };
    return { kind: 'bytes', bytes: this.#bytes.slice(position, position + maxBytes) };
  }
}

const NO_BYTES = new Uint8Array(0);

/** What has been taken of a stream is gone, for every run: it has no position. */
export class StreamSource implements InputSource {
  readonly #stream: Readable;
  /** Read from the stream and not taken yet. */
  #pending: Uint8Array = NO_BYTES;

  constructor(stream: Readable) {
    this.#stream = stream;
  }

  get isTerminal(): boolean {
    return 'isTTY' in this.#stream && this.#stream.isTTY === true;
  }

  read(_position: number, maxBytes: number, waitMs: number): MaybePromise<InputReply> {
    const reply = this.#take(maxBytes);
    if (reply.kind !== 'wait' || waitMs === 0) return reply;
    return this.#nextChange(waitMs).then(() => this.#take(maxBytes));
  }

  #take(maxBytes: number): InputReply {
    if (this.#pending.byteLength === 0) {
      const chunk: unknown = this.#stream.read();
      if (chunk === null) {
        const isOver = this.#stream.readableEnded || this.#stream.destroyed || this.#stream.errored !== null;
        return { kind: isOver ? 'end' : 'wait' };
      }
      this.#pending = typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Uint8Array);
    }
    // A copy, which `slice` is not of what streams give.
    const bytes = new Uint8Array(this.#pending.subarray(0, maxBytes));
    this.#pending = this.#pending.subarray(maxBytes);
    return { kind: 'bytes', bytes };
  }

  #nextChange(waitMs: number): Promise<void> {
    const names = ['readable', 'end', 'close', 'error'] as const;
    return new Promise((resolve) => {
      const change = (): void => {
        clearTimeout(timer);
        for (const name of names) this.#stream.off(name, change);
        resolve();
      };
      const timer = setTimeout(change, waitMs);
      for (const name of names) this.#stream.on(name, change);
    });
  }
}
