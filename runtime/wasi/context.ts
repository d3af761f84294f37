// What the WASI room asks of the process it serves: the only way from a guest's WASI call to anything outside the guest.
// Clock, randomness, output and the end of the process come in here; nothing in this room may reach for them itself.

export interface WasiClock {
  /** Time since 1970-01-01 UTC, in nanoseconds. */
  realtimeNs(): bigint;
  /** Time since an arbitrary point, in nanoseconds; never goes back. */
  monotonicNs(): bigint;
}

export type OutputStream = 'stdout' | 'stderr';

/** None of the methods may throw, except `exit`; what one throws nevertheless passes through the guest to the host. */
export interface WasiContext {
  /** The guest's whole linear memory as it is now, asked for in each call: it may have grown. Empty while there is none. */
  memory(): Uint8Array;
  /** argv. Holds no NUL character. */
  readonly args: readonly string[];
  /** NAME=value. Holds no NUL character. */
  readonly env: readonly string[];
  /** Takes a stream's next bytes; they are the receiver's to keep. */
  write(stream: OutputStream, bytes: Uint8Array): void;
  /** Ends the run with a status of 0 to 2^32 - 1, by throwing. */
  exit(status: number): never;
  readonly clock: WasiClock;
  /** Fills `bytes`, of any length, with unpredictable values. */
  fillRandom(bytes: Uint8Array): void;
}
