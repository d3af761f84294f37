// A fuzzed guest of WASI: guarded memory, five mounts, and streams that give and take anything. It must show what the functions did with what they
// were given, and change nothing about it.
import { HostFileSystem } from '#runtime/files/host-file-system.js';
import { MemoryFileSystem } from '#runtime/files/memory-file-system.js';
import type { MemoryNode } from '#runtime/files/memory-tree.js';
import { MAX_OUTPUT_BYTES, MAX_SLEEP_MS, MEMORY_NODE_BYTES } from '#runtime/limits.js';
import { loadFileCalls } from '#runtime/system/file-calls.js';
import { type InputReply, Preview1, type WasiFunctionName } from '#runtime/wasi/preview1.js';
import type { GuardedMemory } from '#test/support/guarded-memory.js';
import type { SeededRandom } from '#test/support/seeded-random.js';
import { allFunctions } from '#test/support/wasi-functions.js';
import { ExitSignal } from '#test/unit/wasi/guest-fixture.js';
import { demand } from '../tally.js';
import type { WasiArgument } from './arguments.js';
import type { World } from './world.js';

/** Small enough to be filled. */
const QUOTAS_BYTES = [256 * 1024, 8 * 1024];
/** A file may have room for so many times what it holds: it was longer, or is to grow. */
const ROOM_FACTOR = 4;
const YEAR_NS = 2n ** 55n;
const CULPRIT = 'guest';

type Functions = Readonly<Record<WasiFunctionName, (...args: WasiArgument[]) => number>>;
export type Descriptors = 'lost' | 'restored';

export class FuzzedGuest implements Disposable {
  readonly preview1: Preview1;
  readonly #functions: Functions;
  readonly #inMemory: readonly MemoryFileSystem[];

  constructor(world: World, { bytes }: GuardedMemory, random: SeededRandom, descriptors: Descriptors) {
    let nowNs = 1_700_000_000_000_000_000n;
    const calls = loadFileCalls();
    this.#inMemory = QUOTAS_BYTES.map((quota) => new MemoryFileSystem(quota, () => nowNs));
    const [one, two] = this.#inMemory as [MemoryFileSystem, MemoryFileSystem];
    const host = (path: string, access: 'read-only' | 'read-write') =>
      new HostFileSystem({ path, access, calls });
    this.preview1 = new Preview1(
      {
        memory: () => bytes,
        args: ['guest', 'first', ''],
        env: ['HOME=/', 'LANG=de'],
        mounts: [
          { guestPath: '/one', fileSystem: one },
          { guestPath: '/work', fileSystem: host(world.readWrite, 'read-write') },
          { guestPath: '/read', fileSystem: host(world.readOnly, 'read-only') },
          { guestPath: '.', fileSystem: two },
          { guestPath: '/kept', fileSystem: world.volumes.mount(() => nowNs) },
        ],
        write: (_, written) =>
          demand(
            written.byteLength <= MAX_OUTPUT_BYTES,
            () => `${written.byteLength} bytes of output at once`,
          ),
        terminals: { stdin: false, stdout: true, stderr: false },
        readInput: (_, maxBytes) => anyInput(random, maxBytes),
        exit: (status) => {
          throw new ExitSignal(status);
        },
        raise: () => {
          throw new ExitSignal(128);
        },
        clock: {
          realtimeNs: () => nowNs,
          monotonicNs: () => nowNs,
          sleep: (milliseconds) => {
            // Whoever sleeps for years does so in pieces, and each is a year here.
            nowNs += milliseconds < MAX_SLEEP_MS ? BigInt(Math.ceil(milliseconds * 1e6)) + 1n : YEAR_NS;
          },
        },
        fillRandom: (target) => target.fill(0x11),
      },
      descriptors,
    );
    this.#functions = allFunctions(this.preview1) as unknown as Functions;
  }

  /** The errno, or null for one that ended the run. */
  call(name: WasiFunctionName, args: readonly WasiArgument[]): number | null {
    try {
      return this.#functions[name](...args);
    } catch (error) {
      if (error instanceof ExitSignal) return null;
      throw error;
    }
  }

  capture(): Uint8Array {
    return this.preview1.capture(CULPRIT).slice();
  }

  restore(captured: Uint8Array): void {
    this.preview1.restore(captured, 'same', CULPRIT);
  }

  /** Whether the mounts in memory take what they may, or less, by what is counted and by what the host holds. */
  demandWithinQuota(): void {
    for (const [index, { tree }] of this.#inMemory.entries()) {
      const { nodes } = tree;
      const quotaBytes = QUOTAS_BYTES[index] ?? 0;
      const sum = (bytesOf: (node: MemoryNode) => number): number =>
        nodes.reduce((total, node) => total + bytesOf(node), 0);
      const names = sum((node) => (node.kind === 'directory' ? node.entries.size : 0));
      const counted = sum((node) => (node.kind === 'regular' ? node.sizeBytes : textBytes(node)));
      const countedBytes = MEMORY_NODE_BYTES * Math.max(names, nodes.length) + counted;
      demand(countedBytes <= quotaBytes, () => `a mount of ${quotaBytes} bytes has ${countedBytes} in it`);
      const heldBytes = sum((node) => (node.kind === 'regular' ? node.content.byteLength : textBytes(node)));
      demand(
        heldBytes <= ROOM_FACTOR * quotaBytes,
        () => `a mount of ${quotaBytes} bytes holds ${heldBytes}`,
      );
    }
  }

  [Symbol.dispose](): void {
    this.preview1[Symbol.dispose]();
  }
}

function anyInput(random: SeededRandom, maxBytes: number): InputReply {
  const kind = random.oneOf(['bytes', 'bytes', 'end', 'wait', 'unavailable'] as const);
  if (kind !== 'bytes') return { kind };
  return { kind, bytes: new Uint8Array(Math.min(maxBytes, random.below(64) + 1)).fill(0x69) };
}

function textBytes(node: MemoryNode): number {
  return node.kind === 'symlink' ? Buffer.byteLength(node.text) : 0;
}
