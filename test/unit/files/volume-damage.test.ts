// Records of volumes that something else has written: whatever stands there, the bank is refused as damaged, or opened with a volume that
// is sound and does what it is asked. Nothing else may come of it.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { JsonValue } from '#runtime/bank/ledger-records.js';
import { RekindleError } from '#runtime/errors.js';
import { FileError } from '#runtime/wasi/errno.js';
import { Random } from '#test/crash/enumeration/random.js';
import { chooseStep, VolumeSession } from '#test/crash/volume/steps.js';
import { surveyOf } from '#test/crash/volume/survey.js';
import { PAGE, VolumeFixture } from './volume-fixture.js';

const RUNS = 120;
const STEPS = 40;
const NOTHING = new Uint8Array();

const number = fc.oneof(
  fc.constantFrom(-1, 0, 1, 2, 3, 4, 0.5, 128, PAGE, 2 * PAGE, 3 * PAGE, 2 ** 32, 2 ** 53 - 1),
  fc.nat(20),
);
const extent = fc.record({ position: number, offset: number, sizeBytes: number }, { requiredKeys: [] });
const record = fc.record(
  {
    kind: fc.constantFrom('regular', 'directory', 'symlink', 'socket'),
    slot: number,
    content: fc.string(),
    number,
    extents: fc.array(extent, { maxLength: 3 }),
    table: fc.array(extent, { maxLength: 3 }),
  },
  { requiredKeys: [] },
);
const value = fc.oneof(
  number,
  record,
  fc.constantFrom(null, true, 'text'),
  fc.json().map((text) => JSON.parse(text)),
);
const part = fc.oneof(
  fc.nat(9).map(String),
  fc.constantFrom('v', 'w', 'a', 'b', '..', '', 'x/y', '01', '1e1'),
);
const key = fc
  .tuple(
    fc.constantFrom('volume', 'file', 'name', 'next-file', 'next-volume'),
    fc.array(part, { minLength: 0, maxLength: 3 }),
  )
  .map(([prefix, parts]) => [prefix, ...parts].join('/'));
/** A key of its own, or the index of one that is there. */
const change = fc.record({ key: fc.oneof(key, fc.nat(30)), value });

const flips = fc.array(fc.record({ at: fc.nat(PAGE - 1), bit: fc.nat(7) }), { minLength: 1, maxLength: 20 });

it('with damaged slots loses files by name, and nothing else', () => {
  const property = fc.property(flips, fc.nat(), (all, seed) => {
    using fixture = new VolumeFixture({ backend: 'copied', in: 'directory' }, { sizeBytes: 1024 * 1024 });
    const random = new Random(seed);
    const session = new VolumeSession(fixture.mount());
    for (let step = 0; step < STEPS; step += 1) session.take(chooseStep(random, step));
    fixture.volumes.release(1);
    const before = surveyOf(fixture.volumes, 'v');
    const [table] = fixture.volumes.open('v').books.tree.table;
    if (table === undefined) throw new Error('a volume has a table');
    for (const { at, bit } of all) {
      const [byte = 0] = fixture.bank.view.bytes(table.offset + at, 1);
      fixture.bank.view.write(Uint8Array.of(byte ^ (1 << bit)), table.offset + at);
    }
    const lost = new Set(fixture.reopen().losses.map(({ kind, name }) => `${kind} ${name}`));
    const after = surveyOf(fixture.volumes, 'v');
    for (const [path, node] of before) {
      const found = after.get(path);
      if (lost.delete(`file v${path}`)) expect(found).toBeUndefined();
      else expect(Buffer.compare(found?.bytes ?? NOTHING, node.bytes ?? NOTHING)).toBe(0);
    }
    expect([...lost]).toEqual([]);
    expect(after.size).toBeLessThanOrEqual(before.size);
    expect(fixture.books.usedBytes).toBe(fixture.books.ofVolumes);
  });
  fc.assert(property, { numRuns: RUNS / 3 });
});

function volumeKeys(fixture: VolumeFixture): readonly string[] {
  return ['volume/', 'file/', 'name/', 'next-'].flatMap((prefix) =>
    fixture.bank.ledger.entries(prefix).map(([each]) => each),
  );
}

it('are refused, or make a sound volume', () => {
  let [refused, opened] = [0, 0];
  const property = fc.property(
    fc.array(change, { minLength: 1, maxLength: 3 }),
    fc.nat(),
    (changes, seed) => {
      using fixture = new VolumeFixture({ backend: 'copied', in: 'directory' }, { sizeBytes: 1024 * 1024 });
      const random = new Random(seed);
      const session = new VolumeSession(fixture.mount());
      for (let step = 0; step < STEPS; step += 1) session.take(chooseStep(random, step));
      const keys = volumeKeys(fixture);
      fixture.bank.ledger.commit(
        changes.map((each) => ({
          key: typeof each.key === 'number' ? (keys[each.key % keys.length] ?? '') : each.key,
          value: each.value as JsonValue,
        })),
      );
      try {
        fixture.reopen();
      } catch (error) {
        if (!(error instanceof RekindleError) || error.code !== 'BANK_DAMAGED') throw error;
        refused += 1;
        return;
      }
      opened += 1;
      expect(fixture.books.usedBytes).toBe(fixture.books.ofVolumes);
      let again: VolumeSession;
      try {
        again = new VolumeSession(fixture.mount(2));
      } catch (error) {
        // A table or a quota that has no room.
        if (!(error instanceof FileError)) throw error;
        return;
      }
      for (let step = 0; step < STEPS; step += 1) again.take(chooseStep(random, step));
      fixture.volumes.release(2);
      expect(fixture.books.usedBytes).toBe(fixture.books.ofVolumes);
    },
  );
  fc.assert(property, { numRuns: RUNS });
  // Neither is left to chance alone.
  expect(Math.min(refused, opened)).toBeGreaterThan(0);
});
