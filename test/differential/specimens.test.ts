// The hand-written set in its three worlds. What the running engine does not know is listed as such, by the name of the feature, and counts neither as
// passed nor as failed.
import { describe, expect, it } from 'vitest';
import { parseModule } from '#runtime/image/module-parser.js';
import { prepareModule } from '#runtime/image/prepare.js';
import { compareModule } from './compare.js';
import { ENGINE_FEATURES, KNOWN_FEATURES } from './engine-features.js';
import { SPECIMENS } from './specimens.js';
import { firstImage, PreparedWorld, valuesForGlobals } from './worlds.js';

describe('the hand-written set', () => {
  it.for(SPECIMENS)('$name', ({ bytes, features, expected }, { skip }) => {
    const missing = features.filter((feature) => !ENGINE_FEATURES.includes(feature));
    if (missing.length > 0) skip(`not in this engine: ${missing.join(', ')}`);
    const outcome = compareModule(bytes);
    expect(outcome).toMatchObject({ kind: 'agreed' });
    if (outcome.kind !== 'agreed') return;
    expect(outcome.traps.length < Math.max(1, outcome.calls) || expected === 'traps').toBe(true);
    expect(outcome.plainOnly !== null).toBe(expected === 'plain only');
    expect(outcome.notCaptured.length > 0).toBe(expected === 'sometimes not captured');
    const isWhole = expected === 'captured' || expected === 'traps';
    expect(outcome.exported > 0 || outcome.calls === 0).toBe(expected !== 'plain only');
    expect(outcome.notExported.length > 0).toBe(!isWhole);
  });

  it.for(SPECIMENS)(
    '$name: exported without what preparing adds',
    ({ bytes, features, expected }, { skip }) => {
      const missing = features.filter((feature) => !ENGINE_FEATURES.includes(feature));
      if (missing.length > 0) skip(`not in this engine: ${missing.join(', ')}`);
      if (expected === 'plain only' || expected === 'traps') skip('there is no state to export');
      const prepared = prepareModule(bytes, 'module', {
        memoryQuotaBytes: 64 * 65536,
        globals: valuesForGlobals(bytes),
      });
      const exported = new PreparedWorld(prepared, firstImage(prepared)).exported('keep');
      const sizes = (module: Uint8Array) => {
        const { types, functionTypes, tables, memories, globals, exports } = parseModule(module, 'module');
        const limits = [...memories, ...tables.map((table) => table.limits)];
        return { types: types.length, functionTypes, limits, globals: globals.length, exports };
      };
      expect(sizes(exported)).toEqual(sizes(bytes));
      expect(Buffer.from(exported).includes('__hr_')).toBe(false);
    },
  );

  it('has a specimen for every feature', () => {
    expect(new Set(SPECIMENS.flatMap(({ features }) => features))).toEqual(new Set(KNOWN_FEATURES));
  });
});
