// One contract for every file system that can be mounted, kept through WASI's own functions: names given and taken, directories made,
// listed and removed, and the errno of each thing that cannot be done.
import { beforeEach, describe, expect, it } from 'vitest';
import {
  EBUSY,
  EEXIST,
  EINVAL,
  EISDIR,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
  ESUCCESS,
  EXDEV,
} from '#runtime/wasi/errno.js';
import { ROOT, type WasiGuest } from '#test/support/wasi-guest.js';
import { FILE_SYSTEMS, useFiles } from './file-systems.js';

const TYPE = { directory: 3, file: 4, symlink: 7 };

describe.each(FILE_SYSTEMS)('names: %s', (_, make) => {
  const files = useFiles(make);
  const { names, stat } = files;
  let guest: WasiGuest;
  beforeEach(() => {
    guest = files.guest;
  });

  describe('hard links', () => {
    beforeEach(() => {
      guest.put('file', 'content');
      guest.makeDirectory('dir');
    });

    it('are the same file', () => {
      expect(guest.link('file', 'dir/again')).toBe(ESUCCESS);
      expect(stat('dir/again')).toEqual(stat('file'));
      expect(stat('file').links).toBe(2n);
      guest.unlink('file');
      expect(guest.content('dir/again')).toBe('content');
      expect(stat('dir/again').links).toBe(1n);
    });

    it('of a symbolic link, or of what it leads to', () => {
      guest.symlink('file', 'link');
      guest.symlink('nowhere', 'dangling');
      expect(guest.link('link', 'a')).toBe(ESUCCESS);
      expect(guest.link('link', 'b', { follow: true })).toBe(ESUCCESS);
      expect(guest.link('dangling', 'c')).toBe(ESUCCESS);
      expect(guest.link('dangling', 'd', { follow: true })).toBe(ENOENT);
      expect([stat('a').type, stat('b').type, stat('c').type]).toEqual([
        TYPE.symlink,
        TYPE.file,
        TYPE.symlink,
      ]);
    });

    it.each([
      ['what is not there', 'nowhere', 'new', ENOENT],
      ['a directory', 'dir', 'new', EPERM],
      ['the root', '.', 'new', EPERM],
      ['over a file', 'file', 'file', EEXIST],
      ['over a directory', 'file', 'dir', EEXIST],
      ['to a new name with a slash', 'file', 'new/', ENOENT],
      ['from a file with a slash', 'file/', 'new', ENOTDIR],
      ['to above', 'file', '../new', EPERM],
      ['from above', '../file', 'new', EPERM],
    ])('refuse %s', (_title, from, to, errno) => {
      expect(guest.link(from, to)).toBe(errno);
    });

    it('do not lead from one mount to another', () => {
      expect(guest.link('file', 'new', { target: 4 })).toBe(EXDEV);
      expect(guest.rename('file', 'new', ROOT, 4)).toBe(EXDEV);
    });
  });

  describe('directories', () => {
    it('are made and removed', () => {
      expect(guest.makeDirectory('dir/')).toBe(ESUCCESS);
      expect(guest.makeDirectory('dir/nested')).toBe(ESUCCESS);
      expect(stat('dir').type).toBe(TYPE.directory);
      expect(guest.removeDirectory('dir')).toBe(ENOTEMPTY);
      expect(guest.removeDirectory('dir/nested/')).toBe(ESUCCESS);
      expect(guest.removeDirectory('dir')).toBe(ESUCCESS);
      expect(names()).toEqual(['.', '..']);
    });

    it.each([
      ['makeDirectory', 'dir', EEXIST],
      ['makeDirectory', 'file', EEXIST],
      ['makeDirectory', 'link', EEXIST],
      ['makeDirectory', '.', EEXIST],
      ['makeDirectory', 'nowhere/dir', ENOENT],
      ['makeDirectory', 'file/dir', ENOTDIR],
      ['removeDirectory', 'nowhere', ENOENT],
      ['removeDirectory', 'file', ENOTDIR],
      ['removeDirectory', 'link', ENOTDIR],
      ['removeDirectory', '.', EINVAL],
      ['unlink', 'dir', EISDIR],
      ['unlink', 'dir/', EISDIR],
      ['unlink', 'file/', ENOTDIR],
      ['unlink', 'nowhere', ENOENT],
      ['unlink', '.', EISDIR],
    ] as const)('%s %s is refused', (operation, path, errno) => {
      guest.makeDirectory('dir');
      guest.put('file', '');
      guest.symlink('dir', 'link');
      expect(guest[operation](path)).toBe(errno);
      expect(names()).toEqual(['.', '..', 'dir', 'file', 'link']);
    });

    it('are listed whole, in pieces, and from a cookie on', () => {
      const all = Array.from({ length: 50 }, (_unused, index) => `file.${index}`);
      for (const name of all) guest.put(name, '');
      expect(names()).toEqual(['.', '..', ...all].sort());
      const pieces: string[] = [];
      for (let cookie = 0n; ; ) {
        const entries = guest.list(ROOT, cookie, 100);
        if (typeof entries === 'number' || entries.length === 0) break;
        pieces.push(...entries.map(({ name }) => name));
        cookie = entries.at(-1)?.next ?? cookie;
      }
      expect(pieces.sort()).toEqual(['.', '..', ...all].sort());
    });

    it('are listed with inodes and types', () => {
      guest.makeDirectory('dir');
      guest.put('file', '');
      guest.symlink('file', 'link');
      const entries = guest.list(ROOT);
      if (typeof entries === 'number') throw new Error('not listed');
      const found = new Map(entries.map((entry) => [entry.name, entry]));
      expect(found.get('.')).toMatchObject({ inode: stat(ROOT).inode, type: TYPE.directory });
      for (const [name, type] of [
        ['dir', TYPE.directory],
        ['file', TYPE.file],
        ['link', TYPE.symlink],
      ] as const)
        expect(found.get(name)).toMatchObject({ inode: stat(name).inode, type });
    });

    it('that have been listed stay so until reading begins anew', () => {
      guest.put('a', '');
      guest.put('b', '');
      const first = guest.list(ROOT, 0n, 24 + 1);
      if (typeof first === 'number') throw new Error('not listed');
      guest.unlink('a');
      guest.put('c', '');
      const rest = guest.list(ROOT, first[0]?.next);
      if (typeof rest === 'number') throw new Error('not listed');
      expect(rest.map(({ name }) => name).sort()).toEqual(['..', 'a', 'b']);
      expect(names()).toEqual(['.', '..', 'b', 'c']);
      expect(guest.list(ROOT, 99n)).toBe(-EINVAL);
    });

    it('that were removed while open take nothing in', () => {
      guest.makeDirectory('dir');
      const directory = guest.open('dir', { directory: true });
      guest.removeDirectory('dir');
      expect(guest.open('new', { from: directory, create: true })).toBe(-ENOENT);
      expect(guest.makeDirectory('new', directory)).toBe(ENOENT);
    });
  });

  describe('path_rename', () => {
    it('moves files and directories, over what is there', () => {
      guest.put('a', 'of a');
      guest.put('b', 'of b');
      guest.makeDirectory('dir');
      expect(guest.rename('a', 'b')).toBe(ESUCCESS);
      expect(guest.content('b')).toBe('of a');
      expect(guest.rename('b', 'dir/c')).toBe(ESUCCESS);
      expect(guest.rename('dir', 'moved/')).toBe(ESUCCESS);
      expect(guest.content('moved/c')).toBe('of a');
      guest.makeDirectory('empty');
      expect(guest.rename('moved/', 'empty')).toBe(ESUCCESS);
      expect(guest.content('empty/c')).toBe('of a');
      expect(names()).toEqual(['.', '..', 'empty']);
    });

    it('moves a link itself', () => {
      guest.symlink('nowhere', 'link');
      expect(guest.rename('link', 'moved')).toBe(ESUCCESS);
      expect(guest.readlink('moved')).toBe('nowhere');
    });

    it('does nothing between two names of one file', () => {
      guest.put('a', 'content');
      guest.link('a', 'b');
      expect(guest.rename('a', 'b')).toBe(ESUCCESS);
      expect(names()).toEqual(['.', '..', 'a', 'b']);
    });

    it.each([
      ['what is not there', 'nowhere', 'new', ENOENT],
      ['to where nothing is', 'file', 'nowhere/new', ENOENT],
      ['a file over a directory', 'file', 'dir', EISDIR],
      ['a directory over a file', 'dir', 'file', ENOTDIR],
      ['a directory over a full one', 'empty', 'dir', ENOTEMPTY],
      ['a directory into itself', 'dir', 'dir/nested/x', EINVAL],
      ['a file with a slash', 'file/', 'new', ENOTDIR],
      ['a file to a name with a slash', 'file', 'new/', ENOTDIR],
      ['the root', '.', 'new', EBUSY],
      ['to the root', 'file', '.', EBUSY],
      ['to above', 'file', '../file', EPERM],
    ])('refuses %s', (_title, from, to, errno) => {
      guest.put('file', 'content');
      guest.makeDirectory('dir');
      guest.makeDirectory('dir/nested');
      guest.makeDirectory('empty');
      expect(guest.rename(from, to)).toBe(errno);
      expect(guest.content('file')).toBe('content');
    });
  });
});
