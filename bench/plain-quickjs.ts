// A QuickJS guest with nothing but the engine: what a script costs when nobody is restored, and what the least of a restore costs. It keeps
// copies of just the pages that one script changes, so it must be restored after the same script every time.
import { readFileSync } from 'node:fs';
import { QUICKJS_MODULE, quickjsImports } from '#test/support/quickjs-guest.js';

const PAGE_BYTES = 4096;
const BUFFER_BYTES = 65_536;
/** WASI's answer to all but the time and chance, which are always zero here. */
const ENOSYS = 52;

type Exported = (...args: readonly number[]) => number;

const encoder = new TextEncoder();

export class PlainQuickjs {
  readonly #exports: WebAssembly.Exports;
  readonly #memory: WebAssembly.Memory;
  readonly #stackPointer: WebAssembly.Global;
  readonly #evaluate: Exported;
  readonly #float64: Exported;
  readonly #free: Exported;
  readonly #script: number;
  readonly #fileName: number;
  #stackPointerThen = 0;
  #pages: readonly { readonly offset: number; readonly bytes: Uint8Array }[] = [];

  /** Begins an engine with an application in it. */
  constructor(application: string) {
    const refuse = (): number => ENOSYS;
    const zero = (): number => 0;
    const instance = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(QUICKJS_MODULE)), {
      ...quickjsImports({ processName: 'plain', memory: () => new Uint8Array(this.#memory.buffer) }),
      wasi_snapshot_preview1: {
        clock_time_get: zero,
        random_get: zero,
        fd_close: refuse,
        fd_fdstat_get: refuse,
        fd_seek: refuse,
        fd_write: refuse,
      },
    });
    const { memory, __stack_pointer: stackPointer } = instance.exports;
    if (!(memory instanceof WebAssembly.Memory) || !(stackPointer instanceof WebAssembly.Global))
      throw new Error('the guest exports neither memory nor stack pointer');
    this.#exports = instance.exports;
    this.#memory = memory;
    this.#stackPointer = stackPointer;
    this.#evaluate = this.#function('qjs_eval');
    this.#float64 = this.#function('qjs_get_float64');
    this.#free = this.#function('qjs_free_value');
    this.#function('_initialize')();
    this.#function('qjs_init')();
    this.#script = this.#function('wasm_malloc')(BUFFER_BYTES);
    this.#fileName = this.#function('wasm_malloc')(1);
    new Uint8Array(this.#memory.buffer)[this.#fileName] = 0;
    this.number(application);
  }

  /** The number a script comes to, its value given back. */
  number(script: string): number {
    const value = this.#value(script);
    const result = this.#float64(value);
    this.#free(value);
    return result;
  }

  /** Keeps the pages that `script` changes, as they are before it. */
  keep(script: string): void {
    this.#stackPointerThen = Number(this.#stackPointer.value);
    const before = new Uint8Array(this.#memory.buffer).slice();
    this.numberOnce(script);
    const after = new Uint8Array(this.#memory.buffer);
    const pages: { readonly offset: number; readonly bytes: Uint8Array }[] = [];
    for (let offset = 0; offset < before.byteLength; offset += PAGE_BYTES) {
      const bytes = before.subarray(offset, offset + PAGE_BYTES);
      if (Buffer.compare(bytes, after.subarray(offset, offset + PAGE_BYTES)) !== 0)
        pages.push({ offset, bytes: bytes.slice() });
    }
    this.#pages = pages;
    this.putBack();
  }

  /** Puts back what `keep` has kept. No restore: globals but the stack pointer and tables stay as they are. */
  putBack(): void {
    const memory = new Uint8Array(this.#memory.buffer);
    for (const { offset, bytes } of this.#pages) memory.set(bytes, offset);
    this.#stackPointer.value = this.#stackPointerThen;
  }

  /** `number` before `putBack`: nothing is given back. */
  numberOnce(script: string): number {
    return this.#float64(this.#value(script));
  }

  #value(script: string): number {
    const memory = new Uint8Array(this.#memory.buffer, this.#script, BUFFER_BYTES);
    const { written } = encoder.encodeInto(script, memory);
    memory[written] = 0;
    return this.#evaluate(this.#script, written, this.#fileName, 0);
  }

  #function(name: string): Exported {
    const exported = this.#exports[name];
    if (typeof exported !== 'function') throw new Error(`the guest does not export ${name}`);
    return exported as Exported;
  }
}
