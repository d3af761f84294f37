// Binds every import of a module to the function that provides it, or says which one nobody provides. What is bound here is all
// a guest can reach of the world.
import { HR_MODULE } from '../../abi/hr.ts';
import { PMM_MODULE } from '../../abi/pmm.ts';
import { RekindleError } from '../errors.ts';
import { makeGlobal } from '../image/imported-globals.ts';
import { type ImportedFunction, linearMemoryOf, type ModuleLayout } from '../image/layout.ts';
import { type Preview1, WASI_MODULE, type WasiClock } from '../wasi/preview1.ts';
import { assemblyScriptImports } from './assemblyscript-env.ts';
import { type Border, hostFunctions } from './border.ts';
import type { ImportBody } from './generated-calls.ts';
import { hrImports } from './hr-imports.ts';
import type { ImportContext, ImportFunctions } from './import-context.ts';
import { ImportMakers } from './import-makers.ts';
import { pmmImports } from './pmm-imports.ts';
import type { GuestProgram } from './program.ts';

const ASSEMBLYSCRIPT_MODULE = 'env';

/** Functions of the embedder's import module, by import module and name. */
export type EmbedderImports = Readonly<Record<string, ImportFunctions>>;

/** What the embedder's import module is given of the guest it serves. */
export interface EmbedderContext {
  readonly processName: string;
  /**
   * Linear memory as it is now. Not to be kept: it may grow, and be restored. Nor to be handed to what stores to it later or in another
   * thread, as an asynchronous read does: a restore would not know of it.
   */
  memory(): Uint8Array;
}

/** Makes the embedder's functions for one process. */
export type EmbedderFactory = (guest: EmbedderContext) => EmbedderImports;

/** The clocks and the randomness of guests; they come in by constructor so that tests can hold them. */
export interface Circumstances extends WasiClock {
  fillRandom(bytes: Uint8Array): void;
}

/** Functions of the system that take something, but no pointer. */
const POINTERLESS: readonly string[] = [
  ...['hrGetprocessGroup', 'hrKillGroup', 'proc_exit', 'proc_raise', 'fd_close', 'fd_renumber', 'fd_sync'],
  ...['fd_datasync', 'fd_advise', 'fd_allocate', 'fd_fdstat_set_flags', 'fd_fdstat_set_rights'],
  ...['fd_filestat_set_size', 'fd_filestat_set_times', 'sock_shutdown'],
];
const NS_PER_MS = 1_000_000;

function own<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function seedFrom(circumstances: Circumstances): number {
  const words = new Uint32Array(1);
  circumstances.fillRandom(new Uint8Array(words.buffer));
  return (words[0] ?? 0) / 2 ** 32;
}

/** Of this thread. */
const makers = new ImportMakers();

/** The functions that stand for `bodies`, in their order: everything that crosses from guest to host passes one. */
function guarded(layout: ModuleLayout, border: Border, bodies: readonly ImportBody[]): readonly ImportBody[] {
  const parameterCounts = layout.functionImports.map(({ type }) => type.params.length);
  return makers.maker(parameterCounts, border.exchange !== null)(border, hostFunctions, bodies);
}

/**
 * The import object for one instance, which reaches the host over `border`.
 * The embedder may replace anything but the system's own modules. Throws IMPORT_UNRESOLVED or IMPORTS_INVALID.
 */
export function bindImports(
  context: ImportContext,
  wasi: Preview1,
  embedder: EmbedderImports,
  circumstances: Circumstances,
  border: Border,
): WebAssembly.Imports {
  const { layout, processName, hostFunctions } = context.program;
  // Each is put together once somebody imports from it: a guest knows few of them, and a process is to start in microseconds.
  const hr = once(() => hrImports(context));
  const pmm = once(() => pmmImports(context));
  const system: Readonly<Record<string, (name: string) => ImportBody | undefined>> = {
    [HR_MODULE]: (name) => own(hr(), name),
    [PMM_MODULE]: (name) => own(pmm(), name),
    [WASI_MODULE]: (name) => wasi.provide(name),
  };
  const standard = once(() =>
    assemblyScriptImports(context, {
      nowMs: () => Number(circumstances.realtimeNs() / BigInt(NS_PER_MS)),
      monotonicMs: () => Number(circumstances.monotonicNs()) / NS_PER_MS,
      seed: () => seedFrom(circumstances),
    }),
  );

  const provider = (module: string, name: string): ImportBody | undefined => {
    const systemModule = own(system, module);
    if (systemModule !== undefined) return systemModule(name);
    const provided = own(own(embedder, module), name);
    if (provided !== undefined) return provided;
    const index = hostFunctions.findIndex((entry) => entry.module === module && entry.name === name);
    if (index >= 0)
      return (...values: (number | bigint)[]) => context.services.callHostFunction(index, values);
    return module === ASSEMBLYSCRIPT_MODULE ? own(standard(), name) : undefined;
  };

  refuseWidePointers(context.program, (module) => own(system, module) !== undefined);
  const bodies = layout.functionImports.map(({ module, name }) => {
    const body = provider(module, name);
    const culprit = `${processName} import ${module}.${name}`;
    if (body === undefined) throw new RekindleError('IMPORT_UNRESOLVED', culprit);
    if (typeof body !== 'function') throw new RekindleError('IMPORTS_INVALID', culprit, 'is not a function');
    return body;
  });
  const imports: WebAssembly.Imports = {};
  for (const [index, body] of guarded(layout, border, bodies).entries()) {
    const { module, name } = layout.functionImports[index] as ImportedFunction;
    imports[module] = { ...imports[module], [name]: body };
  }
  for (const global of layout.globalImports ?? [])
    imports[global.module] = { ...imports[global.module], [global.name]: makeGlobal(global) };
  return imports;
}

/** The structures and pointers of the system's modules are those of a 32-bit memory. */
function refuseWidePointers(
  { layout, processName }: GuestProgram,
  isSystem: (module: string) => boolean,
): void {
  if (linearMemoryOf(layout)?.is64 !== true) return;
  const refused = layout.functionImports.find(
    ({ module, name, type }) => isSystem(module) && !POINTERLESS.includes(name) && type.params.length > 0,
  );
  if (refused === undefined) return;
  const detail = `${refused.module}.${refused.name} takes 32-bit pointers, and its memory is a 64-bit one`;
  throw new RekindleError('MODULE_UNSUPPORTED', processName, detail);
}
