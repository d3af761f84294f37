// The peers of a row on the resident guest, begun together and ended together. A peer that is not to be had here is left out by name, and
// the others go on.
import type { ModuleDirectory } from '../ground.ts';
import type { Timed } from '../measure.ts';
import { residentModule, touchArguments, touchedSum } from '../resident-guest.ts';
import { extismPeers } from './extism.ts';
import type { GuestTask } from './guest-task.ts';
import { NodeChild } from './node-child.ts';
import { Wasmtime } from './wasmtime.ts';

export class ResidentPeers implements AsyncDisposable {
  /** From nothing to the answer of a first `touch`, of the pages that were asked for. */
  readonly cases: readonly Timed[];
  readonly #ends: readonly AsyncDisposable[];

  private constructor(cases: readonly Timed[], ends: readonly AsyncDisposable[]) {
    this.cases = cases;
    this.#ends = ends;
  }

  /** `missing` is told the name of a peer that there is not, and why. */
  static async start(
    modules: ModuleDirectory,
    { sizeBytes, pageCount }: { readonly sizeBytes: number; readonly pageCount: number },
    missing: (name: string, reason: string) => void,
  ): Promise<ResidentPeers> {
    const task = (name: string, initialization: 'export' | 'start'): GuestTask => ({
      path: modules.add(name, residentModule(sizeBytes, initialization)),
      exportName: 'touch',
      args: touchArguments(sizeBytes, pageCount),
      answer: touchedSum(pageCount),
    });
    const reactor = task(`peer-${sizeBytes}.wasm`, 'export');
    const { newPlugin, reset } = await extismPeers(reactor, pageCount);
    const child = await NodeChild.start(reactor);
    const wasmtime = await Wasmtime.start(task(`peer-started-${sizeBytes}.wasm`, 'start'));
    if (typeof wasmtime === 'string') {
      missing('wasmtime', wasmtime);
      return new ResidentPeers([newPlugin, reset, child.restarted], [child]);
    }
    return new ResidentPeers([wasmtime.newInstance, newPlugin, reset, child.restarted], [wasmtime, child]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends) await end[Symbol.asyncDispose]();
  }
}
