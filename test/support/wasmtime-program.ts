// The child that runs exported images on Wasmtime, by its Node binding, which ends its process where it should throw: hence a process of its own.
// It must never guess: what the binding cannot do is printed as an error.
//
//   node wasmtime-program.js MODULE CALLS      CALLS: JSON, [[name, argument...], ...]; prints one JSON value, an `Answer`
import { loadWasmtime, messageOf, type Wasmtime } from './wasmtime-binding.js';

export type Answer =
  | { readonly kind: 'unavailable'; readonly reason: string }
  | { readonly kind: 'results'; readonly results: readonly (number | string | null)[] };

function answer(
  binding: Wasmtime | string,
  path: string,
  calls: readonly (readonly [string, ...number[]])[],
): Answer {
  if (typeof binding === 'string') return { kind: 'unavailable', reason: binding };
  const engine = new binding.Engine(new binding.Config());
  const store = new binding.Store(engine);
  const instance = new binding.Instance(store, binding.Module.fromFile(engine, path));
  const results = calls.map(([name, ...args]) => {
    const body = instance.getFunc(store, name);
    if (body === null) return `no function ${name}`;
    try {
      const value = body.call(store, args);
      return typeof value === 'number' ? value : null;
    } catch (error) {
      return `error: ${messageOf(error)}`;
    }
  });
  return { kind: 'results', results };
}

const [, , path = '', calls = '[]'] = process.argv;
process.stdout.write(JSON.stringify(answer(loadWasmtime(), path, JSON.parse(calls))));
