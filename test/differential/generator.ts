// Modules that nobody has written: binaryen's `wasm-opt --translate-to-fuzz` makes a valid one of any bytes. It is compiled once and then
// run again and again in this thread, since a process for each module would take twenty times as long.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ENGINE_FEATURES, type EngineFeature } from './engine-features.js';

const require = createRequire(import.meta.url);
const INPUT_BYTES = { least: 200, most: 6000 } as const;

/** wasm-opt's names of what is switched on beyond the first version, and what each does not go without. Some are always on. */
const ALWAYS: readonly EngineFeature[] = ['sign-ext', 'mutable-globals', 'multivalue'];
const CHOICES: Partial<Record<EngineFeature, readonly EngineFeature[]>> = {
  'nontrapping-float-to-int': [],
  simd: [],
  'bulk-memory': [],
  'reference-types': [],
  'tail-call': [],
  'extended-const': [],
  'relaxed-simd': ['simd'],
  'exception-handling': ['reference-types'],
  gc: ['reference-types'],
  memory64: ['table64'],
  multimemory: ['bulk-memory'],
};

/** It warns of every module that nothing is done with it. */
const QUIET = { log: () => undefined, error: () => undefined };

export interface GeneratedModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly features: readonly string[];
}

type Main = (
  require: NodeJS.Require,
  process: unknown,
  webAssembly: unknown,
  module: unknown,
  exported: unknown,
  console: unknown,
  fileName: string,
  directory: string,
) => void;

export class ModuleGenerator implements Disposable {
  readonly #main: Main;
  readonly #fileName: string;
  readonly #directory = mkdtempSync(join(tmpdir(), 'rekindle-differential-'));
  #compiled: WebAssembly.Module | null = null;

  constructor() {
    this.#fileName = join(dirname(require.resolve('binaryen')), 'bin', 'wasm-opt');
    const source = readFileSync(this.#fileName, 'utf8').replace(/^#!.*/, '');
    const names = [
      'require',
      'process',
      'WebAssembly',
      'Module',
      'module',
      'console',
      '__filename',
      '__dirname',
    ];
    this.#main = new Function(...names, source) as Main;
  }

  /** The same for the same seed, in the same engine. */
  async make(seed: number): Promise<GeneratedModule> {
    const choices = createHash('sha256').update(`choices ${seed}`).digest();
    const features = chooseFeatures(choices);
    const span = INPUT_BYTES.most - INPUT_BYTES.least;
    const outputLength = INPUT_BYTES.least + Math.floor((choices.readUInt32LE(28) / 2 ** 32) ** 2 * span);
    const input = join(this.#directory, 'input');
    const output = join(this.#directory, 'output');
    writeFileSync(input, createHash('shake256', { outputLength }).update(`bytes ${seed}`).digest());
    rmSync(output, { force: true });
    const enabled = features.map((feature) => `--enable-${feature}`);
    await this.#run([
      '--translate-to-fuzz',
      input,
      '-o',
      output,
      '--mvp-features',
      ...enabled,
      '--strip-debug',
    ]);
    return { bytes: Uint8Array.from(readFileSync(output)), features };
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** One run of the program, in an instance of its own. */
  #run(args: readonly string[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const engine = {
        RuntimeError: WebAssembly.RuntimeError,
        instantiate: (bytes: Uint8Array, imports: WebAssembly.Imports) => {
          this.#compiled = new WebAssembly.Module(bytes);
          return Promise.resolve({ instance: new WebAssembly.Instance(this.#compiled, imports) });
        },
      };
      const compiled = this.#compiled;
      const module = {
        print: () => undefined,
        postRun: () => resolve(),
        onAbort: (what: unknown) => reject(new Error(`wasm-opt: ${String(what)}`)),
        ...(compiled !== null && {
          instantiateWasm: (
            imports: WebAssembly.Imports,
            receive: (instance: WebAssembly.Instance) => void,
          ) => receive(new WebAssembly.Instance(compiled, imports)),
        }),
      };
      // It takes its arguments from there, and leaves its exit code.
      const surroundings: unknown = Object.create(process, {
        argv: { value: ['node', 'wasm-opt', ...args] },
        exitCode: { value: 0, writable: true },
      });
      this.#main(require, surroundings, engine, module, {}, QUIET, this.#fileName, dirname(this.#fileName));
    });
  }
}

function chooseFeatures(choices: Buffer): readonly string[] {
  const chosen = new Set<EngineFeature>();
  Object.entries(CHOICES).forEach(([name, needed], position) => {
    const all = [name as EngineFeature, ...needed];
    if (!all.every((feature) => ENGINE_FEATURES.includes(feature)) || (choices[position] ?? 0) < 96) return;
    for (const feature of all) chosen.add(feature);
  });
  chosen.delete('table64');
  const names: string[] = [...ALWAYS, ...chosen];
  return chosen.has('bulk-memory') ? [...names, 'bulk-memory-opt'] : names;
}
