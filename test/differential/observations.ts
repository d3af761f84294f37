// What a guest shows of itself, as text that can be compared between instances. It must never tell two instances of one module apart by what
// only identifies the instance.
import { createHash } from 'node:crypto';

export function describeValue(value: unknown): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (typeof value === 'bigint') return `${value}n`;
  // An exported function is named by its index; of the host's there is but one of a name.
  if (typeof value === 'function') return `function ${value.name}`;
  if (Array.isArray(value)) return `[${value.map(describeValue).join(', ')}]`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}

/** Of a stack that is exhausted only that: how deep it was depends on what the engine had compiled by then. */
export const EXHAUSTED = 'stack exhausted';

export function describeThrown(thrown: unknown): string {
  if (thrown instanceof RangeError && /call stack/.test(thrown.message)) return EXHAUSTED;
  if (thrown instanceof Error) return `${thrown.constructor.name}: ${thrown.message}`;
  if (thrown instanceof WebAssembly.Exception) return 'an exception';
  return `thrown: ${describeValue(thrown)}`;
}

/** Of an instance, by its own exports alone. */
export function describeExports(exports: readonly (readonly [string, unknown])[]): string {
  return exports.map(([name, value]) => `${name}: ${describeExport(value)}`).join('\n');
}

function describeExport(value: unknown): string {
  if (value instanceof WebAssembly.Memory) return `${value.buffer.byteLength} ${hash(value.buffer)}`;
  if (value instanceof WebAssembly.Global) return readable(() => value.value);
  if (value instanceof WebAssembly.Table) {
    const length: unknown = value.length;
    const at = (position: number) => (typeof length === 'bigint' ? BigInt(position) : position);
    const entries = Array.from({ length: Number(length) }, (_, position) =>
      readable(() => value.get(at(position))),
    );
    return `[${entries.join(', ')}]`;
  }
  return typeof value === 'function' ? 'a function' : 'a tag';
}

/** A vector or an exception cannot be seen from here. */
function readable(read: () => unknown): string {
  try {
    return describeValue(read());
  } catch (error) {
    if (error instanceof TypeError) return 'unseen';
    throw error;
  }
}

export function hash(bytes: ArrayBuffer | Uint8Array): string {
  return createHash('sha1')
    .update(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes))
    .digest('hex');
}
