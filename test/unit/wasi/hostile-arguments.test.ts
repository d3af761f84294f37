// Any 32-bit values as arguments: a WASI function answers with an errno, throws nothing, and touches no byte outside linear
// memory, which here lies between two guard zones of the same buffer.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_OUTPUT_BYTES } from '#runtime/limits.js';
import { EBADF, EFAULT, EINVAL, ESPIPE, ESUCCESS } from '#runtime/wasi/errno.js';
import { type WasiContext, wasiImports } from '#runtime/wasi/preview1.js';

const SEED = 20260101;
const GUARD_BYTES = 4096;
const MEMORY_BYTES = 2048;
const GUARD_BYTE = 0xc3;
const ERRNOS = [ESUCCESS, EBADF, EFAULT, EINVAL, ESPIPE];

const i32 = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: -0x80000000, max: 0x7fffffff }) },
  { weight: 4, arbitrary: fc.integer({ min: 0, max: MEMORY_BYTES + 16 }) },
  { weight: 2, arbitrary: fc.integer({ min: -64, max: 64 }) },
);
const i64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

interface Guarded {
  readonly context: WasiContext;
  /** Whether both guard zones are as they were. */
  guardsIntact(): boolean;
}

function guardedMemory(content: Uint8Array): Guarded {
  const buffer = new Uint8Array(GUARD_BYTES + MEMORY_BYTES + GUARD_BYTES).fill(GUARD_BYTE);
  const memory = buffer.subarray(GUARD_BYTES, GUARD_BYTES + MEMORY_BYTES);
  memory.set(content);
  const context: WasiContext = {
    memory: () => memory,
    args: ['guest', 'first', ''],
    env: ['HOME=/', 'LANG=de'],
    write: (_, bytes) => {
      expect(bytes.byteLength).toBeLessThanOrEqual(MAX_OUTPUT_BYTES);
      expect(bytes.includes(GUARD_BYTE)).toBe(false);
    },
    exit: () => {
      throw new Error('exit');
    },
    clock: { realtimeNs: () => 2n ** 64n - 1n, monotonicNs: () => 1n },
    fillRandom: (bytes) => {
      bytes.fill(0x11);
    },
  };
  const zones = [buffer.subarray(0, GUARD_BYTES), buffer.subarray(GUARD_BYTES + MEMORY_BYTES)];
  return { context, guardsIntact: () => zones.every((zone) => zone.every((byte) => byte === GUARD_BYTE)) };
}

type Call = (
  wasi: ReturnType<typeof wasiImports>,
  a: number,
  b: number,
  c: number,
  d: number,
  wide: bigint,
) => number;

const CALLS: readonly (readonly [name: string, call: Call])[] = [
  ['args_get', (wasi, a, b) => wasi.args_get(a, b)],
  ['args_sizes_get', (wasi, a, b) => wasi.args_sizes_get(a, b)],
  ['environ_get', (wasi, a, b) => wasi.environ_get(a, b)],
  ['environ_sizes_get', (wasi, a, b) => wasi.environ_sizes_get(a, b)],
  ['clock_res_get', (wasi, a, b) => wasi.clock_res_get(a & 1, b)],
  ['clock_time_get', (wasi, a, b, _c, _d, wide) => wasi.clock_time_get(a & 1, wide, b)],
  ['fd_close', (wasi, a) => wasi.fd_close(a)],
  ['fd_fdstat_get', (wasi, a, b) => wasi.fd_fdstat_get(a & 3, b)],
  ['fd_prestat_dir_name', (wasi, a, b, c) => wasi.fd_prestat_dir_name(a, b, c)],
  ['fd_prestat_get', (wasi, a, b) => wasi.fd_prestat_get(a, b)],
  ['fd_read', (wasi, a, b, c, d) => wasi.fd_read(a & 3, b, c, d)],
  ['fd_seek', (wasi, a, b, c, _d, wide) => wasi.fd_seek(a, wide, b, c)],
  ['fd_write', (wasi, a, b, c, d) => wasi.fd_write(a & 3, b, c, d)],
  ['random_get', (wasi, a, b) => wasi.random_get(a, b)],
];

describe.each(CALLS)('%s', (_, call) => {
  it('answers any arguments with an errno, and stays inside memory', () => {
    const content = fc
      .uint8Array({ maxLength: 64 })
      .map((bytes) => bytes.filter((byte) => byte !== GUARD_BYTE));
    fc.assert(
      fc.property(content, i32, i32, i32, i32, i64, (bytes, a, b, c, d, wide) => {
        const { context, guardsIntact } = guardedMemory(bytes);
        expect(ERRNOS).toContain(call(wasiImports(context), a, b, c, d, wide));
        expect(guardsIntact()).toBe(true);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it('answers while there is no memory', () => {
    const { context } = guardedMemory(new Uint8Array(0));
    const wasi = wasiImports({ ...context, memory: () => new Uint8Array(0) });
    expect(ERRNOS).toContain(call(wasi, 1, 0, 1, 0, 0n));
  });
});
