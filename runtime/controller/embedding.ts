// What an embedder gives its guests to import, in the two forms there are: functions of the main thread, and an ES module loaded in
// the guest's thread. A process hands it on to the processes it spawns.
import { RekindleError } from '../errors.ts';
import type { EmbedderFactory } from '../process/guest-imports.ts';
import type { StdioEnds } from '../process/stdio.ts';

/**
 * A function of the embedder, run in the main thread: i32, f32 and f64 arrive as numbers, i64 as bigints, and so the result must be.
 * What it throws is a fault of kind `host-error` of the guest that called it.
 */
export type HostFunction = (...args: (number | bigint)[]) => number | bigint | undefined;

export interface Embedding {
  readonly hostFunctions: readonly { readonly module: string; readonly name: string }[];
  /** By the position in `hostFunctions`. Throws what the function throws. */
  call(index: number, args: readonly (number | bigint)[]): number | bigint | undefined;
  readonly importsUrl: string | null;
  /** All of it, for inline guests: the functions too are in their thread. */
  readonly factory: EmbedderFactory;
  /** What stands behind the standard streams that lead to the embedder. */
  readonly stdio: StdioEnds;
}

const NO_ENDS: StdioEnds = Object.freeze({ stdin: null, stdout: null, stderr: null });

/** Functions of the embedder by import module and name. */
export type HostFunctions = Readonly<Record<string, Readonly<Record<string, HostFunction>>>>;

interface Entry {
  readonly module: string;
  readonly name: string;
  readonly body: HostFunction;
}

/** Throws IMPORTS_INVALID for what is not a function. */
export function makeEmbedding(
  functions: HostFunctions,
  importsUrl: string | null,
  factory: EmbedderFactory,
  stdio: StdioEnds = NO_ENDS,
): Embedding {
  return { ...embeddingOf(entriesOf(functions), importsUrl, factory), stdio };
}

/**
 * The embedding of a process that comes back: the functions it had, as far as the site provides them again. Throws IMPORT_UNRESOLVED
 * for one that is missing and among `needed`, what its module imports.
 */
export function embeddingAgain(
  processName: string,
  wanted: Pick<Embedding, 'hostFunctions' | 'importsUrl'>,
  needed: readonly { readonly module: string; readonly name: string }[],
  functions: HostFunctions,
  factory: EmbedderFactory,
): Embedding {
  const present = entriesOf(functions);
  const entries = wanted.hostFunctions.flatMap(({ module, name }) => {
    const entry = present.find((each) => each.module === module && each.name === name);
    if (entry !== undefined) return [entry];
    if (!needed.some((each) => each.module === module && each.name === name)) return [];
    const detail = `${processName} needs it: the site must be opened with it among its imports`;
    throw new RekindleError('IMPORT_UNRESOLVED', `${module}.${name}`, detail);
  });
  return { ...embeddingOf(entries, wanted.importsUrl, factory), stdio: NO_ENDS };
}

/** `own` beside what the site provides to all; of two functions of one name, one's own. */
export function mergeFunctions(shared: HostFunctions, own: HostFunctions): HostFunctions {
  const merged = new Map(Object.entries(shared));
  for (const [module, members] of Object.entries(requireModules('imports', own)))
    merged.set(module, { ...merged.get(module), ...requireModules(module, members) });
  return Object.fromEntries(merged);
}

function entriesOf(functions: HostFunctions): readonly Entry[] {
  const entries = Object.entries(requireModules('imports', functions)).flatMap(([module, members]) =>
    Object.entries(requireModules(module, members)).map(([name, body]) => ({ module, name, body })),
  );
  for (const { module, name, body } of entries) {
    if (typeof body !== 'function')
      throw new RekindleError('IMPORTS_INVALID', `${module}.${name}`, 'is not a function');
  }
  return entries;
}

function embeddingOf(
  entries: readonly Entry[],
  importsUrl: string | null,
  factory: EmbedderFactory,
): Omit<Embedding, 'stdio'> {
  const bodies = entries.map(checkingResult);
  return {
    hostFunctions: entries.map(({ module, name }) => ({ module, name })),
    call(index, args) {
      const body = bodies[index];
      if (body === undefined)
        throw new RekindleError('IMPORTS_INVALID', `host function ${index}`, 'there is no such function');
      return body(...args);
    },
    importsUrl,
    factory:
      entries.length === 0
        ? factory
        : (guest) => {
            const modules = new Map(Object.entries(factory(guest)));
            for (const [index, { module, name }] of entries.entries()) {
              const body = bodies[index];
              // Of two functions of one name, that of the import module: it is the guest's own.
              if (body !== undefined) modules.set(module, { [name]: body, ...modules.get(module) });
            }
            return Object.fromEntries(modules);
          },
  };
}

function checkingResult({ module, name, body }: Entry): HostFunction {
  return (...args) => {
    const result: unknown = body(...args);
    if (result === undefined || typeof result === 'number' || typeof result === 'bigint') return result;
    throw new RekindleError(
      'IMPORTS_INVALID',
      `${module}.${name}`,
      `returned ${typeof result}: only numbers, bigints or nothing can go to a guest`,
    );
  };
}

function requireModules<T extends object>(culprit: string, value: T): T {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isRecord)
    throw new RekindleError('IMPORTS_INVALID', culprit, 'is not an object of import modules or functions');
  return value;
}
