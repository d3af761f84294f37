// One module in its three worlds, call by call: what it returns, throws, tells its host and shows of itself must be the same in all of them. Between
// any two calls an image is made; a call that is to be undone, a restore in place and one in a fresh instance follow.
import { RekindleError } from '#runtime/errors.js';
import type { ExportedFunction, FunctionType, ValueType } from '#runtime/image/layout.js';
import { type PreparedModule, prepareModule } from '#runtime/image/prepare.js';
import { describeExports, EXHAUSTED } from './observations.js';
import { firstImage, type Image, PlainWorld, PreparedWorld, valuesForGlobals } from './worlds.js';

const MAX_CALLS = 16;
const MEMORY_QUOTA_BYTES = 64 * 2 ** 20;
const ARGUMENTS: Readonly<Record<ValueType, readonly unknown[]>> = {
  i32: [0, 1, -1, 5, 65536, 2 ** 31 - 1],
  i64: [0n, 1n, -1n, 2n ** 40n],
  f32: [0, -0, 1.5, Number.NaN, 1e10],
  f64: [0, -1.25, Number.POSITIVE_INFINITY, 4e9],
  v128: [null],
  funcref: [null],
  externref: [null],
  anyref: [null],
  exnref: [null],
};

/** What came of one module. */
export type Outcome =
  /** The engine itself does not take it. */
  | { readonly kind: 'not in this engine'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string }
  | {
      readonly kind: 'agreed';
      readonly calls: number;
      /** By what was thrown. */
      readonly traps: readonly string[];
      readonly restored: { readonly inPlace: number; readonly fresh: number };
      /** Images that were refused, by the reason. */
      readonly notCaptured: readonly string[];
      /** Images that were made a module of. */
      readonly exported: number;
      /** Those that were not, by the reason. */
      readonly notExported: readonly string[];
      /** Why it was not followed to its end; null when it was. */
      readonly givenUp: string | null;
      /** Why no images of it are made, so that only a plain process can run it; null when they are. */
      readonly plainOnly: string | null;
    }
  | { readonly kind: 'differs'; readonly what: string };

export function compareModule(bytes: Uint8Array<ArrayBuffer>): Outcome {
  const reason = refusalByEngine(bytes);
  if (reason !== null) return { kind: 'not in this engine', reason };
  let prepared: PreparedModule;
  try {
    prepared = prepareModule(bytes, 'module', {
      memoryQuotaBytes: MEMORY_QUOTA_BYTES,
      globals: valuesForGlobals(bytes),
    });
  } catch (error) {
    if (!(error instanceof RekindleError)) throw error;
    const misfit = /do not fit in/.test(error.message);
    return misfit ? compareMisfit(bytes) : { kind: 'refused', reason: withoutNumbers(error.message) };
  }
  return new Comparison(bytes, prepared).run();
}

function refusalByEngine(bytes: Uint8Array<ArrayBuffer>): string | null {
  try {
    new WebAssembly.Module(bytes);
    return null;
  } catch (error) {
    if (!(error instanceof WebAssembly.CompileError)) throw error;
    return withoutNumbers(error.message);
  }
}

function withoutNumbers(text: string): string {
  return text
    .replace(/@\+\d+/g, '')
    .replace(/\d+/g, 'N')
    .trim();
}

/** What is refused because its segments do not fit must trap when the engine instantiates it. */
function compareMisfit(bytes: Uint8Array<ArrayBuffer>): Outcome {
  const { start } = new PlainWorld(bytes, { functionImports: [], tables: [] }, valuesForGlobals(bytes));
  if (!/out of bounds/.test(start))
    return { kind: 'differs', what: `refused for its segments, but: ${start}` };
  const restored = { inPlace: 0, fresh: 0 };
  return {
    kind: 'agreed',
    calls: 0,
    traps: [start],
    restored,
    notCaptured: [],
    exported: 0,
    notExported: [],
    givenUp: null,
    plainOnly: null,
  };
}

