// A QuickJS guest as its host uses it: scripts go in through a buffer in its memory, numbers and texts come out. It holds nothing of the
// guest but addresses, which are the same after every restore; it must never keep a view of its memory.
import { createRequire } from 'node:module';
import type { EmbedderContext, Process } from '#runtime/index.js';
import { contextOf } from '#test/support/quickjs-imports.js';

/** The module, where the package has it. */
export const QUICKJS_MODULE = createRequire(import.meta.url).resolve('quickjs-wasi/quickjs.wasm');
/** For `importsUrl`. */
export const QUICKJS_IMPORTS = new URL('./quickjs-imports.js', import.meta.url);

/** Longest script, in bytes. */
const BUFFER_BYTES = 65_536;
const FILE_NAME = '<script>';
/** Flags of qjs_eval: a global script. */
const TYPE_GLOBAL = 0;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A process of an inline placement. */
export class QuickjsGuest {
  readonly process: Process;
  readonly #context: EmbedderContext;
  readonly #evaluateScript: (...args: readonly number[]) => number;
  readonly #float64: (value: number) => number;
  readonly #script: number;
  readonly #fileName: number;

  private constructor(process: Process) {
    this.process = process;
    this.#context = contextOf(process.name);
    this.#evaluateScript = process.bind('qjs_eval');
    this.#float64 = process.bind('qjs_get_float64');
    this.#script = this.#call('wasm_malloc', BUFFER_BYTES + 1);
    this.#fileName = this.#call('wasm_malloc', FILE_NAME.length + 1);
    this.#write(this.#fileName, FILE_NAME);
  }

  /** Makes the engine in a process that has been initialised and nothing more. */
  static begin(process: Process): QuickjsGuest {
    if (process.callSync('qjs_init') !== 0) throw new Error('the guest cannot make a QuickJS engine');
    return new QuickjsGuest(process);
  }

  /** The number a script comes to; throws with the exception's words when it throws. */
  number(script: string): number {
    const value = this.#evaluate(script);
    const result = this.#float64(value);
    this.#call('qjs_free_value', value);
    return result;
  }

  /**
   * `number` for a process that is restored afterwards: nothing is given back, and a script that throws comes to NaN. What is left is the
   * least that a request takes.
   */
  numberOnce(script: string): number {
    return this.#float64(this.#valueOf(script));
  }

  /** The text a script comes to; throws with the exception's words when it throws. */
  text(script: string): string {
    const value = this.#evaluate(script);
    const text = this.#textOf(value);
    this.#call('qjs_free_value', value);
    return text;
  }

  /** Gives scripts a global function of this name, which ends in the host. */
  addHostFunction(name: string): void {
    const sizeBytes = this.#write(this.#script, name);
    const host = this.#call('qjs_new_host_function', this.#script, sizeBytes, 0);
    const global = this.#call('qjs_get_global');
    this.#write(this.#script, name);
    this.#call('qjs_set_prop_string', global, this.#script, host);
  }

  #evaluate(script: string): number {
    const value = this.#valueOf(script);
    if (this.#call('qjs_is_exception', value) === 0) return value;
    throw new Error(this.#textOf(this.#call('qjs_get_exception')));
  }

  /** Address of what a script comes to, an exception too. */
  #valueOf(script: string): number {
    const sizeBytes = this.#write(this.#script, script);
    return this.#evaluateScript(this.#script, sizeBytes, this.#fileName, TYPE_GLOBAL);
  }

  #textOf(value: number): string {
    const pointer = this.#call('qjs_get_string', value);
    const memory = this.#context.memory();
    const text = decoder.decode(memory.subarray(pointer, memory.indexOf(0, pointer)));
    this.#call('qjs_free_cstring', pointer);
    return text;
  }

  /** Writes text and the zero behind it; the number of bytes before the zero. */
  #write(address: number, text: string): number {
    const memory = this.#context.memory();
    const { read, written } = encoder.encodeInto(text, memory.subarray(address, address + BUFFER_BYTES));
    if (read !== text.length) throw new Error(`the script is longer than ${BUFFER_BYTES} bytes`);
    memory[address + written] = 0;
    return written;
  }

  #call(exportName: string, ...args: readonly number[]): number {
    return Number(this.process.callSync(exportName, args));
  }
}
