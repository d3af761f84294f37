// The Node binding of Wasmtime, as far as anybody here uses it. It ends its process where it should throw, so it must only be loaded in one that may
// end.
import { createRequire } from 'node:module';

/** Its own declarations name types that they do not declare. */
export interface Wasmtime {
  readonly Engine: new (config: object) => object;
  readonly Config: new () => object;
  readonly Module: { fromFile(engine: object, path: string): object };
  readonly Store: new (engine: object) => object;
  readonly Instance: new (
    store: object,
    module: object,
  ) => {
    getFunc(store: object, name: string): { call(store: object, args: readonly number[]): unknown } | null;
  };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Why it cannot be had, where it cannot. */
export function loadWasmtime(): Wasmtime | string {
  try {
    return createRequire(import.meta.url)('wasmtime') as Wasmtime;
  } catch (error) {
    return messageOf(error);
  }
}
