// A bank that lies in a directory: what every bank does, and that its content is there for the next one, whichever backend has written it
// and whichever reads it; extents are taken again by who has written them down, and what nobody takes reads as zero.
import { describe, expect, test } from 'vitest';
import { BankDirectory } from '#runtime/bank/bank-directory.js';
import { RekindleError } from '#runtime/errors.js';
import { BANK_PAGE_SIZE as PAGE } from '#runtime/limits.js';
import { Bank } from '#runtime/memory/bank.js';
import { BankView } from '#runtime/memory/bank-view.js';
import { bankOptions, PLACES, SIZE_BYTES, TemporaryDirectory } from '#test/unit/bank/bank-fixture.js';
import { BACKENDS, firstDifference } from './backends.js';

const backends = [...new Set(BACKENDS.map(({ backend }) => backend))];
/** Written by one, read by the other. */
const PAIRS = PLACES.flatMap((place) =>
  backends.flatMap((writer) => backends.map((reader) => ({ place, writer, reader }))),
);

function withBank<T>(path: string, backend: 'mapped' | 'copied', run: (bank: Bank) => T): T {
  const bank = Bank.open(BankDirectory.open(bankOptions(path)), backend);
  try {
    return run(bank);
  } finally {
    bank[Symbol.dispose]();
  }
}

function allocate(bank: Bank, sizeBytes: number): { readonly offset: number; readonly sizeBytes: number } {
  const extent = bank.allocate(sizeBytes);
  if (extent === null) throw new Error('the bank of the test is too small');
  return extent;
}

const filled = (sizeBytes: number, value: number) => new Uint8Array(sizeBytes).fill(value);

describe.each(PAIRS)('in $place, written $writer, read $reader', ({ place, writer, reader }) => {
  test('content that was written, or stored by a guest, is there again for who takes its extent', () => {
    using directory = new TemporaryDirectory(place);
    const path = directory.at('bank');
    const [first, second] = withBank(path, writer, (bank) => {
      const extents = [allocate(bank, 3 * PAGE), allocate(bank, PAGE)] as const;
      bank.view.write(filled(3 * PAGE, 0x41), extents[0].offset);
      bank.view.write(filled(10, 0x42), extents[1].offset);
      bank.commit([{ key: 'told', value: true }]);
      return extents;
    });
    withBank(path, reader, (bank) => {
      expect(bank.ledger.get('told')).toBe(true);
      expect(bank.freeBytes).toBe(SIZE_BYTES);
      expect([bank.adopt(first), bank.adopt(second)]).toEqual([true, true]);
      expect(bank.freeBytes).toBe(SIZE_BYTES - 4 * PAGE);
      expect(firstDifference(bank.view.bytes(first.offset, 3 * PAGE), filled(3 * PAGE, 0x41))).toBe(-1);
      expect(firstDifference(bank.view.bytes(second.offset, 10), filled(10, 0x42))).toBe(-1);
      expect(bank.view.bytes(second.offset + 10, PAGE - 10).every((byte) => byte === 0)).toBe(true);
      // Nobody else gets them.
      expect(allocate(bank, PAGE).offset).toBe(4 * PAGE);
    });
  });

  test('what nobody takes reads as zero once the holes have been released, and to its next owner', () => {
    using directory = new TemporaryDirectory(place);
    const path = directory.at('bank');
    withBank(path, writer, (bank) =>
      bank.view.write(filled(SIZE_BYTES, 0x43), allocate(bank, SIZE_BYTES).offset),
    );
    const kept = { offset: 2 * PAGE, sizeBytes: PAGE };
    withBank(path, reader, (bank) => {
      expect(bank.adopt(kept)).toBe(true);
      bank.releaseHoles();
      const low = allocate(bank, 2 * PAGE);
      expect(bank.view.bytes(low.offset, 2 * PAGE).every((byte) => byte === 0)).toBe(true);
      expect(firstDifference(bank.view.bytes(kept.offset, PAGE), filled(PAGE, 0x43))).toBe(-1);
    });
    using opened = BankDirectory.open(bankOptions(path));
    const { content } = opened;
    expect(Buffer.compare(content.read(kept.offset, PAGE), filled(PAGE, 0x43))).toBe(0);
    expect(content.read(3 * PAGE, SIZE_BYTES - 3 * PAGE).every((byte) => byte === 0)).toBe(true);
  });

  test('what has been freed is gone from the directory too', () => {
    using directory = new TemporaryDirectory(place);
    const path = directory.at('bank');
    withBank(path, writer, (bank) => {
      const extent = allocate(bank, 2 * PAGE);
      bank.view.write(filled(2 * PAGE, 0x44), extent.offset);
      bank.free(extent);
    });
    withBank(path, reader, (bank) => {
      expect(bank.adopt({ offset: 0, sizeBytes: 2 * PAGE })).toBe(true);
      expect(bank.view.bytes(0, 2 * PAGE).every((byte) => byte === 0)).toBe(true);
    });
  });
});

describe.each(backends)('%s', (backend) => {
  test.each([
    ['one that is taken', { offset: PAGE, sizeBytes: PAGE }],
    ['one that overlaps from below', { offset: 0, sizeBytes: 2 * PAGE }],
    ['one that overlaps from above', { offset: 2 * PAGE, sizeBytes: 2 * PAGE }],
    ['one within another', { offset: PAGE, sizeBytes: 2 * PAGE }],
    ['one beyond the end', { offset: SIZE_BYTES - PAGE, sizeBytes: 2 * PAGE }],
    ['one that begins beyond it', { offset: SIZE_BYTES, sizeBytes: PAGE }],
    ['one of parts of pages', { offset: 4 * PAGE + 1, sizeBytes: PAGE }],
    ['one of nothing', { offset: 4 * PAGE, sizeBytes: 0 }],
  ])('adopts no extent but a sound one: %s', (_, extent) => {
    using directory = new TemporaryDirectory();
    withBank(directory.at('bank'), backend, (bank) => {
      expect(bank.adopt({ offset: PAGE, sizeBytes: 2 * PAGE })).toBe(true);
      expect(bank.adopt(extent)).toBe(false);
      expect(bank.freeBytes).toBe(SIZE_BYTES - 2 * PAGE);
    });
  });

  test('what another view stores through the handle is in the directory afterwards', () => {
    using directory = new TemporaryDirectory();
    const path = directory.at('bank');
    const extent = withBank(path, backend, (bank) => {
      const allocated = allocate(bank, PAGE);
      using view = new BankView(bank.handle());
      view.write(filled(PAGE, 0x45), allocated.offset);
      return allocated;
    });
    withBank(path, backend, (bank) => {
      expect(bank.adopt(extent)).toBe(true);
      expect(firstDifference(bank.view.bytes(extent.offset, PAGE), filled(PAGE, 0x45))).toBe(-1);
    });
  });

  test('belongs to one at a time, and to the next when it is disposed', () => {
    using directory = new TemporaryDirectory();
    const path = directory.at('bank');
    withBank(path, backend, () => {
      expect(() => BankDirectory.open(bankOptions(path))).toThrow(
        expect.objectContaining({ name: 'RekindleError', code: 'BANK_OWNED' }),
      );
    });
    expect(() => withBank(path, backend, () => undefined)).not.toThrow(RekindleError);
  });
});
