// The functions of WASI as one object, typed, for tests that call them by hand as a guest would.
import {
  type Preview1,
  WASI_FUNCTION_NAMES,
  type WasiFunction,
  type WasiFunctionName,
} from '#runtime/wasi/preview1.js';

/** Every function by its name. */
export type WasiFunctions = { readonly [Name in WasiFunctionName]: WasiFunction<Name> };

/** All functions of a guest that has been put at its beginning. */
export function allFunctions(preview1: Preview1): WasiFunctions {
  const functions = Object.fromEntries(WASI_FUNCTION_NAMES.map((name) => [name, preview1.provide(name)]));
  preview1.restore(new Uint8Array(0), 'same', 'fixture');
  return functions as unknown as WasiFunctions;
}
