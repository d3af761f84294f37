// What a guest may make the host hold of directories that it reads: as much as one large directory has, however many descriptors it takes.
import { expect, it } from 'vitest';
import { MemoryFileSystem } from '#runtime/files/memory-file-system.js';
import { MAX_HELD_ENTRIES, MAX_LISTED_ENTRIES, MEMORY_NODE_BYTES } from '#runtime/limits.js';
import { EOVERFLOW } from '#runtime/wasi/errno.js';
import { WasiGuest } from '#test/support/wasi-guest.js';

/** More than half of what is held. */
const ENTRIES = MAX_HELD_ENTRIES / 2;

it('of two that are large the first is read on as it is then, and one that is too large not at all', () => {
  const fileSystem = new MemoryFileSystem((MAX_LISTED_ENTRIES + 10) * MEMORY_NODE_BYTES, () => 0n);
  using guest = new WasiGuest([{ guestPath: '/tmp', fileSystem }]);
  guest.preview1.restore(new Uint8Array(0), 'new', 'guest');
  const root = fileSystem.openRoot();
  const addUntil = (count: number): void => {
    for (let index = root.list().length; index < count; index += 1) root.makeDirectory(String(index));
  };
  addUntil(ENTRIES);
  const [first, second] = [guest.open('.', { directory: true }), guest.open('.', { directory: true })];
  const next = BigInt(ENTRIES + 2);
  guest.list(first);
  root.makeDirectory('new');
  expect(guest.list(first, next)).toEqual([]);
  guest.list(second);
  expect(guest.list(second, next)).toMatchObject([{ name: 'new' }]);
  expect(guest.list(first, next)).toMatchObject([{ name: 'new' }]);

  addUntil(MAX_LISTED_ENTRIES);
  expect(guest.list(first, 0n, 24 + 1)).toMatchObject([{ name: '.' }]);
  root.makeDirectory('one too many');
  expect(guest.list(first)).toBe(-EOVERFLOW);
});
