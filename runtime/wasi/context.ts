// What the WASI room asks of the process it serves: the only way from a guest's WASI call to anything outside the guest.
// Clock, randomness, streams, mounts and the end of the process come in here; nothing in this room may reach for them itself.
import type { FileSystem } from './file-system.ts';

export interface WasiClock {
  /** Time since 1970-01-01 UTC, in nanoseconds. */
  realtimeNs(): bigint;
  /** Time since an arbitrary point, in nanoseconds; never goes back. */
  monotonicNs(): bigint;
  /** Lets the thread sleep for so long, or less. */
  sleep(milliseconds: number): void;
}

export type OutputStream = 'stdout' | 'stderr';

/** What there is of standard input. `wait`: nothing yet, more may come. `unavailable`: the same, where it cannot be waited for. */
export type InputReply =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'end' }
  | { readonly kind: 'wait' }
  | { readonly kind: 'unavailable' };

/** A file system that is preopened for the guest. */
export interface Mount {
  /** What the guest calls it. */
  readonly guestPath: string;
  readonly fileSystem: FileSystem;
}

/** Of which standard streams the other end is somebody who types or reads. */
export type TerminalStreams = Readonly<Record<'stdin' | OutputStream, boolean>>;

/** None of the methods may throw, except `exit`; what one throws nevertheless passes through the guest to the host. */
export interface WasiContext {
  /** The guest's whole linear memory as it is now, asked for in each call: it may have grown. Empty while there is none. */
  memory(): Uint8Array;
  /** argv. Holds no NUL character. */
  readonly args: readonly string[];
  /** NAME=value. Holds no NUL character. */
  readonly env: readonly string[];
  /** By the descriptors they get, from 3 on. They are the descriptor table's to dispose of. */
  readonly mounts: readonly Mount[];
  readonly terminals: TerminalStreams;
  /** Takes a stream's next bytes; they are the receiver's to keep. */
  write(stream: OutputStream, bytes: Uint8Array): void;
  /**
   * The next bytes of standard input, 1 to `maxBytes` of them, from `position` where the input can tell: the bytes that this run has taken.
   * Waits for them `waitMs` or less, and may then say `wait` although there are some: whoever still wants them asks again.
   * With `maxBytes` 0 no bytes are taken: an empty piece says that there are some.
   */
  readInput(position: number, maxBytes: number, waitMs: number): InputReply;
  /** Ends the run with a status of 0 to 2^32 - 1, by throwing. */
  exit(status: number): never;
  /** Ends the run as a signal does, by throwing; what the signal is called. */
  raise(signal: string): never;
  readonly clock: WasiClock;
  /** Fills `bytes`, of any length, with unpredictable values. */
  fillRandom(bytes: Uint8Array): void;
}
