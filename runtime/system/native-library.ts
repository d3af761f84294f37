// Reaches the system's C library through koffi, which is loaded on first use so that everything else runs where koffi cannot.
// It must never be imported from outside this room: what it opens can call anything.
import { createRequire } from 'node:module';
import type * as Koffi from 'koffi';
import { RekindleError } from '../errors.ts';

/** The C library by its own name, for programs that link it statically and so do not export its symbols. */
const LIBRARY_NAMES: ReadonlyMap<NodeJS.Platform, string> = new Map([
  ['linux', 'libc.so.6'],
  ['darwin', 'libSystem.B.dylib'],
]);

/** The C library as one part of the runtime binds it. */
export interface NativeLibrary {
  readonly koffi: typeof Koffi;
  readonly handle: Koffi.LibraryHandle;
  /** Name of the error of this thread's last call, e.g. `ENOSPC`. */
  lastErrno(): string;
}

/**
 * Opens the library and binds from it.
 *
 * @param probe Prototype of a function that must be there, as C writes it.
 * @throws RekindleError BACKEND_UNAVAILABLE when koffi cannot be loaded here, or something asked for cannot be bound.
 */
export function bindNative<T>(probe: string, bind: (library: NativeLibrary) => T): T {
  try {
    const koffi: typeof Koffi = createRequire(import.meta.url)('koffi');
    return bind({
      koffi,
      handle: openLibrary(koffi, probe),
      lastErrno: () => {
        const number = koffi.errno();
        return Object.entries(koffi.os.errno).find(([, value]) => value === number)?.[0] ?? `errno ${number}`;
      },
    });
  } catch (cause) {
    throw new RekindleError('BACKEND_UNAVAILABLE', 'koffi', String(cause), { cause });
  }
}

function openLibrary(koffi: typeof Koffi, probe: string): Koffi.LibraryHandle {
  // The running program's own symbols: the same C library Node uses, glibc or musl alike.
  const program = koffi.load(null);
  try {
    program.func(probe);
    return program;
  } catch (cause) {
    const name = LIBRARY_NAMES.get(process.platform);
    if (name === undefined) throw cause;
    return koffi.load(name);
  }
}
