// The part of the WebAssembly JavaScript interface that this project uses. Node's own types lack it, and those of browsers would
// bring in every browser global besides. Declarations only.

declare namespace WebAssembly {
  type ImportValue = unknown;
  type ExportValue = ((...args: unknown[]) => unknown) | Global | Memory | Table;
  type ModuleImports = Record<string, ImportValue>;
  type Imports = Record<string, ModuleImports>;
  type Exports = Record<string, ExportValue>;

  class Tag {
    constructor(descriptor: { parameters: readonly string[] });
  }

  class Exception {}
  class CompileError extends Error {}
  class LinkError extends Error {}
  class RuntimeError extends Error {}

  class Module {
    constructor(bytes: Uint8Array);
    static customSections(module: Module, name: string): ArrayBuffer[];
    static exports(module: Module): { name: string; kind: string }[];
    static imports(module: Module): { module: string; name: string; kind: string }[];
  }

  class Instance {
    constructor(module: Module, imports?: Imports);
    readonly exports: Exports;
  }

  class Memory {
    constructor(descriptor: { initial: number; maximum?: number; shared?: boolean });
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
    grow(pages: bigint): bigint;
  }

  class Table {
    constructor(
      descriptor: { element: 'anyfunc' | 'externref'; initial: number; maximum?: number },
      value?: unknown,
    );
    /** Of a 64-bit table a bigint, as all its positions are. */
    readonly length: number;
    get(index: number | bigint): unknown;
    set(index: number | bigint, value: unknown): void;
    grow(count: number | bigint, value?: unknown): unknown;
  }

  class Global {
    constructor(descriptor: { value: string; mutable?: boolean }, value?: unknown);
    value: unknown;
  }

  function validate(bytes: Uint8Array): boolean;
}
