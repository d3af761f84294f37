// Hostile input: valid modules, damaged at random. Whatever comes of it, preparing refuses with a RekindleError, or the module was one that the
// engine takes as it is; parsing alone, without the engine's check behind it, never fails with anything else either.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RekindleError } from '#runtime/errors.js';
import { parseModule } from '#runtime/image/module-parser.js';
import { prepareModule } from '#runtime/image/prepare.js';
import { DAMAGED_SEEDS } from './damaged-seeds.js';

interface Edit {
  readonly position: number;
  readonly kind: 'set' | 'flip' | 'insert' | 'remove';
  readonly value: number;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  position: fc.nat(),
  kind: fc.constantFrom('set', 'flip', 'insert', 'remove'),
  value: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x40, 0x7f, 0x80, 0xff)),
});

function apply(bytes: number[], { position, kind, value }: Edit): void {
  const at = position % (bytes.length + 1);
  if (kind === 'insert') bytes.splice(at, 0, value);
  else if (kind === 'remove') bytes.splice(at, 1);
  else if (at < bytes.length) bytes[at] = kind === 'set' ? value : (bytes[at] ?? 0) ^ (1 << (value & 7));
}

const damaged = fc
  .record({
    seed: fc.constantFrom(...DAMAGED_SEEDS),
    edits: fc.array(edit, { maxLength: 4 }),
    length: fc.option(fc.nat(), { freq: 5 }),
  })
  .map(({ seed, edits, length }) => {
    const bytes = [...seed];
    for (const each of edits) apply(bytes, each);
    return Uint8Array.from(length === null ? bytes : bytes.slice(0, length % (bytes.length + 1)));
  });

function refusedOr<T>(action: () => T): T | null {
  try {
    return action();
  } catch (error) {
    if (error instanceof RekindleError) return null;
    throw error;
  }
}

describe('damaged modules', () => {
  it('are refused as malformed, unless the engine takes them as they are', () => {
    let preparedCount = 0;
    fc.assert(
      fc.property(damaged, (bytes) => {
        const isValid = WebAssembly.validate(bytes);
        try {
          prepareModule(bytes, 'm.wasm', { memoryQuotaBytes: 64 * 65536 });
          preparedCount += 1;
          expect(isValid).toBe(true);
        } catch (error) {
          if (!(error instanceof RekindleError)) throw error;
          if (!isValid) expect(error.code).toBe('MODULE_MALFORMED');
        }
      }),
      { numRuns: 12_000 },
    );
    expect(preparedCount).toBeGreaterThan(100);
  });

  it('are refused or parsed, when nobody has looked at them before', () => {
    fc.assert(
      fc.property(damaged, (bytes) => {
        refusedOr(() => parseModule(bytes, 'm.wasm'));
      }),
      { numRuns: 20_000 },
    );
  });

  it('with the attribute of a tag written at length are taken, as the engine takes them', () => {
    const name = [3, 0x65, 0x6e, 0x76, 3, 0x74, 0x61, 0x67];
    const bytes = Uint8Array.from([
      ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      ...[1, 4, 1, 0x60, 0, 0],
      ...[2, 14, 1, ...name, 4, 0x80, 0x80, 0, 0],
    ]);
    expect(WebAssembly.validate(bytes)).toBe(true);
    expect(() => prepareModule(bytes, 'm.wasm', { memoryQuotaBytes: 0 })).not.toThrow();
  });

  it('with an element segment of numbers are refused, whatever the engine says', () => {
    const bytes = Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 9, 4, 1, 5, 0x7b, 0]);
    expect(() => prepareModule(bytes, 'm.wasm', { memoryQuotaBytes: 0 })).toThrow(
      expect.objectContaining({
        code: WebAssembly.validate(bytes) ? 'MODULE_UNSUPPORTED' : 'MODULE_MALFORMED',
      }),
    );
  });

  it('cut off at any byte are malformed', () => {
    for (const seed of DAMAGED_SEEDS) {
      for (let length = 0; length < seed.length; length++) {
        const bytes = seed.slice(0, length);
        if (!WebAssembly.validate(bytes)) {
          expect(() => prepareModule(bytes, 'm.wasm', { memoryQuotaBytes: 0 })).toThrow(
            expect.objectContaining({ code: 'MODULE_MALFORMED' }),
          );
        }
      }
    }
  });
});
