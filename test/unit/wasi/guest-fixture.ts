// A guest that is nothing but memory, and a context that records what reached it: enough to call every WASI function by hand.
// It must show each effect as plain data, so that a test compares values and not calls.

import type { TerminalStreams } from '#runtime/wasi/context.js';
import { type InputReply, type Mount, Preview1, type WasiContext } from '#runtime/wasi/preview1.js';
import { allFunctions, type WasiFunctions } from '#test/support/wasi-functions.js';

/** What `exit` throws here: no other thing may come out of a WASI function. */
export class ExitSignal extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`exit ${status}`);
    this.status = status;
  }
}

export interface GuestFixture {
  readonly wasi: WasiFunctions;
  readonly preview1: Preview1;
  /** How long the guest has slept, in milliseconds, piece by piece. */
  readonly slept: number[];
  readonly memory: WebAssembly.Memory;
  readonly output: { readonly stream: string; readonly bytes: Uint8Array }[];
  readonly context: WasiContext;
  view(): DataView;
  bytes(): Uint8Array;
  /** Puts (pointer, length) pairs at `address`, as an iovec array. */
  putIovecs(address: number, ranges: readonly (readonly [pointer: number, lengthBytes: number])[]): void;
}

export const REALTIME_NS = 1_700_000_000_123_456_789n;
export const MONOTONIC_NS = 42_000_000_007n;
/** What the fixture's source of randomness fills in. */
export const RANDOM_BYTE = 0xa5;

export interface FixtureOptions {
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  readonly mounts?: readonly Mount[];
  readonly descriptors?: 'lost' | 'restored';
  readonly terminals?: TerminalStreams;
  readonly readInput?: (position: number, maxBytes: number, waitMs: number) => InputReply;
}

export function guestFixture(options: FixtureOptions = {}): GuestFixture {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 64 });
  const output: { stream: string; bytes: Uint8Array }[] = [];
  const slept: number[] = [];
  const sleptNs = () => BigInt(Math.ceil(slept.reduce((sum, each) => sum + each, 0) * 1e6));
  const bytes = () => new Uint8Array(memory.buffer);
  const context: WasiContext = {
    memory: bytes,
    args: options.args ?? [],
    env: options.env ?? [],
    write: (stream, written) => {
      output.push({ stream, bytes: written });
    },
    exit: (status) => {
      throw new ExitSignal(status);
    },
    raise: (signal) => {
      throw new Error(signal);
    },
    mounts: options.mounts ?? [],
    terminals: options.terminals ?? { stdin: false, stdout: true, stderr: true },
    readInput: options.readInput ?? (() => ({ kind: 'end' })),
    // It stands still but for what the guest sleeps.
    clock: {
      realtimeNs: () => REALTIME_NS + sleptNs(),
      monotonicNs: () => MONOTONIC_NS + sleptNs(),
      sleep: (milliseconds) => slept.push(milliseconds),
    },
    fillRandom: (target) => {
      target.fill(RANDOM_BYTE);
    },
  };
  const preview1 = new Preview1(context, options.descriptors ?? 'restored');
  return {
    wasi: allFunctions(preview1),
    preview1,
    slept,
    memory,
    output,
    context,
    view: () => new DataView(memory.buffer),
    bytes,
    putIovecs: (address, ranges) => {
      const view = new DataView(memory.buffer);
      for (const [index, [pointer, lengthBytes]] of ranges.entries()) {
        view.setUint32(address + index * 8, pointer, true);
        view.setUint32(address + index * 8 + 4, lengthBytes, true);
      }
    },
  };
}
