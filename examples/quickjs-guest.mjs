// QuickJS as a guest, as the package quickjs-wasi has it: what its module imports beside WASI (it is its own `importsUrl`), and scripts
// in, numbers and texts out. It holds nothing of the guest but addresses, which are the same after every restore; it must never keep a
// view of its memory.
import { createRequire } from 'node:module';

/** The module, where the package has it. */
export const QUICKJS_MODULE = createRequire(import.meta.url).resolve('quickjs-wasi/quickjs.wasm');

/** Longest script, in bytes. */
const BUFFER_BYTES = 65_536;
const FILE_NAME = '<script>';
/** Flags of qjs_eval: a global script. */
const TYPE_GLOBAL = 0;

const contexts = new Map();
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A script has one function of its host: whatever its name, it fails. */
function fail() {
  throw new Error('the host fails');
}

/** The import module. Nothing of what it answers depends on the host. */
export default function quickjsImports(guest) {
  contexts.set(guest.processName, guest);
  return {
    env: {
      host_call: fail,
      host_interrupt: () => 0,
      host_promise_rejection: () => undefined,
      host_module_normalize: () => 0,
      host_module_load: () => 0,
      host_get_timezone_offset: () => 0,
    },
  };
}

/** A process of an inline placement, whose memory this thread can reach. */
export class QuickjsGuest {
  process;
  #context;
  #evaluateScript;
  #float64;
  #script;
  #fileName;

  constructor(process) {
    const context = contexts.get(process.name);
    if (context === undefined) throw new Error(`${process.name} has no context in this thread`);
    this.process = process;
    this.#context = context;
    this.#evaluateScript = process.bind('qjs_eval');
    this.#float64 = process.bind('qjs_get_float64');
    this.#script = this.#call('wasm_malloc', BUFFER_BYTES + 1);
    this.#fileName = this.#call('wasm_malloc', FILE_NAME.length + 1);
    this.#write(this.#fileName, FILE_NAME);
  }

  /** Makes the engine in a process that has been initialised and nothing more. */
  static begin(process) {
    if (process.callSync('qjs_init') !== 0) throw new Error('the guest cannot make a QuickJS engine');
    return new QuickjsGuest(process);
  }

  /** The number a script comes to; throws with the exception's words when it throws. */
  number(script) {
    const value = this.#evaluate(script);
    const result = this.#float64(value);
    this.#call('qjs_free_value', value);
    return result;
  }

  /**
   * `number` for a process that is restored afterwards: nothing is given back, and a script that throws comes to NaN. What is left is the
   * least that a request takes.
   */
  numberOnce(script) {
    return this.#float64(this.#valueOf(script));
  }

  /** The text a script comes to; throws with the exception's words when it throws. */
  text(script) {
    const value = this.#evaluate(script);
    const text = this.#textOf(value);
    this.#call('qjs_free_value', value);
    return text;
  }

  /** Gives scripts a global function of this name, which ends in the host. */
  addHostFunction(name) {
    const sizeBytes = this.#write(this.#script, name);
    const host = this.#call('qjs_new_host_function', this.#script, sizeBytes, 0);
    const global = this.#call('qjs_get_global');
    this.#write(this.#script, name);
    this.#call('qjs_set_prop_string', global, this.#script, host);
  }

  #evaluate(script) {
    const value = this.#valueOf(script);
    if (this.#call('qjs_is_exception', value) === 0) return value;
    throw new Error(this.#textOf(this.#call('qjs_get_exception')));
  }

  /** Address of what a script comes to, an exception too. */
  #valueOf(script) {
    const sizeBytes = this.#write(this.#script, script);
    return this.#evaluateScript(this.#script, sizeBytes, this.#fileName, TYPE_GLOBAL);
  }

  #textOf(value) {
    const pointer = this.#call('qjs_get_string', value);
    const memory = this.#context.memory();
    const text = decoder.decode(memory.subarray(pointer, memory.indexOf(0, pointer)));
    this.#call('qjs_free_cstring', pointer);
    return text;
  }

  /** Writes text and the zero behind it; the number of bytes before the zero. */
  #write(address, text) {
    const memory = this.#context.memory();
    const { read, written } = encoder.encodeInto(text, memory.subarray(address, address + BUFFER_BYTES));
    if (read !== text.length) throw new Error(`the script is longer than ${BUFFER_BYTES} bytes`);
    memory[address + written] = 0;
    return written;
  }

  #call(exportName, ...args) {
    return Number(this.process.callSync(exportName, args));
  }
}
