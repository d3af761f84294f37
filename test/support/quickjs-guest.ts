// QuickJS guests for tests and benchmarks: the class and the import module of the example, with their types. Nothing but that.
import type { EmbedderFactory, Process } from '#runtime/index.js';

export interface QuickjsGuest {
  readonly process: Process;
  /** The number a script comes to; throws with the exception's words when it throws. */
  number(script: string): number;
  /** `number` for a process that is restored afterwards: nothing is given back, and a script that throws comes to NaN. */
  numberOnce(script: string): number;
  /** The text a script comes to; throws with the exception's words when it throws. */
  text(script: string): string;
  /** Gives scripts a global function of this name, which ends in the host. */
  addHostFunction(name: string): void;
}

interface QuickjsGuestModule {
  readonly default: EmbedderFactory;
  readonly QUICKJS_MODULE: string;
  readonly QuickjsGuest: {
    /** Makes the engine in a process that has been initialised and nothing more. */
    begin(process: Process): QuickjsGuest;
  };
}

/** For `importsUrl`. */
export const QUICKJS_IMPORTS = new URL('../../../examples/quickjs-guest.mjs', import.meta.url);

// A specifier that is not a literal is not resolved: the example is a script, and has no declarations.
const specifier: string = QUICKJS_IMPORTS.href;
export const {
  QUICKJS_MODULE,
  QuickjsGuest,
  default: quickjsImports,
} = (await import(specifier)) as QuickjsGuestModule;
