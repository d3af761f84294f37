// A module in its three worlds: as the engine alone runs it, prepared, and prepared and restored. Each is a surrounding of its own, with its own
// log of what the guest told its host; nothing that one does may reach another.

import { decodeImageHead, encodeImageHead } from '#runtime/image/image-codec.js';
import { exportModule } from '#runtime/image/image-export.js';
import { type GivenGlobal, type GivenGlobals, makeGlobal } from '#runtime/image/imported-globals.js';
import { exportedMemory, growMemory } from '#runtime/image/instance-exports.js';
import { type InstanceState, StateAccess } from '#runtime/image/instance-state.js';
import type { ImportedFunction, ModuleLayout, ValueType } from '#runtime/image/layout.js';
import { parseModule } from '#runtime/image/module-parser.js';
import type { PreparedModule } from '#runtime/image/prepare.js';
import { firstMemories } from '#test/support/first-memories.js';
import { describeThrown, describeValue } from './observations.js';

const WASM_PAGE = 65536;
const HIDDEN = '__hr_';
/** Calls of the host in one call of the guest: a trap that is caught resets the generator's own limit, so there has to be another. */
const MAX_HOST_CALLS = 500;

type Callable = (...args: unknown[]) => unknown;

/** What the host of a generated module does, and what it remembers. */
export class Surrounding {
  log: string[] = [];
  exports: WebAssembly.Exports = {};
  readonly #writesTables: boolean;
  #hostCalls = 0;

  /**
   * `writesTables`: its host may write the table that the guest exports. The runtime's never can, and so takes no notice of tables that no code of the
   * guest writes.
   */
  constructor(writesTables: boolean) {
    this.#writesTables = writesTables;
  }

  /** Everything the guest imports but globals. */
  functionsFor(wanted: readonly ImportedFunction[]): WebAssembly.Imports {
    const imports: WebAssembly.Imports = {};
    for (const { module, name, type } of wanted)
      imports[module] = { ...imports[module], [name]: this.#functionFor(name, type.results) };
    return imports;
  }

  /** What a call comes to, as text, with what it told on the way. */
  call(body: unknown, args: readonly unknown[]): string {
    this.log = [];
    this.#hostCalls = 0;
    let end: string;
    try {
      end = describeValue(Reflect.apply(body as Callable, undefined, args));
    } catch (thrown) {
      end = describeThrown(thrown);
    }
    return [...this.log, end].join('\n');
  }

  /** The guest's own exports. */
  get ownExports(): readonly (readonly [string, unknown])[] {
    return Object.entries(this.exports).filter(([name]) => !name.startsWith(HIDDEN));
  }

  #functionFor(name: string, results: readonly ValueType[]): Callable {
    const answer = (args: readonly unknown[]): unknown => {
      switch (name) {
        case 'call-export':
          return this.#callExport(Number(args[0]));
        case 'call-export-catch':
          return this.#caught(() => this.#callExport(Number(args[0])));
        case 'call-ref':
          return void this.#callReference(args[0]);
        case 'call-ref-catch':
          return this.#caught(() => void this.#callReference(args[0]));
        case 'table-get':
          return this.#table()?.get(this.#position(args[0]));
        case 'table-set':
          return this.#writesTables ? this.#table()?.set(this.#position(args[0]), args[1]) : undefined;
        case 'throw':
          throw new Error('thrown by the host');
        case 'sleep':
          return args[1];
        default:
          return results[0] === 'i64' ? 0n : results[0]?.endsWith('ref') ? null : 0;
      }
    };
    return (...args) => {
      this.#hostCalls += 1;
      if (this.#hostCalls > MAX_HOST_CALLS) throw new Error('too many calls of the host');
      this.log.push(`${name} ${args.map(describeValue).join(' ')}`);
      return answer(args);
    };
  }

  #callExport(position: number): void {
    const functions = this.ownExports.filter(([, value]) => typeof value === 'function');
    const chosen = functions[(position >>> 0) % Math.max(1, functions.length)];
    if (chosen !== undefined) this.#callReference(chosen[1]);
  }

