// What an embedder gives its guests to import, in the two forms there are: functions of the main thread, and an ES module loaded in
// the guest's thread. A process hands it on to the processes it spawns.
import { RekindleError } from '../errors.ts';
import type { GivenGlobal, GivenGlobals } from '../image/imported-globals.ts';
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
  readonly globals: GivenGlobals;
  readonly importsUrl: string | null;
  /** All of it, for inline guests: the functions too are in their thread. */
  readonly factory: EmbedderFactory;
  /** What stands behind the standard streams that lead to the embedder. */
  readonly stdio: StdioEnds;
}

const NO_ENDS: StdioEnds = Object.freeze({ stdin: null, stdout: null, stderr: null });

/**
 * What the embedder provides, by import module and name: functions, and the values that imported globals begin with: a number or, for an i64, a
 * bigint, and null for a reference.
 */
export type HostImports = Readonly<Record<string, Readonly<Record<string, HostFunction | GivenGlobal>>>>;

interface Entry {
  readonly module: string;
  readonly name: string;
  readonly body: HostFunction;
}

/** Throws IMPORTS_INVALID for what is neither a function nor the value of a global. */
export function makeEmbedding(
  imports: HostImports,
  importsUrl: string | null,
  factory: EmbedderFactory,
  stdio: StdioEnds = NO_ENDS,
): Embedding {
  return { ...embeddingOf(entriesOf(imports), globalsOf(imports), importsUrl, factory), stdio };
}

/**
 * The embedding of a process that comes back: the functions it had, as far as the site provides them again. Its globals are in its image;
 * those of processes it will spawn are the site's. Throws IMPORT_UNRESOLVED
 * for one that is missing and among `needed`, what its module imports.
 */
export function embeddingAgain(
  processName: string,
  wanted: Pick<Embedding, 'hostFunctions' | 'importsUrl'>,
  needed: readonly { readonly module: string; readonly name: string }[],
  imports: HostImports,
  factory: EmbedderFactory,
): Embedding {
  const present = entriesOf(imports);
  const entries = wanted.hostFunctions.flatMap(({ module, name }) => {
    const entry = present.find((each) => each.module === module && each.name === name);
    if (entry !== undefined) return [entry];
    if (!needed.some((each) => each.module === module && each.name === name)) return [];
    const detail = `${processName} needs it: the site must be opened with it among its imports`;
    throw new RekindleError('IMPORT_UNRESOLVED', `${module}.${name}`, detail);
  });
  return { ...embeddingOf(entries, globalsOf(imports), wanted.importsUrl, factory), stdio: NO_ENDS };
}

/** `own` beside what the site provides to all; of two imports of one name, one's own. */
export function mergeImports(shared: HostImports, own: HostImports): HostImports {
  const merged = new Map(Object.entries(shared));
  for (const [module, members] of Object.entries(requireModules('imports', own)))
    merged.set(module, { ...merged.get(module), ...requireModules(module, members) });
  return Object.fromEntries(merged);
}

function entriesOf(imports: HostImports): readonly Entry[] {
  return membersOf(imports).flatMap(({ module, name, value }) => {
    if (typeof value === 'function') return [{ module, name, body: value }];
    if (isGlobal(value)) return [];
    const detail = 'is neither a function nor the value of a global';
    throw new RekindleError('IMPORTS_INVALID', `${module}.${name}`, detail);
  });
}

function globalsOf(imports: HostImports): GivenGlobals {
  const modules = new Map<string, Record<string, GivenGlobal>>();
  for (const { module, name, value } of membersOf(imports))
    if (isGlobal(value)) modules.set(module, { ...modules.get(module), [name]: value });
  return Object.fromEntries(modules);
}

function membersOf(imports: HostImports) {
  return Object.entries(requireModules('imports', imports)).flatMap(([module, members]) =>
    Object.entries(requireModules(module, members)).map(([name, value]) => ({ module, name, value })),
  );
}

function isGlobal(value: unknown): value is GivenGlobal {
  return value === null || typeof value === 'number' || typeof value === 'bigint';
}

function embeddingOf(
  entries: readonly Entry[],
  globals: GivenGlobals,
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
    globals,
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
