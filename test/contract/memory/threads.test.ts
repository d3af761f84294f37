// A bank seen from worker threads: same bytes, blocks that are mapped there, nothing left behind when the thread is gone.
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { BANK_PAGE_SIZE as PAGE, WASM_PAGE_SIZE } from '#runtime/limits.js';
import { BACKENDS, bankMappings, Fixture } from './backends.js';
import type { WorkerReport, WorkerTask } from './bank-worker.js';

async function runWorker(workerData: WorkerTask): Promise<WorkerReport> {
  const worker = new Worker(new URL('./bank-worker.js', import.meta.url), { workerData });
  const [[report]]: [WorkerReport[], unknown[]] = await Promise.all([
    once(worker, 'message'),
    once(worker, 'exit'),
  ]);
  if (report === undefined) throw new Error('the worker reported nothing');
  return report;
}

function openDescriptors(): number {
  return process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0;
}

describe.each(BACKENDS)('bank in threads, $name', (backendCase) => {
  test.each([
    ['small', 2],
    ['large', 24],
  ])('a worker restores an image and shares a block, %s', async (_size, pages) => {
    const before = { mappings: bankMappings(), descriptors: openDescriptors() };
    const fixture = new Fixture(backendCase, 16 * 1024 * 1024);
    const { memory, bytes } = fixture.guest(pages);
    bytes()[0] = 21;
    const image = fixture.capture(memory, null);
    const mapping = { blockId: 1, address: pages * WASM_PAGE_SIZE - PAGE, extent: fixture.allocate(PAGE) };
    memory.mapBlock(mapping);
    bytes()[mapping.address + 1] = 31;
    memory.exchange();

    const report = await runWorker({ handle: fixture.bank.handle(), image, mapping, value: 41 });
    memory.exchange();
    expect(report).toEqual({ imageByte: 21, blockByte: 31, restoredByte: 21 });
    expect([...bytes().subarray(mapping.address, mapping.address + 2)]).toEqual([41, 31]);

    memory[Symbol.dispose]();
    fixture[Symbol.dispose]();
    expect({ mappings: bankMappings(), descriptors: openDescriptors() }).toEqual(before);
  });
});