  #callReference(reference: unknown): unknown {
    if (typeof reference !== 'function') throw new Error('not a function');
    return Reflect.apply(reference, undefined, new Array(reference.length).fill(0));
  }

  #caught(body: () => void): number {
    try {
      body();
      return 0;
    } catch (thrown) {
      this.log.push(`caught ${describeThrown(thrown)}`);
      return 1;
    }
  }

  #table(): WebAssembly.Table | undefined {
    const { table } = this.exports;
    return table instanceof WebAssembly.Table ? table : undefined;
  }

  #position(value: unknown): number | bigint {
    const length: unknown = this.#table()?.length;
    return typeof length === 'bigint' ? BigInt(Number(value) >>> 0) : Number(value) >>> 0;
  }
}

/** Values for the globals a module imports. */
export function valuesForGlobals(bytes: Uint8Array): GivenGlobals {
  const { imports, globals } = parseModule(bytes, 'module');
  const given: Record<string, Record<string, GivenGlobal>> = {};
  imports
    .filter(({ kind }) => kind === 'global')
    .forEach(({ module, name, description }, index) => {
      const isNonNull = description[0] === 0x64;
      const byType: Partial<Record<ValueType, GivenGlobal>> = { i32: 7, i64: 7n, f32: 1.5, f64: -2.25 };
      const value = byType[globals[index]?.type ?? 'i32'];
      given[module] = { ...given[module], [name]: value ?? (isNonNull ? 5 : null) };
    });
  return given;
}

/** The engine alone, with memories, tables and tags that are imported made for it. */
export class PlainWorld {
  readonly surrounding: Surrounding;
  /** How its start ended: nothing told and nothing thrown, or what it was. */
  readonly start: string;

  constructor(
    bytes: Uint8Array<ArrayBuffer>,
    { functionImports, tables }: Pick<ModuleLayout, 'functionImports' | 'tables'>,
    globals: GivenGlobals,
  ) {
    this.surrounding = new Surrounding(tables.length > 0);
    const imports = this.surrounding.functionsFor(functionImports);
    for (const [module, name, value] of importsBesideFunctions(bytes, globals))
      imports[module] = { ...imports[module], [name]: value };
    const module = new WebAssembly.Module(bytes);
    this.start = this.surrounding.call(() => {
      this.surrounding.exports = new WebAssembly.Instance(module, imports).exports;
    }, []);
  }
}

function importsBesideFunctions(
  bytes: Uint8Array,
  given: GivenGlobals,
): readonly (readonly [string, string, unknown])[] {
  const structure = parseModule(bytes, 'module');
  const next = { table: 0, memory: 0, global: 0 };
  return structure.imports.flatMap(({ module, name, kind, description }): [string, string, unknown][] => {
    switch (kind) {
      case 'global': {
        const definition = structure.globals[next.global++];
        const value = given[module]?.[name];
        if (definition === undefined || !definition.mutable) return [[module, name, value]];
        const type = definition.type === 'funcref' ? 'anyfunc' : definition.type;
        return [[module, name, new WebAssembly.Global({ value: type, mutable: true }, value)]];
      }
      case 'memory': {
        const limits = structure.memories[next.memory++];
        return [[module, name, new WebAssembly.Memory(limitsOf(limits))]];
      }
      case 'table': {
        const table = structure.tables[next.table++];
        const element = table?.elementType.top === 'funcref' ? 'anyfunc' : 'externref';
        return [
          [module, name, new WebAssembly.Table({ element, ...limitsOf(table?.limits) }, null)] as const,
        ];
      }
      case 'tag': {
        const definition = structure.types[description[1] ?? 0];
        const parameters = definition?.kind === 'function' ? definition.type.params : [];
        return [[module, name, new WebAssembly.Tag({ parameters })]];
      }
      default:
        return [];
    }
  });
}

