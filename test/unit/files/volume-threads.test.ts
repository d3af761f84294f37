// Two threads with one volume: each appends to the same file and fills its own, and makes names beside the other's. What they store must
// be there, each piece whole, and nothing may have gone to the wrong file.
import { once } from 'node:events';
import { MessageChannel, Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import type { VolumeRequest } from '#runtime/files/volume-protocol.js';
import { VolumeFixture } from './volume-fixture.js';
import type { VolumeWorkerData } from './volume-worker.js';

const ROUNDS = 200;
const LETTERS: readonly number[] = [65, 66];
const LINE_BYTES = 100;

async function run(fixture: VolumeFixture, letter: number): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  const signal = new SharedArrayBuffer(4);
  const answered = new Int32Array(signal);
  port1.on('message', (request: VolumeRequest) => {
    port1.postMessage(fixture.volumes.serve(letter, request));
    Atomics.add(answered, 0, 1);
    Atomics.notify(answered, 0);
  });
  const data: VolumeWorkerData = { bank: fixture.bank.handle(), port: port2, signal, letter, rounds: ROUNDS };
  const worker = new Worker(new URL('./volume-worker.js', import.meta.url), {
    workerData: data,
    transferList: [port2],
  });
  const [code] = await once(worker, 'exit');
  port1.close();
  expect(code).toBe(0);
}

describe.each([
  { backend: 'mapped', in: 'directory' },
  { backend: 'copied', in: 'directory' },
] as const)('two threads with one volume, $backend', (place) => {
  it('see one file system', async () => {
    using fixture = new VolumeFixture(place);
    await Promise.all(LETTERS.map((letter) => run(fixture, letter)));
    for (const pid of LETTERS) fixture.volumes.release(pid);
    for (let opening = 0; opening < 2; opening += 1) {
      const shared = fixture.files.read('v', 'shared') ?? new Uint8Array();
      expect(shared.length).toBe(LETTERS.length * ROUNDS * LINE_BYTES);
      const lines = Array.from({ length: LETTERS.length * ROUNDS }, (_, index) =>
        shared.subarray(index * LINE_BYTES, (index + 1) * LINE_BYTES),
      );
      for (const letter of LETTERS) {
        expect(lines.filter((line) => line.every((byte) => byte === letter)).length).toBe(ROUNDS);
        expect(fixture.files.read('v', `own-${letter}`)?.length).toBe(0);
      }
      expect(fixture.files.entries('v', '')?.length).toBe(LETTERS.length * (ROUNDS + 1) + 1);
      expect(fixture.books.usedBytes).toBe(fixture.books.ofVolumes);
      expect(fixture.volumes.list()).toMatchObject([{ mounts: 0 }]);
      expect(fixture.reopen().losses).toEqual([]);
    }
  });
});
