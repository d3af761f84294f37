// The import table of the design as data, and the questions the tests ask of it. Pure: it is given files and answers with
// sentences, one for each breach, and it must not know how the files were found.
import { builtinModules } from 'node:module';
import type { Import, SourceFile } from './source-tree.js';

interface Row {
  /** Rooms this one may import from, beside itself. */
  readonly may: readonly string[];
  /** Rooms of which it may import types. */
  readonly mayTypes?: readonly string[];
  /** Compiled into guests, where there is no Node. */
  readonly runsInGuest?: boolean;
  /** Packages, beside those of Node. */
  readonly packages?: readonly string[];
}

/** Errors, limits, checks and invariants: every room of the runtime stands on these. */
const FOUNDATION = 'foundation';
const FOUNDATION_FILES = [
  'runtime/checks.ts',
  'runtime/errors.ts',
  'runtime/invariant.ts',
  'runtime/limits.ts',
];
const ALL_ROOMS = [
  'abi',
  FOUNDATION,
  'system',
  'bank',
  'storage',
  'memory',
  'image',
  'wasi',
  'files',
  'process',
  'controller',
  'cinit',
];

/** Built into the AssemblyScript compiler: where the shadow stack pointer is exported from. */
const ASSEMBLYSCRIPT_MEMORY = 'memory';

const TABLE: Readonly<Record<string, Row>> = {
  abi: { may: [], runsInGuest: true },
  guests: { may: ['abi'], runsInGuest: true, packages: [ASSEMBLYSCRIPT_MEMORY] },
  [FOUNDATION]: { may: [] },
  system: { may: [FOUNDATION], packages: ['koffi'] },
  bank: { may: [FOUNDATION, 'system'] },
  storage: { may: ['abi', FOUNDATION] },
  memory: { may: ['abi', FOUNDATION, 'system', 'bank'] },
  image: { may: ['abi', FOUNDATION, 'bank', 'memory'] },
  wasi: { may: ['abi', FOUNDATION] },
  files: { may: ['abi', FOUNDATION, 'system', 'bank', 'memory', 'wasi'] },
  process: {
    may: ['abi', FOUNDATION, 'image', 'memory', 'wasi', 'files'],
    packages: ['@assemblyscript/loader'],
  },
  controller: { may: ['abi', FOUNDATION, 'process', 'files', 'image', 'memory', 'bank'] },
  cinit: { may: ['abi', FOUNDATION, 'controller', 'process', 'files', 'memory', 'bank'], mayTypes: ['site'] },
  keeper: { may: [FOUNDATION, 'system'] },
  site: { may: ALL_ROOMS },
  index: { may: [...ALL_ROOMS, 'site'] },
  cli: { may: [...ALL_ROOMS, 'site', 'keeper'] },
};

/** Room of a source file: a directory of the runtime, a top-level file of it, or a top-level directory. */
export function roomOf(path: string): string {
  if (FOUNDATION_FILES.includes(path)) return FOUNDATION;
  const [top = '', room = ''] = path.split('/');
  return top === 'runtime' ? room.replace(/(-[a-z-]+)?\.ts$/, '') : top;
}

/** Breaches of the table in files of the rooms it has rows for; tests, benchmarks and examples may import what they like. */
export function tableBreaches(files: readonly SourceFile[]): readonly string[] {
  return files
    .filter(({ path }) => !['test', 'bench', 'examples'].includes(roomOf(path)))
    .flatMap((file) => file.imports.map((imported) => breachOf(file, imported)))
    .filter((breach) => breach !== null);
}

function breachOf({ path }: SourceFile, { specifier, target, typesOnly }: Import): string | null {
  const room = roomOf(path);
  const row = TABLE[room];
  if (row === undefined) return `${path}: the import table has no row for '${room}'`;
  if (target === null) {
    const isNodes = specifier.startsWith('node:') || builtinModules.includes(specifier);
    const known = isNodes ? !row.runsInGuest : row.packages?.includes(specifier) === true;
    return known ? null : `${path} (${room}) may not import the package '${specifier}'`;
  }
  const targetRoom = roomOf(target);
  const allowed =
    targetRoom === room || row.may.includes(targetRoom) || (typesOnly && row.mayTypes?.includes(targetRoom));
  return allowed ? null : `${path} (${room}) may not import ${target} (${targetRoom})`;
}

/** Breaches of "an import names a file": a target that is not among the files. */
export function danglingImports(files: readonly SourceFile[]): readonly string[] {
  const paths = new Set(files.map(({ path }) => path));
  return files.flatMap(({ path, imports }) =>
    imports
      .filter(({ target }) => target !== null && !paths.has(target))
      .map(({ specifier }) => `${path} imports '${specifier}', which is no source file`),
  );
}

/** The first import cycle found, as the paths along it, or null. Types the table lets through upwards are no part of it. */
export function findCycle(files: readonly SourceFile[]): readonly string[] | null {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const finished = new Set<string>();
  const visit = (path: string, trail: readonly string[]): readonly string[] | null => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    const file = byPath.get(path);
    if (file === undefined || finished.has(path)) return null;
    for (const imported of file.imports) {
      if (imported.target === null || isUpwardTypeImport(file, imported)) continue;
      const cycle = visit(imported.target, [...trail, path]);
      if (cycle !== null) return cycle;
    }
    finished.add(path);
    return null;
  };
  for (const { path } of files) {
    const cycle = visit(path, []);
    if (cycle !== null) return cycle;
  }
  return null;
}

function isUpwardTypeImport({ path }: SourceFile, { target, typesOnly }: Import): boolean {
  return target !== null && typesOnly && TABLE[roomOf(path)]?.mayTypes?.includes(roomOf(target)) === true;
}

/** Files that no chain of imports reaches from the entries. */
export function unreachableFiles(
  files: readonly SourceFile[],
  entries: readonly string[],
): readonly string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const reached = new Set<string>();
  const waiting = [...entries];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (reached.has(path)) continue;
    reached.add(path);
    for (const { target } of byPath.get(path)?.imports ?? []) if (target !== null) waiting.push(target);
  }
  return files.map(({ path }) => path).filter((path) => !reached.has(path));
}
