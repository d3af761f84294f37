// The file systems that can be mounted, each made empty: what one contract is held against. Whatever is made is removed again.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HostFileSystem } from '#runtime/files/host-file-system.js';
import { MemoryFileSystem } from '#runtime/files/memory-file-system.js';
import { loadFileCalls } from '#runtime/system/file-calls.js';
import type { FileSystem } from '#runtime/wasi/file-system.js';

export interface MadeFileSystem extends Disposable {
  readonly fileSystem: FileSystem;
  /** Another one on the same content, where there is any. */
  again(): FileSystem;
}

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

/** `host without koffi`: what Node alone can do. */
export const FILE_SYSTEMS: readonly (readonly [name: string, make: () => MadeFileSystem])[] = [
  ['host', () => makeHost(loadFileCalls())],
  ['host without koffi', () => makeHost(null)],
  ['memory', makeMemory],
];