class Comparison {
  readonly #prepared: PreparedModule;
  readonly #plain: PlainWorld;
  /** Prepared and never restored. */
  readonly #rewritten: PreparedWorld;
  readonly #restored: PreparedWorld;
  readonly #traps: string[] = [];
  readonly #notCaptured: string[] = [];
  readonly #notExported: string[] = [];
  readonly #counts = { inPlace: 0, fresh: 0 };
  #calls = 0;
  #exported = 0;
  #difference: string | null = null;
  #givenUp: string | null = null;

  constructor(bytes: Uint8Array<ArrayBuffer>, prepared: PreparedModule) {
    this.#prepared = prepared;
    this.#plain = new PlainWorld(bytes, prepared.layout, valuesForGlobals(bytes));
    const first = firstImage(prepared);
    this.#rewritten = new PreparedWorld(prepared, first);
    this.#restored = new PreparedWorld(prepared, first);
  }

  run(): Outcome {
    this.#expect('start of the prepared one', this.#rewritten.start(), this.#plain.start);
    this.#expect('start of the restored one', this.#restored.start(), this.#plain.start);
    // Of an instance whose start fails nobody gets hold.
    if (isReturn(this.#plain.start)) this.#callAll();
    else this.#traps.push(lastLine(this.#plain.start));
    if (this.#difference !== null) return { kind: 'differs', what: this.#difference };
    const { uncapturable } = this.#prepared;
    return {
      kind: 'agreed',
      calls: this.#calls,
      traps: this.#traps,
      restored: this.#counts,
      notCaptured: this.#notCaptured,
      exported: this.#exported,
      notExported: this.#notExported,
      givenUp: this.#givenUp,
      plainOnly: uncapturable === null ? null : withoutNumbers(uncapturable),
    };
  }

  #callAll(): void {
    this.#expectSameShows('after the start');
    const functions = this.#prepared.layout.functionExports.filter(isCallable);
    for (let call = 0; call < Math.min(MAX_CALLS, functions.length * 2); call++) {
      const { name, type } = functions[call % functions.length] ?? {};
      if (name === undefined || type === undefined) return;
      this.#callOnce(name, argumentsFor(type, call));
      if (this.#difference !== null || this.#givenUp !== null) return;
    }
  }

  #callOnce(name: string, args: readonly unknown[]): void {
    const where = `call ${this.#calls} of ${name}(${args.map(String).join()})`;
    this.#calls += 1;
    const image = this.#capture();
    const exported = this.#export(where);
    const plain = this.#plain.surrounding.call(this.#plain.surrounding.exports[name], args);
    if (plain.includes(EXHAUSTED)) {
      this.#givenUp = EXHAUSTED;
      return;
    }
    if (!isReturn(plain)) this.#traps.push(lastLine(plain));
    this.#expect(`${where}, prepared`, callIn(this.#rewritten, name, args), plain);
    if (exported !== null) {
      this.#expect(`${where}, exported`, callIn(exported, name, args), plain);
      this.#expectSameShowsOf(exported, `${where}, shown by the exported one`);
    }
    if (image !== null) {
      callIn(this.#restored, name, args);
      if (this.#restored.restore(image)) this.#counts.inPlace += 1;
      else this.#counts.fresh += 1;
      this.#expectSameImage(`${where}, put back`, this.#restored.capture(), image);
      const fresh = new PreparedWorld(this.#prepared, image);
      this.#counts.fresh += 1;
      this.#expect(`${where}, in a fresh instance`, callIn(fresh, name, args), plain);
      this.#expect(`${where}, restored`, callIn(this.#restored, name, args), plain);
      this.#expectSameEnds(where, fresh);
    } else {
      this.#expect(`${where}, restored`, callIn(this.#restored, name, args), plain);
    }
    this.#expectSameShows(where);
  }

  #expectSameEnds(where: string, fresh: PreparedWorld): void {
    const ends = [this.#rewritten, this.#restored, fresh].map(captureOrReason);
    const [rewritten, ...others] = ends;
    if (rewritten === undefined) return;
    for (const end of others) {
      if (typeof rewritten === 'string' || typeof end === 'string')
        this.#expect(`${where}, what cannot be captured`, String(end), String(rewritten));
      else this.#expectSameImage(`${where}, at its end`, end, rewritten);
    }
  }

  #capture(): Image | null {
    if (this.#prepared.uncapturable !== null) return null;
    const captured = captureOrReason(this.#restored);
    if (typeof captured !== 'string') return captured;
    this.#notCaptured.push(withoutNumbers(captured));
    return null;
  }

  /** An instance, by the engine alone, of what the state is exported as. */
  #export(where: string): PlainWorld | null {
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      bytes = this.#restored.exported('keep');
    } catch (error) {
      if (!(error instanceof RekindleError && error.code === 'CHECKPOINT_REFUSED')) throw error;
      this.#notExported.push(withoutNumbers(error.message));
      return null;
    }
    for (const exported of [bytes, this.#restored.exported('trap')]) {
      const reason = refusalByEngine(exported);
      this.#expect(`${where}, as a module`, reason ?? 'taken', 'taken');
      if (reason !== null) return null;
    }
    this.#exported += 1;
    const world = new PlainWorld(bytes, this.#prepared.layout, {});
    this.#expectSameShowsOf(world, `${where}, shown by the exported one at first`);
    return world;
  }

  #expectSameShowsOf({ surrounding }: PlainWorld, where: string): void {
    this.#expect(
      where,
      describeExports(surrounding.ownExports),
      describeExports(this.#plain.surrounding.ownExports),
    );
  }

  #expectSameShows(where: string): void {
    const plain = describeExports(this.#plain.surrounding.ownExports);
    this.#expect(
      `${where}, shown by the prepared one`,
      describeExports(this.#rewritten.surrounding.ownExports),
      plain,
    );
    this.#expect(
      `${where}, shown by the restored one`,
      describeExports(this.#restored.surrounding.ownExports),
      plain,
    );
  }

  #expectSameImage(where: string, actual: Image, expected: Image): void {
    this.#expect(`${where}, state`, stateText(actual), stateText(expected));
    this.#expect(`${where}, memories`, String(actual.memories.length), String(expected.memories.length));
    for (const [index, memory] of expected.memories.entries()) {
      const found = actual.memories[index] ?? new Uint8Array(0);
      if (Buffer.compare(found, memory) === 0) continue;
      const position = found.findIndex((byte, at) => byte !== memory[at]);
      this.#expect(`${where}, memory ${index}`, `another byte at ${position}`, '');
    }
  }

  #expect(where: string, actual: string, expected: string): void {
    if (actual !== expected) this.#difference ??= `${where}:\n${actual}\nbut should be\n${expected}`;
  }
}

function callIn({ surrounding }: PreparedWorld | PlainWorld, name: string, args: readonly unknown[]): string {
  return surrounding.call(surrounding.exports[name], args);
}

function captureOrReason(world: PreparedWorld): Image | string {
  try {
    return world.capture();
  } catch (error) {
    if (error instanceof RekindleError && error.code === 'CHECKPOINT_REFUSED') return error.message;
    throw error;
  }
}

function stateText({ state }: Image): string {
  return JSON.stringify(state, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
}

/** JavaScript can neither hand over nor take a vector or an exception. */
function isCallable({ type: { params, results } }: ExportedFunction): boolean {
  return [...params, ...results].every((type) => type !== 'v128' && type !== 'exnref');
}

function argumentsFor({ params }: FunctionType, call: number): readonly unknown[] {
  return params.map((type, position) => {
    const choices = ARGUMENTS[type];
    return choices[(call * 7 + position) % choices.length];
  });
}

const THROWN = /^(\w*Error: |an exception|thrown: )/;

function lastLine(said: string): string {
  return said.slice(said.lastIndexOf('\n') + 1);
}

function isReturn(said: string): boolean {
  return !THROWN.test(lastLine(said)) && lastLine(said) !== EXHAUSTED;
}
