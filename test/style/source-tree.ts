// The source tree as the style tests see it: which files there are, and what each says it imports. It reads text by simple
// patterns; it must find every static import, export-from and worker URL, and need not understand anything else.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Directories whose TypeScript is ours to hold to the rules. */
export const SOURCE_DIRECTORIES = ['abi', 'bench', 'examples', 'guests', 'runtime', 'test'] as const;

export interface SourceFile {
  /** From the root of the repository, '/'-separated. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

export interface Import {
  /** As written: relative, `#...`, or the name of a package. */
  readonly specifier: string;
  /** The source file meant, or null for a package. */
  readonly target: string | null;
  /** Erased by the compiler. */
  readonly typesOnly: boolean;
}

// import [type] ... from 'x', export [type] ... from 'x', import 'x': at the start of a line, over several lines if need be.
const STATEMENT = /^(?:import|export)\s+(?:(type)\s+)?(?:[\w*{][^;'"]*?\s*from\s*)?'([^']+)'/gm;
// new URL('./x', import.meta.url): how a worker's entry is named.
const URL_REFERENCE = /new URL\(\s*'(\.[^']+\.(?:js|ts))',\s*import\.meta\.url\s*\)/g;

/** What `text`, the file at `path`, imports. */
export function parseImports(path: string, text: string): readonly Import[] {
  const statements = [...text.matchAll(STATEMENT)].map(([, type, specifier = '']) => ({
    specifier,
    target: resolveSpecifier(path, specifier),
    typesOnly: type !== undefined,
  }));
  const references = [...text.matchAll(URL_REFERENCE)].map(([, specifier = '']) => ({
    specifier,
    target: resolveSpecifier(path, specifier),
    typesOnly: false,
  }));
  return [...statements, ...references];
}

// Tests and URLs name the compiled file: its source is meant. AssemblyScript may leave the extension out.
function resolveSpecifier(path: string, specifier: string): string | null {
  if (specifier.startsWith('#')) return sourceOf(specifier.slice(1));
  if (!specifier.startsWith('.')) return null;
  return sourceOf(posix.join(posix.dirname(path), specifier));
}

function sourceOf(path: string): string {
  return `${path.replace(/\.[jt]s$/, '')}.ts`;
}

/** Every file below the directories, with one of the extensions, in a fixed order. */
export function listFiles(directories: readonly string[], extensions: readonly string[]): readonly string[] {
  return directories
    .filter((directory) => existsSync(ROOT + directory))
    .flatMap((directory) =>
      readdirSync(ROOT + directory, { recursive: true, encoding: 'utf8' }).map((path) =>
        posix.join(directory, path.replaceAll('\\', '/')),
      ),
    )
    .filter((path) => extensions.some((extension) => path.endsWith(extension)))
    .sort();
}

export function readText(path: string): string {
  return readFileSync(ROOT + path, 'utf8');
}

/** Declarations (`.d.ts`) are left out: nothing imports them, and they hold no code. */
export function readSources(directories: readonly string[] = SOURCE_DIRECTORIES): readonly SourceFile[] {
  const paths = listFiles(directories, ['.ts']).filter((path) => !path.endsWith('.d.ts'));
  return paths.map((path) => {
    const text = readText(path);
    return { path, text, imports: parseImports(path, text) };
  });
}