function limitsOf(limits: { readonly initial: number; readonly maximum: number | null } | undefined) {
  const { initial = 0, maximum = null } = limits ?? {};
  return maximum === null ? { initial } : { initial, maximum };
}

/** An executing image as plain data. */
export interface Image {
  readonly state: InstanceState;
  readonly memories: readonly Uint8Array[];
}

/** A prepared instance, brought to an image as a process is. */
export class PreparedWorld {
  readonly surrounding: Surrounding;
  readonly #prepared: PreparedModule;
  readonly #imports: WebAssembly.Imports;
  #state: StateAccess;
  #memories: readonly WebAssembly.Memory[];

  constructor(prepared: PreparedModule, image: Image) {
    this.#prepared = prepared;
    this.surrounding = new Surrounding(prepared.layout.tables.length > 0);
    this.#imports = this.surrounding.functionsFor(prepared.layout.functionImports);
    for (const global of prepared.layout.globalImports ?? []) {
      const { module, name } = global;
      this.#imports[module] = { ...this.#imports[module], [name]: makeGlobal(global) };
    }
    [this.#state, this.#memories] = this.#incarnate(image);
  }

  /** While the engine runs a start function, nobody has the exports yet: so nobody is to have them here. */
  start(): string {
    const { start } = this.#prepared.layout;
    const { exports } = this.surrounding;
    this.surrounding.exports = {};
    const said = this.surrounding.call(start === null ? () => undefined : exports[start], []);
    this.surrounding.exports = exports;
    return said;
  }

  /** Throws CHECKPOINT_REFUSED. What the state becomes in a bank is part of it. */
  capture(): Image {
    const memories = this.#contents().map((content) => content.slice());
    const head = encodeImageHead({
      generation: 1,
      memories: memories.map(({ byteLength }) => ({ memoryBytes: byteLength, storedBytes: byteLength })),
      memoryChecksum: 0,
      state: this.#state.capture('module'),
      blocks: [],
      wasi: new Uint8Array(0),
    });
    return { state: decodeImageHead(head).state, memories };
  }

  /** Its present state as a module that imports functions, if any, and nothing else. Throws CHECKPOINT_REFUSED. */
  exported(imports: 'trap' | 'keep'): Uint8Array<ArrayBuffer> {
    const { bytes, layout } = this.#prepared;
    return exportModule({
      processName: 'module',
      module: bytes,
      layout,
      state: this.#state.capture('module'),
      memories: this.#contents(),
      imports,
    });
  }

  /** Whether the same instance could be brought there; if not, another was. */
  restore(image: Image): boolean {
    const contents = this.#contents();
    const fits = contents.every(({ byteLength }, index) => byteLength === image.memories[index]?.byteLength);
    if (fits && this.#state.restore(image.state)) {
      contents.forEach((content, index) => {
        content.set(image.memories[index] ?? []);
      });
      return true;
    }
    [this.#state, this.#memories] = this.#incarnate(image);
    return false;
  }

  #contents(): readonly Uint8Array[] {
    return this.#memories.map(({ buffer }) => new Uint8Array(buffer));
  }

  #incarnate(image: Image): [StateAccess, readonly WebAssembly.Memory[]] {
    const { module, layout } = this.#prepared;
    const instance = new WebAssembly.Instance(module, this.#imports);
    this.surrounding.exports = instance.exports;
    const state = new StateAccess(instance, layout);
    const memories = layout.memories.map(({ exportName }, index) => {
      const memory = exportedMemory(instance.exports, exportName);
      const content = image.memories[index] ?? new Uint8Array(0);
      const missingPages = (content.byteLength - memory.buffer.byteLength) / WASM_PAGE;
      if (missingPages > 0) growMemory(memory, missingPages);
      new Uint8Array(memory.buffer).set(content);
      return memory;
    });
    if (!state.restore(image.state)) throw new Error('a fresh instance cannot be brought to an image');
    return [state, memories];
  }
}

export function firstImage({ first }: PreparedModule): Image {
  return { state: first.state, memories: firstMemories(first) };
}
