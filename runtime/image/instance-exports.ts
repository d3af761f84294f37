// Typed access to the exports the rewriter added to a module. A missing one is our own bug, for instance and layout come from
// one preparation; it must never be taken for a fault of the guest.
import { invariant } from '../invariant.ts';

export type WasmFunction = (...args: (number | bigint)[]) => unknown;

export function exportedFunction(exports: WebAssembly.Exports, name: string): WasmFunction {
  const value: unknown = exports[name];
  invariant(isFunction(value), `the prepared module exports the function ${name}`);
  return value;
}

export function exportedGlobal(exports: WebAssembly.Exports, name: string): WebAssembly.Global {
  const value: unknown = exports[name];
  invariant(value instanceof WebAssembly.Global, `the prepared module exports the global ${name}`);
  return value;
}

export function exportedMemory(exports: WebAssembly.Exports, name: string): WebAssembly.Memory {
  const value: unknown = exports[name];
  invariant(value instanceof WebAssembly.Memory, `the prepared module exports the memory ${name}`);
  return value;
}

export function exportedTable(exports: WebAssembly.Exports, name: string): WebAssembly.Table {
  const value: unknown = exports[name];
  invariant(value instanceof WebAssembly.Table, `the prepared module exports the table ${name}`);
  return value;
}

/**
 * Grows a memory of 32 or 64 bits. Of the latter the page count is a bigint, but not in engines that had them early, and nothing tells
 * beforehand. Throws RangeError when it cannot grow.
 */
export function growMemory(memory: WebAssembly.Memory, pages: number): void {
  try {
    memory.grow(pages);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    memory.grow(BigInt(pages));
  }
}

function isFunction(value: unknown): value is WasmFunction {
  return typeof value === 'function';
}
