// The child that runs exported images on Wasmtime, by its Node binding, which ends its process where it should throw: hence a process of its own.
// It must never guess: what the binding cannot do is printed as an error.
//
//   node wasmtime-program.js MODULE CALLS      CALLS: JSON, [[name, argument...], ...]; prints one JSON value, an `Answer`
import { createRequire } from 'node:module';

export type Answer =
  | { readonly kind: 'unavailable'; readonly reason: string }
  | { readonly kind: 'results'; readonly results: readonly (number | string | null)[] };

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
    getFunc(store: object, name: string): { call(store: object, args: readonly number[]): unknown } | null;
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function load(): Binding | string {
  try {
    return createRequire(import.meta.url)('wasmtime') as Binding;
  } catch (error) {
    return messageOf(error);
  }
}

function answer(
  binding: Binding | string,
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
process.stdout.write(JSON.stringify(answer(load(), path, JSON.parse(calls))));
