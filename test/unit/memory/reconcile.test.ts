// Host code that serves a guest under a time limit can be cut off at any function call or loop. These tests cut it off for real, by
// the same watchdog, and hold the books against the invariants afterwards.
import { afterEach, describe, expect, it } from 'vitest';
import { K_OK } from '#abi/errors.js';
import { Bank } from '#runtime/memory/bank.js';
import { ExtentAllocator } from '#runtime/memory/extents.js';
import { type BlockClient, PersistentMemoryManager } from '#runtime/memory/persistent-memory-manager.js';
import { isWatchdogError, runWithTimeLimit } from '#runtime/process/time-limit.js';

const MiB = 1024 * 1024;
const PAGE = 4096;
const CUTS = 60;
const KEY = new TextEncoder().encode('key');
const client = (pid: number): BlockClient => ({
  processName: `p${pid}`,
  pid,
  credentials: { uid: 0, gid: 0, groups: [], trusted: false },
  group: { id: 0, serial: 1 },
});

let bank: Bank | null = null;
afterEach(() => {
  bank?.[Symbol.dispose]();
  bank = null;
});

describe('an allocator made from extents in use', () => {
  it('gives out exactly what lies between them', () => {
    const allocator = ExtentAllocator.holding(10 * PAGE, [
      { offset: 6 * PAGE, sizeBytes: PAGE },
      { offset: PAGE, sizeBytes: 2 * PAGE },
    ]);
    expect(allocator.freeBytes).toBe(7 * PAGE);
    expect(allocator.holes()).toEqual([
      { offset: 0, sizeBytes: PAGE },
      { offset: 3 * PAGE, sizeBytes: 3 * PAGE },
      { offset: 7 * PAGE, sizeBytes: 3 * PAGE },
    ]);
    allocator.free({ offset: 6 * PAGE, sizeBytes: PAGE });
    expect(allocator.allocate(7 * PAGE)).toEqual({ offset: 3 * PAGE, sizeBytes: 7 * PAGE });
  });

  it('refuses extents that overlap or lie outside', () => {
    expect(() =>
      ExtentAllocator.holding(4 * PAGE, [
        { offset: 0, sizeBytes: 2 * PAGE },
        { offset: PAGE, sizeBytes: PAGE },
      ]),
    ).toThrow('invariant');
    expect(() => ExtentAllocator.holding(4 * PAGE, [{ offset: 3 * PAGE, sizeBytes: 2 * PAGE }])).toThrow(
      'invariant',
    );
  });
});

describe.each(['mapped', 'copied'] as const)('books cut off in the middle, %s', (backend) => {
  it('balance again after reconcile, and nothing is given to two owners', () => {
    bank = Bank.create({ backend, sizeBytes: 4 * MiB });
    const pmm = new PersistentMemoryManager(bank, { maxBlocks: 64 });
    let step = 0;
    const busy = (): void => {
      for (;;) {
        step += 1;
        const name = { medium: 'RAM', name: `b${step % 7}` };
        if (step % 3 === 0) pmm.free(client(1 + (step % 2)), name);
        else pmm.allocate(client(1 + (step % 2)), name, PAGE * (1 + (step % 5)), KEY);
        if (step % 11 === 0) pmm.release(1);
        if (step % 13 === 0) pmm.releaseFreed(2);
        const system = pmm.allocateSystem('__SYS:test', PAGE);
        if (system.kind === 'allocated' && step % 2 === 0) pmm.freeSystem(system.block);
      }
    };
    for (let cut = 0; cut < CUTS; cut += 1) {
      let thrown: unknown = null;
      try {
        runWithTimeLimit(1, busy);
      } catch (error) {
        thrown = error;
      }
      expect(isWatchdogError(thrown)).toBe(true);
      pmm.reconcile(new Set());
      const rows = pmm.list();
      expect(rows.every((row) => !row.system)).toBe(true);
      const extents = rows.map((row) => pmm.find(row.name));
      expect(extents).not.toContain(null);
      const ascending = extents
        .flatMap((each) => (each === null ? [] : [each]))
        .sort((a, b) => a.offset - b.offset);
      ascending.reduce((end, extent) => {
        expect(extent.offset).toBeGreaterThanOrEqual(end);
        return extent.offset + extent.sizeBytes;
      }, 0);
    }
    pmm.release(1);
    pmm.release(2);
    for (const row of pmm.list()) expect(pmm.free(client(1), { medium: 'RAM', name: row.name })).toBe(K_OK);
    expect(bank.freeBytes).toBe(bank.sizeBytes);
    const all = bank.allocate(bank.sizeBytes);
    expect(all).not.toBeNull();
    expect(bank.view.bytes(0, bank.sizeBytes).every((byte) => byte === 0)).toBe(true);
  });
});

describe('blocks freed under a run that maps them', () => {
  it('are told once, and their pages come back then', () => {
    bank = Bank.create({ backend: 'copied', sizeBytes: 4 * MiB });
    const pmm = new PersistentMemoryManager(bank, { maxBlocks: 8 });
    const name = { medium: 'RAM', name: 'shared' };
    const blockId = pmm.allocate(client(1), name, PAGE, KEY).block?.blockId;
    pmm.allocate(client(2), name, PAGE, KEY);
    expect(pmm.free(client(1), name)).toBe(K_OK);
    expect(pmm.find('shared')).toBeNull();
    expect(pmm.releaseFreed(1)).toEqual([blockId]);
    expect(pmm.releaseFreed(1)).toEqual([]);
    expect(bank.freeBytes).toBe(bank.sizeBytes - PAGE);
    expect(pmm.releaseFreed(2)).toEqual([blockId]);
    expect(bank.freeBytes).toBe(bank.sizeBytes);
  });
});
