// A guest's thread as the bank sees it: opens a view, restores an image, maps a block, and reports what it sees.
import { parentPort, workerData } from 'node:worker_threads';
import { type BankHandle, BankView } from '#runtime/memory/bank-view.js';
import type { BlockMapping, MemoryImage } from '#runtime/memory/guest-memory.js';

/** What the test hands over. */
export interface WorkerTask {
  readonly handle: BankHandle;
  readonly image: MemoryImage;
  readonly mapping: BlockMapping;
  /** Stored at the start of the block. */
  readonly value: number;
}

/** What the worker saw. */
export interface WorkerReport {
  readonly imageByte: number | undefined;
  readonly blockByte: number | undefined;
  readonly restoredByte: number | undefined;
}

const { handle, image, mapping, value }: WorkerTask = workerData;
const view = new BankView(handle);
const memory = new WebAssembly.Memory({
  initial: image.memoryBytes / 65536,
  maximum: image.memoryBytes / 65536,
});
const bytes = new Uint8Array(memory.buffer);
const guest = view.guestMemory(memory);
guest.restore(image, []);
guest.mapBlock(mapping);
const imageByte = bytes[0];
const blockByte = bytes[mapping.address + 1];
bytes[mapping.address] = value;
bytes[0] = 0;
guest.restore(image, [mapping]);
const report: WorkerReport = { imageByte, blockByte, restoredByte: bytes[0] };
guest[Symbol.dispose]();
view[Symbol.dispose]();
parentPort?.postMessage(report);
