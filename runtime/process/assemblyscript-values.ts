// Strings and arrays in and out of AssemblyScript guests, by @assemblyscript/loader. The loader only works on instances it made
// itself, so it is given a small module of ours that imports what it needs from the guest and exports it again.
import { type ASUtil, instantiateSync } from '@assemblyscript/loader';
import { WasmWriter } from '../image/wasm-writer.ts';
import { invariant } from '../invariant.ts';
import type { Argument, NumberArray, ReturnKind, ReturnValue } from './program.ts';

/** The guest lacks something that handing over strings or arrays needs; the message says what. */
export class ValueError extends Error {}

const GUEST = 'guest';
const I32 = 0x7f;
/** What the loader uses, with parameter and result counts; all are i32. */
const RUNTIME_FUNCTIONS = [
  { name: '__new', params: 2, results: 1 },
  { name: '__pin', params: 1, results: 1 },
  { name: '__unpin', params: 1, results: 0 },
  { name: '__collect', params: 0, results: 0 },
] as const;
const TYPE_INFORMATION = '__rtti_base';

let adapter: WebAssembly.Module | null = null;

/** A module that imports memory, type information and runtime functions from `guest` and exports each under its own name. */
function adapterModule(): WebAssembly.Module {
  if (adapter !== null) return adapter;
  const section = (id: number, write: (body: WasmWriter) => void): void => {
    const body = new WasmWriter();
    write(body);
    module.byte(id).u32(body.length).bytes(body.finish());
  };
  const module = new WasmWriter().bytes(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  section(1, (types) => {
    types.u32(RUNTIME_FUNCTIONS.length);
    for (const { params, results } of RUNTIME_FUNCTIONS) {
      types.byte(0x60).u32(params).bytes(new Uint8Array(params).fill(I32));
      types.u32(results).bytes(new Uint8Array(results).fill(I32));
    }
  });
  section(2, (imports) => {
    imports.u32(RUNTIME_FUNCTIONS.length + 2);
    for (const [index, { name }] of RUNTIME_FUNCTIONS.entries())
      imports.name(GUEST).name(name).byte(0).u32(index);
    imports.name(GUEST).name('memory').byte(2).byte(0).u32(0);
    imports.name(GUEST).name(TYPE_INFORMATION).byte(3).byte(I32).byte(0);
  });
  section(7, (exports) => {
    exports.u32(RUNTIME_FUNCTIONS.length + 2);
    for (const [index, { name }] of RUNTIME_FUNCTIONS.entries()) exports.name(name).byte(0).u32(index);
    exports.name('memory').byte(2).u32(0);
    exports.name(TYPE_INFORMATION).byte(3).u32(0);
  });
  adapter = new WebAssembly.Module(module.finish());
  return adapter;
}

const ARRAY_OF_STRINGS_ID = 'ArrayString_ID';

/** Hands values to one instance and takes them back. Everything it calls may run guest code, and trap. */
export class AssemblyScriptValues {
  readonly #exports: WebAssembly.Exports;
  readonly #runtime: ASUtil;

  /** Throws ValueError when the guest was not compiled with --exportRuntime. */
  constructor(exports: WebAssembly.Exports, memory: WebAssembly.Memory) {
    const provided: WebAssembly.ModuleImports = { memory };
    for (const name of [...RUNTIME_FUNCTIONS.map((each) => each.name), TYPE_INFORMATION]) {
      const value = exports[name];
      if (value === undefined)
        throw new ValueError(
          `strings and arrays are for guests in AssemblyScript with --exportRuntime: there is no export ${name}`,
        );
      provided[name] = value;
    }
    this.#exports = exports;
    this.#runtime = instantiateSync<ASUtil & Record<string, unknown>>(adapterModule(), {
      [GUEST]: provided,
    }).exports;
  }

  /** Runs `body` with the arguments as WebAssembly values, pinned for as long as it runs, and reads its result. */
  call(
    args: readonly Argument[],
    returns: ReturnKind,
    body: (values: readonly (number | bigint)[]) => unknown,
  ): ReturnValue {
    const pinned: number[] = [];
    const keep = (pointer: number): number => {
      pinned.push(this.#runtime.__pin(pointer));
      return pointer;
    };
    const values = args.map((argument) => this.#lower(argument, keep));
    const result = this.#lift(body(values), returns);
    for (const pointer of pinned) this.#runtime.__unpin(pointer);
    return result;
  }

  #lower(argument: Argument, keep: (pointer: number) => number): number | bigint {
    if (typeof argument === 'number' || typeof argument === 'bigint') return argument;
    if (typeof argument === 'string') return keep(this.#runtime.__newString(argument));
    if (ArrayBuffer.isView(argument)) {
      const id = this.#typeId(`${argument.constructor.name.replace(/^Big/, '')}_ID`);
      return keep(this.#runtime.__newArray(id, argument));
    }
    const strings = argument.map((text) => keep(this.#runtime.__newString(text)));
    return keep(this.#runtime.__newArray(this.#typeId(ARRAY_OF_STRINGS_ID), strings));
  }

  #lift(result: unknown, returns: ReturnKind): ReturnValue {
    if (returns === 'value') return result as number | bigint | undefined;
    if (typeof result !== 'number')
      throw new ValueError(`the function returned no pointer to read as ${returns}`);
    try {
      if (result === 0) return null;
      if (returns === 'string') return this.#runtime.__getString(result);
      if (returns === 'array') return copyOf(this.#runtime.__getArrayView(result));
      const pointers = this.#runtime.__getArray(result);
      return pointers.map((pointer) => (pointer === 0 ? null : this.#runtime.__getString(pointer)));
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) throw error;
      throw new ValueError(`the result cannot be read as ${returns}`, { cause: error });
    }
  }

  #typeId(exportName: string): number {
    const id = this.#exports[exportName];
    if (!(id instanceof WebAssembly.Global)) {
      throw new ValueError(`the guest must export the type id ${exportName} to take such an array`);
    }
    return id.value as number;
  }
}

/** The loader says no more of a view than that it is one; it makes only typed arrays. */
function copyOf(view: ArrayBufferView): NumberArray {
  invariant(!(view instanceof DataView), 'the elements of an array are seen through a typed array');
  return (view as NumberArray).slice();
}
