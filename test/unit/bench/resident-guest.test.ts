// The guest made for the benchmark does what its figures rest on: it fills its memory, and a page stored to is told from one that is not.
import { describe, expect, it } from 'vitest';
import {
  readAllArguments,
  residentModule,
  touchArguments,
  touchedSum,
  WASM_PAGE_BYTES,
} from '../../../bench/resident-guest.js';

const SIZE_BYTES = 4 * WASM_PAGE_BYTES;
const PAGE_BYTES = 4096;

function start() {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(residentModule(SIZE_BYTES)));
  const { memory, _initialize: initialize, touch, readAll, crash } = exports;
  if (
    !(memory instanceof WebAssembly.Memory) ||
    typeof initialize !== 'function' ||
    typeof touch !== 'function' ||
    typeof readAll !== 'function' ||
    typeof crash !== 'function'
  ) {
    throw new Error('exports are missing');
  }
  initialize();
  return { bytes: new Uint8Array(memory.buffer), touch, readAll, crash };
}

describe('the resident guest', () => {
  it('fills all of its memory', () => {
    const { bytes } = start();
    expect(bytes.length).toBe(SIZE_BYTES);
    expect(bytes.every((byte) => byte === 1)).toBe(true);
  });

  it.each([1, 2, 16, 64])('stores to %d pages, each another', (pages) => {
    const { bytes, touch } = start();
    expect(touch(...touchArguments(SIZE_BYTES, pages))).toBe(touchedSum(pages));
    const stored = new Set<number>();
    for (const [address, byte] of bytes.entries())
      if (byte !== 1) stored.add(Math.floor(address / PAGE_BYTES));
    expect(stored.size).toBe(pages);
  });

  it('reads a byte of every page and changes none', () => {
    const { bytes, readAll } = start();
    expect(readAll(...readAllArguments(SIZE_BYTES))).toBe(SIZE_BYTES / PAGE_BYTES);
    expect(bytes.every((byte) => byte === 1)).toBe(true);
  });

  it('answers otherwise when it was not put back', () => {
    const { touch } = start();
    const touchArgs = touchArguments(SIZE_BYTES, 16);
    touch(...touchArgs);
    expect(touch(...touchArgs)).not.toBe(touchedSum(16));
  });

  it('traps on request', () => {
    expect(() => start().crash()).toThrow(WebAssembly.RuntimeError);
  });
});
