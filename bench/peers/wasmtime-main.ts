// The child that holds the binding of Wasmtime: asked for a slice, it answers with samples it has taken itself. It must never hold many instances:
// its binding leaves it to the collector to give them up.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { loadWasmtime, messageOf, type Wasmtime } from '#test/support/wasmtime-binding.js';
import type { GuestTask } from './guest-task.ts';

export type WasmtimeMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'unavailable' | 'failed'; readonly reason: string }
  | { readonly kind: 'samples'; readonly samplesUs: readonly number[] };

const US_PER_MS = 1000;
/** Instances that are there at the same time, at most: none is given up before a collection. */
const MAX_INSTANCES = 4;
const { path, exportName, args, answer } = JSON.parse(process.argv[2] ?? '') as GuestTask;

function say(message: WasmtimeMessage): void {
  process.send?.(message);
}

function serve({ Config, Engine, Instance, Module, Store }: Wasmtime): void {
  const engine = new Engine(new Config());
  const module = Module.fromFile(engine, path);
  const takeSample = (): number => {
    const startMs = performance.now();
    const store = new Store(engine);
    const actual = new Instance(store, module).getFunc(store, exportName)?.call(store, args);
    const elapsedUs = (performance.now() - startMs) * US_PER_MS;
    if (actual !== answer) throw new Error(`the guest answered ${actual}, not ${answer}`);
    return elapsedUs;
  };
  const takeSamples = async (sliceMs: number): Promise<readonly number[]> => {
    const endMs = performance.now() + sliceMs;
    const samplesUs: number[] = [];
    do {
      if (samplesUs.length % MAX_INSTANCES === 0) {
        globalThis.gc?.();
        // What was collected is given back by a callback of a later turn.
        await nextTurn();
      }
      samplesUs.push(takeSample());
    } while (performance.now() < endMs);
    return samplesUs;
  };
  process.on('message', async (sliceMs) => {
    try {
      say({ kind: 'samples', samplesUs: await takeSamples(Number(sliceMs)) });
    } catch (error) {
      say({ kind: 'failed', reason: messageOf(error) });
    }
  });
  say({ kind: 'ready' });
}

const binding = loadWasmtime();
if (typeof binding !== 'string') serve(binding);
else {
  say({ kind: 'unavailable', reason: binding });
  process.disconnect();
}
