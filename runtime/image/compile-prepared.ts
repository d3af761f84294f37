// Compiles a prepared module, whether it has just been rewritten or was found in a bank. It must never be given bytes that another thread
// can change.
import { RekindleError } from '../errors.ts';

/** @throws RekindleError MODULE_UNSUPPORTED when this engine does not take it. */
export function compilePrepared(bytes: Uint8Array, modulePath: string): WebAssembly.Module {
  try {
    return new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
  } catch (cause) {
    if (!(cause instanceof WebAssembly.CompileError)) throw cause;
    const detail = `prepared, the engine refuses it: ${cause.message}`;
    throw new RekindleError('MODULE_UNSUPPORTED', modulePath, detail, { cause });
  }
}
