// A guest as it is run today, with nothing but the engine: the cold starts and the floors. It gives the guests of the benchmark
// the few imports they have, in the least that will do.
import { readFileSync } from 'node:fs';
import { marks } from './marks.ts';

type Exported = (...args: readonly number[]) => unknown;

/** Imports of the sample guests `counter` and `faulty`, and of the guests made here; a block of persistent memory is just more linear memory. */
function plainImports(memory: () => WebAssembly.Memory): WebAssembly.Imports {
  const view = (): DataView => new DataView(memory().buffer);
  const refuse = (): never => {
    throw new Error('not provided here');
  };
  return {
    env: { abort: refuse, seed: Math.random },
    wasi_snapshot_preview1: {
      random_get: (pointer: number, sizeBytes: number) => {
        crypto.getRandomValues(new Uint8Array(memory().buffer, pointer, sizeBytes));
        return 0;
      },
      args_sizes_get: (count: number, sizeBytes: number) => {
        view().setUint32(count, 0, true);
        view().setUint32(sizeBytes, 0, true);
        return 0;
      },
      args_get: () => 0,
      clock_time_get: (_clock: number, _precisionNs: bigint, pointer: number) => {
        view().setBigUint64(pointer, process.hrtime.bigint(), true);
        return 0;
      },
      proc_exit: refuse,
    },
    pmm: {
      pmmAllocate: (pointer: number) => {
        const address = memory().buffer.byteLength;
        memory().grow(1);
        view().setUint32(pointer, address, true);
        return 0;
      },
    },
    hr: { hrCheckpoint: refuse, hrExitHdl: refuse },
    ...marks,
  };
}

/** Reads the file and compiles it. */
export function compileFile(path: string): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(path));
}

export class PlainGuest {
  readonly #exports: WebAssembly.Exports;
  #copy: Uint8Array | null = null;

  /** Instantiates the module and initialises the guest. */
  constructor(module: WebAssembly.Module) {
    const instance = new WebAssembly.Instance(
      module,
      plainImports(() => this.#memory()),
    );
    this.#exports = instance.exports;
    this.function('_initialize')();
  }

  /** An exported function, to be called without anything in between. */
  function(name: string): Exported {
    const exported = this.#exports[name];
    if (typeof exported !== 'function') throw new Error(`the guest does not export ${name}`);
    return exported as Exported;
  }

  /** Keeps a copy of linear memory for `putBack`. */
  keepCopy(): void {
    this.#copy = new Uint8Array(this.#memory().buffer).slice();
  }

  /** Copies linear memory back, whole. No restore: globals and tables stay as they are. */
  putBack(): void {
    if (this.#copy === null) throw new Error('no copy was kept');
    new Uint8Array(this.#memory().buffer).set(this.#copy);
  }

  /** Copies a part of linear memory back. */
  putBackRange(offset: number, sizeBytes: number): void {
    if (this.#copy === null) throw new Error('no copy was kept');
    new Uint8Array(this.#memory().buffer).set(this.#copy.subarray(offset, offset + sizeBytes), offset);
  }

  #memory(): WebAssembly.Memory {
    const { memory } = this.#exports;
    if (!(memory instanceof WebAssembly.Memory)) throw new Error('the guest does not export its memory');
    return memory;
  }
}

/** Calls what must trap. */
export function expectTrap(body: () => unknown): void {
  try {
    body();
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) return;
    throw error;
  }
  throw new Error('the guest did not trap');
}
