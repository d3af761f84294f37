// Import module `env` as AssemblyScript's standard library expects it: abort, trace, seed, console, clocks. It must give a guest
// nothing but output, time and randomness.
import { MAX_OUTPUT_BYTES } from '../limits.ts';
import { GuestAbort } from './fault.ts';
import type { ImportContext, ImportFunctions } from './import-context.ts';
import { BadAddress, bytesAt, viewAt } from './linear-memory.ts';

//  A managed string: UTF-16 code units at the pointer, its size in bytes in the u32 just before it.
//
//   pointer - 4       pointer
//  +-----------------+------------------------------+
//  | size in bytes   | UTF-16LE code units ...      |
//  +-----------------+------------------------------+
const STRING_SIZE_OFFSET = 4;
const utf16 = new TextDecoder('utf-16le');
const utf8 = new TextEncoder();

/** The text of a managed string; a bad pointer reads as a placeholder, because these calls have no way to fail. */
function managedString(memory: Uint8Array, pointer: number): string {
  if (pointer === 0) return 'null';
  try {
    const sizeBytes = viewAt(memory, (pointer >>> 0) - STRING_SIZE_OFFSET, 4).getUint32(0, true);
    return utf16.decode(bytesAt(memory, pointer, Math.min(sizeBytes, MAX_OUTPUT_BYTES)).slice());
  } catch (error) {
    if (error instanceof BadAddress) return '<bad pointer>';
    throw error;
  }
}

/** `monotonicMs` and `nowMs` are clocks, `seed` a source of randomness in [0, 1): never replayed after a restore. */
export interface AssemblyScriptCircumstances {
  readonly nowMs: () => number;
  readonly monotonicMs: () => number;
  readonly seed: () => number;
}

export function assemblyScriptImports(
  context: ImportContext,
  circumstances: AssemblyScriptCircumstances,
): ImportFunctions {
  const text = (pointer: number): string => managedString(context.memory(), pointer);
  const line = (stream: 'stdout' | 'stderr', message: string): void =>
    context.services.write(stream, utf8.encode(`${message}\n`));
  const printTo = (stream: 'stdout' | 'stderr') => (pointer: number) => line(stream, text(pointer));
  return {
    abort(message: number, file: number, lineNumber: number, column: number): never {
      throw new GuestAbort(`abort: ${text(message)} at ${text(file)}:${lineNumber >>> 0}:${column >>> 0}`);
    },
    trace(message: number, count: number, ...values: number[]): void {
      line('stderr', ['trace:', text(message), ...values.slice(0, count)].join(' '));
    },
    seed: circumstances.seed,
    'console.log': printTo('stdout'),
    'console.info': printTo('stdout'),
    'console.debug': printTo('stdout'),
    'console.warn': printTo('stderr'),
    'console.error': printTo('stderr'),
    'console.assert': (condition: number, pointer: number) => {
      if (condition === 0) line('stderr', `Assertion failed: ${text(pointer)}`);
    },
    'Date.now': circumstances.nowMs,
    'performance.now': circumstances.monotonicMs,
  };
}
