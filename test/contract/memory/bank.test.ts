// The bank: extents that read as zero, running full, fragmentation, refusal by the kernel, and what is left after disposal.

import { describe, expect, test } from 'vitest';
import { RekindleError } from '#runtime/errors.js';
import { LIMIT_BOUNDS, BANK_PAGE_SIZE as PAGE } from '#runtime/limits.js';
import { Bank } from '#runtime/memory/bank.js';
import { type Libc, loadLibc } from '#runtime/system/libc.js';
import { BACKENDS, bankMappings } from './backends.js';

const MiB = 1024 * 1024;
const backends = [...new Set(BACKENDS.map(({ backend }) => backend))];
const onLinux = describe.skipIf(process.platform !== 'linux');

function withBank(backend: 'mapped' | 'copied', sizeBytes: number, run: (bank: Bank) => void): void {
  const bank = Bank.create({ backend, sizeBytes });
  try {
    run(bank);
  } finally {
    bank[Symbol.dispose]();
  }
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return error instanceof RekindleError ? error.code : String(error);
  }
  return 'no error';
}

describe.each(backends)('bank, %s', (backend) => {
  test('is of the size asked for, in whole WebAssembly pages', () => {
    withBank(backend, MiB + 1, (bank) => {
      expect(bank.backend).toBe(backend);
      expect(bank.sizeBytes).toBe(MiB + 65536);
      expect(bank.freeBytes).toBe(bank.sizeBytes);
    });
  });

  test('rounds an extent up to whole pages', () => {
    withBank(backend, MiB, (bank) => {
      expect(bank.allocate(PAGE + 1)?.sizeBytes).toBe(2 * PAGE);
      expect(bank.freeBytes).toBe(MiB - 2 * PAGE);
    });
  });

  test('an extent reads as zero when first used and when used again', () => {
    withBank(backend, MiB, (bank) => {
      for (let round = 0; round < 3; round += 1) {
        const extent = bank.allocate(MiB);
        if (extent === null) throw new Error('the whole bank is free');
        const bytes = bank.view.bytes(extent.offset, extent.sizeBytes);
        expect(bytes.every((value) => value === 0)).toBe(true);
        bytes.fill(0xa5);
        bank.free(extent);
      }
    });
  });

  test('a full bank refuses, and serves again once something is freed', () => {
    withBank(backend, MiB, (bank) => {
      const extents = Array.from({ length: MiB / PAGE }, () => bank.allocate(PAGE));
      expect(extents).not.toContain(null);
      expect(bank.freeBytes).toBe(0);
      expect(bank.allocate(1)).toBeNull();
      const seventh = extents[7] ?? null;
      if (seventh !== null) bank.free(seventh);
      expect(bank.allocate(1)).toEqual(seventh);
    });
  });

  test('a fragmented bank refuses what no hole can hold', () => {
    withBank(backend, MiB, (bank) => {
      const extents = Array.from({ length: MiB / PAGE }, () => bank.allocate(PAGE));
      for (const [index, extent] of extents.entries())
        if (index % 2 === 0 && extent !== null) bank.free(extent);
      expect(bank.freeBytes).toBe(MiB / 2);
      expect(bank.allocate(2 * PAGE)).toBeNull();
      expect(bank.allocate(PAGE)).not.toBeNull();
    });
  });

  test('content outside the bank is out of reach', () => {
    withBank(backend, MiB, (bank) => {
      for (const [offset, sizeBytes] of [
        [-1, 1],
        [MiB, 1],
        [0, MiB + 1],
        [0.5, 1],
      ] as const) {
        expect(() => bank.view.bytes(offset, sizeBytes)).toThrow('invariant violated');
      }
    });
  });

  test('dispose leaves no mapping, and may be repeated', () => {
    const before = bankMappings();
    const bank = Bank.create({ backend, sizeBytes: MiB });
    expect(bankMappings()).toBe(before + (backend === 'mapped' ? 1 : 0));
    bank[Symbol.dispose]();
    bank[Symbol.dispose]();
    expect(bankMappings()).toBe(before);
    expect(() => bank.allocate(PAGE)).toThrow('invariant violated');
  });

  test.each([
    0,
    LIMIT_BOUNDS.bankSizeBytes.min - 1,
    LIMIT_BOUNDS.bankSizeBytes.max + 1,
    MiB + 0.5,
    Number.NaN,
  ])('a size of %s bytes is refused', (sizeBytes) => {
    expect(codeOf(() => Bank.create({ backend, sizeBytes }))).toBe('OPTION_INVALID');
  });
});

describe('choice of a backend', () => {
  const unavailable = (): Libc => {
    throw new RekindleError('BACKEND_UNAVAILABLE', 'mapped', 'not here');
  };

  test('where mapping does not work, `mapped` is refused and `auto` is copied', () => {
    expect(codeOf(() => Bank.create({ backend: 'mapped', sizeBytes: MiB }, unavailable))).toBe(
      'BACKEND_UNAVAILABLE',
    );
    const bank = Bank.create({ backend: 'auto', sizeBytes: MiB }, unavailable);
    expect(bank.backend).toBe('copied');
    bank[Symbol.dispose]();
  });

  test('`auto` passes on what is not about availability', () => {
    const broken = (): Libc => {
      throw new RangeError('a bug');
    };
    expect(() => Bank.create({ backend: 'auto', sizeBytes: MiB }, broken)).toThrow('a bug');
  });

  onLinux('where mapping works', () => {
    test('`auto` is mapped', () => {
      const bank = Bank.create({ backend: 'auto', sizeBytes: MiB });
      expect(bank.backend).toBe('mapped');
      bank[Symbol.dispose]();
    });

    test.each([
      ['reserving fails', { reserve: () => 'ENOSPC' }],
      ['private mappings show something else', { mapPrivate: () => {} }],
      ['shared mappings are not shared', { mapShared: () => {} }],
      ['freed pages keep their content', { punchHole: () => {} }],
    ])('a kernel where %s is found out at once, and nothing stays mapped', (_name, change) => {
      const before = bankMappings();
      const strange = (): Libc => ({ ...loadLibc(), ...change });
      expect(codeOf(() => Bank.create({ backend: 'mapped', sizeBytes: MiB }, strange))).toBe(
        'BACKEND_UNAVAILABLE',
      );
      expect(bankMappings()).toBe(before);
    });

    test('pages the kernel cannot provide are a full bank, never a later crash', () => {
      let hasMemory = true;
      const libc = loadLibc();
      const poor = (): Libc => ({
        ...libc,
        reserve: (fd, offset, sizeBytes) => (hasMemory ? libc.reserve(fd, offset, sizeBytes) : 'ENOSPC'),
      });
      const bank = Bank.create({ backend: 'mapped', sizeBytes: MiB }, poor);
      hasMemory = false;
      expect(bank.allocate(PAGE)).toBeNull();
      expect(bank.freeBytes).toBe(MiB);
      hasMemory = true;
      expect(bank.allocate(MiB)).toEqual({ offset: 0, sizeBytes: MiB });
      bank[Symbol.dispose]();
    });
  });
});
