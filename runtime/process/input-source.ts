// What a guest's standard input is read from, in the host's main thread: bytes that are there, or a stream of Node's. A stream is read no
// further than guests have asked, and nobody waits for it without a bound.
import type { Readable } from 'node:stream';
import { RekindleError } from '../errors.ts';
import type { InputReply } from '../wasi/context.ts';
import type { MaybePromise } from './placement.ts';
import { outliveErrors } from './stream-errors.ts';

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
/** After these there may be something to read, or an end. */
const CHANGES = ['readable', 'end', 'close', 'error'] as const;

/** What has been taken of a stream is gone, for every run: it has no position. */
export class StreamSource implements InputSource {
  readonly #stream: Readable;
  /** Read from the stream and not taken yet. */
  #pending: Uint8Array = NO_BYTES;
  readonly #waiting = new Set<() => void>();
  readonly #changed = (): void => {
    for (const wake of [...this.#waiting]) wake();
  };

  constructor(stream: Readable) {
    this.#stream = stream;
    outliveErrors(stream);
  }

  get isTerminal(): boolean {
    return 'isTTY' in this.#stream && this.#stream.isTTY === true;
  }

  read(_position: number, maxBytes: number, waitMs: number): MaybePromise<InputReply> {
    const reply = this.#take(maxBytes);
    if (reply.kind !== 'wait' || waitMs === 0) return reply;
    // Who has waited has to ask again: it may be gone by now, and what is taken for it would be lost.
    return this.#nextChange(waitMs).then(() => reply);
  }

  #take(maxBytes: number): InputReply {
    // A stream of objects may give empty ones, which are no end.
    while (this.#pending.byteLength === 0) {
      const chunk: unknown = this.#stream.read();
      if (chunk === null) {
        const isOver = this.#stream.readableEnded || this.#stream.destroyed || this.#stream.errored !== null;
        return { kind: isOver ? 'end' : 'wait' };
      }
      this.#pending = bytesOf(chunk, this.#stream.readableEncoding ?? 'utf8');
    }
    // A copy, which `slice` is not of what streams give.
    const bytes = new Uint8Array(this.#pending.subarray(0, maxBytes));
    this.#pending = this.#pending.subarray(maxBytes);
    return { kind: 'bytes', bytes };
  }

  /** Whoever waits is told, however many they are. */
  #nextChange(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        if (this.#waiting.size === 0) for (const name of CHANGES) this.#stream.off(name, this.#changed);
        resolve();
      };
      // Whoever waits keeps the host alive by itself, and not any longer than that.
      const timer = setTimeout(wake, waitMs).unref();
      if (this.#waiting.size === 0) for (const name of CHANGES) this.#stream.on(name, this.#changed);
      this.#waiting.add(wake);
    });
  }
}

/** Throws OPTION_INVALID for what is neither text nor bytes, which a stream of objects may give. */
function bytesOf(chunk: unknown, encoding: BufferEncoding): Uint8Array {
  if (typeof chunk === 'string') return Buffer.from(chunk, encoding);
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  throw new RekindleError('OPTION_INVALID', 'stdio.stdin', 'the stream gave what is neither text nor bytes');
}
