// A guest's thread without a guest: mounts a volume over messages, as worker-main does over its own channel, and stores into one file
// what it was told, over and over.
import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { VolumeFileSystem } from '#runtime/files/volume-file-system.js';
import type { VolumeReply, VolumeRequest } from '#runtime/files/volume-protocol.js';
import { type BankHandle, BankView } from '#runtime/memory/bank-view.js';

export interface VolumeWorkerData {
  readonly bank: BankHandle;
  readonly port: MessagePort;
  readonly signal: SharedArrayBuffer;
  readonly letter: number;
  readonly rounds: number;
}

const { bank, port, signal, letter, rounds } = workerData as VolumeWorkerData;
const answered = new Int32Array(signal);

function call(request: VolumeRequest): VolumeReply {
  const before = Atomics.load(answered, 0);
  port.postMessage(request);
  for (;;) {
    const received = receiveMessageOnPort(port);
    if (received !== undefined) return received.message as VolumeReply;
    Atomics.wait(answered, 0, before, 10);
  }
}

const view = new BankView(bank);
const mounted = new VolumeFileSystem({
  access: 'read-write',
  volume: 'v',
  view,
  call,
  nowNs: () => BigInt(Date.now()) * 1_000_000n,
});
const options = { read: true, write: true, create: true, exclusive: false, truncate: false };
const shared = mounted.openRoot().openFile('shared', options);
const own = mounted.openRoot().openFile(`own-${letter}`, options);
const line = new Uint8Array(100).fill(letter);
for (let round = 0; round < rounds; round += 1) {
  shared.append(line);
  own.write(line, (round % 50) * line.length);
  own.write(line, 0);
  // Others may have it open: nothing that they could store to is given to anybody else.
  if (round % 10 === 9) own.setSize(0);
  mounted.openRoot().openFile(`f-${letter}-${round}`, options).close();
}
own.close();
shared.close();
mounted[Symbol.dispose]();
view[Symbol.dispose]();
port.close();
