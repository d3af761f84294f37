// The file systems that can be mounted, each made empty: what one contract is held against. Whatever is made is removed again.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { HostFileSystem } from '#runtime/files/host-file-system.js';
import { MemoryFileSystem } from '#runtime/files/memory-file-system.js';
import { VolumeFileSystem } from '#runtime/files/volume-file-system.js';
import { Volumes } from '#runtime/files/volumes.js';
import { Bank } from '#runtime/memory/bank.js';
import { loadFileCalls } from '#runtime/system/file-calls.js';
import type { FileSystem } from '#runtime/wasi/file-system.js';
import { ROOT, type Stat, WasiGuest } from '#test/support/wasi-guest.js';

export interface MadeFileSystem extends Disposable {
  readonly fileSystem: FileSystem;
  /** Another one on the same content, where there is any. */
  again(): FileSystem;
}

const MiB = 1024 * 1024;
const NOW_NS = 1_700_000_000_000_000_000n;

export function makeHostDirectory(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'rekindle-files-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

function makeHost(calls: ReturnType<typeof loadFileCalls>): MadeFileSystem {
  const directory = makeHostDirectory();
  const again = () => new HostFileSystem({ path: directory.path, access: 'read-write', calls });
  return { fileSystem: again(), again, [Symbol.dispose]: () => directory[Symbol.dispose]() };
}

function makeMemory(): MadeFileSystem {
  const again = () => new MemoryFileSystem(1024 * 1024, () => NOW_NS);
  return { fileSystem: again(), again, [Symbol.dispose]: () => undefined };
}

/** Each as another run has it, or the same one again: what a run had open has been taken back when the next begins. */
function makeVolume(backend: 'mapped' | 'copied'): MadeFileSystem {
  const bank = Bank.create({ backend, sizeBytes: 16 * MiB });
  const volumes = new Volumes({ bank, volumeQuotaBytes: 8 * MiB, nowMs: () => Number(NOW_NS / 1_000_000n) });
  let pid = 0;
  const again = (): VolumeFileSystem => {
    volumes.release(pid);
    pid += 1;
    const run = pid;
    return new VolumeFileSystem({
      volume: 'data',
      access: 'read-write',
      view: bank.view,
      call: (request) => volumes.serve(run, request),
      nowNs: () => NOW_NS,
    });
  };
  return { fileSystem: again(), again, [Symbol.dispose]: () => bank[Symbol.dispose]() };
}

/** `host without koffi`: what Node alone can do. */
export const FILE_SYSTEMS: readonly (readonly [name: string, make: () => MadeFileSystem])[] = [
  ['host', () => makeHost(loadFileCalls())],
  ['host without koffi', () => makeHost(null)],
  ['memory', makeMemory],
  ['volume, mapped', () => makeVolume('mapped')],
  ['volume, copied', () => makeVolume('copied')],
];

/** What a test of one file system works with. */
export interface GuestFiles {
  /** A new one for every test, with two empty mounts of the same kind. */
  readonly guest: WasiGuest;
  /** Throws when there is none. */
  stat(what: number | string, follow?: boolean): Stat;
  /** Of a whole directory, sorted. */
  names(descriptor?: number): string[];
}

/** For the tests of the group that it is called in. */
export function useFiles(make: () => MadeFileSystem): GuestFiles {
  let made: readonly MadeFileSystem[] = [];
  let guest: WasiGuest;
  beforeEach(() => {
    made = [make(), make()];
    guest = new WasiGuest(made.map(({ fileSystem }, index) => ({ guestPath: `/data${index}`, fileSystem })));
  });
  afterEach(() => {
    guest[Symbol.dispose]();
    for (const each of made) each[Symbol.dispose]();
  });
  return {
    get guest() {
      return guest;
    },
    stat: (what, follow = false) => {
      const found = guest.stat(what, { follow });
      if (typeof found === 'number') throw new Error(`errno ${-found}`);
      return found;
    },
    names: (descriptor = ROOT) => {
      const entries = guest.list(descriptor);
      if (typeof entries === 'number') throw new Error(`errno ${-entries}`);
      return entries.map(({ name }) => name).sort();
    },
  };
}
