// Binds every import of a module to the function that provides it, or says which one nobody provides. What is bound here is all
// a guest can reach of the world.
import { HR_MODULE } from '../../abi/hr.ts';
import { PMM_MODULE } from '../../abi/pmm.ts';
import { RekindleError } from '../errors.ts';
import { WASI_MODULE, wasiImports } from '../wasi/preview1.ts';
import { assemblyScriptImports } from './assemblyscript-env.ts';
import { GuestExit } from './fault.ts';
import { hrImports } from './hr-imports.ts';
import type { ImportContext, ImportFunctions } from './import-context.ts';
import { pmmImports } from './pmm-imports.ts';

const ASSEMBLYSCRIPT_MODULE = 'env';

/** Functions of the embedder's import module, by import module and name. */
export type EmbedderImports = Readonly<Record<string, ImportFunctions>>;

/** What the embedder's import module is given of the guest it serves. */
export interface EmbedderContext {
  readonly processName: string;
  /** Linear memory as it is now. Not to be kept: it may grow, and be restored. */
  memory(): Uint8Array;
}

/** Makes the embedder's functions for one process. */
export type EmbedderFactory = (guest: EmbedderContext) => EmbedderImports;

/** The clocks and the randomness of guests; they come in by constructor so that tests can hold them. */
export interface Circumstances {
  realtimeNs(): bigint;
  monotonicNs(): bigint;
  fillRandom(bytes: Uint8Array): void;
}

const NS_PER_MS = 1_000_000;

function own<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}

function seedFrom(circumstances: Circumstances): number {
  const words = new Uint32Array(1);
  circumstances.fillRandom(new Uint8Array(words.buffer));
  return (words[0] ?? 0) / 2 ** 32;
}

/**
 * The import object for one instance. `wrap` is put around every function: it is where the process watches the border.
 * The embedder may replace anything but the system's own modules. Throws IMPORT_UNRESOLVED or IMPORTS_INVALID.
 */
export function bindImports(
  context: ImportContext,
  embedder: EmbedderImports,
  circumstances: Circumstances,
  wrap: (body: (...args: never[]) => unknown) => (...args: never[]) => unknown,
): WebAssembly.Imports {
  const { layout, processName, args, env, hostFunctions } = context.program;
  const system: Readonly<Record<string, ImportFunctions>> = {
    [HR_MODULE]: hrImports(context),
    [PMM_MODULE]: pmmImports(context),
    [WASI_MODULE]: wasiImports({
      memory: () => context.memory(),
      args,
      env,
      write: (stream, bytes) => context.services.write(stream, bytes),
      exit: (status) => {
        throw new GuestExit(status);
      },
      clock: circumstances,
      fillRandom: (bytes) => circumstances.fillRandom(bytes),
    }),
  };
  const standard: ImportFunctions = assemblyScriptImports(context, {
    nowMs: () => Number(circumstances.realtimeNs() / BigInt(NS_PER_MS)),
    monotonicMs: () => Number(circumstances.monotonicNs()) / NS_PER_MS,
    seed: () => seedFrom(circumstances),
  });

  const provider = (module: string, name: string): ((...args: never[]) => unknown) | undefined => {
    const systemModule = own(system, module);
    if (systemModule !== undefined) return own(systemModule, name);
    const provided = own(own(embedder, module), name);
    if (provided !== undefined) return provided;
    const index = hostFunctions.findIndex((entry) => entry.module === module && entry.name === name);
    if (index >= 0)
      return (...values: (number | bigint)[]) => context.services.callHostFunction(index, values);
    return module === ASSEMBLYSCRIPT_MODULE ? own(standard, name) : undefined;
  };

  const imports: WebAssembly.Imports = {};
  for (const { module, name } of layout.functionImports) {
    const body = provider(module, name);
    const culprit = `${processName} import ${module}.${name}`;
    if (body === undefined) throw new RekindleError('IMPORT_UNRESOLVED', culprit);
    if (typeof body !== 'function') throw new RekindleError('IMPORTS_INVALID', culprit, 'is not a function');
    imports[module] = { ...imports[module], [name]: wrap(body) };
  }
  return imports;
}
