// The child that holds the binding of Wasmtime: asked for a slice, it answers with samples it has taken itself. It must never hold many instances:
// its binding leaves it to the collector to give them up.
import { createRequire } from 'node:module';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { GuestTask } from './guest-task.ts';

export type WasmtimeMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'unavailable' | 'failed'; readonly reason: string }
  | { readonly kind: 'samples'; readonly samplesUs: readonly number[] };

/** What is used of the binding; its own declarations name types that they do not declare. */
interface Binding {
  readonly Engine: new (config: object) => object;
  readonly Config: new () => object;
  readonly Module: { fromFile(engine: object, path: string): object };
  readonly Store: new (engine: object) => object;
  readonly Instance: new (
    store: object,
    module: object,
  ) => {
    getFunc(store: object, name: string): { call(store: object, args: readonly number[]): number } | null;
  };
}

const US_PER_MS = 1000;
/** Instances that are there at the same time, at most: none is given up before a collection. */
const MAX_INSTANCES = 4;
const { path, exportName, args, answer } = JSON.parse(process.argv[2] ?? '') as GuestTask;

function say(message: WasmtimeMessage): void {
  process.send?.(message);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function load(): Binding | null {
  try {
    return createRequire(import.meta.url)('wasmtime') as Binding;
  } catch (error) {
    say({ kind: 'unavailable', reason: messageOf(error) });
    process.disconnect();
    return null;
  }
}

function serve({ Config, Engine, Instance, Module, Store }: Binding): void {
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

const binding = load();
if (binding !== null) serve(binding);
