// The floors by the same system calls from this process, for machines without a compiler. The memories are those of guests, mapped as the
// runtime maps them; each call through the FFI adds its own cost, so these floors are higher than the program's, never lower.
import { writeSync } from 'node:fs';
import { type Libc, loadLibc } from '#runtime/system/libc.js';
import { readAllArguments, residentModule, touchArguments, touchedSum } from '../resident-guest.ts';
import type { Floor, FloorRequest } from './floor.ts';

const PAGE_BYTES = 4096;
const PAGE = new Uint8Array(PAGE_BYTES).fill(1);
const TURNS = 4;
const US_PER_MS = 1000;

/** An image in a memory file, and a guest whose memory is mapped from it. */
class FloorMemory implements Disposable {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #guest: WebAssembly.Exports;
  readonly #source: WebAssembly.Exports;
  readonly #sizeBytes: number;
  readonly #memoryAddress: number;
  readonly #sourceAddress: number;
  #turn = 0;

  constructor(libc: Libc, sizeBytes: number) {
    const module = new WebAssembly.Module(residentModule(sizeBytes));
    this.#libc = libc;
    this.#sizeBytes = sizeBytes;
    this.#guest = new WebAssembly.Instance(module).exports;
    this.#source = new WebAssembly.Instance(module).exports;
    this.#fd = libc.createMemoryFile('floor', sizeBytes);
    this.#memoryAddress = libc.addressOf(bytesOf(this.#guest));
    this.#sourceAddress = libc.addressOf(bytesOf(this.#source));
    libc.mapShared(this.#sourceAddress, sizeBytes, this.#fd, 0);
    call(this.#source, '_initialize');
    libc.mapPrivate(this.#memoryAddress, sizeBytes, this.#fd, 0);
  }

  /** Time of one restore with its touch, in microseconds. */
  sampleUs({ kind, dirtyPages, isResident }: FloorRequest): number {
    const touch = touchArguments(this.#sizeBytes, dirtyPages);
    const stride = touch[1];
    const restore = this.#restoreOf(kind, dirtyPages, stride);
    if (isResident) call(this.#guest, 'readAll', readAllArguments(this.#sizeBytes));
    const startMs = performance.now();
    restore();
    if (kind !== 'write-pages' && call(this.#guest, 'touch', touch) !== touchedSum(dirtyPages))
      throw new Error('the memory is not as it was');
    return (performance.now() - startMs) * US_PER_MS;
  }

  drop(): void {
    this.#libc.dropPages(this.#memoryAddress, this.#sizeBytes);
  }

  /** The mappings go first: whoever gets these addresses next is not to find the file there. */
  [Symbol.dispose](): void {
    this.#libc.mapAnonymous(this.#memoryAddress, this.#sizeBytes);
    this.#libc.mapAnonymous(this.#sourceAddress, this.#sizeBytes);
    this.#libc.closeMemoryFile(this.#fd);
  }

  #restoreOf(kind: FloorRequest['kind'], dirtyPages: number, stride: number): () => void {
    const [target, source] = [this.#memoryAddress, this.#sourceAddress];
    switch (kind) {
      case 'drop':
        return () => this.drop();
      case 'copy-all':
        return () => this.#libc.copy(target, source, this.#sizeBytes);
      case 'copy-dirty':
        return () => {
          for (let offset = 0; offset < dirtyPages * stride; offset += stride)
            this.#libc.copy(target + offset, source + offset, PAGE_BYTES);
        };
      case 'write-pages':
        this.#turn = (this.#turn + 1) % TURNS;
        return () => {
          for (let page = 0; page < dirtyPages; page += 1) {
            const offset = (page * stride + this.#turn * PAGE_BYTES) % this.#sizeBytes;
            writeSync(this.#fd, PAGE, 0, PAGE_BYTES, offset);
          }
        };
    }
  }
}

export class FfiFloor implements Floor {
  readonly #libc = loadLibc();
  readonly #memories = new Map<number, FloorMemory>();

  async slice(request: FloorRequest, sliceMs: number): Promise<readonly number[]> {
    const memory = this.#memoryOf(request.memoryBytes);
    const samples: number[] = [];
    const endMs = performance.now() + sliceMs;
    // The first one begins with what the slice before has left behind, and is not told.
    memory.drop();
    memory.sampleUs({ ...request, kind: 'copy-dirty' });
    memory.sampleUs(request);
    do samples.push(memory.sampleUs(request));
    while (performance.now() < endMs);
    memory.drop();
    return samples;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const memory of this.#memories.values()) memory[Symbol.dispose]();
    this.#memories.clear();
  }

  #memoryOf(sizeBytes: number): FloorMemory {
    const known = this.#memories.get(sizeBytes);
    if (known !== undefined) return known;
    const memory = new FloorMemory(this.#libc, sizeBytes);
    this.#memories.set(sizeBytes, memory);
    return memory;
  }
}

function bytesOf({ memory }: WebAssembly.Exports): Uint8Array {
  if (memory instanceof WebAssembly.Memory) return new Uint8Array(memory.buffer);
  throw new Error('the guest does not export its memory');
}

function call(exports: WebAssembly.Exports, name: string, args: readonly number[] = []): unknown {
  const exported = exports[name];
  if (typeof exported === 'function') return (exported as (...given: readonly number[]) => unknown)(...args);
  throw new Error(`the guest does not export ${name}`);
}
