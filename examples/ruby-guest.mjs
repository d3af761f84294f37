// Ruby as a guest, as the package @ruby/3.4-wasm-wasi has it: what its module imports beside WASI (it is its own `importsUrl`), and
// scripts in and texts out. It keeps no table of Ruby's objects: a handle is the object's own address, so a restore leaves nothing behind here.
import { createRequire } from 'node:module';

/** The interpreter with its library packed in. */
export const RUBY_MODULE = createRequire(import.meta.url).resolve(
  '@ruby/3.4-wasm-wasi/dist/ruby+stdlib.wasm',
);

// The exports are named by their types.
const INIT = 'ruby-init: func(args: list<string>) -> ()';
const EVALUATE = 'rb-eval-string-protect: func(str: string) -> tuple<handle<rb-abi-value>, s32>';
const CLEAR_ERROR = 'rb-clear-errinfo: func() -> ()';
const TEXT_OF = 'rstring-ptr: func(value: handle<rb-abi-value>) -> string';
const TEXT_READ = 'cabi_post_rstring-ptr';
const ALLOCATE = 'cabi_realloc';
const DROP = 'canonical_abi_drop_rb-abi-value';

/** As for a script of one line, so that the interpreter is set up and reads no standard input. */
const ARGUMENTS = ['ruby', '-EUTF-8', '-e_=0'];

const JS_VALUE = 'handle<js-abi-value>';
const JS_RESULT = `variant { success(${JS_VALUE}), failure(${JS_VALUE}) }`;
/** What Ruby may ask of JavaScript: nothing here, so all of them refuse. */
const JS_FUNCTIONS = [
  'rb_wasm_throw_prohibit_rewind_exception',
  `eval-js: func(code: string) -> ${JS_RESULT}`,
  `is-js: func(value: ${JS_VALUE}) -> bool`,
  `instance-of: func(value: ${JS_VALUE}, klass: ${JS_VALUE}) -> bool`,
  `global-this: func() -> ${JS_VALUE}`,
  `int-to-js-number: func(value: s32) -> ${JS_VALUE}`,
  `float-to-js-number: func(value: float64) -> ${JS_VALUE}`,
  `string-to-js-string: func(value: string) -> ${JS_VALUE}`,
  `bool-to-js-bool: func(value: bool) -> ${JS_VALUE}`,
  `proc-to-js-function: func(value: u32) -> ${JS_VALUE}`,
  `rb-object-to-js-rb-value: func(raw-rb-abi-value: u32) -> ${JS_VALUE}`,
  `js-value-to-string: func(value: ${JS_VALUE}) -> string`,
  `js-value-to-integer: func(value: ${JS_VALUE}) -> variant { as-float(float64), bignum(string) }`,
  `export-js-value-to-host: func(value: ${JS_VALUE}) -> ()`,
  `import-js-value-from-host: func() -> ${JS_VALUE}`,
  `js-value-typeof: func(value: ${JS_VALUE}) -> string`,
  `js-value-equal: func(lhs: ${JS_VALUE}, rhs: ${JS_VALUE}) -> bool`,
  `js-value-strictly-equal: func(lhs: ${JS_VALUE}, rhs: ${JS_VALUE}) -> bool`,
  `reflect-apply: func(target: ${JS_VALUE}, this-argument: ${JS_VALUE}, arguments: list<${JS_VALUE}>) -> ${JS_RESULT}`,
  `reflect-get: func(target: ${JS_VALUE}, property-key: string) -> ${JS_RESULT}`,
  `reflect-set: func(target: ${JS_VALUE}, property-key: string, value: ${JS_VALUE}) -> ${JS_RESULT}`,
];

const contexts = new Map();
const encoder = new TextEncoder();
const decoder = new TextDecoder();

function refusal(name) {
  return () => {
    throw new Error(`Ruby asks for ${name.split(':')[0]}: there is no JavaScript for it here`);
  };
}

/** The import module. */
export default function rubyImports(guest) {
  contexts.set(guest.processName, guest);
  const itself = (address) => address;
  return {
    'rb-js-abi-host': Object.fromEntries(JS_FUNCTIONS.map((name) => [name, refusal(name)])),
    canonical_abi: {
      'resource_new_rb-abi-value': itself,
      'resource_get_rb-abi-value': itself,
      'resource_drop_js-abi-value': refusal('resource_drop_js-abi-value'),
    },
  };
}

/** A process of an inline placement, whose memory this thread can reach. */
export class RubyGuest {
  #process;
  #context;

  /** A process in which the interpreter was set up before: one that has come back with its site. */
  constructor(process) {
    const context = contexts.get(process.name);
    if (context === undefined) throw new Error(`${process.name} has no context in this thread`);
    this.#process = process;
    this.#context = context;
  }

  /** Sets up the interpreter in a process that has been initialised and nothing more. */
  static begin(process) {
    const guest = new RubyGuest(process);
    const list = guest.#call(ALLOCATE, 0, 0, 4, ARGUMENTS.length * 8);
    for (const [index, argument] of ARGUMENTS.entries()) {
      const [address, sizeBytes] = guest.#put(argument);
      guest.#view().setInt32(list + index * 8, address, true);
      guest.#view().setInt32(list + index * 8 + 4, sizeBytes, true);
    }
    guest.#call(INIT, list, ARGUMENTS.length);
    return guest;
  }

  /** What the script comes to, as text; throws with the exception's words when it raises one. */
  text(script) {
    const guarded = `begin; '=' + (${script}\n).to_s; rescue Exception; '!' + $!.full_message(highlight: false); end`;
    const result = this.#call(EVALUATE, ...this.#put(guarded));
    const value = this.#view().getInt32(result, true);
    const tag = this.#view().getInt32(result + 4, true);
    if (tag !== 0) {
      this.#call(CLEAR_ERROR);
      throw new Error(`the script cannot be read as Ruby, or leaves it by tag ${tag}`);
    }
    const answer = this.#take(value);
    if (answer.startsWith('!')) throw new Error(answer.slice(1));
    return answer.slice(1);
  }

  /** The text that is the value, which is let go. */
  #take(value) {
    const result = this.#call(TEXT_OF, value);
    const address = this.#view().getUint32(result, true);
    const sizeBytes = this.#view().getUint32(result + 4, true);
    const text = decoder.decode(this.#context.memory().slice(address, address + sizeBytes));
    this.#call(TEXT_READ, result);
    this.#call(DROP, value);
    return text;
  }

  /** Puts a text and the zero behind it into memory that the callee gives back; its address and its bytes. */
  #put(text) {
    const bytes = encoder.encode(`${text}\0`);
    const address = this.#call(ALLOCATE, 0, 0, 1, bytes.length);
    this.#context.memory().set(bytes, address);
    return [address, bytes.length];
  }

  #view() {
    const { buffer, byteOffset, byteLength } = this.#context.memory();
    return new DataView(buffer, byteOffset, byteLength);
  }

  #call(exportName, ...args) {
    return this.#process.callSync(exportName, args);
  }
}
