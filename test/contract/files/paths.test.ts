// One contract for every file system that can be mounted, kept through WASI's own functions: what paths lead to, what is made, renamed and
// removed, and the errno of each thing that cannot be done.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_DESCRIPTORS, MAX_GUEST_PATH_BYTES } from '#runtime/limits.js';
import {
  EBUSY,
  EEXIST,
  EFAULT,
  EILSEQ,
  EINVAL,
  EISDIR,
  ELOOP,
  EMFILE,
  ENAMETOOLONG,
  ENOENT,
  ENOTCAPABLE,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
  ESUCCESS,
  EXDEV,
} from '#runtime/wasi/errno.js';
import { ALL_RIGHTS, READING, ROOT, type Stat, WasiGuest } from '#test/support/wasi-guest.js';
import { FILE_SYSTEMS, type MadeFileSystem } from './file-systems.js';

const TYPE = { directory: 3, file: 4, symlink: 7 };

describe.each(FILE_SYSTEMS)('paths: %s', (_, make) => {
  let made: MadeFileSystem;
  let second: MadeFileSystem;
  let guest: WasiGuest;

  beforeEach(() => {
    made = make();
    second = make();
    guest = new WasiGuest([
      { guestPath: '/data', fileSystem: made.fileSystem },
      { guestPath: '/other', fileSystem: second.fileSystem },
    ]);
  });

  afterEach(() => {
    guest[Symbol.dispose]();
    made[Symbol.dispose]();
    second[Symbol.dispose]();
  });

  const names = (descriptor = ROOT): string[] => {
    const entries = guest.list(descriptor);
    if (typeof entries === 'number') throw new Error(`errno ${-entries}`);
    return entries.map(({ name }) => name).sort();
  };
  const stat = (what: number | string, follow = false): Stat => {
    const found = guest.stat(what, { follow });
    if (typeof found === 'number') throw new Error(`errno ${-found}`);
    return found;
  };

  describe('where a path leads', () => {
    beforeEach(() => {
      guest.makeDirectory('dir');
      guest.makeDirectory('dir/nested');
      guest.put('dir/nested/file', 'content');
    });

    it.each([
      'dir/nested/file',
      './dir/nested/file',
      'dir//nested///file',
      'dir/.//nested/../../dir/nested/../nested///./file',
    ])('%s', (path) => {
      expect(guest.content(path)).toBe('content');
    });

    it.each([
      ['', ENOENT],
      ['nowhere', ENOENT],
      ['dir/nowhere/file', ENOENT],
      ['dir/nested/file/', ENOTDIR],
      ['dir/nested/file///', ENOTDIR],
      ['dir/nested/file/below', ENOTDIR],
      ['/dir/nested/file', EPERM],
      ['/', EPERM],
      ['..', EPERM],
      ['../x', EPERM],
      ['dir/nested/../../../data/dir/nested/file', EPERM],
      ['./..', EPERM],
      ['dir/../..', EPERM],
      ['dir/nested/file\0', EINVAL],
      ['\0', EINVAL],
      ['n'.repeat(256), ENAMETOOLONG],
      ['d/'.repeat(MAX_GUEST_PATH_BYTES / 2 + 1), ENAMETOOLONG],
    ])('%j is refused', (path, errno) => {
      expect(guest.open(path, { rights: READING })).toBe(-errno);
      expect(guest.stat(path)).toBe(-errno);
    });

    it('a directory descriptor is a mount of its own', () => {
      const directory = guest.open('dir', { directory: true });
      expect(guest.open('nested/file', { from: directory, rights: READING })).toBeGreaterThan(2);
      expect(guest.open('../dir/nested/file', { from: directory })).toBe(-EPERM);
      expect(guest.open('..', { from: directory, directory: true })).toBe(-EPERM);
      expect(guest.open('nested/../..', { from: directory, directory: true })).toBe(-EPERM);
    });

    it('a name that is not UTF-8 is EILSEQ, one outside of memory EFAULT', () => {
      guest.bytes.set([0x64, 0xff], 60000);
      expect(guest.wasi.path_create_directory(ROOT, 60000, 2)).toBe(EILSEQ);
      expect(guest.wasi.path_unlink_file(ROOT, -1, 4)).toBe(EFAULT);
      expect(guest.wasi.path_unlink_file(ROOT, 0, -1)).toBe(EFAULT);
    });

    it('a file is no place to begin', () => {
      const file = guest.open('dir/nested/file', { rights: READING });
      expect(guest.open('x', { from: file, create: true })).toBe(-ENOTDIR);
      expect(guest.makeDirectory('x', file)).toBe(ENOTDIR);
      expect(guest.open('x', { from: 1, create: true })).toBe(-ENOTDIR);
    });
  });

  describe('path_open', () => {
    it('makes a file, and finds it', () => {
      expect(guest.open('new', { rights: READING })).toBe(-ENOENT);
      const descriptor = guest.open('new', { create: true });
      expect(descriptor).toBe(5);
      expect(guest.write(descriptor, 'abc')).toBe(3);
      expect(guest.content('new')).toBe('abc');
      expect(stat('new')).toMatchObject({ type: TYPE.file, size: 3n, links: 1n });
      expect(stat(descriptor).inode).toBe(stat('new').inode);
    });

    it('empties it only when asked', () => {
      guest.put('file', 'content');
      guest.open('file', { create: true });
      expect(guest.content('file')).toBe('content');
      guest.open('file', { truncate: true, rights: 0n });
      expect(guest.content('file')).toBe('');
    });

    it('exclusively', () => {
      guest.put('file', '');
      guest.makeDirectory('dir');
      guest.symlink('nowhere', 'link');
      for (const path of ['file', 'dir', 'link'])
        expect(guest.open(path, { create: true, exclusive: true }), path).toBe(-EEXIST);
      expect(guest.open('nowhere')).toBe(-ENOENT);
    });

    it.each([
      ['a directory that is none', 'file', { directory: true }, ENOTDIR],
      ['a directory to be made', 'new', { create: true, directory: true }, EINVAL],
      ['a directory for writing', 'dir', { rights: ALL_RIGHTS }, EISDIR],
      ['a directory to be emptied', 'dir', { truncate: true, rights: 0n }, EISDIR],
      ['a directory that is there, made', 'dir', { create: true, rights: 0n }, EISDIR],
      ['a new file with a slash', 'new/', { create: true }, ENOENT],
      ['unknown flags', 'file', { flags: 1 << 9 }, EINVAL],
      ['a link that is not followed', 'link', {}, ELOOP],
      ['a link that is not followed, made', 'link', { create: true }, ELOOP],
      ['a link that leads nowhere', 'dangling', { follow: true }, ENOENT],
    ])('refuses %s', (_title, path, request, errno) => {
      guest.put('file', '');
      guest.makeDirectory('dir');
      guest.symlink('file', 'link');
      guest.symlink('nowhere', 'dangling');
      expect(guest.open(path, request)).toBe(-errno);
      expect(names()).toEqual(['.', '..', 'dangling', 'dir', 'file', 'link']);
    });

    it('makes what a dangling link leads to, when it is followed', () => {
      guest.symlink('made', 'link');
      expect(guest.open('link', { create: true, follow: true })).toBeGreaterThan(2);
      expect(stat('made').type).toBe(TYPE.file);
    });

    it.each(['.', './', 'dir/..', 'dir/.'])('a directory by %s, again and again', (path) => {
      guest.makeDirectory('dir');
      const first = guest.open(path, { directory: true });
      const again = guest.open('.', { from: first, rights: 0n, inheriting: 0n });
      expect(stat(first).type).toBe(TYPE.directory);
      expect(again).toBeGreaterThan(first);
      expect(guest.stat(again)).toBe(-ENOTCAPABLE);
      expect(guest.open('.', { from: first, rights: ALL_RIGHTS })).toBe(-EISDIR);
    });

    it('gives the lowest free number, and none beyond the limit', () => {
      guest.put('file', '');
      const opened: number[] = [];
      for (let descriptor = 0; descriptor >= 0; ) {
        descriptor = guest.open('file', { rights: READING });
        opened.push(descriptor);
      }
      expect(opened.pop()).toBe(-EMFILE);
      expect(opened).toHaveLength(MAX_DESCRIPTORS - 5);
      guest.close(9);
      guest.close(7);
      expect([guest.open('file', { rights: READING }), guest.open('file', { rights: READING })]).toEqual([
        7, 9,
      ]);
      expect(guest.open('new', { create: true })).toBe(-EMFILE);
      expect(guest.stat('new')).toBe(-ENOENT);
    });
  });

  describe('symbolic links', () => {
    beforeEach(() => {
      guest.makeDirectory('dir');
      guest.put('dir/file', 'content');
      guest.symlink('file', 'dir/link');
      guest.symlink('dir/link', 'link');
      guest.symlink('dir', 'way');
      guest.symlink('dir/', 'slash');
    });

    it('are followed on the way, and at the end when asked', () => {
      expect(guest.content('way/file')).toBe('content');
      expect(guest.content('link', true)).toBe('content');
      expect(guest.content('way/../dir/link', true)).toBe('content');
      expect(stat('link').type).toBe(TYPE.symlink);
      expect(stat('link', true).type).toBe(TYPE.file);
      expect(stat('slash', true).type).toBe(TYPE.directory);
      expect(guest.open('way', { directory: true, follow: true })).toBeGreaterThan(2);
      expect(guest.open('way', { directory: true })).toBe(-ENOTDIR);
    });

    it('are read as they were written, cut where the buffer ends', () => {
      expect(guest.readlink('link')).toBe('dir/link');
      expect(guest.readlink('link', 3)).toBe('dir');
      expect(guest.readlink('link', 0)).toBe('');
      expect(stat('link').size).toBe(8n);
      expect(guest.readlink('dir')).toBe(-EINVAL);
      expect(guest.readlink('dir/file')).toBe(-EINVAL);
      expect(guest.readlink('link/')).toBe(-ENOTDIR);
      expect(guest.readlink('nowhere')).toBe(-ENOENT);
      expect(guest.readlink('.')).toBe(-EINVAL);
    });

    it('in a circle are ELOOP', () => {
      guest.symlink('b', 'a');
      guest.symlink('a', 'b');
      guest.symlink('self/x', 'self');
      for (const path of ['a', 'a/x', 'self', 'self/y'])
        expect(guest.open(path, { follow: true }), path).toBe(-ELOOP);
      expect(guest.readlink('a')).toBe('b');
    });

    it.each([
      ['../outside', ''],
      ['../../../../../../etc', 'passwd'],
      ['../../x', ''],
    ])('that lead out are EPERM when they are followed: %s', (content, below) => {
      expect(guest.symlink(content, 'dir/out')).toBe(ESUCCESS);
      expect(guest.symlink('dir/out', 'indirect')).toBe(ESUCCESS);
      const tail = below === '' ? '' : `/${below}`;
      // From `dir` one step up is still inside; the second is not.
      const escapes = content !== '../outside';
      for (const path of [`dir/out${tail}`, `indirect${tail}`])
        expect(guest.open(path, { follow: true, rights: READING })).toBe(-(escapes ? EPERM : ENOENT));
    });

    it('may say nothing that is absolute, and something', () => {
      expect(guest.symlink('/etc/passwd', 'out')).toBe(EPERM);
      expect(guest.symlink('', 'out')).toBe(ENOENT);
      expect(guest.symlink('a\0b', 'out')).toBe(EINVAL);
      expect(guest.stat('out')).toBe(-ENOENT);
    });

    it('are not made where there is something, or with a slash', () => {
      expect(guest.symlink('x', 'dir')).toBe(EEXIST);
      expect(guest.symlink('x', 'dir/')).toBe(EEXIST);
      expect(guest.symlink('x', 'dir/file')).toBe(EEXIST);
      expect(guest.symlink('x', 'dir/file/')).toBe(ENOTDIR);
      expect(guest.symlink('x', 'new/')).toBe(ENOENT);
      expect(guest.symlink('x', 'link')).toBe(EEXIST);
      expect(guest.symlink('x', '.')).toBe(EEXIST);
    });
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
