// What only threads can do: be lost under a guest, and be ended while it runs. The process comes back in another one, and what it had
// printed before it stored something is on the console.
import { describe, expect, it } from 'vitest';
import { failingEmbedder, MATRIX, rejection, SiteUnderTest, until } from '#test/support/scenario.js';
import { TEST_GUESTS } from '#test/support/test-guests.js';

const GROUP = 1;
const THREADS = MATRIX.filter(({ placement }) => placement === 'thread');

describe.each(THREADS)('$backend, a worker lost', (row) => {
  const { backend, placement } = row;
  const cases = [
    { how: 'process.exit(7)', activity: 'callHost' },
    { how: 'setImmediate(() => process.exit(7))', activity: null },
  ];

  it.each(cases)('$how: the process comes back in another one', async ({ how, activity }) => {
    await using own = await SiteUnderTest.open({ backend, warmWorkers: 0 });
    const options = { group: GROUP, placement, importsUrl: failingEmbedder(how) };
    const process = await own.site.arun('faulty-host.wasm', options);
    await process.call('ping');
    await process.checkpoint();
    for (let round = 1; round <= 3; round++) {
      const { pid, name } = process;
      const call = process.call('callHost').catch((error: unknown) => error);
      await own.backSince(process, pid);
      const fault = own.log.faults.at(-1)?.fault;
      expect(fault).toMatchObject({ kind: 'worker-lost', message: 'the worker ended with code 7', activity });
      if (activity === 'callHost') expect(await call).toMatchObject({ code: 'GUEST_FAULT', fault });
      expect(own.log.faults).toHaveLength(round);
      expect(process.name).toBe(name);
      expect(await process.call('ping')).toBe(2);
      expect(own.site.report().workers).toBe(1);
    }
  });
});

describe.each(THREADS)('$backend, a busy thread', (row) => {
  it('has printed what persistent memory says it has, whenever it is killed', async () => {
    const stableStorage = TEST_GUESTS;
    await using own = await SiteUnderTest.open({ backend: row.backend, stableStorage });
    const { site } = own;
    const process = await site.arun('placements-printer.wasm', { group: GROUP, placement: row.placement });
    for (let round = 1; round <= 5; round++) {
      const { pid } = process;
      const before = own.output.length;
      const call = rejection(process.call('printForEver'));
      await until('it prints', () => own.output.length > before);
      await site.akill(pid);
      expect(await call).toMatchObject({ code: 'PROCESS_RESTARTED' });
      await own.backSince(process, pid);
      const block = site.pmm.read('PRINTED');
      const last = block === null ? 0 : new DataView(block.buffer, block.byteOffset).getInt32(0, true);
      const printed = new Set(own.output.split('\n').map(Number));
      const missing = Array.from({ length: last }, (_, index) => index + 1).filter((n) => !printed.has(n));
      expect(missing).toHaveLength(0);
    }
  });
});
