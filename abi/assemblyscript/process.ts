// What a guest needs of its surroundings: arguments, environment, console, clock, randomness, exit. All of it is WASI
// preview 1; nothing is remembered between calls, because a restart brings new surroundings.
import { EIO } from '../errors.ts';
import { readString } from './c-layout.ts';
import { failWith } from './errno.ts';
import * as wasi from './imports/wasi_snapshot_preview1.ts';

const STANDARD_OUTPUT = 1;
const CLOCK_MONOTONIC = 1;
const NS_PER_US: u64 = 1000;

/** The arguments; argv()[0] is the path of the module. Traps when the host does not hand them over. */
export function argv(): string[] {
  const sizes = new VectorSizes();
  handedOver(wasi.args_sizes_get(changetype<usize>(sizes), changetype<usize>(sizes) + sizeof<usize>()));
  const pointers = new StaticArray<usize>(<i32>sizes.count);
  const bytes = new StaticArray<u8>(<i32>sizes.sizeBytes);
  handedOver(wasi.args_get(changetype<usize>(pointers), changetype<usize>(bytes)));
  return readStrings(pointers);
}

/** The environment, as "NAME=value". Traps when the host does not hand it over. */
export function environment(): string[] {
  const sizes = new VectorSizes();
  handedOver(wasi.environ_sizes_get(changetype<usize>(sizes), changetype<usize>(sizes) + sizeof<usize>()));
  const pointers = new StaticArray<usize>(<i32>sizes.count);
  const bytes = new StaticArray<u8>(<i32>sizes.sizeBytes);
  handedOver(wasi.environ_get(changetype<usize>(pointers), changetype<usize>(bytes)));
  return readStrings(pointers);
}

/** The value of an environment variable, or null when it is not set. */
export function getenv(name: string): string | null {
  const prefix = `${name}=`;
  const variables = environment();
  for (let index = 0; index < variables.length; index++) {
    const variable = variables[index];
    if (variable.startsWith(prefix)) return variable.substring(prefix.length);
  }
  return null;
}

// What *_sizes_get fill in, one word after the other.
class VectorSizes {
  count: usize = 0;
  sizeBytes: usize = 0;
}

function handedOver(error: i32): void {
  assert(error === 0, 'the host does not hand over arguments or environment');
}

function readStrings(pointers: StaticArray<usize>): string[] {
  const texts = new Array<string>(pointers.length);
  for (let index = 0; index < pointers.length; index++) {
    texts[index] = readString(pointers[index]);
  }
  return texts;
}

/** Ends the process; it never returns. Without HR_EXIT_HDL() first, the controller takes it for a failure. */
export function exit(status: i32): void {
  wasi.proc_exit(status);
  unreachable();
}

/** Writes `text` and a line end to the console, in one piece: bytes written, or -1 with errno. */
export function print(text: string): i32 {
  return write(`${text}\n`);
}

/** Writes `text` to the console as it is, in UTF-8: bytes written, or -1 with errno. */
export function write(text: string): i32 {
  const bytes = String.UTF8.encode(text);
  const vector = new StaticArray<usize>(2);
  const written = new StaticArray<usize>(1);
  let done: usize = 0;
  while (done < <usize>bytes.byteLength) {
    vector[0] = changetype<usize>(bytes) + done;
    vector[1] = <usize>bytes.byteLength - done;
    const error = wasi.fd_write(STANDARD_OUTPUT, changetype<usize>(vector), 1, changetype<usize>(written));
    if (error !== 0) return failWith(error);
    // A host that accepts nothing and reports no error would keep us here for ever.
    if (written[0] === 0) return failWith(EIO);
    done += written[0];
  }
  return <i32>done;
}

/** Microseconds of a clock that never goes back within one run. Traps when the host has no such clock. */
export function monotonicUs(): u64 {
  const timeNs = new StaticArray<u64>(1);
  const error = wasi.clock_time_get(CLOCK_MONOTONIC, 0, changetype<usize>(timeNs));
  assert(error === 0, 'the host has no monotonic clock');
  return timeNs[0] / NS_PER_US;
}

/**
 * Starts Math.random anew. Its state is part of the image: a guest that has drawn a number before a checkpoint draws the
 * same ones after every restore unless it calls this, best in hr_restarted. Traps when the host has no randomness.
 */
export function reseedRandom(): void {
  const seed = new StaticArray<i64>(1);
  const error = wasi.random_get(changetype<usize>(seed), sizeof<i64>());
  assert(error === 0, 'the host has no randomness');
  NativeMath.seedRandom(seed[0]);
}
