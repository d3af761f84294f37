// Where the standard streams of one process lead, in the host's main thread. Each piece goes to exactly one place; what is kept for the
// embedder is bounded.
import { MAX_CAPTURED_BYTES, MAX_CAPTURED_PIECES } from '../limits.ts';
import type { InputReply, OutputStream, TerminalStreams } from '../wasi/context.ts';
import type { InputSource } from './input-source.ts';
import type { MaybePromise } from './placement.ts';

/**
 * `site`: the site's `output`. `inherit`: the host's own stream. `capture`: kept, to be asked for. `given`: a function of the embedder's,
 * which cannot be written down.
 */
export type OutputRoute = 'site' | 'inherit' | 'ignore' | 'capture' | 'given';
export type InputRoute = 'empty' | 'inherit' | 'given';

/** As it is written down with the process. */
export interface StdioRoutes {
  readonly stdin: InputRoute;
  readonly stdout: OutputRoute;
  readonly stderr: OutputRoute;
}

/** Where output goes to. */
export interface OutputSink {
  /** Somebody may be looking at it. */
  readonly isTerminal: boolean;
  write(bytes: Uint8Array): void;
}

/** What stands behind `given`, or behind `inherit`. Null: nothing, or not any more. */
export interface StdioEnds {
  readonly stdin: InputSource | null;
  readonly stdout: OutputSink | null;
  readonly stderr: OutputSink | null;
}

/** What a guest has written and the embedder has not taken: the newest of it. */
export interface CapturedOutput {
  readonly bytes: Uint8Array;
  /** Bytes before these that were not kept. */
  readonly lostBytes: number;
}

interface Capture {
  readonly pieces: Uint8Array[];
  sizeBytes: number;
  lostBytes: number;
}

export class Stdio {
  readonly #routes: StdioRoutes;
  readonly #given: StdioEnds;
  readonly #inherited: StdioEnds;
  readonly #captures: Readonly<Record<OutputStream, Capture>> = {
    stdout: emptyCapture(),
    stderr: emptyCapture(),
  };

  /** `inherited`: the host's own streams. */
  constructor(routes: StdioRoutes, given: StdioEnds, inherited: StdioEnds) {
    this.#routes = routes;
    this.#given = given;
    this.#inherited = inherited;
  }

  /** False: it is the site's to take. */
  write(stream: OutputStream, bytes: Uint8Array): boolean {
    const route = this.#routes[stream];
    if (route === 'ignore') return true;
    if (route === 'capture') {
      capture(this.#captures[stream], bytes);
      return true;
    }
    const sink = this.#sinkOf(stream);
    sink?.write(bytes);
    return sink !== null;
  }

  /** At its end where nothing is given. */
  readInput(position: number, maxBytes: number, waitMs: number): MaybePromise<InputReply> {
    return this.#input?.read(position, maxBytes, waitMs) ?? { kind: 'end' };
  }

  /**
   * Which streams are terminals to the guest. What the site takes is one, for then C libraries flush it line by line, and a crash takes no line
   * with it.
   */
  get terminals(): TerminalStreams {
    return {
      stdin: this.#input?.isTerminal ?? false,
      stdout: this.#isTerminal('stdout'),
      stderr: this.#isTerminal('stderr'),
    };
  }

  /** What has been captured since it was asked for last; it is not kept any longer. */
  takeCaptured(stream: OutputStream): CapturedOutput {
    const held = this.#captures[stream];
    const bytes = new Uint8Array(Buffer.concat(held.pieces));
    const { lostBytes } = held;
    held.pieces.length = 0;
    held.sizeBytes = 0;
    held.lostBytes = 0;
    return { bytes, lostBytes };
  }

  #isTerminal(stream: OutputStream): boolean {
    const route = this.#routes[stream];
    if (route === 'ignore' || route === 'capture') return false;
    return this.#sinkOf(stream)?.isTerminal ?? true;
  }

  /** Null: the site's to take. */
  #sinkOf(stream: OutputStream): OutputSink | null {
    const route = this.#routes[stream];
    return route === 'given' ? this.#given[stream] : route === 'inherit' ? this.#inherited[stream] : null;
  }

  get #input(): InputSource | null {
    const { stdin } = this.#routes;
    return stdin === 'given' ? this.#given.stdin : stdin === 'inherit' ? this.#inherited.stdin : null;
  }
}

function emptyCapture(): Capture {
  return { pieces: [], sizeBytes: 0, lostBytes: 0 };
}

function capture(held: Capture, bytes: Uint8Array): void {
  held.pieces.push(bytes);
  held.sizeBytes += bytes.byteLength;
  while (held.sizeBytes > MAX_CAPTURED_BYTES) {
    const oldest = held.pieces.shift();
    // Only where a watchdog has cut this off between two lines before: what was counted is not there.
    if (oldest === undefined) {
      held.sizeBytes = 0;
      return;
    }
    const excessBytes = Math.min(held.sizeBytes - MAX_CAPTURED_BYTES, oldest.byteLength);
    held.sizeBytes -= excessBytes;
    held.lostBytes += excessBytes;
    if (excessBytes < oldest.byteLength) held.pieces.unshift(oldest.subarray(excessBytes));
  }
  // Small pieces cost the host more than the bytes that are in them.
  if (held.pieces.length > MAX_CAPTURED_PIECES) held.pieces.splice(0, Infinity, Buffer.concat(held.pieces));
}
