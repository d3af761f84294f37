// The compiler for C that npm brings, for texts that a test has made. It writes no file, and loading it takes a processor seconds: what can be
// compiled beforehand belongs to test/guests.

/** A command runs once from _start, a reactor is initialised and then called. */
type Target = 'command' | 'reactor';

interface Compiler {
  compileC(source: string, target: Target, text: string): Promise<Uint8Array<ArrayBuffer>>;
}

// A specifier that is not a literal is not resolved: the compiler is a script, and has no declarations.
const specifier: string = new URL('../../../guests/compile-c.mjs', import.meta.url).href;
const loaded = (await import(specifier)) as Compiler;

/** The module made from a text, which is compiled as if it lay at `source`. Rejects with the compiler's words. */
export function compileText(source: string, target: Target, text: string): Promise<Uint8Array<ArrayBuffer>> {
  return loaded.compileC(source, target, text);
}
