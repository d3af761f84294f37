// Any values as arguments, call after call over one descriptor table: a WASI function answers with an errno, throws nothing, and touches no
// byte outside linear memory, which here lies between two guard zones of the same buffer.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryFileSystem } from '#runtime/files/memory-file-system.js';
import { MAX_OUTPUT_BYTES } from '#runtime/limits.js';
import { Preview1, WASI_FUNCTION_NAMES, type WasiContext } from '#runtime/wasi/preview1.js';
import { GUARD_BYTE, GuardedMemory } from '#test/support/guarded-memory.js';
import { allFunctions } from '#test/support/wasi-functions.js';
import { WASI_SIGNATURES } from '#test/support/wasi-signatures.js';
import { ExitSignal } from './guest-fixture.js';

const SEED = 20260101;
const MEMORY_BYTES = 2048;
const LAST_ERRNO = 76;
const PATHS = ['a', 'a/b', '..', '.', 'a/../b', '/a', 'b/', 'link', ''];

const i32 = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: -0x80000000, max: 0x7fffffff }) },
  { weight: 4, arbitrary: fc.integer({ min: 0, max: MEMORY_BYTES + 16 }) },
  { weight: 6, arbitrary: fc.integer({ min: -2, max: 8 }) },
);
const i64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -2n, max: 5000n }),
  fc.constant(2n ** 30n - 1n),
);

interface Guarded {
  readonly functions: Readonly<Record<string, (...parameters: (number | bigint)[]) => number>>;
  readonly memory: Uint8Array;
  /** Whether both guard zones are as they were. */
  guardsIntact(): boolean;
  dispose(): void;
}

function guardedGuest(content: Uint8Array, memoryBytes = MEMORY_BYTES): Guarded {
  const guarded = new GuardedMemory(memoryBytes);
  const memory = guarded.bytes;
  memory.set(content.subarray(0, memoryBytes));
  let nowNs = 1n;
  const context: WasiContext = {
    memory: () => memory,
    args: ['guest', 'first', ''],
    env: ['HOME=/', 'LANG=de'],
    mounts: [
      { guestPath: '/one', fileSystem: new MemoryFileSystem(65536, () => nowNs) },
      { guestPath: '/two', fileSystem: new MemoryFileSystem(4096, () => nowNs) },
    ],
    write: (_, bytes) => {
      expect(bytes.byteLength).toBeLessThanOrEqual(MAX_OUTPUT_BYTES);
      expect(bytes.includes(GUARD_BYTE)).toBe(false);
    },
    terminals: { stdin: false, stdout: true, stderr: true },
    readInput: (_position, maxBytes) => ({ kind: 'bytes', bytes: new Uint8Array(Math.min(maxBytes, 7)) }),
    exit: (status) => {
      throw new ExitSignal(status);
    },
    raise: () => {
      throw new ExitSignal(128);
    },
    clock: {
      realtimeNs: () => 2n ** 64n - 1n,
      monotonicNs: () => nowNs,
      sleep: (milliseconds) => {
        nowNs += BigInt(Math.ceil(milliseconds * 1e6));
      },
    },
    fillRandom: (bytes) => {
      bytes.fill(0x11);
    },
  };
  const preview1 = new Preview1(context, 'restored');
  return {
    functions: allFunctions(preview1) as unknown as Guarded['functions'],
    memory,
    guardsIntact: () => guarded.isIntact(),
    dispose: () => preview1[Symbol.dispose](),
  };
}

function answer(guest: Guarded, name: string, parameters: readonly (number | bigint)[]): number {
  try {
    return guest.functions[name]?.(...parameters) ?? -1;
  } catch (error) {
    if (error instanceof ExitSignal) return 0;
    throw error;
  }
}

/** Sleeping for years is no hostility, and here it takes no time; waiting for somebody would. */
const parametersOf = (signature: string): fc.Arbitrary<(number | bigint)[]> =>
  fc.tuple(...[...signature].map((kind) => (kind === 'i' ? i32 : i64) as fc.Arbitrary<number | bigint>));

/** Some of what a guest has in its memory when it means what it does: paths and vectors. */
const content = fc
  .tuple(fc.uint8Array({ maxLength: 256 }), fc.constantFrom(...PATHS))
  .map(([bytes, path]) => {
    const memory = new Uint8Array(1024);
    memory.set(bytes.map((byte) => (byte === GUARD_BYTE ? 0 : byte)));
    memory.set(new TextEncoder().encode(path), 512);
    new Uint32Array(memory.buffer, 640, 4).set([512, 8, 700, 40]);
    return memory;
  });

const isErrno = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= LAST_ERRNO;

describe.each(WASI_FUNCTION_NAMES)('%s', (name) => {
  it('answers any arguments with an errno, and stays inside memory', () => {
    fc.assert(
      fc.property(content, parametersOf(WASI_SIGNATURES[name]), (bytes, parameters) => {
        const guest = guardedGuest(bytes);
        expect(answer(guest, name, parameters)).toSatisfy(isErrno);
        expect(guest.guardsIntact()).toBe(true);
        guest.dispose();
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it('answers while there is no memory', () => {
    const guest = guardedGuest(new Uint8Array(0), 0);
    const parameters = [...WASI_SIGNATURES[name]].map((kind) => (kind === 'i' ? 1 : 1n));
    expect(answer(guest, name, parameters)).toSatisfy(isErrno);
    guest.dispose();
  });
});

it('answers sequences of calls, whatever came before', () => {
  const call = fc
    .constantFrom(...WASI_FUNCTION_NAMES)
    .chain((name) => parametersOf(WASI_SIGNATURES[name]).map((parameters) => ({ name, parameters })));
  fc.assert(
    fc.property(content, fc.array(call, { maxLength: 60 }), (bytes, calls) => {
      const guest = guardedGuest(bytes);
      for (const { name, parameters } of calls) {
        expect(answer(guest, name, parameters)).toSatisfy(isErrno);
        // What the calls wrote must not look like what they must not touch.
        for (let index = 0; index < guest.memory.length; index += 1)
          if (guest.memory[index] === GUARD_BYTE) guest.memory[index] = 0;
      }
      expect(guest.guardsIntact()).toBe(true);
      guest.dispose();
    }),
    { seed: SEED, numRuns: 300 },
  );
});
