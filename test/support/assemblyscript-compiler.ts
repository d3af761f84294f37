// The AssemblyScript compiler, typed here as far as the tests use it: its own declarations would put a console of theirs into the
// global scope of the whole program.

interface Compiler {
  main(
    args: readonly string[],
    host: {
      readFile?(fileName: string, directory: string): string | null;
      writeFile?(fileName: string, contents: string | Uint8Array, directory: string): void;
      listFiles?(directory: string, baseDirectory: string): string[] | null;
    },
  ): Promise<{ readonly error: Error | null; readonly stderr: { toString(): string } }>;
}

// A specifier that is not a literal is not resolved to the package's declarations.
const specifier: string = 'assemblyscript/asc';
const loaded = (await import(specifier)) as { readonly default: Compiler };

export const asc: Compiler = loaded.default;
