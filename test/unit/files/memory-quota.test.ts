// What an in-memory mount counts against its quota: whatever the host has to hold for it, names and the text of links included, and nothing that
// is gone. A guest that fills its mount can still tidy up in it.
import { expect, it } from 'vitest';
import { MemoryFileSystem } from '#runtime/files/memory-file-system.js';
import { MEMORY_NODE_BYTES } from '#runtime/limits.js';
import { ENOSPC, FileError } from '#runtime/wasi/errno.js';
import type { OpenDirectory, OpenFile } from '#runtime/wasi/file-system.js';

const QUOTA_BYTES = 16 * MEMORY_NODE_BYTES;
const NEW = { read: true, write: true, create: true, exclusive: true, truncate: false };

function mount(): { readonly fileSystem: MemoryFileSystem; readonly root: OpenDirectory } {
  const fileSystem = new MemoryFileSystem(QUOTA_BYTES, () => 1n);
  return { fileSystem, root: fileSystem.openRoot() };
}

function make(root: OpenDirectory, name: string): OpenFile {
  return root.openFile(name, NEW);
}

/** How often it could be done before there was no room. */
function untilFull(action: (round: number) => void): number {
  for (let round = 0; round < 1000; round += 1) {
    try {
      action(round);
    } catch (error) {
      expect(error).toEqual(new FileError(ENOSPC));
      return round;
    }
  }
  throw new Error('there is no end to it');
}

it('counts every name of a file, and gives back what a name took', () => {
  const { root } = mount();
  make(root, 'file').close();
  const names = untilFull((round) => root.link('file', root, `name-${round}`));
  expect(names).toBe(14);
  root.unlink('name-0');
  root.link('file', root, 'another');
  expect(() => root.link('file', root, 'one too many')).toThrow(new FileError(ENOSPC));
});

it('counts the names of a restored file', () => {
  const { fileSystem, root } = mount();
  make(root, 'file').close();
  untilFull((round) => root.link('file', root, `name-${round}`));
  const again = new MemoryFileSystem(QUOTA_BYTES, () => 1n);
  again.restore(fileSystem.capture());
  const restored = again.openRoot();
  expect(() => restored.link('file', restored, 'one too many')).toThrow(new FileError(ENOSPC));
  restored.unlink('file');
  restored.link('name-0', restored, 'file');
});

it('lets a file be renamed while there is no room for anything', () => {
  const { root } = mount();
  make(root, 'file').close();
  untilFull((round) => root.link('file', root, `name-${round}`));
  root.rename('file', root, 'renamed');
  root.rename('name-0', root, 'moved');
  expect(root.list().map(({ name }) => Buffer.from(name).toString())).not.toContain('file');
  expect(root.lookup('renamed').links).toBe(15n);
});

it('counts the text of a symbolic link', () => {
  const { root } = mount();
  expect(untilFull((round) => root.symlink('x'.repeat(MEMORY_NODE_BYTES), `link-${round}`))).toBe(7);
});

it('does not hold what files had before they were cut off', () => {
  const { fileSystem, root } = mount();
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
    const file = make(root, name);
    file.setSize(4096);
    file.setSize(1);
    file.close();
  }
  const heldBytes = fileSystem.tree.nodes.reduce(
    (sum, node) => sum + (node.kind === 'regular' ? node.content.byteLength : 0),
    0,
  );
  expect(heldBytes).toBe(6);
});

it('finds zeros where a file has been cut off and made longer again', () => {
  const { root } = mount();
  const file = make(root, 'file');
  file.write(new Uint8Array(2048).fill(7), 0);
  file.setSize(10);
  file.setSize(20);
  const into = new Uint8Array(20);
  expect(file.read(into, 0)).toBe(20);
  expect([...into]).toEqual([...new Uint8Array(10).fill(7), ...new Uint8Array(10)]);
});
